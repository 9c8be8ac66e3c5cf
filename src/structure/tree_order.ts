/**
 * Order within a node of a Tree that is sorted by score, then by the bytes of the member that the third word's entry
 * has as its key.
 *
 * The search for a score runs over doubles alone; only among equal scores are members looked at, since each of them
 * is a cache miss. Bytes compare as memcmp does, and a prefix comes first. Scores are never NaN; -0 equals 0.
 */
import type { Arena } from "../memory/arena.ts";
import { SEGMENT_SHIFT } from "../memory/layout.ts";
import { keyLength, keyOffset, keyWord } from "./entry.ts";

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

/** The bytes that a search looks for: those of a short key as words, since keys lie in words, and a search compares many of them. */
const PROBE_BYTES_MAX = 256;
const probeWords = new Int32Array(PROBE_BYTES_MAX / 4);
const probeBytes = new Uint8Array(probeWords.buffer);
let probeSource: Uint8Array = probeBytes;
let probeStart = 0;
let probeLength = 0;

/** Sets what `firstMember` looks for from now on; the bytes must stay as they are meanwhile. */
export function setProbe(bytes: Uint8Array, start: number, length: number): void {
  probeSource = bytes;
  probeStart = start;
  probeLength = length;
  if (length <= PROBE_BYTES_MAX) for (let i = 0; i < length; i++) probeBytes[i] = bytes[start + i]!;
}

/** As compareKey, with the probe. */
function compareProbe(arena: Arena, entry: number): number {
  if (probeLength > PROBE_BYTES_MAX) return compareKey(arena, entry, probeSource, probeStart, probeLength);
  const words = arena.words[entry >>> SEGMENT_SHIFT]!;
  const first = keyWord(arena, entry);
  const ownLength = keyLength(arena, entry);
  const shared = ownLength < probeLength ? ownLength : probeLength;
  const whole = shared >>> 2;
  for (let i = 0; i < whole; i++) {
    const own = words[first + i]!;
    if (own !== probeWords[i]) return compareBytes(own, probeWords[i]!);
  }
  // Behind the shorter of the two lie bytes that mean nothing.
  const mask = (1 << ((shared & 3) << 3)) - 1;
  if (mask !== 0) {
    const own = words[first + whole]! & mask;
    const probe = probeWords[whole]! & mask;
    if (own !== probe) return compareBytes(own, probe);
  }
  return ownLength - probeLength;
}

/** The order of two different words as bytes, the lowest first. */
function compareBytes(a: number, b: number): number {
  const difference = a ^ b;
  const shift = (31 - Math.clz32(difference & -difference)) & 24;
  return ((a >>> shift) & 0xff) - ((b >>> shift) & 0xff);
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
 * probe (with `exclusive`: is behind it), or `high`.
 */
export function firstMember(
  arena: Arena,
  words: Int32Array,
  third: number,
  low: number,
  high: number,
  exclusive: boolean,
): number {
  const limit = exclusive ? 1 : 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareProbe(arena, words[third + middle]!) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
