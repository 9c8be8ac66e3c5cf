/**
 * Scores where they are stored: as the value of a member's entry (eight bytes, the low word first, at any alignment), and as an element
 * of a listpack, a whole number as an integer, anything else as the shortest text, byte for byte as Redis stores them.
 *
 * A score is never NaN. In a listpack -0 becomes 0, as in Redis.
 */
import { parseDouble } from "../../base/double.ts";
import { DOUBLE_TEXT_BYTES_MAX, writeDouble } from "../../base/shortest_double.ts";
import type { Arena } from "../../memory/arena.ts";
import { SEGMENT_SHIFT } from "../../memory/layout.ts";
import { touchValue, valueOffset } from "../../structure/entry.ts";
import {
  bigintOf,
  encodeElement,
  encodeInteger,
  integerOf,
  isIntegerElement,
  stringLength,
  stringOffset,
} from "../../structure/listpack.ts";

/** Bytes of a member's value. */
export const SCORE_BYTES = 8;

/** Digits that make a whole number below 2^53, and powers of ten that doubles hold exactly. */
const EXACT_DIGITS_MAX = 15;
const TENS = Float64Array.from({ length: EXACT_DIGITS_MAX + 1 }, (_, i) => 10 ** i);

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

/** What `encodeScore` wrote last. */
export const encodedScore = new Uint8Array(48);
const text = new Uint8Array(DOUBLE_TEXT_BYTES_MAX);

/** The score of a member's entry. */
export function memberScore(arena: Arena, member: number): number {
  const offset = valueOffset(arena, member);
  if ((offset & 7) === 0) return arena.doubles[member >>> SEGMENT_SHIFT]![offset >>> 3]!;
  const bytes = arena.bytes[member >>> SEGMENT_SHIFT]!;
  for (let i = 0; i < SCORE_BYTES; i++) doubleBytes[i] = bytes[offset + i]!;
  return double[0]!;
}

export function setMemberScore(arena: Arena, member: number, score: number): void {
  touchValue(arena, member);
  const offset = valueOffset(arena, member);
  const bytes = arena.bytes[member >>> SEGMENT_SHIFT]!;
  double[0] = score;
  for (let i = 0; i < SCORE_BYTES; i++) bytes[offset + i] = doubleBytes[i]!;
}

/** The score that an element of a listpack is. */
export function scoreAt(bytes: Uint8Array, position: number): number {
  // Small numbers are what scores are most.
  const byte = bytes[position]!;
  if (byte < 128) return byte;
  if (!isIntegerElement(bytes, position)) {
    return parseScore(bytes, stringOffset(bytes, position), stringLength(bytes, position));
  }
  const value = integerOf(bytes, position);
  return value === value ? value : Number(bigintOf(bytes, position));
}

/** Writes a score as an element into `encodedScore`, returns how many bytes that is. */
export function encodeScore(score: number): number {
  if (Number.isSafeInteger(score)) return encodeInteger(encodedScore, 0, score);
  return encodeElement(encodedScore, 0, text, 0, writeDouble(text, 0, score));
}

/** A score as clients write it (parseDouble of base/double.ts); the common short decimals without a string. */
export function parseScore(bytes: Uint8Array, start: number, length: number): number {
  let at = start;
  const end = start + length;
  const negative = bytes[at] === 45;
  if (negative) at++;
  const digits = end - at;
  // Digits and perhaps a point between them: both parts of the division are exact, and so is its rounding.
  if (digits === 0 || digits > EXACT_DIGITS_MAX) return parseDouble(bytes, start, length);
  let value = 0;
  let point = -1;
  for (; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (digit === -2 && point < 0 && at > start) point = at;
    else return parseDouble(bytes, start, length);
  }
  if (point >= 0) {
    if (digits === 1) return parseDouble(bytes, start, length);
    value /= TENS[end - 1 - point]!;
  }
  return negative ? -value : value;
}
