/**
 * Random entries of a table, each as likely as any other: RANDOMKEY, SPOP, eviction.
 *
 * A slot is drawn among those that a chain of the greatest usual length has, and drawn again where the chain ends before it or the slot is
 * free, which most are. Several are drawn at a time, so that their cache misses overlap.
 */
import { type Random, uniform } from "../base/random.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import { EntryList } from "./entry_list.ts";
import { BUCKET_ADDRESSES, BUCKET_NEXT, BUCKET_SLOTS, collectEntries } from "./table_bucket.ts";
import { bucketAddress, ROOT_BUCKETS, ROOT_OVERFLOW } from "./table_storage.ts";

/** The longest chain that a merge makes; entries are drawn evenly from chains up to here. */
export const CHAIN_MAX = 3 * BUCKET_SLOTS;

/** Slots drawn at a time, and how often, before an entry is looked for in order. */
const DRAWS = 4;
const ROUNDS_MAX = 64;
/** In so many buckets a slot's chance differs by less than a hundredth from another's where one number of 32 bits draws it. */
const FEW_BUCKETS = 1 << 20;

const found = new EntryList(64);
/** The slots drawn, and what stands there or, for those of overflow buckets, the first overflow bucket. */
const drawnSlots = new Int32Array(DRAWS);
const drawnWords = new Int32Array(DRAWS);

/** A random entry of the table with this root, which isn't empty. */
export function drawEntry(words: Int32Array[], rootWords: Int32Array, root: number, random: Random): number {
  const buckets = rootWords[root + ROOT_BUCKETS]!;
  const slots = rootWords[root + ROOT_OVERFLOW]! === 0 ? BUCKET_SLOTS : CHAIN_MAX;
  const few = buckets <= FEW_BUCKETS;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    for (let i = 0; i < DRAWS; i++) {
      // One number draws both, as long as it has many more values than there are slots.
      const cell = uniform(random, few ? buckets * slots : slots);
      const index = few ? (cell / slots) | 0 : uniform(random, buckets);
      const slot = few ? cell - index * slots : cell;
      const bucket = bucketAddress(words, rootWords, root, index);
      const word = slot < BUCKET_SLOTS ? BUCKET_ADDRESSES + slot : BUCKET_NEXT;
      drawnSlots[i] = slot;
      drawnWords[i] = words[bucket >>> SEGMENT_SHIFT]![((bucket & UNIT_MASK) << 1) + word]!;
    }
    for (let i = 0; i < DRAWS; i++) {
      const drawn = drawnWords[i]!;
      const slot = drawnSlots[i]!;
      if (drawn === NIL) continue;
      const entry = slot < BUCKET_SLOTS ? drawn : overflowSlot(words, drawn, slot - BUCKET_SLOTS, random);
      if (entry !== NIL) return entry;
    }
  }
  for (let index = uniform(random, buckets); ; index = (index + 1) % buckets) {
    found.clear();
    collectEntries(words, bucketAddress(words, rootWords, root, index), found);
    if (found.count > 0) return found.items[uniform(random, found.count)]!;
  }
}

/** What a slot holds, counted from overflow bucket `bucket` on; those of the second one stand for all that a longer chain has from there on. */
function overflowSlot(words: Int32Array[], bucket: number, slot: number, random: Random): number {
  const bucketWords = words[bucket >>> SEGMENT_SHIFT]!;
  const base = (bucket & UNIT_MASK) << 1;
  if (slot < BUCKET_SLOTS) return bucketWords[base + BUCKET_ADDRESSES + slot]!;
  const next = bucketWords[base + BUCKET_NEXT]!;
  if (next === NIL) return NIL;
  found.clear();
  collectEntries(words, next, found);
  if (found.count > BUCKET_SLOTS) return found.items[uniform(random, found.count)]!;
  return words[next >>> SEGMENT_SHIFT]![((next & UNIT_MASK) << 1) + BUCKET_ADDRESSES + slot - BUCKET_SLOTS]!;
}
