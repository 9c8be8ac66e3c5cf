/** What keys cost in memory: MEMORY USAGE of one, MEMORY STATS of all. Bytes as the allocator rounds them, tables included. */
import { Blob, blobBytes, readReference } from "../structure/blob.ts";
import { entryBytes, entryEncoding, entryType, hasExpiry, valueIsInline } from "../structure/entry.ts";
import type { Dataset } from "./dataset.ts";
import { isBig } from "./types.ts";
import { operationsOf } from "./value_operations.ts";

/** A key's share of a table's buckets, bytes: 64 of a bucket at its usual load of eight. */
const TABLE_SHARE_BYTES = 8;

const blob = new Blob();

/** Bytes that an entry takes with its value and its places in the tables. */
export function entryMemoryBytes(dataset: Dataset, entry: number): number {
  const { arena, allocator } = dataset;
  let bytes = allocator.sizeOfClass(entryBytes(arena, entry)) + TABLE_SHARE_BYTES;
  if (hasExpiry(arena, entry)) bytes += TABLE_SHARE_BYTES;
  if (isBig(entryType(arena, entry), entryEncoding(arena, entry))) {
    bytes += operationsOf(entryType(arena, entry)).bigBytes(dataset, entry);
  } else if (!valueIsInline(arena, entry)) {
    readReference(arena, entry, blob);
    bytes += blobBytes(blob);
  }
  return bytes;
}

export interface DatabaseMemory {
  readonly index: number;
  readonly keys: number;
  readonly keysTableBytes: number;
  readonly expiresTableBytes: number;
}

/** The tables of each database that holds keys. */
export function databaseMemory(dataset: Dataset): DatabaseMemory[] {
  const all: DatabaseMemory[] = [];
  for (let index = 0; index < dataset.databaseCount; index++) {
    const database = dataset.database(index);
    if (database.count === 0) continue;
    all.push({
      index,
      keys: database.count,
      keysTableBytes: database.keys.bytes,
      expiresTableBytes: database.expires.count === 0 ? 0 : database.expires.bytes,
    });
  }
  return all;
}
