/**
 * The one layout of everything stored in a Table: a key of the keyspace, a field of a hash, a member of a set or
 * sorted set.
 *
 * ```
 * word 0   bits 0–3 type, bits 4–6 encoding, bit 7 has-expiry, bits 8–31 access (LRU clock or LFU counter)
 * word 1   bits 0–7 key length (255: it stands in the body), bits 8–31 length of the inline value
 *          (0xFFFFFF: value out of line)
 * body     [expiry: int64 milliseconds, low word first — if has-expiry]
 *          [key length: u32 — if 255]
 *          key bytes
 *          value bytes                                       — inline
 *          padding to 4, then address, length, capacity      — out of line, a word each: a blob.ts reference,
 *                                                                    or whatever the owner keeps
 * ```
 * An entry with a key of 16 bytes and a value of 32 and no expiry takes 56 bytes. Values are inline while the whole
 * entry stays within ENTRY_INLINE_BYTES_MAX; longer ones have a block of their own, so that a growing value doesn't
 * move the entry.
 *
 * Functions take the arena and the entry's address; offsets are bytes within the entry's segment,
 * `arena.bytes[address >>> 23]`. Access is written without the barrier on purpose: it is outside digests, and a read
 * must not dirty a block. It must not know what types and encodings mean.
 */
import { copyWords } from "../base/bytes.ts";
import { check } from "../base/check.ts";
import type { Allocator } from "../memory/allocator.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";

/** The longest entry, all told, whose value still lies inline. */
export const ENTRY_INLINE_BYTES_MAX = 1024;
/** As a value length: the value lies out of line. */
export const OUT_OF_LINE = -1;

const HEADER_BYTES = 8;
const EXPIRY_BYTES = 8;
const LONG_KEY = 255;
const LONG_KEY_BYTES = 4;
const VALUE_OUT_OF_LINE = 0xffffff;
const REFERENCE_BYTES = 12;
const EXPIRY_FLAG = 0x80;

function wordOf(address: number): number {
  return (address & UNIT_MASK) << 1;
}

/** Whether a value of this length is to be stored inline with such a key. */
export function fitsInline(keyLength: number, valueLength: number, hasExpiry: boolean): boolean {
  return bytesNeeded(keyLength, valueLength, hasExpiry) <= ENTRY_INLINE_BYTES_MAX;
}

/** Bytes that an entry takes, before rounding to a size class; `valueLength` may be OUT_OF_LINE. */
export function bytesNeeded(keyLength: number, valueLength: number, hasExpiry: boolean): number {
  let bytes = HEADER_BYTES + keyLength;
  if (hasExpiry) bytes += EXPIRY_BYTES;
  if (keyLength >= LONG_KEY) bytes += LONG_KEY_BYTES;
  return valueLength === OUT_OF_LINE ? ((bytes + 3) & ~3) + REFERENCE_BYTES : bytes + valueLength;
}

/**
 * A new entry with the key copied from `key[keyStart …]`; NIL when the address space is full. The value's bytes are
 * whatever was there, an out-of-line reference (`valueLength` OUT_OF_LINE) and the expiry are zero. Access is zero.
 */
export function createEntry(
  allocator: Allocator,
  type: number,
  encoding: number,
  key: Uint8Array,
  keyStart: number,
  keyLength: number,
  valueLength: number,
  hasExpiry: boolean,
): number {
  const bytes = bytesNeeded(keyLength, valueLength, hasExpiry);
  check(valueLength < VALUE_OUT_OF_LINE, "an inline value's length fits its field");
  const address = allocator.allocate(bytes);
  if (address === NIL) return NIL;
  const arena = allocator.arena;
  arena.touch(address, bytes);
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const target = arena.bytes[address >>> SEGMENT_SHIFT]!;
  let word = wordOf(address);
  const start = word;
  words[word] = type | (encoding << 4) | (hasExpiry ? EXPIRY_FLAG : 0);
  const lengthField = valueLength === OUT_OF_LINE ? VALUE_OUT_OF_LINE : valueLength;
  words[word + 1] = Math.min(keyLength, LONG_KEY) | (lengthField << 8);
  word += 2;
  if (hasExpiry) {
    words[word] = 0;
    words[word + 1] = 0;
    word += 2;
  }
  if (keyLength >= LONG_KEY) words[word++] = keyLength;
  const offset = word << 2;
  copyWords(target, arena.views[address >>> SEGMENT_SHIFT]!, offset, key, keyStart, keyLength);
  if (valueLength === OUT_OF_LINE) {
    const reference = start + ((bytes - REFERENCE_BYTES) >>> 2);
    words[reference] = 0;
    words[reference + 1] = 0;
    words[reference + 2] = 0;
  }
  return address;
}

/** Frees the entry itself; an out-of-line value is its owner's to free first. */
export function freeEntry(allocator: Allocator, address: number): void {
  allocator.free(address, entryBytes(allocator.arena, address));
}

/** Bytes of the entry, before rounding to a size class, without an out-of-line value. */
export function entryBytes(arena: Arena, address: number): number {
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = wordOf(address);
  const lengths = words[word + 1]!;
  const hasExpiry = (words[word]! & EXPIRY_FLAG) !== 0;
  const valueLength = lengths >>> 8;
  return bytesNeeded(
    (lengths & 0xff) === LONG_KEY ? words[word + (hasExpiry ? 4 : 2)]! : lengths & 0xff,
    valueLength === VALUE_OUT_OF_LINE ? OUT_OF_LINE : valueLength,
    hasExpiry,
  );
}

export function entryType(arena: Arena, address: number): number {
  return arena.words[address >>> SEGMENT_SHIFT]![wordOf(address)]! & 15;
}

export function entryEncoding(arena: Arena, address: number): number {
  return (arena.words[address >>> SEGMENT_SHIFT]![wordOf(address)]! >>> 4) & 7;
}

/** Changes type and encoding; what lies in the value is the caller's to have made so. */
export function setEntryType(arena: Arena, address: number, type: number, encoding: number): void {
  arena.touch(address, 4);
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = wordOf(address);
  words[word] = (words[word]! & ~0x7f) | type | (encoding << 4);
}

/** The 24 bits of LRU clock or LFU counter. */
export function entryAccess(arena: Arena, address: number): number {
  return arena.words[address >>> SEGMENT_SHIFT]![wordOf(address)]! >>> 8;
}

/** Writes the 24 access bits, past the barrier on purpose. */
export function setEntryAccess(arena: Arena, address: number, access: number): void {
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = wordOf(address);
  words[word] = (words[word]! & 0xff) | (access << 8);
}

export function keyLength(arena: Arena, address: number): number {
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = wordOf(address);
  const length = words[word + 1]! & 0xff;
  if (length !== LONG_KEY) return length;
  return words[word + ((words[word]! & EXPIRY_FLAG) !== 0 ? 4 : 2)]!;
}

/** Byte offset of the key in the entry's segment. */
export function keyOffset(arena: Arena, address: number): number {
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = wordOf(address);
  let offset = (word << 2) + HEADER_BYTES + ((words[word]! & EXPIRY_FLAG) >>> 4);
  if ((words[word + 1]! & 0xff) === LONG_KEY) offset += LONG_KEY_BYTES;
  return offset;
}

/**
 * Word index of the key in the entry's segment. The entry's last word is whole: blocks are multiples of eight bytes.
 */
export function keyWord(arena: Arena, address: number): number {
  return keyOffset(arena, address) >>> 2;
}

/** As `keyLength` and `keyWord`, of the entry that begins at a word of its segment's words, for loops: of keys longer than 254 bytes it is 255. */
export function shortKeyLength(words: Int32Array, word: number): number {
  return words[word + 1]! & 0xff;
}

export function shortKeyWord(words: Int32Array, word: number): number {
  return word + (HEADER_BYTES >>> 2) + ((words[word]! & EXPIRY_FLAG) >>> 6);
}

/** Whether the entry's key is bytes[offset, offset + length). */
export function keyEquals(arena: Arena, address: number, bytes: Uint8Array, offset: number, length: number): boolean {
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = wordOf(address);
  const stored = words[word + 1]! & 0xff;
  let at = (word << 2) + HEADER_BYTES + ((words[word]! & EXPIRY_FLAG) >>> 4);
  if (stored !== length) {
    if (stored !== LONG_KEY || words[at >>> 2] !== length) return false;
    at += LONG_KEY_BYTES;
  } else if (stored === LONG_KEY) {
    if (words[at >>> 2] !== length) return false;
    at += LONG_KEY_BYTES;
  }
  // Keys begin at a multiple of four, so that one of the two sides can be read by words.
  let i = offset;
  const wordsEnd = offset + (length & ~3);
  for (let own = at >>> 2; i < wordsEnd; own++, i += 4) {
    const probe = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    if (words[own] !== probe) return false;
  }
  const tail = length & 3;
  if (tail === 0) return true;
  // What lies behind the key in its last word is the value's, or free.
  let probe = bytes[i]!;
  if (tail > 1) probe |= bytes[i + 1]! << 8;
  if (tail > 2) probe |= bytes[i + 2]! << 16;
  return ((words[(at + length) >>> 2]! ^ probe) & ((1 << (tail << 3)) - 1)) === 0;
}

/** Whether the value lies inline: then valueLength and valueOffset apply, else the reference functions. */
export function valueIsInline(arena: Arena, address: number): boolean {
  return arena.words[address >>> SEGMENT_SHIFT]![wordOf(address) + 1]! >>> 8 !== VALUE_OUT_OF_LINE;
}

/** Length of the value in bytes, wherever it lies (for an out-of-line one: the reference's second word). */
export function valueLength(arena: Arena, address: number): number {
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const length = words[wordOf(address) + 1]! >>> 8;
  return length === VALUE_OUT_OF_LINE ? words[referenceWord(arena, address) + 1]! : length;
}

/** Byte offset of the inline value in the entry's segment. */
export function valueOffset(arena: Arena, address: number): number {
  return keyOffset(arena, address) + keyLength(arena, address);
}

/**
 * Changes an inline value's length without moving the entry, as far as its block reaches; false when it doesn't. The
 * bytes that both lengths share stay. To write the value itself, touch it first (`touchValue`).
 */
export function resizeInlineValue(allocator: Allocator, address: number, length: number): boolean {
  const arena = allocator.arena;
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = wordOf(address);
  const old = words[word + 1]! >>> 8;
  if (old === VALUE_OUT_OF_LINE) return false;
  if (old === length) return true;
  const bytes = entryBytes(arena, address);
  const wanted = bytes - old + length;
  if (wanted > ENTRY_INLINE_BYTES_MAX || allocator.sizeOfClass(wanted) !== allocator.sizeOfClass(bytes)) return false;
  arena.touch(address, HEADER_BYTES);
  words[word + 1] = (words[word + 1]! & 0xff) | (length << 8);
  return true;
}

/** The write barrier over the inline value. */
export function touchValue(arena: Arena, address: number): void {
  arena.touchBytes(address >>> SEGMENT_SHIFT, valueOffset(arena, address), valueLength(arena, address));
}

/** Word index, in the entry's segment, of the reference {address, length, capacity} of an out-of-line value. */
export function referenceWord(arena: Arena, address: number): number {
  return (keyOffset(arena, address) + keyLength(arena, address) + 3) >>> 2;
}

/** First word of the reference. */
export function valueAddress(arena: Arena, address: number): number {
  return arena.words[address >>> SEGMENT_SHIFT]![referenceWord(arena, address)]!;
}

/** Third word of the reference. */
export function valueCapacity(arena: Arena, address: number): number {
  return arena.words[address >>> SEGMENT_SHIFT]![referenceWord(arena, address) + 2]!;
}

export function setValueReference(
  arena: Arena,
  address: number,
  target: number,
  length: number,
  capacity: number,
): void {
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = referenceWord(arena, address);
  arena.touchBytes(address >>> SEGMENT_SHIFT, word << 2, REFERENCE_BYTES);
  words[word] = target;
  words[word + 1] = length;
  words[word + 2] = capacity;
}

export function hasExpiry(arena: Arena, address: number): boolean {
  return (arena.words[address >>> SEGMENT_SHIFT]![wordOf(address)]! & EXPIRY_FLAG) !== 0;
}

/** Expiry in milliseconds since 1970, exact up to 2^53; call it only when the entry has one. */
export function expiryMs(arena: Arena, address: number): number {
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = wordOf(address);
  return words[word + 3]! * 4294967296 + (words[word + 2]! >>> 0);
}

/** Low word of the expiry's 64 bits. */
export function expiryLow(arena: Arena, address: number): number {
  return arena.words[address >>> SEGMENT_SHIFT]![wordOf(address) + 2]!;
}

/** High, signed word of the expiry's 64 bits. */
export function expiryHigh(arena: Arena, address: number): number {
  return arena.words[address >>> SEGMENT_SHIFT]![wordOf(address) + 3]!;
}

export function setExpiryWords(arena: Arena, address: number, low: number, high: number): void {
  const words = arena.words[address >>> SEGMENT_SHIFT]!;
  const word = wordOf(address);
  check((words[word]! & EXPIRY_FLAG) !== 0, "the entry has room for an expiry");
  arena.touch(address, HEADER_BYTES + EXPIRY_BYTES);
  words[word + 2] = low;
  words[word + 3] = high;
}

/** Sets the expiry from a whole number of milliseconds. */
export function setExpiryMs(arena: Arena, address: number, ms: number): void {
  setExpiryWords(arena, address, ms | 0, Math.floor(ms / 4294967296));
}
