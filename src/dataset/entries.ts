/** What all types share about entries of the keyspace: freeing with the value, making room for an expiry, and putting a value under another key. */

import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import { Blob, copyBlob, createBlob, readReference, writeBlob, writeReference } from "../structure/blob.ts";
import {
  createEntry,
  entryAccess,
  entryEncoding,
  entryType,
  expiryHigh,
  expiryLow,
  expiryMs,
  fitsInline,
  freeEntry,
  hasExpiry,
  keyLength,
  keyOffset,
  OUT_OF_LINE,
  setEntryAccess,
  setExpiryMs,
  setExpiryWords,
  setValueReference,
  touchValue,
  valueAddress,
  valueCapacity,
  valueIsInline,
  valueLength,
  valueOffset,
} from "../structure/entry.ts";
import type { Database } from "./database.ts";
import type { Dataset } from "./dataset.ts";
import { EVENT_NEW } from "./key_events.ts";
import { freePacked } from "./packed.ts";
import { releaseBig } from "./released_values.ts";
import { isBig } from "./types.ts";
import { operationsOf } from "./value_operations.ts";

const blob = new Blob();
const copied = new Blob();

/** Frees an entry and its value, which may take until later if it is a large collection; it must be out of the tables already. */
export function releaseEntry(dataset: Dataset, entry: number): void {
  const { arena } = dataset;
  if (isBig(entryType(arena, entry), entryEncoding(arena, entry))) releaseBig(dataset, entry);
  else freePacked(dataset, entry);
}

/**
 * A copy of an entry with or without room for an expiry, under the same key, NIL when the address space is full. An out-of-line value
 * is not copied: the new entry refers to it, and the old one is to be freed alone. The expiry itself is not set.
 */
export function withExpiry(dataset: Dataset, entry: number, expires: boolean): number {
  const { arena } = dataset;
  const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  return underKey(dataset, entry, bytes, keyOffset(arena, entry), keyLength(arena, entry), expires);
}

/** Frees a copy made by `withExpiry` that found no place. A value that lay out of line before still belongs to the old entry. */
export function releaseUnused(dataset: Dataset, entry: number, copy: number): void {
  if (valueIsInline(dataset.arena, entry)) releaseEntry(dataset, copy);
  else freeEntry(dataset.allocator, copy);
}

/** As `withExpiry`, under another key. */
function underKey(
  dataset: Dataset,
  entry: number,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  expires: boolean,
): number {
  const { arena, allocator } = dataset;
  const inline = valueIsInline(arena, entry);
  const length = valueLength(arena, entry);
  const stays = inline && fitsInline(keyBytes, length, expires);
  const type = entryType(arena, entry);
  const encoding = entryEncoding(arena, entry);
  const copy = createEntry(allocator, type, encoding, key, keyStart, keyBytes, stays ? length : OUT_OF_LINE, expires);
  if (copy === NIL) return NIL;
  setEntryAccess(arena, copy, entryAccess(arena, entry));
  const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  if (stays) {
    touchValue(arena, copy);
    const to = valueOffset(arena, copy);
    const from = valueOffset(arena, entry);
    const target = arena.bytes[copy >>> SEGMENT_SHIFT]!;
    for (let i = 0; i < length; i++) target[to + i] = bytes[from + i]!;
  } else if (inline) {
    // A longer key, or eight bytes for the expiry, and the value no longer fits inline.
    if (!createBlob(allocator, blob, length)) {
      freeEntry(allocator, copy);
      return NIL;
    }
    writeBlob(arena, blob, 0, bytes, valueOffset(arena, entry), length);
    writeReference(arena, copy, blob);
  } else {
    setValueReference(arena, copy, valueAddress(arena, entry), length, valueCapacity(arena, entry));
  }
  return copy;
}

/**
 * Puts an entry's value and expiry under another key of the same database, in the place of `replaced` (NIL: there is nothing under the
 * key). False: the address space is full, nothing changed.
 */
export function renameEntry(
  db: Database,
  entry: number,
  hash: number,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  newHash: number,
  replaced: number,
): boolean {
  const { dataset } = db;
  const { arena, allocator } = dataset;
  const expires = hasExpiry(arena, entry);
  const renamed = underKey(dataset, entry, key, keyStart, keyBytes, expires);
  if (renamed === NIL) return false;
  if (expires) setExpiryWords(arena, renamed, expiryLow(arena, entry), expiryHigh(arena, entry));
  if (!(replaced === NIL ? db.insert(renamed, newHash) : db.replace(replaced, renamed, newHash))) {
    releaseUnused(dataset, entry, renamed);
    return false;
  }
  dataset.inheritFrequency(entry, renamed);
  // For Redis what stood there is deleted first.
  if (replaced !== NIL) db.emit(EVENT_NEW, "new", renamed);
  db.detach(entry, hash);
  freeEntry(allocator, entry);
  return true;
}

/**
 * Puts a copy of an entry, value and expiry, under a key of `target`, in the place of `replaced` (NIL: there is nothing under the key).
 * False: the address space is full, nothing changed.
 */
export function copyEntry(
  target: Database,
  entry: number,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  newHash: number,
  replaced: number,
): boolean {
  const { dataset } = target;
  const { arena, allocator } = dataset;
  const expires = hasExpiry(arena, entry);
  const copy = underKey(dataset, entry, key, keyStart, keyBytes, expires);
  if (copy === NIL) return false;
  if (isBig(entryType(arena, entry), entryEncoding(arena, entry))) {
    setValueReference(arena, copy, NIL, 0, 0);
    if (!operationsOf(entryType(arena, entry)).copyBig(dataset, entry, copy)) {
      freeEntry(allocator, copy);
      return false;
    }
  } else if (!valueIsInline(arena, entry)) {
    readReference(arena, entry, blob);
    if (!copyBlob(allocator, blob, copied)) {
      freeEntry(allocator, copy);
      return false;
    }
    writeReference(arena, copy, copied);
  }
  if (expires) setExpiryWords(arena, copy, expiryLow(arena, entry), expiryHigh(arena, entry));
  if (replaced === NIL ? target.insert(copy, newHash) : target.replace(replaced, copy, newHash)) {
    if (replaced !== NIL) target.emit(EVENT_NEW, "new", copy);
    return true;
  }
  releaseEntry(dataset, copy);
  return false;
}

/** Sets an expiry of any 64-bit number of ms. */
export function writeExpiry(arena: Arena, entry: number, at: number | bigint): void {
  if (typeof at === "number") {
    setExpiryMs(arena, entry, at);
    return;
  }
  setExpiryWords(arena, entry, Number(BigInt.asIntN(32, at)), Number(BigInt.asIntN(32, at >> 32n)));
}

/** An entry's expiry, exactly: a bigint only beyond 2^53. */
export function readExpiry(arena: Arena, entry: number): number | bigint {
  const ms = expiryMs(arena, entry);
  if (ms <= Number.MAX_SAFE_INTEGER) return ms;
  return (BigInt(expiryHigh(arena, entry)) << 32n) | BigInt(expiryLow(arena, entry) >>> 0);
}
