/**
 * Channels by name, where a name is bytes: looking one up makes no JavaScript string, which would cost more than the rest of PUBLISH.
 *
 * A Map by the hash of the name; those few whose hashes are equal hang together in a list. The hash is keyed, so that nobody can choose names
 * that collide. The set beside it keeps them in the order in which they were made.
 */
import { equalBytes } from "../../base/bytes.ts";
import { hashBytes } from "../../base/hash.ts";
import type { Random } from "../../base/random.ts";
import type { Connection } from "../connection.ts";

/** A channel on the heap without its name and its subscribers (measured over 200,000 of them), bytes. */
const CHANNEL_BYTES = 400;

/** A channel, or a pattern. */
export interface Channel {
  readonly name: Uint8Array;
  readonly hash: number;
  readonly subscribers: Set<Connection>;
  /** The next one with the same hash. */
  next: Channel | undefined;
}

export class Channels {
  private readonly byHash = new Map<number, Channel>();
  private readonly all = new Set<Channel>();
  /** What the names take, bytes. */
  private nameBytes = 0;
  private readonly seed0: number;
  private readonly seed1: number;

  constructor(random: Random) {
    this.seed0 = random.int32();
    this.seed1 = random.int32();
  }

  get size(): number {
    return this.all.size;
  }

  /** What all channels take, and nobody's subscription to them, bytes. */
  get bytes(): number {
    return this.all.size * CHANNEL_BYTES + this.nameBytes;
  }

  /** In the order in which they were made. */
  [Symbol.iterator](): Iterator<Channel> {
    return this.all.values();
  }

  find(bytes: Uint8Array, start: number, length: number): Channel | undefined {
    if (this.all.size === 0) return undefined;
    let channel = this.byHash.get(hashBytes(bytes, start, length, this.seed0, this.seed1));
    while (channel !== undefined && !isNamed(channel, bytes, start, length)) channel = channel.next;
    return channel;
  }

  /** The channel of this name, a new one if there is none. The name's bytes are kept. */
  open(name: Uint8Array): Channel {
    const found = this.find(name, 0, name.length);
    if (found !== undefined) return found;
    const hash = hashBytes(name, 0, name.length, this.seed0, this.seed1);
    const channel: Channel = { name, hash, subscribers: new Set(), next: this.byHash.get(hash) };
    this.byHash.set(hash, channel);
    this.all.add(channel);
    this.nameBytes += name.length;
    return channel;
  }

  remove(channel: Channel): void {
    this.all.delete(channel);
    this.nameBytes -= channel.name.length;
    const first = this.byHash.get(channel.hash)!;
    if (first === channel) {
      if (channel.next === undefined) this.byHash.delete(channel.hash);
      else this.byHash.set(channel.hash, channel.next);
      return;
    }
    let before = first;
    while (before.next !== channel) before = before.next!;
    before.next = channel.next;
  }
}

function isNamed({ name }: Channel, bytes: Uint8Array, start: number, length: number): boolean {
  return name.length === length && equalBytes(name, 0, bytes, start, length);
}
