/** What all types share about entries of the keyspace: freeing with the value, and moving to make room for an expiry. */
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import type { Arena } from "../memory/arena.ts";
import {
  createEntry,
  entryAccess,
  entryEncoding,
  entryType,
  expiryHigh,
  expiryLow,
  expiryMs,
  freeEntry,
  keyLength,
  keyOffset,
  OUT_OF_LINE,
  fitsInline,
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
import { Blob, createBlob, freeBlob, readReference, writeBlob, writeReference } from "../structure/blob.ts";
import type { Dataset } from "./dataset.ts";

const blob = new Blob();

/** Frees an entry and its value; it must be out of the tables already. */
export function releaseEntry(dataset: Dataset, entry: number): void {
  const { arena, allocator } = dataset;
  if (!valueIsInline(arena, entry)) {
    readReference(arena, entry, blob);
    freeBlob(allocator, blob);
  }
  freeEntry(allocator, entry);
}

/**
 * A copy of an entry with or without room for an expiry, under the same key, NIL when the address space is full. An out-of-line value
 * is not copied: the new entry refers to it, and the old one is to be freed alone. The expiry itself is not set.
 */
export function withExpiry(dataset: Dataset, entry: number, expires: boolean): number {
  const { arena, allocator } = dataset;
  const inline = valueIsInline(arena, entry);
  const length = valueLength(arena, entry);
  const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  const keyBytes = keyLength(arena, entry);
  const stays = inline && fitsInline(keyBytes, length, expires);
  const type = entryType(arena, entry);
  const encoding = entryEncoding(arena, entry);
  const offset = keyOffset(arena, entry);
  const copy = createEntry(allocator, type, encoding, bytes, offset, keyBytes, stays ? length : OUT_OF_LINE, expires);
  if (copy === NIL) return NIL;
  setEntryAccess(arena, copy, entryAccess(arena, entry));
  if (stays) {
    touchValue(arena, copy);
    const to = valueOffset(arena, copy);
    const from = valueOffset(arena, entry);
    const target = arena.bytes[copy >>> SEGMENT_SHIFT]!;
    for (let i = 0; i < length; i++) target[to + i] = bytes[from + i]!;
  } else if (inline) {
    // Eight bytes more and the value no longer fits inline.
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
