/**
 * Who listens to what: channels, patterns, and channels of shards (which are a namespace of their own, with or without a cluster).
 *
 * Subscribers are kept in the order of their subscriptions, and messages go to them in that order: those of the channel first, then those
 * of each pattern that fits.
 *
 * Invariants: there is a channel exactly while it has subscribers, and a connection is among the subscribers of exactly the channels
 * in its own `subscriptions`. It must not know how messages travel (delivery.ts).
 */
import { globMatches } from "../../base/glob.ts";
import type { Random } from "../../base/random.ts";
import type { Connection } from "../connection.ts";
import { type Channel, Channels } from "./channels.ts";
import { type Delivery, MESSAGE, PATTERN_MESSAGE, SHARD_MESSAGE } from "./delivery.ts";

/** What one connection listens to, in the order of its subscriptions. */
export interface Subscriptions {
  readonly channels: Set<Channel>;
  readonly patterns: Set<Channel>;
  readonly shards: Set<Channel>;
}

export type Kind = keyof Subscriptions;

/** What the commands about channels ask of the server. */
export interface PubsubHost {
  readonly pubsub: Registry;
  readonly turns: { readonly messageGate: number };
}

export class Registry {
  readonly channels: Channels;
  readonly patterns: Channels;
  readonly shards: Channels;
  /** Connections that listen to anything. */
  clients = 0;
  private readonly delivery: Delivery;

  constructor(delivery: Delivery, random: Random) {
    this.delivery = delivery;
    this.channels = new Channels(random);
    this.patterns = new Channels(random);
    this.shards = new Channels(random);
  }

  /** `name` is kept. */
  subscribe(connection: Connection, kind: Kind, name: Uint8Array): void {
    connection.subscriptions ??= { channels: new Set(), patterns: new Set(), shards: new Set() };
    const channel = this[kind].open(name);
    channel.subscribers.add(connection);
    connection.subscriptions[kind].add(channel);
    this.countClient(connection);
  }

  unsubscribe(connection: Connection, kind: Kind, name: Uint8Array): void {
    const channel = this[kind].find(name, 0, name.length);
    if (channel?.subscribers.delete(connection) !== true) return;
    connection.subscriptions![kind].delete(channel);
    if (channel.subscribers.size === 0) this[kind].remove(channel);
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
    return [...(connection.subscriptions?.[kind] ?? [])].map((channel) => channel.name);
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
    const found = this.channels.find(channel, channelStart, channelLength);
    if (found !== undefined) {
      delivery.begin(MESSAGE, found.name, found.name, payload, payloadStart, payloadLength, gate);
      receivers = sendTo(delivery, found);
    }
    if (this.patterns.size === 0) return receivers;
    let name = found?.name;
    for (const pattern of this.patterns) {
      const { length } = pattern.name;
      if (!globMatches(pattern.name, 0, length, channel, channelStart, channelLength, false)) continue;
      name ??= channel.slice(channelStart, channelStart + channelLength);
      delivery.begin(PATTERN_MESSAGE, pattern.name, name, payload, payloadStart, payloadLength, gate);
      receivers += sendTo(delivery, pattern);
    }
    return receivers;
  }

  /** The same for the channel of a shard, which no pattern fits. */
  publishToShard(
    channel: Uint8Array,
    channelStart: number,
    channelLength: number,
    payload: Uint8Array,
    payloadStart: number,
    payloadLength: number,
    gate: number,
  ): number {
    const found = this.shards.find(channel, channelStart, channelLength);
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
  const names = [...channels].map(({ name }) => name);
  if (pattern === undefined) return names;
  return names.filter((name) => globMatches(pattern, 0, pattern.length, name, 0, name.length, false));
}

function sendTo(delivery: Delivery, { subscribers }: Channel): number {
  for (const connection of subscribers) delivery.to(connection);
  return subscribers.size;
}
