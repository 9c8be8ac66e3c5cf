/**
 * Keyspace notifications: events of keys as messages on two channels, as far as `notify-keyspace-events` asks for them.
 *
 * ```
 * K   __keyspace@<database>__:<key>     message: the event
 * E   __keyevent@<database>__:<event>   message: the key
 * ```
 * An event tells of a change that is on its way to the log, so its messages wait for everything that the turn logs. // D12
 * What a replay repeats is no event.
 */
import { latin1Bytes } from "../../base/bytes.ts";
import type { Call } from "../../command/call.ts";
import {
  EVENT_EVICTED,
  EVENT_EXPIRED,
  EVENT_GENERIC,
  EVENT_HASH,
  EVENT_KEY_MISS,
  EVENT_LIST,
  EVENT_NEW,
  EVENT_SET,
  EVENT_STRING,
  EVENT_ZSET,
  type KeyEvents,
} from "../../dataset/key_events.ts";
import type { Registry } from "./registry.ts";

/** Letters of the directive in its canonical form. "t" and "d", streams and modules, are accepted and name nothing that there is. */
const CLASSES: Readonly<Record<string, number>> = {
  g: EVENT_GENERIC,
  $: EVENT_STRING,
  l: EVENT_LIST,
  s: EVENT_SET,
  h: EVENT_HASH,
  z: EVENT_ZSET,
  x: EVENT_EXPIRED,
  e: EVENT_EVICTED,
  m: EVENT_KEY_MISS,
  n: EVENT_NEW,
};
const ALL_CLASSES =
  EVENT_GENERIC | EVENT_STRING | EVENT_LIST | EVENT_SET | EVENT_HASH | EVENT_ZSET | EVENT_EXPIRED | EVENT_EVICTED;

/** What is constant about an event of one name in one database. */
interface Named {
  readonly name: Uint8Array;
  /** `__keyspace@N__:`, to be followed by the key. */
  readonly keyspace: Uint8Array;
  /** `__keyevent@N__:name` */
  readonly keyevent: Uint8Array;
}

export class Notifications {
  private readonly registry: Registry;
  private readonly call: Call;
  private byKeyspace = false;
  private byEvent = false;
  /** By database, then by the event's name. */
  private readonly named: Map<string, Named>[] = [];
  private channel = new Uint8Array(256);

  constructor(registry: Registry, call: Call) {
    this.registry = registry;
    this.call = call;
    call.dataset.events.sink = (name, database, key, offset, length) =>
      this.publish(name, database, key, offset, length);
  }

  /** Takes over `notify-keyspace-events`. */
  configure(letters: string): void {
    this.byKeyspace = letters.includes("K");
    this.byEvent = letters.includes("E");
    let mask = 0;
    for (const letter of letters) mask |= letter === "A" ? ALL_CLASSES : (CLASSES[letter] ?? 0);
    const events: KeyEvents = this.call.dataset.events;
    events.mask = this.byKeyspace || this.byEvent ? mask : 0;
  }

  private publish(name: string, database: number, key: Uint8Array, offset: number, length: number): void {
    const { registry } = this;
    if (registry.silent || this.call.replaying) return;
    const named = this.namedIn(database, name);
    if (this.byKeyspace) {
      const { keyspace } = named;
      const channelLength = keyspace.length + length;
      if (this.channel.length < channelLength) this.channel = new Uint8Array(channelLength * 2);
      this.channel.set(keyspace);
      this.channel.set(key.subarray(offset, offset + length), keyspace.length);
      registry.publish(this.channel, 0, channelLength, named.name, 0, named.name.length, Number.POSITIVE_INFINITY);
    }
    if (this.byEvent) {
      const { keyevent } = named;
      registry.publish(keyevent, 0, keyevent.length, key, offset, length, Number.POSITIVE_INFINITY);
    }
  }

  private namedIn(database: number, name: string): Named {
    let ofDatabase = this.named[database];
    if (ofDatabase === undefined) {
      ofDatabase = new Map();
      this.named[database] = ofDatabase;
    }
    let named = ofDatabase.get(name);
    if (named === undefined) {
      named = {
        name: latin1Bytes(name),
        keyspace: latin1Bytes(`__keyspace@${database}__:`),
        keyevent: latin1Bytes(`__keyevent@${database}__:${name}`),
      };
      ofDatabase.set(name, named);
    }
    return named;
  }
}
