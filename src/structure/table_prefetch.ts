/**
 * The touching pass of a table: loads for a batch of hashes what their finds will read.
 *
 * It is made of short loops, one a kind of cache miss, because a CPU overlaps as many misses as it has iterations in
 * flight, and none behind a branch predicted wrongly: so no loop branches on bytes that are still on their way. One
 * loop that did everything for a key overlapped a third as much (bench/micro/table.ts).
 */
import { SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import { BUCKET_ADDRESSES, BUCKET_SLOTS, matchesOf, TAG_ONES, tagOf } from "./table_bucket.ts";
import {
  DIRECTORY_ROOM,
  EXTENT_BUCKETS_MASK,
  EXTENT_BUCKETS_SHIFT,
  ROOT_BUCKETS,
  ROOT_MASK,
  ROOT_STORAGE,
} from "./table_storage.ts";

/** Hashes that go through the loops together; more go in several rounds, which is no worse. */
export const PREFETCH_MAX = 256;
/** How far behind its start an entry is loaded too: what is there lies in the next cache line, or in the same. */
const FAR_WORDS = 12;
const SEGMENT_WORD_MASK = 0xffffff;

/** Scratch: buckets, then entries. */
const targets = new Int32Array(PREFETCH_MAX);

/** The result means nothing; it is to be kept, so that V8 doesn't drop the loads. */
export function prefetchHashes(
  allWords: Int32Array[],
  rootWords: Int32Array,
  root: number,
  hashes: Int32Array,
  start: number,
  count: number,
): number {
  let touched = 0;
  for (let from = start; from < start + count; from += PREFETCH_MAX) {
    const to = Math.min(start + count, from + PREFETCH_MAX);
    bucketsOf(allWords, rootWords, root, hashes, from, to);
    touched ^= touchBuckets(allWords, to - from);
    for (let i = from; i < to; i++) targets[i - from] = candidate(allWords, targets[i - from]!, hashes[i]!);
    touched ^= touchEntries(allWords, to - from);
  }
  return touched;
}

/** Fills `targets` with the buckets of hashes, as Table finds them one by one. */
function bucketsOf(
  allWords: Int32Array[],
  rootWords: Int32Array,
  root: number,
  hashes: Int32Array,
  from: number,
  to: number,
): void {
  const mask = rootWords[root + ROOT_MASK]!;
  const half = (mask >>> 1) + 1;
  const last = rootWords[root + ROOT_BUCKETS]! - 1;
  const storage = rootWords[root + ROOT_STORAGE]!;
  const flat = rootWords[root + DIRECTORY_ROOM] === 0;
  const directory = allWords[storage >>> SEGMENT_SHIFT]!;
  const first = (storage & UNIT_MASK) << 1;
  for (let i = from; i < to; i++) {
    let index = hashes[i]! & mask;
    index &= ~(((last - index) >> 31) & half);
    targets[i - from] = flat
      ? storage + (index << 3)
      : directory[first + (index >>> EXTENT_BUCKETS_SHIFT)]! + ((index & EXTENT_BUCKETS_MASK) << 3);
  }
}

function touchBuckets(allWords: Int32Array[], count: number): number {
  let touched = 0;
  for (let i = 0; i < count; i++) {
    const bucket = targets[i]!;
    touched ^= allWords[bucket >>> SEGMENT_SHIFT]![(bucket & UNIT_MASK) << 1]!;
  }
  return touched;
}

/** Both ends of short entries; the mask keeps the index in the segment. */
function touchEntries(allWords: Int32Array[], count: number): number {
  let touched = 0;
  for (let i = 0; i < count; i++) {
    const entry = targets[i]!;
    const words = allWords[entry >>> SEGMENT_SHIFT]!;
    const word = (entry & UNIT_MASK) << 1;
    touched ^= words[word]! ^ words[(word + FAR_WORDS) & SEGMENT_WORD_MASK]!;
  }
  return touched;
}

/** The first entry of a bucket with the tag of a hash; else the next bucket of the chain; else the bucket itself. */
function candidate(allWords: Int32Array[], bucket: number, hash: number): number {
  const words = allWords[bucket >>> SEGMENT_SHIFT]!;
  const base = (bucket & UNIT_MASK) << 1;
  const pattern = Math.imul(tagOf(hash), TAG_ONES);
  const found =
    matchesOf(words[base]!, pattern) |
    (matchesOf(words[base + 1]!, pattern) << 4) |
    (matchesOf(words[base + 2]!, pattern) << 8) |
    (1 << BUCKET_SLOTS); // the word behind the addresses is the next bucket
  const address = words[base + BUCKET_ADDRESSES + 31 - Math.clz32(found & -found)]!;
  const nothing = ~((address | -address) >> 31);
  return address | (bucket & nothing);
}
