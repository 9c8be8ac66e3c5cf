/**
 * Packed values: small collections, each one listpack or intset, contiguous bytes that lie in the entry or, when longer than an entry
 * may be, in a blob of one block.
 *
 * A change goes in two steps, so that a full address space is met before anything has changed: make the value as long as it must be
 * (`resizePack`, the entry may move), then change the bytes where the Pack says that they lie. To shrink, the other way round.
 *
 * Invariant: a packed value is at most PACK_BYTES_MAX long, so that its blob is one block; whoever would make it longer converts it
 * first (`becomeBig`). None of these functions knows what the bytes mean, nor tells the journal.
 */
import { copyBytes } from "../base/bytes.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import {
  Blob,
  CHUNK_BYTES,
  createBlob,
  freeBlob,
  readReference,
  resizeBlob,
  writeReference,
} from "../structure/blob.ts";
import {
  createEntry,
  entryAccess,
  entryEncoding,
  entryType,
  expiryHigh,
  expiryLow,
  fitsInline,
  freeEntry,
  hasExpiry,
  keyLength,
  keyOffset,
  OUT_OF_LINE,
  referenceWord,
  resizeInlineValue,
  setEntryAccess,
  setExpiryWords,
  setValueReference,
  touchValue,
  valueIsInline,
  valueLength,
  valueOffset,
} from "../structure/entry.ts";
import type { Database } from "./database.ts";
import type { Dataset } from "./dataset.ts";
import { ENCODING_BIG } from "./types.ts";

/** The longest packed value, bytes. */
export const PACK_BYTES_MAX = CHUNK_BYTES;

/** Where a packed value lies: `length` bytes from `offset` on of `bytes`, a segment's view. */
export class Pack {
  segment = 0;
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;
  length = 0;
}

const blob = new Blob();

export function openPack(arena: Arena, entry: number, pack: Pack): void {
  if (valueIsInline(arena, entry)) {
    pack.segment = entry >>> SEGMENT_SHIFT;
    pack.bytes = arena.bytes[pack.segment]!;
    pack.offset = valueOffset(arena, entry);
    pack.length = valueLength(arena, entry);
    return;
  }
  const words = arena.words[entry >>> SEGMENT_SHIFT]!;
  const word = referenceWord(arena, entry);
  const address = words[word]!;
  pack.segment = address >>> SEGMENT_SHIFT;
  pack.bytes = arena.bytes[pack.segment]!;
  pack.offset = (address & UNIT_MASK) << 3;
  pack.length = words[word + 1]!;
}

/**
 * A new entry without expiry under a key that has none, with a packed value of `length` bytes, touched but not written. NIL: the address
 * space is full, nothing changed.
 */
export function createPack(
  db: Database,
  type: number,
  encoding: number,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  hash: number,
  length: number,
  pack: Pack,
): number {
  const { arena } = db.dataset;
  const entry = newPacked(db.dataset, type, encoding, key, keyStart, keyBytes, length, false);
  if (entry === NIL) return NIL;
  if (!db.insert(entry, hash)) {
    freePacked(db.dataset, entry);
    return NIL;
  }
  openPack(arena, entry, pack);
  return entry;
}

/**
 * Makes the value `length` bytes long; what both lengths share stays, new bytes are whatever was there. `pack`, which must be open on the
 * entry, is opened again. Returns the entry, which may have moved; NIL: the address space is full, nothing changed.
 */
export function resizePack(db: Database, entry: number, hash: number, length: number, pack: Pack): number {
  const { arena, allocator } = db.dataset;
  if (!valueIsInline(arena, entry)) {
    readReference(arena, entry, blob);
    if (!resizeBlob(allocator, blob, length, false)) return NIL;
    writeReference(arena, entry, blob);
    openPack(arena, entry, pack);
    return entry;
  }
  if (resizeInlineValue(allocator, entry, length)) {
    pack.length = length;
    return entry;
  }
  const moved = newPacked(
    db.dataset,
    entryType(arena, entry),
    entryEncoding(arena, entry),
    arena.bytes[entry >>> SEGMENT_SHIFT]!,
    keyOffset(arena, entry),
    keyLength(arena, entry),
    length,
    hasExpiry(arena, entry),
  );
  if (moved === NIL) return NIL;
  copyHead(arena, entry, moved);
  const { bytes, offset, length: old } = pack;
  openPack(arena, moved, pack);
  const kept = Math.min(old, length);
  if (kept <= 64) for (let i = 0; i < kept; i++) pack.bytes[pack.offset + i] = bytes[offset + i]!;
  else copyBytes(pack.bytes, pack.offset, bytes, offset, kept);
  db.moved(entry, moved, hash);
  freeEntry(allocator, entry);
  return moved;
}

/**
 * Lets an entry refer to the roots of structures instead of its packed value, which is freed. Returns the entry, which may have moved;
 * NIL: the address space is full, nothing changed (the roots are still the caller's).
 */
export function becomeBig(
  db: Database,
  entry: number,
  hash: number,
  word0: number,
  word1: number,
  encoding = ENCODING_BIG,
): number {
  const { arena, allocator } = db.dataset;
  const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  const start = keyOffset(arena, entry);
  const length = keyLength(arena, entry);
  const expires = hasExpiry(arena, entry);
  const type = entryType(arena, entry);
  const big = createEntry(allocator, type, encoding, bytes, start, length, OUT_OF_LINE, expires);
  if (big === NIL) return NIL;
  copyHead(arena, entry, big);
  setValueReference(arena, big, word0, word1, 0);
  db.moved(entry, big, hash);
  freePacked(db.dataset, entry);
  return big;
}

/**
 * Lets an entry have a packed value of `length` bytes, touched but not written, instead of its big one, whose structures are the caller's to
 * free. Opens `pack` on it. Returns the entry, which has moved; NIL: the address space is full, nothing changed.
 */
export function becomePacked(
  db: Database,
  entry: number,
  hash: number,
  encoding: number,
  length: number,
  pack: Pack,
): number {
  const { arena, allocator } = db.dataset;
  const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  const start = keyOffset(arena, entry);
  const keyBytes = keyLength(arena, entry);
  const type = entryType(arena, entry);
  const packed = newPacked(db.dataset, type, encoding, bytes, start, keyBytes, length, hasExpiry(arena, entry));
  if (packed === NIL) return NIL;
  copyHead(arena, entry, packed);
  db.moved(entry, packed, hash);
  freeEntry(allocator, entry);
  openPack(arena, packed, pack);
  return packed;
}

/** A new entry without expiry under a key that has none, referring to the roots of structures. NIL: the address space is full, nothing changed. */
export function createBig(
  db: Database,
  type: number,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  hash: number,
  word0: number,
  word1: number,
): number {
  const { arena, allocator } = db.dataset;
  const entry = createEntry(allocator, type, ENCODING_BIG, key, keyStart, keyBytes, OUT_OF_LINE, false);
  if (entry === NIL) return NIL;
  setValueReference(arena, entry, word0, word1, 0);
  if (db.insert(entry, hash)) return entry;
  freeEntry(allocator, entry);
  return NIL;
}

/** First word of a big value's reference: the root of its Table, or of a list's Tree. */
export function bigWord0(arena: Arena, entry: number): number {
  return arena.words[entry >>> SEGMENT_SHIFT]![referenceWord(arena, entry)]!;
}

/** Second word: the root of a sorted set's Tree, or of the Table of a hash's expiring fields. The third belongs to released_values.ts. */
export function bigWord1(arena: Arena, entry: number): number {
  return arena.words[entry >>> SEGMENT_SHIFT]![referenceWord(arena, entry) + 1]!;
}

/** Frees an entry with bytes for a value, one that is not in the tables (any more). */
export function freePacked(dataset: Dataset, entry: number): void {
  const { arena, allocator } = dataset;
  if (!valueIsInline(arena, entry)) {
    readReference(arena, entry, blob);
    freeBlob(allocator, blob);
  }
  freeEntry(allocator, entry);
}

/** An entry with a value of `length` bytes, touched but not written; in no table. NIL: the address space is full. */
export function newPacked(
  dataset: Dataset,
  type: number,
  encoding: number,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  length: number,
  expires: boolean,
): number {
  const { arena, allocator } = dataset;
  const inline = fitsInline(keyBytes, length, expires);
  const entry = createEntry(allocator, type, encoding, key, keyStart, keyBytes, inline ? length : OUT_OF_LINE, expires);
  if (entry === NIL) return NIL;
  if (inline) {
    if (length > 0) touchValue(arena, entry);
    return entry;
  }
  if (!createBlob(allocator, blob, length)) {
    freeEntry(allocator, entry);
    return NIL;
  }
  arena.touch(blob.address, length);
  writeReference(arena, entry, blob);
  return entry;
}

/** Access bits and expiry, where both entries have one. */
export function copyHead(arena: Arena, from: number, to: number): void {
  setEntryAccess(arena, to, entryAccess(arena, from));
  if (hasExpiry(arena, from)) setExpiryWords(arena, to, expiryLow(arena, from), expiryHigh(arena, from));
}
