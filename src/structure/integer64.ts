/**
 * Signed 64-bit integers as two int32 words, so that small collections hold all of Redis's integers and no BigInt is
 * ever made for them.
 *
 * A text is an integer here exactly where Redis's string2ll says so: canonical decimal, "-0", "007" and "+1" are
 * none. It must not know where the words are stored.
 */
import { writeInteger } from "../base/decimal.ts";
import { parseIntegerSafe } from "../base/integer.ts";

const TWO_32 = 4294967296;
const BILLION = 1_000_000_000;
/** The magnitude 2^63 = 9223372036 854775808, in two parts. */
const LIMIT_HIGH = 9223372036;
const LIMIT_LOW = 854775808;

/** What a parser or reader writes its result into: low and high word, both as signed 32-bit patterns. */
export class Integer64 {
  low = 0;
  high = 0;
}

/** Reads a canonical decimal of a signed 64-bit integer; false, and nothing written, for any other text. */
export function parseWords(bytes: Uint8Array, start: number, length: number, into: Integer64): boolean {
  if (length === 0 || length > 20) return false;
  // Most texts are none, and most of those show it at once.
  const leading = bytes[start]!;
  if (leading > 57 || (leading < 48 && leading !== 45)) return false;
  const safe = parseIntegerSafe(bytes, start, length);
  if (safe === safe) {
    into.low = safe | 0;
    into.high = highWord(safe);
    return true;
  }
  return length >= 16 && parseLong(bytes, start, length, into);
}

/** The high word of a whole number within ±(2^53 - 1); the low one is `value | 0`. */
export function highWord(value: number): number {
  return Math.floor(value / TWO_32) | 0;
}

/** The number that the words mean; NaN beyond ±(2^53 - 1). */
export function numberOfWords(low: number, high: number): number {
  if (high === low >> 31) return low;
  const value = high * TWO_32 + (low >>> 0);
  return value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER ? Number.NaN : value;
}

/** The number that the words mean, whatever its size. */
export function bigintOfWords(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

/** Length of the decimal text, bytes. */
export function wordsTextLength(low: number, high: number): number {
  const value = numberOfWords(low, high);
  const safe = value === value;
  const magnitude = safe ? Math.abs(value) : billionsOf(low, high);
  let digits = (high < 0 ? 2 : 1) + (safe ? 0 : 9);
  for (let bound = 10; magnitude >= bound; bound *= 10) digits++;
  return digits;
}

/** Writes the decimal text, returns the offset behind it. */
export function writeWords(target: Uint8Array, at: number, low: number, high: number): number {
  const value = numberOfWords(low, high);
  if (value === value) return writeInteger(target, at, value);
  if (high < 0) target[at++] = 45;
  const end = writeInteger(target, at, billionsOf(low, high));
  let rest = belowBillion;
  for (let i = end + 8; i >= end; i--) {
    const quotient = (rest / 10) | 0;
    target[i] = 48 + rest - quotient * 10;
    rest = quotient;
  }
  return end + 9;
}

/** What `billionsOf` left over. */
let belowBillion = 0;

/** The magnitude divided by 10^9: long division in limbs of 16 bits, which keeps every step exact. */
function billionsOf(low: number, high: number): number {
  let magnitudeLow = low;
  let magnitudeHigh = high;
  if (high < 0) {
    magnitudeLow = -low | 0;
    magnitudeHigh = magnitudeLow === 0 ? -high | 0 : ~high;
  }
  const top = magnitudeHigh >>> 0;
  const first = Math.floor(top / BILLION);
  const middle = (top - first * BILLION) * 65536 + (magnitudeLow >>> 16);
  const second = Math.floor(middle / BILLION);
  const bottom = (middle - second * BILLION) * 65536 + (magnitudeLow & 0xffff);
  const third = Math.floor(bottom / BILLION);
  belowBillion = bottom - third * BILLION;
  return (first * 65536 + second) * 65536 + third;
}

/** 16 to 19 digits, a sign before them or not: the last nine and those before them are read apart. */
function parseLong(bytes: Uint8Array, start: number, length: number, into: Integer64): boolean {
  const negative = bytes[start] === 45;
  let at = negative ? start + 1 : start;
  const end = start + length;
  if (bytes[at] === 48 || end - at > 19) return false;
  let upper = 0;
  let lower = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return false;
    if (at < end - 9) upper = upper * 10 + digit;
    else lower = lower * 10 + digit;
  }
  if (upper > LIMIT_HIGH) return false;
  if (upper === LIMIT_HIGH && lower > (negative ? LIMIT_LOW : LIMIT_LOW - 1)) return false;
  // upper × 10^9 + lower, with upper split at 16 bits so that no product passes 2^53.
  const upperHigh = Math.floor(upper / 65536);
  const low = (upper - upperHigh * 65536) * BILLION + lower;
  const carry = Math.floor(low / 65536);
  const rest = upperHigh * BILLION + carry;
  const wordLow = ((rest & 0xffff) << 16) | (low - carry * 65536);
  const wordHigh = Math.floor(rest / 65536) | 0;
  into.low = negative ? -wordLow | 0 : wordLow;
  into.high = negative ? (wordLow === 0 ? -wordHigh | 0 : ~wordHigh) : wordHigh;
  return true;
}
