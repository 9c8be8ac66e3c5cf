/**
 * String values: bytes inline in the entry, or a blob. The encoding in the entry only says what Redis would have chosen; integers are
 * stored as their decimal text, so that GET is a copy whatever the value.
 *
 * Functions that may move an entry return its address, 0 when the address space is full and nothing has changed. None of them tells
 * the journal: that is the command's to do.
 */
import { copyWords } from "../base/bytes.ts";
import { isInteger64 } from "../base/integer.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import {
  Blob,
  createBlob,
  freeBlob,
  locate,
  readBlob,
  readReference,
  resizeBlob,
  type Span,
  writeBlob,
  writeReference,
  zeroBlob,
} from "../structure/blob.ts";
import {
  createEntry,
  entryEncoding,
  entryType,
  fitsInline,
  freeEntry,
  hasExpiry,
  keyLength,
  keyOffset,
  OUT_OF_LINE,
  resizeInlineValue,
  setEntryType,
  touchValue,
  valueIsInline,
  valueLength,
  valueOffset,
} from "../structure/entry.ts";
import type { Database } from "./database.ts";
import { readExpiry, writeExpiry } from "./entries.ts";
import { EMBEDDED_BYTES_MAX, ENCODING_EMBSTR, ENCODING_INT, ENCODING_RAW, TYPE_STRING } from "./types.ts";

/** As an expiry: the entry shall have none. */
export const NO_EXPIRY = -1;
/** As an expiry: the entry keeps the one that it has. */
export const KEEP_EXPIRY = -2;

const blob = new Blob();

/** The encoding that Redis gives a value it is handed whole. */
export function encodingOf(bytes: Uint8Array, offset: number, length: number): number {
  if (length <= 20 && isInteger64(bytes, offset, length)) return ENCODING_INT;
  return length <= EMBEDDED_BYTES_MAX ? ENCODING_EMBSTR : ENCODING_RAW;
}

/**
 * Sets a key to a string, whatever it held. `entry` is what `lookup` found under the key (0: nothing). Returns the entry's address, 0
 * when the address space is full.
 */
export function setString(
  db: Database,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  hash: number,
  entry: number,
  value: Uint8Array,
  start: number,
  length: number,
  expiry: number | bigint,
): number {
  return storeString(
    db,
    key,
    keyStart,
    keyBytes,
    hash,
    entry,
    value,
    start,
    length,
    expiry,
    encodingOf(value, start, length),
  );
}

/** As `setString`, with a given encoding. */
export function storeString(
  db: Database,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  hash: number,
  entry: number,
  value: Uint8Array,
  start: number,
  length: number,
  expiry: number | bigint,
  encoding: number,
): number {
  const { arena, allocator } = db.dataset;
  if (entry !== NIL) {
    if (expiry === KEEP_EXPIRY) expiry = hasExpiry(arena, entry) ? readExpiry(arena, entry) : NO_EXPIRY;
    const asBefore = entryType(arena, entry) === TYPE_STRING && hasExpiry(arena, entry) === (expiry !== NO_EXPIRY);
    if (asBefore && resizeInlineValue(allocator, entry, length)) {
      // The common overwrite: same entry, same block. What another type holds may stand in tables of its own.
      setEntryType(arena, entry, TYPE_STRING, encoding);
      copyInline(arena, entry, value, start, length);
      if (expiry !== NO_EXPIRY) writeExpiry(arena, entry, expiry);
      return entry;
    }
  } else if (expiry === KEEP_EXPIRY) expiry = NO_EXPIRY;
  const expires = expiry !== NO_EXPIRY;
  const inline = fitsInline(keyBytes, length, expires);
  const created = createEntry(
    allocator,
    TYPE_STRING,
    encoding,
    key,
    keyStart,
    keyBytes,
    inline ? length : OUT_OF_LINE,
    expires,
  );
  if (created === NIL) return NIL;
  if (expires) writeExpiry(arena, created, expiry);
  if (inline) copyInline(arena, created, value, start, length);
  else {
    if (!createBlob(allocator, blob, length)) {
      freeEntry(allocator, created);
      return NIL;
    }
    writeBlob(arena, blob, 0, value, start, length);
    writeReference(arena, created, blob);
  }
  if (entry === NIL ? db.insert(created, hash) : db.replace(entry, created, hash)) return created;
  releaseString(db, created);
  return NIL;
}

/** Length in bytes. */
export function stringLength(arena: Arena, entry: number): number {
  return valueLength(arena, entry);
}

/** The contiguous stretch of the value that begins at `offset`, at most `length` bytes: to read without a copy. */
export function locateString(arena: Arena, entry: number, offset: number, length: number, out: Span): void {
  if (valueIsInline(arena, entry)) {
    out.segment = entry >>> SEGMENT_SHIFT;
    out.offset = valueOffset(arena, entry) + offset;
    out.length = length;
    return;
  }
  readReference(arena, entry, blob);
  locate(arena, blob, offset, length, out);
}

/** Copies bytes of the value to `target`. */
export function readString(
  arena: Arena,
  entry: number,
  offset: number,
  target: Uint8Array,
  targetOffset: number,
  length: number,
): void {
  if (valueIsInline(arena, entry)) {
    const from = valueOffset(arena, entry) + offset;
    target.set(arena.bytes[entry >>> SEGMENT_SHIFT]!.subarray(from, from + length), targetOffset);
    return;
  }
  readReference(arena, entry, blob);
  readBlob(arena, blob, offset, target, targetOffset, length);
}

/** The whole value as a copy of its own. */
export function stringBytes(arena: Arena, entry: number): Uint8Array {
  const length = valueLength(arena, entry);
  const copy = new Uint8Array(length);
  readString(arena, entry, 0, copy, 0, length);
  return copy;
}

/**
 * Overwrites bytes from `offset` on; the value grows as needed, with zeros in between. With `slack` a growing value takes room for more.
 * The encoding becomes raw. Returns the entry, which may have moved; 0 when the address space is full.
 */
export function writeString(
  db: Database,
  entry: number,
  hash: number,
  offset: number,
  source: Uint8Array,
  start: number,
  length: number,
): number {
  const { arena } = db.dataset;
  const old = valueLength(arena, entry);
  const wanted = Math.max(old, offset + length);
  const resized = wanted === old ? entry : resizeString(db, entry, hash, wanted);
  if (resized === NIL) return NIL;
  setEntryType(arena, resized, TYPE_STRING, ENCODING_RAW);
  if (valueIsInline(arena, resized)) {
    touchValue(arena, resized);
    const segment = resized >>> SEGMENT_SHIFT;
    const at = valueOffset(arena, resized) + offset;
    copyWords(arena.bytes[segment]!, arena.views[segment]!, at, source, start, length);
    return resized;
  }
  readReference(arena, resized, blob);
  writeBlob(arena, blob, offset, source, start, length);
  return resized;
}

/** Changes the length; new bytes are zero. Returns the entry, which may have moved; 0 when the address space is full. */
export function resizeString(db: Database, entry: number, hash: number, length: number): number {
  const { arena, allocator } = db.dataset;
  const old = valueLength(arena, entry);
  if (valueIsInline(arena, entry)) {
    if (resizeInlineValue(allocator, entry, length)) {
      if (length > old) zeroInline(arena, entry, old, length);
      return entry;
    }
    return moveToLength(db, entry, hash, old, length);
  }
  readReference(arena, entry, blob);
  if (!resizeBlob(allocator, blob, length, length > old)) return NIL;
  if (length > old) zeroBlob(arena, blob, old, length - old);
  writeReference(arena, entry, blob);
  return entry;
}

/** An inline value that doesn't fit its block any more: to a larger block, or out of line. */
function moveToLength(db: Database, entry: number, hash: number, old: number, length: number): number {
  const { arena, allocator } = db.dataset;
  const keyBytes = keyLength(arena, entry);
  const expires = hasExpiry(arena, entry);
  const inline = fitsInline(keyBytes, length, expires);
  const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  const encoding = entryEncoding(arena, entry);
  const kept = Math.min(old, length);
  const at = keyOffset(arena, entry);
  const moved = createEntry(
    allocator,
    TYPE_STRING,
    encoding,
    bytes,
    at,
    keyBytes,
    inline ? length : OUT_OF_LINE,
    expires,
  );
  if (moved === NIL) return NIL;
  if (expires) writeExpiry(arena, moved, readExpiry(arena, entry));
  const from = valueOffset(arena, entry);
  if (inline) {
    copyInline(arena, moved, bytes, from, kept);
    if (length > kept) zeroInline(arena, moved, kept, length);
  } else {
    blob.clear();
    if (!resizeBlob(allocator, blob, length, true)) {
      freeEntry(allocator, moved);
      return NIL;
    }
    writeBlob(arena, blob, 0, bytes, from, kept);
    if (length > kept) zeroBlob(arena, blob, kept, length - kept);
    writeReference(arena, moved, blob);
  }
  db.moved(entry, moved, hash);
  freeEntry(allocator, entry);
  return moved;
}

function copyInline(arena: Arena, entry: number, source: Uint8Array, start: number, length: number): void {
  touchValue(arena, entry);
  const segment = entry >>> SEGMENT_SHIFT;
  copyWords(arena.bytes[segment]!, arena.views[segment]!, valueOffset(arena, entry), source, start, length);
}

function zeroInline(arena: Arena, entry: number, from: number, to: number): void {
  touchValue(arena, entry);
  const at = valueOffset(arena, entry);
  arena.bytes[entry >>> SEGMENT_SHIFT]!.fill(0, at + from, at + to);
}

/** Frees an entry that never got into the tables. */
function releaseString(db: Database, entry: number): void {
  const { arena, allocator } = db.dataset;
  if (!valueIsInline(arena, entry)) {
    readReference(arena, entry, blob);
    freeBlob(allocator, blob);
  }
  freeEntry(allocator, entry);
}
