/**
 * Intsets: small sets of integers, sorted in one run of bytes, byte-compatible with Redis's.
 *
 * ```
 * base   u32   bytes an integer: 2, 4 or 8
 *        u32   integers
 *        integers, signed, lowest byte first, ascending, no two equal
 * ```
 * The width is what the widest integer ever inserted needed: it grows (`upgradeIntset`) and never shrinks.
 *
 * Functions take `bytes`, a segment's view or any array, and the absolute offset of the intset, of any alignment. Values
 * are two words, low and high, so that all 64 bits fit and no BigInt is made (`Integer64`, parseIntsetMember). Nothing
 * here allocates or grows: the owner has made room and has called the write barrier for all that the set takes after
 * the change. All but `validateIntset` trust their bytes.
 */
import { bigintOfWords, Integer64, numberOfWords, parseWords, wordsTextLength, writeWords } from "./integer64.ts";
import { readWord, writeWord } from "./listpack_encoding.ts";

export const INTSET_HEADER_BYTES = 8;

const COUNT = 4;

/** What `parseIntsetMember` last read. */
export const parsedMember = new Integer64();
const element = new Integer64();

/** Whether a text is the canonical decimal of a signed 64-bit integer; then `parsedMember` holds it. */
export function parseIntsetMember(bytes: Uint8Array, start: number, length: number): boolean {
  return parseWords(bytes, start, length, parsedMember);
}

export function writeEmptyIntset(bytes: Uint8Array, base: number): void {
  writeWord(bytes, base, 2);
  writeWord(bytes, base + COUNT, 0);
}

export function intsetCount(bytes: Uint8Array, base: number): number {
  return readWord(bytes, base + COUNT);
}

/** Bytes an integer takes: 2, 4 or 8. */
export function intsetEncodingBytes(bytes: Uint8Array, base: number): number {
  return bytes[base]!;
}

/** All bytes of a set of `count` integers of `encoding` bytes each. */
export function intsetBytesFor(count: number, encoding: number): number {
  return INTSET_HEADER_BYTES + count * encoding;
}

/** All bytes of the set. */
export function intsetBytes(bytes: Uint8Array, base: number): number {
  return INTSET_HEADER_BYTES + intsetCount(bytes, base) * bytes[base]!;
}

/** The width that an integer needs: 2, 4 or 8 bytes. */
export function encodingNeeded(low: number, high: number): number {
  if (high !== low >> 31) return 8;
  return low >= -32768 && low <= 32767 ? 2 : 4;
}

/** Reads the integer at an index. */
export function readIntset(bytes: Uint8Array, base: number, index: number, into: Integer64): void {
  readInteger(bytes, base, bytes[base]!, index, into);
}

/** The integer at an index; NaN beyond ±(2^53 - 1). */
export function intsetAt(bytes: Uint8Array, base: number, index: number): number {
  readIntset(bytes, base, index, element);
  return numberOfWords(element.low, element.high);
}

/** The integer at an index, whatever its size. */
export function intsetBigAt(bytes: Uint8Array, base: number, index: number): bigint {
  readIntset(bytes, base, index, element);
  return bigintOfWords(element.low, element.high);
}

/** The smallest integer of a set that isn't empty; NaN beyond ±(2^53 - 1). */
export function intsetMinimum(bytes: Uint8Array, base: number): number {
  return intsetAt(bytes, base, 0);
}

/** The largest integer of a set that isn't empty; NaN beyond ±(2^53 - 1). */
export function intsetMaximum(bytes: Uint8Array, base: number): number {
  return intsetAt(bytes, base, intsetCount(bytes, base) - 1);
}

/** Length of the integer at an index as decimal text. */
export function intsetTextLength(bytes: Uint8Array, base: number, index: number): number {
  readIntset(bytes, base, index, element);
  return wordsTextLength(element.low, element.high);
}

/** Writes the integer at an index as decimal text, returns its length. */
export function copyIntsetText(bytes: Uint8Array, base: number, index: number, target: Uint8Array, at: number): number {
  readIntset(bytes, base, index, element);
  return writeWords(target, at, element.low, element.high) - at;
}

/** Index of an integer, or -(index + 1) with the index at which it would have to be inserted. */
export function findInteger(bytes: Uint8Array, base: number, low: number, high: number): number {
  const encoding = bytes[base]!;
  const count = intsetCount(bytes, base);
  if (encoding === 8) return findWide(bytes, base + INTSET_HEADER_BYTES, count, low, high);
  if (high !== low >> 31) return high < 0 ? -1 : -(count + 1);
  const first = base + INTSET_HEADER_BYTES;
  let from = 0;
  let to = count;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const value = encoding === 2 ? readShort(bytes, first + middle * 2) : readWord(bytes, first + middle * 4);
    if (value === low) return middle;
    if (value < low) from = middle + 1;
    else to = middle;
  }
  return -(from + 1);
}

function findWide(bytes: Uint8Array, first: number, count: number, low: number, high: number): number {
  let from = 0;
  let to = count;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const valueLow = readWord(bytes, first + middle * 8);
    const valueHigh = readWord(bytes, first + middle * 8 + 4);
    if (valueHigh === high && valueLow === low) return middle;
    if (valueHigh < high || (valueHigh === high && valueLow >>> 0 < low >>> 0)) from = middle + 1;
    else to = middle;
  }
  return -(from + 1);
}

/** Inserts an integer that fits the width and is not in the set, at the index that `findInteger` told. */
export function insertInteger(bytes: Uint8Array, base: number, index: number, low: number, high: number): void {
  const encoding = bytes[base]!;
  const count = intsetCount(bytes, base);
  const at = base + INTSET_HEADER_BYTES + index * encoding;
  if (index < count) bytes.copyWithin(at + encoding, at, base + INTSET_HEADER_BYTES + count * encoding);
  writeInteger(bytes, at, encoding, low, high);
  writeWord(bytes, base + COUNT, count + 1);
}

/** Removes the integer at an index. */
export function removeInteger(bytes: Uint8Array, base: number, index: number): void {
  const encoding = bytes[base]!;
  const count = intsetCount(bytes, base);
  const at = base + INTSET_HEADER_BYTES + index * encoding;
  if (index < count - 1) bytes.copyWithin(at, at + encoding, base + INTSET_HEADER_BYTES + count * encoding);
  writeWord(bytes, base + COUNT, count - 1);
}

/** Widens all integers to `encoding` bytes, in place: from the last on, so that none is overwritten unread. */
export function upgradeIntset(bytes: Uint8Array, base: number, encoding: number): void {
  const old = bytes[base]!;
  if (encoding <= old) return;
  for (let index = intsetCount(bytes, base) - 1; index >= 0; index--) {
    readInteger(bytes, base, old, index, element);
    writeInteger(bytes, base + INTSET_HEADER_BYTES + index * encoding, encoding, element.low, element.high);
  }
  writeWord(bytes, base, encoding);
}

/**
 * Whether bytes[base, base + length) are one whole intset, ascending without equals: for bytes from outside. Reads
 * nothing beyond them. An empty one is none: Redis has no empty sets.
 */
export function validateIntset(bytes: Uint8Array, base: number, length: number): boolean {
  if (length < INTSET_HEADER_BYTES || base < 0 || base + length > bytes.length) return false;
  const encoding = readWord(bytes, base);
  if (encoding !== 2 && encoding !== 4 && encoding !== 8) return false;
  const count = readWord(bytes, base + COUNT) >>> 0;
  if (count === 0 || INTSET_HEADER_BYTES + count * encoding !== length) return false;
  let low = 0;
  let high = 0;
  for (let index = 0; index < count; index++) {
    readInteger(bytes, base, encoding, index, element);
    const ascends = high < element.high || (high === element.high && low >>> 0 < element.low >>> 0);
    if (index > 0 && !ascends) return false;
    low = element.low;
    high = element.high;
  }
  return true;
}

function readInteger(bytes: Uint8Array, base: number, encoding: number, index: number, into: Integer64): void {
  const at = base + INTSET_HEADER_BYTES + index * encoding;
  if (encoding === 8) {
    into.low = readWord(bytes, at);
    into.high = readWord(bytes, at + 4);
    return;
  }
  const value = encoding === 2 ? readShort(bytes, at) : readWord(bytes, at);
  into.low = value;
  into.high = value >> 31;
}

function writeInteger(bytes: Uint8Array, at: number, encoding: number, low: number, high: number): void {
  if (encoding === 2) {
    bytes[at] = low & 0xff;
    bytes[at + 1] = (low >> 8) & 0xff;
    return;
  }
  writeWord(bytes, at, low);
  if (encoding === 8) writeWord(bytes, at + 4, high);
}

function readShort(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 16) | (bytes[at + 1]! << 24)) >> 16;
}
