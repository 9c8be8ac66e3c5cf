/**
 * Members and scores that a command gathers before it replies or stores them: the results of ZUNION, ZINTER, ZDIFF and ZRANGESTORE.
 *
 * They lie outside the arena, in arrays that are used again and again, so that a command that only reads changes nothing there and what it
 * gathered can't be left behind. `find` finds what was added with `add`; `sort` gives the order of a sorted set.
 */
import { copyBytes, equalBytes } from "../../base/bytes.ts";

const ROOM_MIN = 64;
/** Arrays for more members than this are given up after use. */
const ROOM_KEPT = 1 << 16;
const BYTES_MIN = 1024;
const BYTES_KEPT = 1 << 22;

export class Collected {
  count = 0;
  /** Members' bytes, one behind the other. */
  bytes = new Uint8Array(BYTES_MIN);
  /** By the order in which members were added. */
  offsets = new Float64Array(ROOM_MIN);
  lengths = new Int32Array(ROOM_MIN);
  scores = new Float64Array(ROOM_MIN);
  /** Indices in the order of scores and members, after `sort`. */
  order = new Int32Array(ROOM_MIN);
  longest = 0;
  private used = 0;
  private indexed = false;
  private hashes = new Int32Array(ROOM_MIN);
  /** An open hash table of indices + 1, twice as long as there are members. */
  private slots = new Int32Array(ROOM_MIN * 2);

  clear(): void {
    if (this.offsets.length > ROOM_KEPT) this.makeRoom(ROOM_MIN, false);
    else if (this.indexed) this.slots.fill(0);
    if (this.bytes.length > BYTES_KEPT) this.bytes = new Uint8Array(BYTES_MIN);
    this.count = 0;
    this.used = 0;
    this.longest = 0;
    this.indexed = false;
  }

  /** Adds a member, one that isn't there, to be found again by `find`. */
  add(source: Uint8Array, offset: number, length: number, score: number, hash: number): void {
    this.indexed = true;
    const index = this.append(source, offset, length, score);
    this.hashes[index] = hash;
    this.slots[this.freeSlot(hash)] = index + 1;
  }

  /** Adds a member, one that isn't there, and returns its index. */
  append(source: Uint8Array, offset: number, length: number, score: number): number {
    if (this.count === this.offsets.length) this.makeRoom(this.count * 2, true);
    if (this.used + length > this.bytes.length) this.growBytes(this.used + length);
    const index = this.count++;
    copyBytes(this.bytes, this.used, source, offset, length);
    this.offsets[index] = this.used;
    this.lengths[index] = length;
    this.scores[index] = score;
    this.order[index] = index;
    this.used += length;
    if (length > this.longest) this.longest = length;
    return index;
  }

  /** Index of a member, -1 when it isn't there. */
  find(source: Uint8Array, offset: number, length: number, hash: number): number {
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.slots[slot]! - 1;
      if (index < 0) return -1;
      if (this.hashes[index] !== hash || this.lengths[index] !== length) continue;
      if (equalBytes(this.bytes, this.offsets[index]!, source, offset, length)) return index;
    }
  }

  /** Puts `order` into the order of scores and members. */
  sort(): void {
    this.order.subarray(0, this.count).sort((a, b) => this.compare(a, b));
  }

  /** Were the members added in the order of scores and members? */
  isSorted(): boolean {
    for (let i = 1; i < this.count; i++) if (this.compare(i - 1, i) > 0) return false;
    return true;
  }

  /** Turns `order` round where the members were added the other way round; false: they were not. */
  reverse(): boolean {
    for (let i = 1; i < this.count; i++) if (this.compare(i - 1, i) < 0) return false;
    this.order.subarray(0, this.count).reverse();
    return true;
  }

  private compare(a: number, b: number): number {
    const difference = this.scores[a]! - this.scores[b]!;
    // Two infinities have no difference.
    if (difference < 0 || difference > 0) return difference;
    const first = this.offsets[a]!;
    const second = this.offsets[b]!;
    const shared = Math.min(this.lengths[a]!, this.lengths[b]!);
    for (let i = 0; i < shared; i++) {
      const bytes = this.bytes[first + i]! - this.bytes[second + i]!;
      if (bytes !== 0) return bytes;
    }
    return this.lengths[a]! - this.lengths[b]!;
  }

  private freeSlot(hash: number): number {
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    return slot;
  }

  /** Arrays for `room` members, a power of two, with what is there (`keep`) or empty. */
  private makeRoom(room: number, keep: boolean): void {
    const { offsets, lengths, scores, order, hashes } = this;
    this.offsets = new Float64Array(room);
    this.lengths = new Int32Array(room);
    this.scores = new Float64Array(room);
    this.order = new Int32Array(room);
    this.hashes = new Int32Array(room);
    this.slots = new Int32Array(room * 2);
    if (!keep) return;
    this.offsets.set(offsets);
    this.lengths.set(lengths);
    this.scores.set(scores);
    this.order.set(order);
    if (!this.indexed) return;
    this.hashes.set(hashes);
    for (let index = 0; index < this.count; index++) this.slots[this.freeSlot(hashes[index]!)] = index + 1;
  }

  private growBytes(needed: number): void {
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, needed));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }
}
