/**
 * A hash table of entries (entry.ts) in the arena: the keyspace, big hashes and sets, the members of sorted sets,
 * keys that expire.
 *
 * Linear hashing over buckets of one cache line (table_bucket.ts). One bucket is split at an insert or merged at a removal when the
 * load calls for it, so no operation touches more than a few buckets, and there is never a second table.
 * ```
 * root, 32 bytes
 *   word 0   storage: address of the flat run of buckets, or of the directory
 *   word 1   buckets in use, ≥ 1
 *   word 2   buckets there is room for
 *   word 3   mask: 2^(level + 1) − 1, where 2^level ≤ buckets < 2^(level + 1)
 *   word 4   entries
 *   word 5   overflow buckets
 *   word 6   room of the directory in extents, 0 = flat
 *   word 7   zero
 * ```
 * A hash belongs to bucket `hash & mask`, or, if that bucket doesn't exist yet, to `hash & (mask >>> 1)`. Adding
 * bucket n splits bucket n − 2^level.
 *
 * Storage (see table_storage.ts) is flat up to FLAT_BUCKETS_MAX, growing by a sixteenth at a time; beyond that it is
 * a directory of extents.
 *
 * Invariants: all buckets of a chain but the last are full; the last overflow bucket isn't empty; nothing but the
 * root knows the table, so several Table objects over one root see the same.
 *
 * It must not know what entries mean: the caller frees them.
 */
import { check } from "../base/check.ts";
import { hashBytes } from "../base/hash.ts";
import type { Random } from "../base/random.ts";
import type { Allocator } from "../memory/allocator.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import { keyEquals, keyLength, keyOffset } from "./entry.ts";
import { EntryList } from "./entry_list.ts";
import {
  BUCKET_ADDRESSES,
  BUCKET_BYTES,
  BUCKET_NEXT,
  BUCKET_SLOTS,
  clearBucket,
  collectChain,
  collectEntries,
  freeSlot,
  setSlot,
  slotOf,
  TAG_HIGHS,
  TAG_ONES,
  tagOf,
  usedSlot,
} from "./table_bucket.ts";
import { prefetchHashes } from "./table_prefetch.ts";
import { CHAIN_MAX, drawEntry } from "./table_random.ts";
import {
  bucketAddress,
  createStorage,
  DIRECTORY_ROOM,
  freeStorage,
  growStorage,
  ROOT_BUCKETS,
  ROOT_BYTES,
  ROOT_COUNT,
  ROOT_MASK,
  ROOT_OVERFLOW,
  ROOT_ROOM,
  shrinkStorage,
} from "./table_storage.ts";

/**
 * Entries a bucket, overflow buckets counted, above which a bucket is split. Counting them keeps memory the same at
 * all sizes (8.4 bytes a key, up to a sixteenth more for room not used yet), while the share of keys in overflow
 * buckets goes up and down between two powers of two: 3 % to 10 %.
 */
const LOAD_MAX = 7.6;
/** Entries a bucket below which two buckets are merged. */
const LOAD_MIN = 6;
/** Merges that one removal may make: more than one, so that those refused for a long chain are made up for. */
const MERGES_MAX = 4;
/** Entries that the first bucket takes before it is split for the first time. */
const ONE_BUCKET_MAX = BUCKET_SLOTS;

export interface TableStatistics {
  entries: number;
  buckets: number;
  overflowBuckets: number;
  /** Bytes of buckets, directory and root, with room not used yet. */
  bytes: number;
  /** chains[n]: buckets looked at whose chain holds n entries; the last one holds all longer chains. */
  chains: number[];
}

/** Scratch for rebuilding chains: entries, their tags and the chain's overflow buckets. */
const moved = new EntryList(64);
const movedTags = new EntryList(64);
const stayed = new EntryList(64);
const stayedTags = new EntryList(64);
const spare = new EntryList(16);

export class Table {
  readonly arena: Arena;
  readonly allocator: Allocator;
  private readonly words: Int32Array[];
  private rootWords: Int32Array;
  private root: number;
  private rootAddress: number;
  /** Sink of loads made only to bring cache lines in, so that V8 doesn't drop them. */
  touched = 0;

  constructor(arena: Arena, allocator: Allocator, rootAddress: number) {
    this.arena = arena;
    this.allocator = allocator;
    this.words = arena.words;
    this.rootAddress = rootAddress;
    this.rootWords = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
    this.root = (rootAddress & UNIT_MASK) << 1;
  }

  /** A new empty table: the address of its root, or NIL when the address space is full. */
  static create(allocator: Allocator): number {
    const address = allocator.allocate(ROOT_BYTES);
    if (address === NIL) return NIL;
    if (createStorage(allocator, address)) return address;
    allocator.free(address, ROOT_BYTES);
    return NIL;
  }

  /** Makes this object speak for another root: tables that are opened for one command share one object. */
  attach(rootAddress: number): void {
    this.rootAddress = rootAddress;
    this.rootWords = this.words[rootAddress >>> SEGMENT_SHIFT]!;
    this.root = (rootAddress & UNIT_MASK) << 1;
  }

  get address(): number {
    return this.rootAddress;
  }

  get count(): number {
    return this.rootWords[this.root + ROOT_COUNT]!;
  }

  get buckets(): number {
    return this.rootWords[this.root + ROOT_BUCKETS]!;
  }

  /** The hash of a key in this table. */
  hash(bytes: Uint8Array, offset: number, length: number): number {
    return hashBytes(bytes, offset, length, this.arena.seed0, this.arena.seed1);
  }

  /** The entry with this key, or NIL. `hash` is the key's. */
  find(hash: number, bytes: Uint8Array, offset: number, length: number): number {
    const arena = this.arena;
    const pattern = Math.imul(tagOf(hash), TAG_ONES);
    let bucket = this.bucketOf(hash);
    do {
      const words = this.words[bucket >>> SEGMENT_SHIFT]!;
      const base = (bucket & UNIT_MASK) << 1;
      for (let i = 0; i < 3; i++) {
        const difference = words[base + i]! ^ pattern;
        let matches = (difference - TAG_ONES) & ~difference & TAG_HIGHS;
        while (matches !== 0) {
          const slot = (i << 2) + ((31 - Math.clz32(matches & -matches)) >>> 3);
          const entry = words[base + BUCKET_ADDRESSES + slot]!;
          // A borrow can mark the byte above a match: then the key differs, or the slot is free.
          if (entry !== NIL && keyEquals(arena, entry, bytes, offset, length)) return entry;
          matches &= matches - 1;
        }
      }
      bucket = words[base + BUCKET_NEXT]!;
    } while (bucket !== NIL);
    return NIL;
  }

  /** Is this very entry in the table, under this hash? The address may be one that has been freed, or anything else. */
  holds(hash: number, entry: number): boolean {
    let bucket = this.bucketOf(hash);
    do {
      const words = this.words[bucket >>> SEGMENT_SHIFT]!;
      const base = (bucket & UNIT_MASK) << 1;
      const slot = slotOf(words, base, entry);
      if (slot >= 0) return ((words[base + (slot >>> 2)]! >>> ((slot & 3) << 3)) & 0xff) === tagOf(hash);
      bucket = words[base + BUCKET_NEXT]!;
    } while (bucket !== NIL);
    return false;
  }

  /**
   * The touching pass: loads the buckets and entries of `count` hashes, so that the finds that follow meet them in the
   * cache. Only a hint: it changes nothing, and a hash may be of another table.
   */
  prefetch(hashes: Int32Array, start: number, count: number): void {
    this.touched = prefetchHashes(this.words, this.rootWords, this.root, hashes, start, count);
  }

  /** Adds an entry whose key is known to be absent. False: the address space is full, and nothing changed. */
  insert(hash: number, entry: number): boolean {
    let bucket = this.bucketOf(hash);
    let words = this.words[bucket >>> SEGMENT_SHIFT]!;
    let base = (bucket & UNIT_MASK) << 1;
    let next = words[base + BUCKET_NEXT]!;
    while (next !== NIL) {
      bucket = next;
      words = this.words[bucket >>> SEGMENT_SHIFT]!;
      base = (bucket & UNIT_MASK) << 1;
      next = words[base + BUCKET_NEXT]!;
    }
    let slot = freeSlot(words, base);
    if (slot < 0) {
      const added = this.newOverflow();
      if (added === NIL) return false;
      this.arena.touch(bucket, BUCKET_BYTES);
      words[base + BUCKET_NEXT] = added;
      bucket = added;
      words = this.words[bucket >>> SEGMENT_SHIFT]!;
      base = (bucket & UNIT_MASK) << 1;
      slot = 0;
    }
    this.arena.touch(bucket, BUCKET_BYTES);
    setSlot(words, base, slot, tagOf(hash), entry);
    this.arena.touch(this.rootAddress, ROOT_BYTES);
    const count = this.rootWords[this.root + ROOT_COUNT]! + 1;
    this.rootWords[this.root + ROOT_COUNT] = count;
    const buckets = this.rootWords[this.root + ROOT_BUCKETS]!;
    const overflow = this.rootWords[this.root + ROOT_OVERFLOW]!;
    if (count > (buckets === 1 ? ONE_BUCKET_MAX : (buckets + overflow) * LOAD_MAX)) this.split();
    return true;
  }

  /** Lets the slot of `oldEntry` point to `newEntry`, which has the same key. */
  replaceAddress(hash: number, oldEntry: number, newEntry: number): void {
    let bucket = this.bucketOf(hash);
    while (bucket !== NIL) {
      const words = this.words[bucket >>> SEGMENT_SHIFT]!;
      const base = (bucket & UNIT_MASK) << 1;
      const slot = slotOf(words, base, oldEntry);
      if (slot >= 0) {
        this.arena.touch(bucket, BUCKET_BYTES);
        words[base + BUCKET_ADDRESSES + slot] = newEntry;
        return;
      }
      bucket = words[base + BUCKET_NEXT]!;
    }
    check(false, "the replaced entry is in the table");
  }

  /** Takes an entry out (its bytes stay the caller's to free, after this). False: it isn't in the table. */
  remove(hash: number, entry: number): boolean {
    const first = this.bucketOf(hash);
    let bucket = first;
    while (bucket !== NIL) {
      const words = this.words[bucket >>> SEGMENT_SHIFT]!;
      const base = (bucket & UNIT_MASK) << 1;
      const slot = slotOf(words, base, entry);
      if (slot >= 0) {
        this.arena.touch(bucket, BUCKET_BYTES);
        setSlot(words, base, slot, 0, NIL);
        if (this.words[first >>> SEGMENT_SHIFT]![((first & UNIT_MASK) << 1) + BUCKET_NEXT] !== NIL) {
          this.fillFromLast(first, bucket, slot);
        }
        this.arena.touch(this.rootAddress, ROOT_BYTES);
        const count = this.rootWords[this.root + ROOT_COUNT]! - 1;
        this.rootWords[this.root + ROOT_COUNT] = count;
        if (count < (this.buckets + this.rootWords[this.root + ROOT_OVERFLOW]!) * LOAD_MIN) this.shrink(count);
        return true;
      }
      bucket = words[base + BUCKET_NEXT]!;
    }
    return false;
  }

  /**
   * Redis's reverse-binary cursor over linear hashing. One step appends to `out` all entries of a bucket and, when
   * that has been split already, of its other half, and returns the next cursor, 0 at the end. Whatever is in the
   * table from the first to the last step is found at least once, however the table grows and shrinks in between:
   * the cursor stands for the set of hashes whose reversed low bits lie below its own.
   */
  scanInto(cursor: number, out: EntryList): number {
    const buckets = this.rootWords[this.root + ROOT_BUCKETS]!;
    const mask = this.rootWords[this.root + ROOT_MASK]! >>> 1;
    const index = cursor & mask;
    collectEntries(this.words, bucketAddress(this.words, this.rootWords, this.root, index), out);
    const other = index + mask + 1;
    if (other < buckets) collectEntries(this.words, bucketAddress(this.words, this.rootWords, this.root, other), out);
    return reverseBits((reverseBits(cursor | ~mask) + 1) | 0);
  }

  /** As scanInto, calling `visit` for each entry; `visit` may remove what it is given. */
  scan(cursor: number, visit: (entry: number) => void): number {
    const found = new EntryList(64);
    const next = this.scanInto(cursor, found);
    for (let i = 0; i < found.count; i++) visit(found.items[i]!);
    return next;
  }

  /** An entry chosen so that each has the same chance (but for chains of over 36 entries), or NIL when there is none. */
  random(random: Random): number {
    return this.count === 0 ? NIL : drawEntry(this.words, this.rootWords, this.root, random);
  }

  /**
   * Takes a table apart that nobody uses any more: empties up to `bucketsMax` buckets, appends their entries to
   * `out` for the caller to free, and says whether it is done, the root freed as well. Between the steps only
   * `releaseInto` and `count` may be used.
   */
  releaseInto(bucketsMax: number, out: EntryList): boolean {
    const { arena, allocator } = this;
    for (let step = 0; step < bucketsMax; step++) {
      const last = this.rootWords[this.root + ROOT_BUCKETS]! - 1;
      const before = out.count;
      const bucket = bucketAddress(this.words, this.rootWords, this.root, last);
      spare.clear();
      collectChain(this.words, bucket, out, movedTags, spare);
      movedTags.clear();
      while (spare.count > 0) this.freeOverflow(spare.pop());
      arena.touch(this.rootAddress, ROOT_BYTES);
      this.rootWords[this.root + ROOT_COUNT] = this.rootWords[this.root + ROOT_COUNT]! - (out.count - before);
      if (last === 0) {
        freeStorage(allocator, this.rootAddress);
        allocator.free(this.rootAddress, ROOT_BYTES);
        return true;
      }
      this.setBuckets(last);
      shrinkStorage(allocator, this.rootAddress);
    }
    return false;
  }

  /** For DEBUG HTSTATS: counts, and the chains of the first `bucketsMax` buckets. */
  statistics(bucketsMax: number): TableStatistics {
    const buckets = this.rootWords[this.root + ROOT_BUCKETS]!;
    const chains = new Array<number>(50).fill(0);
    for (let index = 0; index < buckets && index < bucketsMax; index++) {
      moved.clear();
      collectEntries(this.words, bucketAddress(this.words, this.rootWords, this.root, index), moved);
      const length = Math.min(moved.count, chains.length - 1);
      chains[length] = chains[length]! + 1;
    }
    return {
      entries: this.count,
      buckets,
      overflowBuckets: this.rootWords[this.root + ROOT_OVERFLOW]!,
      bytes: this.bytes,
      chains,
    };
  }

  /** Bytes of buckets, directory and root, with room not used yet. */
  get bytes(): number {
    const room = this.rootWords[this.root + ROOT_ROOM]! + this.rootWords[this.root + ROOT_OVERFLOW]!;
    return ROOT_BYTES + room * BUCKET_BYTES + this.rootWords[this.root + DIRECTORY_ROOM]! * 4;
  }

  /** Address of the first bucket of the chain that a hash belongs to. */
  private bucketOf(hash: number): number {
    const rootWords = this.rootWords;
    const root = this.root;
    const mask = rootWords[root + ROOT_MASK]!;
    const index = hash & mask;
    // −1 where the bucket doesn't exist yet: a mask instead of a branch, which nobody could predict.
    const absent = (rootWords[root + ROOT_BUCKETS]! - 1 - index) >> 31;
    return bucketAddress(this.words, rootWords, root, index & ~(absent & ((mask >>> 1) + 1)));
  }

  /** Adds a bucket and moves there what belongs there. Without memory for it the load simply rises. */
  private split(): void {
    const { arena, allocator } = this;
    if (!growStorage(allocator, this.rootAddress)) return;
    const buckets = this.rootWords[this.root + ROOT_BUCKETS]!;
    const bit = (this.rootWords[this.root + ROOT_MASK]! >>> 1) + 1;
    const source = bucketAddress(this.words, this.rootWords, this.root, buckets - bit);
    const target = bucketAddress(this.words, this.rootWords, this.root, buckets);
    moved.clear();
    movedTags.clear();
    stayed.clear();
    stayedTags.clear();
    spare.clear();
    this.partition(source, bit);
    // Overflow buckets in hand always suffice: together the two chains are at most one bucket longer than the one.
    this.writeChain(source, stayed, stayedTags);
    this.writeChain(target, moved, movedTags);
    while (spare.count > 0) this.freeOverflow(spare.pop());
    arena.touch(this.rootAddress, ROOT_BYTES);
    this.setBuckets(buckets + 1);
  }

  /** Sorts a chain's entries by one bit of their hash into `stayed` and `moved`. */
  private partition(source: number, bit: number): void {
    const arena = this.arena;
    collectChain(this.words, source, stayed, stayedTags, spare);
    const count = stayed.count;
    // One pass of loads that don't depend on each other, so that the cache misses of the keys overlap.
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const entry = stayed.items[i]!;
      touched |= this.words[entry >>> SEGMENT_SHIFT]![((entry & UNIT_MASK) << 1) + 1]!;
    }
    this.touched = touched;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const entry = stayed.items[i]!;
      const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
      const hash = hashBytes(bytes, keyOffset(arena, entry), keyLength(arena, entry), arena.seed0, arena.seed1);
      if ((hash & bit) === 0) {
        stayed.items[kept] = entry;
        stayedTags.items[kept++] = stayedTags.items[i]!;
      } else {
        moved.push(entry);
        movedTags.push(stayedTags.items[i]!);
      }
    }
    stayed.count = kept;
    stayedTags.count = kept;
  }

  /** Gives up buckets that `count` entries don't need: a few at a time, or all but one when nothing is left. */
  private shrink(count: number): void {
    if (count === 0) {
      this.becomeOneBucket();
      return;
    }
    for (let merges = 0; merges < MERGES_MAX; merges++) {
      const { buckets } = this;
      if (buckets === 1 || count >= (buckets + this.rootWords[this.root + ROOT_OVERFLOW]!) * LOAD_MIN) return;
      if (!this.merge()) return;
    }
  }

  /** All buckets are empty: their room goes without a look at each. */
  private becomeOneBucket(): void {
    if (this.buckets === 1) return;
    this.arena.touch(this.rootAddress, ROOT_BYTES);
    this.setBuckets(1);
    for (let room = -1; room !== this.rootWords[this.root + ROOT_ROOM]!; ) {
      room = this.rootWords[this.root + ROOT_ROOM]!;
      shrinkStorage(this.allocator, this.rootAddress);
    }
  }

  /**
   * Moves the last bucket's entries to the bucket it was split from. False: the address space is full, or two chains would make one that
   * is too long. The latter happens to who removes keys in the order of SCAN: those left are then neighbours in hash, and merges would
   * put them all into one chain while most other buckets are empty.
   */
  private merge(): boolean {
    const { arena, allocator } = this;
    const last = this.rootWords[this.root + ROOT_BUCKETS]! - 1;
    // The last bucket has the highest bit of its number set; without it, the number is the one it was split from.
    const partner = last & ~(1 << (31 - Math.clz32(last)));
    const source = bucketAddress(this.words, this.rootWords, this.root, last);
    const target = bucketAddress(this.words, this.rootWords, this.root, partner);
    stayed.clear();
    stayedTags.clear();
    spare.clear();
    collectChain(this.words, target, stayed, stayedTags, spare);
    const before = stayed.count;
    collectChain(this.words, source, stayed, stayedTags, spare);
    if (stayed.count > CHAIN_MAX && before > 0 && stayed.count > before) return false;
    const needed = Math.ceil((stayed.count - BUCKET_SLOTS) / BUCKET_SLOTS);
    if (needed > spare.count) {
      const added = this.newOverflow();
      if (added === NIL) return false;
      spare.push(added);
    }
    this.writeChain(target, stayed, stayedTags);
    while (spare.count > 0) this.freeOverflow(spare.pop());
    arena.touch(this.rootAddress, ROOT_BYTES);
    this.setBuckets(last);
    shrinkStorage(allocator, this.rootAddress);
    return true;
  }

  /** Sets the number of buckets and the mask that follows from it; the root has been touched. */
  private setBuckets(buckets: number): void {
    this.rootWords[this.root + ROOT_BUCKETS] = buckets;
    this.rootWords[this.root + ROOT_MASK] = (2 << (31 - Math.clz32(buckets))) - 1;
  }

  /** Writes entries into a chain that begins with `first`, taking overflow buckets from `spare`. */
  private writeChain(first: number, entries: EntryList, tags: EntryList): void {
    let bucket = first;
    let done = 0;
    for (;;) {
      clearBucket(this.arena, bucket);
      const words = this.words[bucket >>> SEGMENT_SHIFT]!;
      const base = (bucket & UNIT_MASK) << 1;
      for (let slot = 0; slot < BUCKET_SLOTS && done < entries.count; slot++) {
        setSlot(words, base, slot, tags.items[done]!, entries.items[done]!);
        done++;
      }
      if (done === entries.count) return;
      check(spare.count > 0, "overflow buckets in hand suffice");
      bucket = spare.pop();
      words[base + BUCKET_NEXT] = bucket;
    }
  }

  /**
   * Fills a slot just emptied with an entry of the chain's last bucket, and drops that bucket when it is empty then.
   */
  private fillFromLast(first: number, holed: number, slot: number): void {
    let before = first;
    let last = first;
    let words = this.words[last >>> SEGMENT_SHIFT]!;
    let base = (last & UNIT_MASK) << 1;
    for (let next = words[base + BUCKET_NEXT]!; next !== NIL; next = words[base + BUCKET_NEXT]!) {
      before = last;
      last = next;
      words = this.words[last >>> SEGMENT_SHIFT]!;
      base = (last & UNIT_MASK) << 1;
    }
    if (last !== holed) {
      const from = usedSlot(words, base);
      const holedWords = this.words[holed >>> SEGMENT_SHIFT]!;
      const tag = (words[base + (from >>> 2)]! >>> ((from & 3) << 3)) & 0xff;
      setSlot(holedWords, (holed & UNIT_MASK) << 1, slot, tag, words[base + BUCKET_ADDRESSES + from]!);
      this.arena.touch(last, BUCKET_BYTES);
      setSlot(words, base, from, 0, NIL);
    }
    if (usedSlot(words, base) >= 0) return;
    this.arena.touch(before, BUCKET_BYTES);
    this.words[before >>> SEGMENT_SHIFT]![((before & UNIT_MASK) << 1) + BUCKET_NEXT] = NIL;
    this.freeOverflow(last);
  }

  private newOverflow(): number {
    const bucket = this.allocator.allocate(BUCKET_BYTES);
    if (bucket === NIL) return NIL;
    clearBucket(this.arena, bucket);
    this.arena.touch(this.rootAddress, ROOT_BYTES);
    this.rootWords[this.root + ROOT_OVERFLOW] = this.rootWords[this.root + ROOT_OVERFLOW]! + 1;
    return bucket;
  }

  private freeOverflow(bucket: number): void {
    this.allocator.free(bucket, BUCKET_BYTES);
    this.arena.touch(this.rootAddress, ROOT_BYTES);
    this.rootWords[this.root + ROOT_OVERFLOW] = this.rootWords[this.root + ROOT_OVERFLOW]! - 1;
  }
}

function reverseBits(value: number): number {
  let v = value;
  v = ((v >>> 1) & 0x55555555) | ((v & 0x55555555) << 1);
  v = ((v >>> 2) & 0x33333333) | ((v & 0x33333333) << 2);
  v = ((v >>> 4) & 0x0f0f0f0f) | ((v & 0x0f0f0f0f) << 4);
  v = ((v >>> 8) & 0x00ff00ff) | ((v & 0x00ff00ff) << 8);
  return (v >>> 16) | (v << 16);
}
