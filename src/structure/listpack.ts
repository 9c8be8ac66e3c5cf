/**
 * Listpacks: short sequences of strings and integers in one run of bytes, byte-compatible with Redis's, so that DUMP,
 * RESTORE and RDB files copy them.
 *
 * ```
 * base   u32   all bytes, this header and the end mark included
 *        u16   elements; 65535: more than 65534, or once more: to know, walk
 *        elements: encoding, data, back length — see listpack_encoding.ts
 *        0xFF  end mark
 * ```
 * Functions take `bytes`, a segment's view or any array, and absolute offsets in it, of any alignment; -1 means "no
 * such element". Nothing here allocates or grows: the owner makes room, and calls the write barrier, except for what
 * `splice` changes.
 *
 * All but `validateListpack` trust their bytes. That elements are equal exactly if their encodings are is an invariant of
 * what we write; for bytes from elsewhere `isCanonicalListpack` tells. It must not know what the elements mean.
 */
import { copyBytes, equalBytes, moveBytes } from "../base/bytes.ts";
import { parseIntegerSafe } from "../base/integer.ts";
import type { Arena } from "../memory/arena.ts";
import { bigintOfWords, Integer64, numberOfWords, parseWords, wordsTextLength, writeWords } from "./integer64.ts";
import {
  backLengthBytes,
  END,
  encodedIntegerBytes,
  encodeProbe,
  INTEGER_13,
  INTEGER_16,
  INTEGER_24,
  INTEGER_32,
  INTEGER_64,
  INTEGER_BYTES_MAX,
  readWord,
  STRING_6,
  STRING_12,
  STRING_32,
  writeBackLength,
  writeWord,
} from "./listpack_encoding.ts";

export {
  encodedBytes,
  encodedIntegerBytes,
  encodeElement,
  encodeElementIn,
  encodeInteger,
  encodeIntegerWords,
} from "./listpack_encoding.ts";

export const EMPTY_LISTPACK_BYTES = 7;
export const LISTPACK_HEADER_BYTES = 6;

const COUNT = 4;
const COUNT_UNKNOWN = 65535;
/** Up to this many bytes a loop moves a tail faster than copyWithin. */
const LOOP_BYTES_MAX = 64;

/** Whole size of an element by its first byte; 0 where that byte alone doesn't tell. */
const SIZES = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (byte < STRING_6) SIZES[byte] = 2;
  else if (byte < INTEGER_13) SIZES[byte] = 2 + (byte & 63);
  else if (byte < STRING_12) SIZES[byte] = 3;
}
SIZES[INTEGER_16] = 4;
SIZES[INTEGER_24] = 5;
SIZES[INTEGER_32] = 6;
SIZES[INTEGER_64] = 10;

const probe = new Uint8Array(INTEGER_BYTES_MAX);
const words = new Integer64();
const keyWords = new Integer64();

export function writeEmptyListpack(bytes: Uint8Array, base: number): void {
  writeWord(bytes, base, EMPTY_LISTPACK_BYTES);
  bytes[base + COUNT] = 0;
  bytes[base + COUNT + 1] = 0;
  bytes[base + LISTPACK_HEADER_BYTES] = END;
}

/** Writes the header and the end mark around `count` elements that take all of `total` bytes but these: for who writes a listpack as a whole. */
export function writeListpackFrame(bytes: Uint8Array, base: number, total: number, count: number): void {
  const stored = Math.min(count, COUNT_UNKNOWN);
  writeWord(bytes, base, total);
  bytes[base + COUNT] = stored & 0xff;
  bytes[base + COUNT + 1] = stored >>> 8;
  bytes[base + total - 1] = END;
}

/** All bytes of the listpack. */
export function listpackBytes(bytes: Uint8Array, base: number): number {
  return readWord(bytes, base);
}

/** Number of elements: read from the header, or by a walk over more than 65534 elements. */
export function listpackCount(bytes: Uint8Array, base: number): number {
  const count = bytes[base + COUNT]! | (bytes[base + COUNT + 1]! << 8);
  if (count !== COUNT_UNKNOWN) return count;
  const end = endPosition(bytes, base);
  let walked = 0;
  for (let at = base + LISTPACK_HEADER_BYTES; at < end; at += elementBytes(bytes, at)) walked++;
  return walked;
}

/** Where the end mark stands: the position at which an appended element begins. */
export function endPosition(bytes: Uint8Array, base: number): number {
  return base + readWord(bytes, base) - 1;
}

export function firstElement(bytes: Uint8Array, base: number): number {
  const first = base + LISTPACK_HEADER_BYTES;
  return bytes[first] === END ? -1 : first;
}

export function lastElement(bytes: Uint8Array, base: number): number {
  return previousElement(bytes, base, endPosition(bytes, base));
}

export function nextElement(bytes: Uint8Array, position: number): number {
  const next = position + elementBytes(bytes, position);
  return bytes[next] === END ? -1 : next;
}

/** The element before `position`, which may also be the end mark's. */
export function previousElement(bytes: Uint8Array, base: number, position: number): number {
  if (position <= base + LISTPACK_HEADER_BYTES) return -1;
  let at = position - 1;
  let byte = bytes[at]!;
  let size = byte & 127;
  for (let shift = 7; byte >= 128 && shift <= 28; shift += 7) {
    byte = bytes[--at]!;
    size |= (byte & 127) << shift;
  }
  return at - size;
}

/** The element at an index, counted from the end where negative (-1 is the last); walks from the nearer end. */
export function seekElement(bytes: Uint8Array, base: number, index: number): number {
  const count = bytes[base + COUNT]! | (bytes[base + COUNT + 1]! << 8);
  let left = index;
  if (count !== COUNT_UNKNOWN) {
    if (left < 0) left += count;
    if (left < 0 || left >= count) return -1;
    if (left > count >>> 1) left -= count;
  }
  let position: number;
  if (left >= 0) {
    position = firstElement(bytes, base);
    for (; left > 0 && position !== -1; left--) position = nextElement(bytes, position);
  } else {
    position = lastElement(bytes, base);
    for (; left < -1 && position !== -1; left++) position = previousElement(bytes, base, position);
  }
  return position;
}

/** Whole size of an element, back length included. */
export function elementBytes(bytes: Uint8Array, position: number): number {
  const size = SIZES[bytes[position]!]!;
  return size !== 0 ? size : longElementBytes(bytes, position);
}

function longElementBytes(bytes: Uint8Array, position: number): number {
  const byte = bytes[position]!;
  // An end mark counts as one byte, so that a walk over damaged bytes ends, too.
  if (byte > STRING_32) return 1;
  const size = (byte < STRING_32 ? 2 : 5) + stringLength(bytes, position);
  return size + backLengthBytes(size);
}

export function isIntegerElement(bytes: Uint8Array, position: number): boolean {
  const byte = bytes[position]!;
  return byte < STRING_6 || (byte & 0xe0) === INTEGER_13 || byte > STRING_32;
}

/** Value of an integer element; NaN beyond ±(2^53 - 1). */
export function integerOf(bytes: Uint8Array, position: number): number {
  const byte = bytes[position]!;
  if (byte < STRING_6) return byte;
  if (byte < STRING_12) return (((byte & 31) << 27) | (bytes[position + 1]! << 19)) >> 19;
  if (byte === INTEGER_16) return ((bytes[position + 1]! << 16) | (bytes[position + 2]! << 24)) >> 16;
  if (byte === INTEGER_24) {
    return ((bytes[position + 1]! << 8) | (bytes[position + 2]! << 16) | (bytes[position + 3]! << 24)) >> 8;
  }
  const low = readWord(bytes, position + 1);
  return byte === INTEGER_32 ? low : numberOfWords(low, readWord(bytes, position + 5));
}

/** Value of an integer element, whatever its size. */
export function bigintOf(bytes: Uint8Array, position: number): bigint {
  integerWords(bytes, position, words);
  return bigintOfWords(words.low, words.high);
}

/** Reads an integer element as words. */
export function integerWords(bytes: Uint8Array, position: number, into: Integer64): void {
  if (bytes[position] === INTEGER_64) {
    into.low = readWord(bytes, position + 1);
    into.high = readWord(bytes, position + 5);
    return;
  }
  const value = integerOf(bytes, position);
  into.low = value;
  into.high = value >> 31;
}

/** Offset of a string element's bytes. */
export function stringOffset(bytes: Uint8Array, position: number): number {
  const byte = bytes[position]!;
  return position + (byte < INTEGER_13 ? 1 : byte < STRING_32 ? 2 : 5);
}

/** Length of a string element, bytes. */
export function stringLength(bytes: Uint8Array, position: number): number {
  const byte = bytes[position]!;
  if (byte < INTEGER_13) return byte & 63;
  return byte < STRING_32 ? ((byte & 15) << 8) | bytes[position + 1]! : readWord(bytes, position + 1);
}

/** Length of the element as text, integers in decimal. */
export function elementTextLength(bytes: Uint8Array, position: number): number {
  if (!isIntegerElement(bytes, position)) return stringLength(bytes, position);
  integerWords(bytes, position, words);
  return wordsTextLength(words.low, words.high);
}

/** Writes the element as text, integers in decimal, and returns its length. */
export function copyElementText(bytes: Uint8Array, position: number, target: Uint8Array, at: number): number {
  if (isIntegerElement(bytes, position)) {
    integerWords(bytes, position, words);
    return writeWords(target, at, words.low, words.high) - at;
  }
  const offset = stringOffset(bytes, position);
  const length = stringLength(bytes, position);
  if (length <= LOOP_BYTES_MAX) for (let i = 0; i < length; i++) target[at + i] = bytes[offset + i]!;
  else copyBytes(target, at, bytes, offset, length);
  return length;
}

/** Whether the element's text is key[keyStart, keyStart + keyLength). */
export function elementEquals(
  bytes: Uint8Array,
  position: number,
  key: Uint8Array,
  keyStart: number,
  keyLength: number,
): boolean {
  if (!isIntegerElement(bytes, position)) {
    if (stringLength(bytes, position) !== keyLength) return false;
    return equalBytes(bytes, stringOffset(bytes, position), key, keyStart, keyLength);
  }
  if (bytes[position] !== INTEGER_64) return parseIntegerSafe(key, keyStart, keyLength) === integerOf(bytes, position);
  if (!parseWords(key, keyStart, keyLength, keyWords)) return false;
  return keyWords.low === readWord(bytes, position + 1) && keyWords.high === readWord(bytes, position + 5);
}

/**
 * The first element equal to the key, looking at `from` (-1: none) and then at each (skip + 1)th element; -1 when
 * there is none. `skip` is 1 for the fields of field-value pairs.
 */
export function findElement(
  bytes: Uint8Array,
  base: number,
  from: number,
  key: Uint8Array,
  keyStart: number,
  keyLength: number,
  skip: number,
): number {
  if (from < 0) return -1;
  const end = endPosition(bytes, base);
  // Names that begin with a letter, and are short, are what is looked for most.
  if (keyLength < 64 && (keyLength === 0 || key[keyStart]! > 57)) {
    return findShortString(bytes, end, from, key, keyStart, keyLength, skip);
  }
  const head = encodeProbe(probe, key, keyStart, keyLength);
  if (head < 0 && keyLength < 64) return findShortString(bytes, end, from, key, keyStart, keyLength, skip);
  const first = probe[0]!;
  let position = from;
  while (position < end) {
    if (bytes[position] === first && continues(bytes, position, head, key, keyStart, keyLength)) return position;
    for (let left = skip; left >= 0; left--) position += elementBytes(bytes, position);
  }
  return -1;
}

function findShortString(
  bytes: Uint8Array,
  end: number,
  from: number,
  key: Uint8Array,
  keyStart: number,
  keyLength: number,
  skip: number,
): number {
  const first = STRING_6 | keyLength;
  const shift = keyStart - 1;
  let position = from;
  // Branches, not the table: the processor waits for a table's answer before it takes the next step of the chain, and
  // runs ahead of a branch that it predicts (a third faster).
  while (position < end) {
    let byte = bytes[position]!;
    if (byte === first) {
      // Names of one collection differ at their ends more often than at their beginnings.
      let i = keyLength;
      while (i > 0 && bytes[position + i] === key[shift + i]) i--;
      if (i === 0) return position;
      position += 2 + keyLength;
    } else if ((byte & 0xc0) === STRING_6) position += 2 + (byte & 63);
    else if (byte < STRING_6) position += 2;
    else position += elementBytes(bytes, position);
    for (let left = skip; left > 0; left--) {
      byte = bytes[position]!;
      if ((byte & 0xc0) === STRING_6) position += 2 + (byte & 63);
      else if (byte < STRING_6) position += 2;
      else position += elementBytes(bytes, position);
    }
  }
  return -1;
}

/** Whether the element goes on as the probe does and, for a string (`head` negative), as the key. */
function continues(
  bytes: Uint8Array,
  position: number,
  head: number,
  key: Uint8Array,
  keyStart: number,
  keyLength: number,
): boolean {
  if (head >= 0) return equalBytes(bytes, position, probe, 0, head);
  return equalBytes(bytes, position, probe, 0, ~head) && equalBytes(bytes, position + ~head, key, keyStart, keyLength);
}

/**
 * Makes `addedBytes` of room at `position` in place of `removedBytes`, within an area that is known to be large enough:
 * moves what is behind, corrects the header by `countDelta`, tells the barrier about all of it and about the room. The
 * caller then encodes at `position`.
 */
export function splice(
  arena: Arena,
  segment: number,
  bytes: Uint8Array,
  base: number,
  position: number,
  removedBytes: number,
  addedBytes: number,
  countDelta: number,
): void {
  const delta = addedBytes - removedBytes;
  if (delta !== 0 || countDelta !== 0) {
    arena.touchBytes(segment, base, LISTPACK_HEADER_BYTES);
    const count = bytes[base + COUNT]! | (bytes[base + COUNT + 1]! << 8);
    if (count !== COUNT_UNKNOWN) {
      const next = Math.min(count + countDelta, COUNT_UNKNOWN);
      bytes[base + COUNT] = next & 0xff;
      bytes[base + COUNT + 1] = next >>> 8;
    }
  }
  if (delta === 0) {
    if (addedBytes > 0) arena.touchBytes(segment, position, addedBytes);
    return;
  }
  const total = readWord(bytes, base);
  const tail = position + removedBytes;
  const tailBytes = base + total - tail;
  arena.touchBytes(segment, position, addedBytes + tailBytes);
  moveTail(bytes, position + addedBytes, tail, tailBytes);
  writeWord(bytes, base, total + delta);
}

function moveTail(bytes: Uint8Array, to: number, from: number, length: number): void {
  if (length > LOOP_BYTES_MAX) moveBytes(bytes, to, from, length);
  else if (to > from) for (let i = length - 1; i >= 0; i--) bytes[to + i] = bytes[from + i]!;
  else for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i]!;
}

/**
 * Whether bytes[base, base + length) are one whole listpack, every length and the count right: for bytes from outside.
 * Reads nothing beyond them.
 */
export function validateListpack(bytes: Uint8Array, base: number, length: number): boolean {
  if (length < EMPTY_LISTPACK_BYTES || base < 0 || base + length > bytes.length) return false;
  if (readWord(bytes, base) !== length) return false;
  const end = base + length - 1;
  if (bytes[end] !== END) return false;
  let at = base + LISTPACK_HEADER_BYTES;
  let count = 0;
  while (at < end) {
    const size = validDataBytes(bytes, at, end);
    const next = at + size + backLengthBytes(size);
    if (size === 0 || next > end) return false;
    writeBackLength(probe, 0, size);
    if (!equalBytes(bytes, at + size, probe, 0, next - at - size)) return false;
    at = next;
    count++;
  }
  const stored = bytes[base + COUNT]! | (bytes[base + COUNT + 1]! << 8);
  return stored === COUNT_UNKNOWN || stored === count;
}

/** Size without back length of an element whose head lies before `end`; 0 where no element begins. */
function validDataBytes(bytes: Uint8Array, position: number, end: number): number {
  const byte = bytes[position]!;
  // What has a known size has a back length of one byte.
  if (SIZES[byte] !== 0) return SIZES[byte]! - 1;
  const head = byte < STRING_32 ? 2 : 5;
  if (byte > STRING_32 || position + head > end) return 0;
  return head + (stringLength(bytes, position) >>> 0);
}

/** Whether every element of a valid listpack has its shortest form, which `findElement` relies on. */
export function isCanonicalListpack(bytes: Uint8Array, base: number): boolean {
  const end = endPosition(bytes, base);
  for (let at = base + LISTPACK_HEADER_BYTES; at < end; at += elementBytes(bytes, at)) {
    if (isIntegerElement(bytes, at)) {
      const value = integerOf(bytes, at);
      if (value === value && encodedIntegerBytes(value) !== elementBytes(bytes, at)) return false;
      continue;
    }
    const length = stringLength(bytes, at);
    const offset = stringOffset(bytes, at);
    if (offset - at !== (length < 64 ? 1 : length < 4096 ? 2 : 5)) return false;
    if (parseWords(bytes, offset, length, words)) return false;
  }
  return true;
}
