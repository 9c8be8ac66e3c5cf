/**
 * How one element of a listpack is encoded. The whole format is drawn in listpack.ts; these bytes are Redis's and do
 * not change.
 *
 * ```
 * first byte    then                        holds
 * 0xxxxxxx                                  integer 0 … 127
 * 10llllll      l bytes                     string of at most 63 bytes
 * 110xxxxx      1 byte                      integer of 13 bits, high bits first
 * 1110llll      1 byte of length, l bytes   string of at most 4095 bytes, high bits first
 * 11110000      u32 length, l bytes         longer string
 * 11110001 …    2, 3, 4, 8 bytes            integer of 16 (F1), 24 (F2), 32 (F3), 64 (F4) bits
 * ```
 * Behind the data stands its size (first byte included) for those who walk backwards: groups of 7 bits, the highest
 * first, every byte but the first with its top bit set.
 *
 * Invariant: an element is always encoded in the shortest form, integers by value, so two elements are equal exactly
 * if their bytes are. Nothing here allocates, grows or touches memory: the owner has made room and told the barrier.
 */
import { copyWords, viewOf } from "../base/bytes.ts";
import { parseIntegerSafe } from "../base/integer.ts";
import { highWord, Integer64, parseWords } from "./integer64.ts";

export const STRING_6 = 0x80;
export const INTEGER_13 = 0xc0;
export const STRING_12 = 0xe0;
export const STRING_32 = 0xf0;
export const INTEGER_16 = 0xf1;
export const INTEGER_24 = 0xf2;
export const INTEGER_32 = 0xf3;
export const INTEGER_64 = 0xf4;
export const END = 0xff;

/** The longest encoded integer without its back length. */
export const INTEGER_BYTES_MAX = 9;

const parsed = new Integer64();

/** Bytes that the back length takes behind an element of `size` bytes. The bounds are Redis's, off by one as they are. */
export function backLengthBytes(size: number): number {
  if (size <= 127) return 1;
  if (size < 16383) return 2;
  if (size < 2097151) return 3;
  return size < 268435455 ? 4 : 5;
}

/** Writes the back length of an element of `size` bytes, returns the offset behind it. */
export function writeBackLength(target: Uint8Array, at: number, size: number): number {
  if (size <= 127) {
    target[at] = size;
    return at + 1;
  }
  const end = at + backLengthBytes(size);
  let rest = size;
  for (let i = end - 1; i > at; i--) {
    target[i] = (rest & 127) | 128;
    rest >>>= 7;
  }
  target[at] = rest;
  return end;
}

/** Bytes that a text takes as an element, back length included: as an integer where it is a canonical one. */
export function encodedBytes(source: Uint8Array, start: number, length: number): number {
  if (length <= 20) {
    const safe = parseIntegerSafe(source, start, length);
    if (safe === safe) return encodedIntegerBytes(safe);
    if (length >= 16 && parseWords(source, start, length, parsed)) return INTEGER_BYTES_MAX + 1;
  }
  return encodedStringBytes(length);
}

/** Bytes that a string (not an integer's text) of this length takes as an element, back length included. */
export function encodedStringBytes(length: number): number {
  const size = length + (length < 64 ? 1 : length < 4096 ? 2 : 5);
  return size + backLengthBytes(size);
}

/** Writes a text as an element, returns the bytes written (`encodedBytes` of it). */
export function encodeElement(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  length: number,
): number {
  return encodeElementIn(target, viewOf(target), at, source, start, length);
}

/** The same where a view of `target` is at hand: the arena has some. */
export function encodeElementIn(
  target: Uint8Array,
  view: DataView,
  at: number,
  source: Uint8Array,
  start: number,
  length: number,
): number {
  if (length <= 20) {
    const safe = parseIntegerSafe(source, start, length);
    if (safe === safe) return encodeInteger(target, at, safe);
    if (length >= 16 && parseWords(source, start, length, parsed)) {
      return encodeIntegerWords(target, at, parsed.low, parsed.high);
    }
  }
  const data = writeStringHead(target, at, length);
  copyWords(target, view, data, source, start, length);
  return writeBackLength(target, data + length, data + length - at) - at;
}

/** Writes what stands before the bytes of a string, returns the offset behind it. */
export function writeStringHead(target: Uint8Array, at: number, length: number): number {
  if (length < 64) {
    target[at] = STRING_6 | length;
    return at + 1;
  }
  if (length < 4096) {
    target[at] = STRING_12 | (length >>> 8);
    target[at + 1] = length & 0xff;
    return at + 2;
  }
  target[at] = STRING_32;
  writeWord(target, at + 1, length);
  return at + 5;
}

/** Bytes that a whole number within ±(2^53 - 1) takes as an element, back length included. */
export function encodedIntegerBytes(value: number): number {
  if (value >= -4096 && value <= 4095) return value >= 0 && value <= 127 ? 2 : 3;
  if (value >= -32768 && value <= 32767) return 4;
  if (value >= -8388608 && value <= 8388607) return 5;
  return value >= -2147483648 && value <= 2147483647 ? 6 : INTEGER_BYTES_MAX + 1;
}

/** Writes a whole number within ±(2^53 - 1) as an element, returns the bytes written (`encodedIntegerBytes`). */
export function encodeInteger(target: Uint8Array, at: number, value: number): number {
  const size = writeIntegerData(target, at, value);
  target[at + size] = size;
  return size + 1;
}

/** Writes a 64-bit integer given as words as an element, returns the bytes written: the shortest form, too. */
export function encodeIntegerWords(target: Uint8Array, at: number, low: number, high: number): number {
  if (high === low >> 31) return encodeInteger(target, at, low);
  const size = writeWordsData(target, at, low, high);
  target[at + size] = size;
  return size + 1;
}

/**
 * Writes into `target` what an element equal to the text begins with: an integer without its back length, or a string
 * without its bytes. Returns the bytes written: negative (`~bytes`) where the string's bytes must follow.
 */
export function encodeProbe(target: Uint8Array, source: Uint8Array, start: number, length: number): number {
  if (length <= 20) {
    const safe = parseIntegerSafe(source, start, length);
    if (safe === safe) return writeIntegerData(target, 0, safe);
    if (length >= 16 && parseWords(source, start, length, parsed)) {
      return writeWordsData(target, 0, parsed.low, parsed.high);
    }
  }
  return ~writeStringHead(target, 0, length);
}

/** First byte and data of an integer, returns how many bytes that is. */
function writeIntegerData(target: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value <= 127) {
    target[at] = value;
    return 1;
  }
  if (value >= -4096 && value <= 4095) {
    target[at] = INTEGER_13 | ((value >> 8) & 31);
    target[at + 1] = value & 0xff;
    return 2;
  }
  if (value < -2147483648 || value > 2147483647) return writeWordsData(target, at, value | 0, highWord(value));
  target[at + 1] = value & 0xff;
  target[at + 2] = (value >> 8) & 0xff;
  if (value >= -32768 && value <= 32767) {
    target[at] = INTEGER_16;
    return 3;
  }
  target[at + 3] = (value >> 16) & 0xff;
  if (value >= -8388608 && value <= 8388607) {
    target[at] = INTEGER_24;
    return 4;
  }
  target[at + 4] = (value >> 24) & 0xff;
  target[at] = INTEGER_32;
  return 5;
}

function writeWordsData(target: Uint8Array, at: number, low: number, high: number): number {
  target[at] = INTEGER_64;
  writeWord(target, at + 1, low);
  writeWord(target, at + 5, high);
  return INTEGER_BYTES_MAX;
}

/** Writes 32 bits, the lowest byte first, at any offset. */
export function writeWord(target: Uint8Array, at: number, value: number): void {
  target[at] = value & 0xff;
  target[at + 1] = (value >>> 8) & 0xff;
  target[at + 2] = (value >>> 16) & 0xff;
  target[at + 3] = value >>> 24;
}

/** Reads 32 bits, the lowest byte first, from any offset: a signed pattern. */
export function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
