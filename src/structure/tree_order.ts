/**
 * Order within a node of a Tree that is sorted by score, then by the bytes of the member that the third word's entry
 * has as its key.
 *
 * The search for a score runs over doubles alone; only among equal scores are members looked at, since each of them
 * is a cache miss. Bytes compare as memcmp does, and a prefix comes first. Scores are never NaN; -0 equals 0.
 */
import type { Arena } from "../memory/arena.ts";
import { SEGMENT_SHIFT } from "../memory/layout.ts";
import { keyLength, keyOffset } from "./entry.ts";

/** Below, equal or above zero as the entry's key sorts before, with or behind bytes[start, start + length). */
export function compareKey(arena: Arena, entry: number, bytes: Uint8Array, start: number, length: number): number {
  const own = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  const offset = keyOffset(arena, entry);
  const ownLength = keyLength(arena, entry);
  const shared = ownLength < length ? ownLength : length;
  for (let i = 0; i < shared; i++) {
    const difference = own[offset + i]! - bytes[start + i]!;
    if (difference !== 0) return difference;
  }
  return ownLength - length;
}

/** Index, from `low` on, of the first of the doubles at [first + low, first + high) that is >= score, or `high`. */
export function firstNotBelow(doubles: Float64Array, first: number, low: number, high: number, score: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (doubles[first + middle]! < score) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As firstNotBelow, but > score. */
export function firstAbove(doubles: Float64Array, first: number, low: number, high: number, score: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (doubles[first + middle]! <= score) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Index, from `low` on, of the first of the entries at words[third + low, third + high) whose key is not before the
 * bytes (with `exclusive`: is behind them), or `high`.
 */
export function firstMember(
  arena: Arena,
  words: Int32Array,
  third: number,
  low: number,
  high: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  exclusive: boolean,
): number {
  const limit = exclusive ? 1 : 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKey(arena, words[third + middle]!, bytes, start, length) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
