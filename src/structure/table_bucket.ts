/**
 * The buckets of a table, one cache line each, and the chains they form.
 *
 * ```
 * words 0–2    12 tags of a byte: high byte of the hash, never 0; 0 = free slot
 * words 3–14   12 addresses of entries
 * word  15     address of the next bucket of the chain, 0 = none
 * ```
 * Four tags are compared at once, within an int32: a byte of `tags ^ pattern` is zero where a tag matches.
 */
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import type { EntryList } from "./entry_list.ts";

export const BUCKET_BYTES = 64;
export const BUCKET_WORDS = 16;
export const BUCKET_SLOTS = 12;
export const BUCKET_ADDRESSES = 3;
export const BUCKET_NEXT = 15;

export const TAG_ONES = 0x01010101;
export const TAG_HIGHS = 0x80808080 | 0;

/** The tag of a hash: its high byte, but never 0, which marks a free slot. */
export function tagOf(hash: number): number {
  return hash >>> 24 || 1;
}

/** Bit n is set when byte n of a word of tags equals the pattern's (or, rarely, when a lower one does). */
export function matchesOf(tags: number, pattern: number): number {
  const difference = tags ^ pattern;
  const highs = (difference - TAG_ONES) & ~difference & TAG_HIGHS;
  // The multiplication gathers bits 7, 15, 23 and 31 in the upper four.
  return Math.imul(highs >>> 7, 0x10204080) >>> 28;
}

export function clearBucket(arena: Arena, bucket: number): void {
  arena.touch(bucket, BUCKET_BYTES);
  const words = arena.words[bucket >>> SEGMENT_SHIFT]!;
  const base = (bucket & UNIT_MASK) << 1;
  for (let i = 0; i < BUCKET_WORDS; i++) words[base + i] = 0;
}

export function setSlot(words: Int32Array, base: number, slot: number, tag: number, entry: number): void {
  const shift = (slot & 3) << 3;
  const word = base + (slot >>> 2);
  words[word] = (words[word]! & ~(0xff << shift)) | (tag << shift);
  words[base + BUCKET_ADDRESSES + slot] = entry;
}

/** A free slot of a bucket, or -1. */
export function freeSlot(words: Int32Array, base: number): number {
  for (let i = 0; i < 3; i++) {
    const tags = words[base + i]!;
    // The lowest marked byte is exact: only bytes above a zero can be marked wrongly.
    const free = (tags - TAG_ONES) & ~tags & TAG_HIGHS;
    if (free !== 0) return (i << 2) + ((31 - Math.clz32(free & -free)) >>> 3);
  }
  return -1;
}

/** A used slot of a bucket, or -1. */
export function usedSlot(words: Int32Array, base: number): number {
  for (let slot = 0; slot < BUCKET_SLOTS; slot++) if (words[base + BUCKET_ADDRESSES + slot] !== NIL) return slot;
  return -1;
}

/** The slot that holds an entry, or -1. */
export function slotOf(words: Int32Array, base: number, entry: number): number {
  for (let slot = 0; slot < BUCKET_SLOTS; slot++) if (words[base + BUCKET_ADDRESSES + slot] === entry) return slot;
  return -1;
}

/** Appends the entries of a chain. */
export function collectEntries(allWords: Int32Array[], first: number, out: EntryList): void {
  let bucket = first;
  do {
    const words = allWords[bucket >>> SEGMENT_SHIFT]!;
    const base = (bucket & UNIT_MASK) << 1;
    for (let slot = 0; slot < BUCKET_SLOTS; slot++) {
      const entry = words[base + BUCKET_ADDRESSES + slot]!;
      if (entry !== NIL) out.push(entry);
    }
    bucket = words[base + BUCKET_NEXT]!;
  } while (bucket !== NIL);
}

/** Appends the entries and tags of a chain, and its overflow buckets. */
export function collectChain(
  allWords: Int32Array[],
  first: number,
  out: EntryList,
  tags: EntryList,
  overflow: EntryList,
): void {
  let bucket = first;
  do {
    const words = allWords[bucket >>> SEGMENT_SHIFT]!;
    const base = (bucket & UNIT_MASK) << 1;
    for (let slot = 0; slot < BUCKET_SLOTS; slot++) {
      const entry = words[base + BUCKET_ADDRESSES + slot]!;
      if (entry === NIL) continue;
      out.push(entry);
      tags.push((words[base + (slot >>> 2)]! >>> ((slot & 3) << 3)) & 0xff);
    }
    if (bucket !== first) overflow.push(bucket);
    bucket = words[base + BUCKET_NEXT]!;
  } while (bucket !== NIL);
}
