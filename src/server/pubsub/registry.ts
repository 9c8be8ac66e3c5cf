/**
 * Who listens to what: channels, patterns, and channels of shards (which are a namespace of their own, with or without a cluster).
 *
 * A name is a map's key as a latin1 text, one character a byte. Subscribers are kept in the order of their subscriptions, and messages go to
 * them in that order: those of the channel first, then those of each pattern that fits.
 *
 * Invariants: a channel is in its map exactly while it has subscribers, and a connection is among the subscribers of exactly the channels
 * in its own `subscriptions`. It must not know how messages travel (delivery.ts).
 */
import { latin1 } from "../../base/bytes.ts";
import { globMatches } from "../../base/glob.ts";
import type { Connection } from "../connection.ts";
import { type Delivery, MESSAGE, PATTERN_MESSAGE, SHARD_MESSAGE } from "./delivery.ts";

/** A channel or a pattern. */
export interface Channel {
  readonly name: Uint8Array;
  readonly subscribers: Set<Connection>;
}

export type Channels = Map<string, Channel>;

/** What one connection listens to, in the order of its subscriptions. */
export interface Subscriptions {
  readonly channels: Channels;
  readonly patterns: Channels;
  readonly shards: Channels;
}

export type Kind = keyof Subscriptions;

export class Registry {
  readonly channels: Channels = new Map();
  readonly patterns: Channels = new Map();
  readonly shards: Channels = new Map();
  /** Connections that listen to anything. */
  clients = 0;
  private readonly delivery: Delivery;

  constructor(delivery: Delivery) {
    this.delivery = delivery;
  }

  subscribe(connection: Connection, kind: Kind, name: Uint8Array): void {
    connection.subscriptions ??= { channels: new Map(), patterns: new Map(), shards: new Map() };
    const own = connection.subscriptions[kind];
    const text = latin1(name);
    if (own.has(text)) return;
    let channel = this[kind].get(text);
    if (channel === undefined) {
      channel = { name, subscribers: new Set() };
      this[kind].set(text, channel);
    }
    channel.subscribers.add(connection);
    own.set(text, channel);
    this.countClient(connection);
  }

  unsubscribe(connection: Connection, kind: Kind, name: Uint8Array): void {
    const own = connection.subscriptions?.[kind];
    const text = latin1(name);
    const channel = own?.get(text);
    if (own === undefined || channel === undefined) return;
    own.delete(text);
    channel.subscribers.delete(connection);
    if (channel.subscribers.size === 0) this[kind].delete(text);
    this.countClient(connection);
  }

  /** Ends all subscriptions of a connection, unanswered: RESET, or its end. */
  leave(connection: Connection): void {
    const { subscriptions } = connection;
    if (subscriptions === undefined) return;
    for (const kind of ["channels", "patterns", "shards"] as const) {
      for (const name of this.namesOf(connection, kind)) this.unsubscribe(connection, kind, name);
    }
  }

  /** How many channels and patterns, or channels of shards, a connection listens to: the number in the replies. */
  countOf(connection: Connection, kind: Kind): number {
    const { subscriptions } = connection;
    if (subscriptions === undefined) return 0;
    return kind === "shards" ? subscriptions.shards.size : subscriptions.channels.size + subscriptions.patterns.size;
  }

  /** The names of what a connection listens to. */
  namesOf(connection: Connection, kind: Kind): Uint8Array[] {
    return [...(connection.subscriptions?.[kind].values() ?? [])].map((channel) => channel.name);
  }

  /** Nobody listens to channels or patterns. */
  get silent(): boolean {
    return this.channels.size === 0 && this.patterns.size === 0;
  }

  /**
   * Sends a message to the subscribers of a channel and of the patterns that fit it; returns to how many subscriptions. It leaves when the log
   * position `gate` is reached; Infinity stands for the end of this turn's effects.
   */
  publish(
    channel: Uint8Array,
    channelStart: number,
    channelLength: number,
    payload: Uint8Array,
    payloadStart: number,
    payloadLength: number,
    gate: number,
  ): number {
    const { delivery } = this;
    let receivers = 0;
    const found = this.channels.get(latin1(channel, channelStart, channelStart + channelLength));
    if (found !== undefined) {
      delivery.begin(MESSAGE, found.name, found.name, payload, payloadStart, payloadLength, gate);
      receivers = sendTo(delivery, found);
    }
    if (this.patterns.size === 0) return receivers;
    let name = found?.name;
    for (const pattern of this.patterns.values()) {
      const { length } = pattern.name;
      if (!globMatches(pattern.name, 0, length, channel, channelStart, channelLength, false)) continue;
      name ??= channel.slice(channelStart, channelStart + channelLength);
      delivery.begin(PATTERN_MESSAGE, pattern.name, name, payload, payloadStart, payloadLength, gate);
      receivers += sendTo(delivery, pattern);
    }
    return receivers;
  }

  /** The same for the channel of a shard, which no pattern fits. */
  publishToShard(name: string, payload: Uint8Array, payloadStart: number, payloadLength: number, gate: number): number {
    const found = this.shards.get(name);
    if (found === undefined) return 0;
    this.delivery.begin(SHARD_MESSAGE, found.name, found.name, payload, payloadStart, payloadLength, gate);
    return sendTo(this.delivery, found);
  }

  private countClient(connection: Connection): void {
    const { channels, patterns, shards } = connection.subscriptions!;
    const subscribed = channels.size + patterns.size + shards.size > 0;
    if (subscribed === connection.subscribed) return;
    connection.subscribed = subscribed;
    connection.refresh();
    this.clients += subscribed ? 1 : -1;
  }
}

/** The names of those channels that the pattern fits, of all when there is none. */
export function matchingNames(channels: Channels, pattern: Uint8Array | undefined): Uint8Array[] {
  const names = [...channels.values()].map(({ name }) => name);
  if (pattern === undefined) return names;
  return names.filter((name) => globMatches(pattern, 0, pattern.length, name, 0, name.length, false));
}

function sendTo(delivery: Delivery, { subscribers }: Channel): number {
  for (const connection of subscribers) delivery.to(connection);
  return subscribers.size;
}
