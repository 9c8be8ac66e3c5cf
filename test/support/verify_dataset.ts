/**
 * Looks at every entry of a dataset and says what contradicts the layout.
 *
 * It reads only, and it reads entries through the tables, so that a table with a stray address is reported by the first entry that makes no
 * sense; an address outside of the arena ends the walk with an exception instead.
 */

import type { Database } from "../../src/dataset/database.ts";
import type { Dataset } from "../../src/dataset/dataset.ts";
import { hasExpiringFields } from "../../src/dataset/hash/expiring.ts";
import { isBig, TYPE_NAMES, TYPE_STRING } from "../../src/dataset/types.ts";
import { NIL, SEGMENT_SHIFT } from "../../src/memory/layout.ts";
import { Blob, blobBytes, readReference } from "../../src/structure/blob.ts";
import {
  entryEncoding,
  entryType,
  hasExpiry,
  keyLength,
  keyOffset,
  valueIsInline,
  valueLength,
} from "../../src/structure/entry.ts";
import { EntryList } from "../../src/structure/entry_list.ts";
import { verifyCollection } from "./verify_collection.ts";
import { verifyExpiringHash } from "./verify_hash.ts";

/** Problems named before the walk gives up. */
const PROBLEMS_MAX = 20;

/** What is wrong, a sentence each; nothing when all is well. */
export function verifyDataset(dataset: Dataset): string[] {
  const problems: string[] = [];
  for (let index = 0; index < dataset.databaseCount && problems.length < PROBLEMS_MAX; index++) {
    verifyDatabase(dataset.database(index), problems);
  }
  return problems;
}

function verifyDatabase(database: Database, problems: string[]): void {
  const { arena } = database.dataset;
  const name = `database ${database.index}`;
  let expiring = 0;
  let expiringHashes = 0;
  const keys = walk(database, false, (entry) => {
    const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
    const offset = keyOffset(arena, entry);
    const length = keyLength(arena, entry);
    const hash = database.hashOf(entry);
    if (database.find(bytes, offset, length, hash) !== entry)
      problems.push(`${name}: a key is not found, or found elsewhere`);
    if (TYPE_NAMES[entryType(arena, entry)] === undefined) problems.push(`${name}: an entry of no known type`);
    verifyValue(database.dataset, entry, name, problems);
    if (hasExpiringFields(arena, entry)) {
      expiringHashes++;
      if (database.hashes.find(hash, bytes, offset, length) !== entry) {
        problems.push(`${name}: a hash whose fields may expire is not in the table of those`);
      }
    }
    if (!hasExpiry(arena, entry)) return;
    expiring++;
    if (database.expires.find(hash, bytes, offset, length) !== entry) {
      problems.push(`${name}: a key that expires is not in the table of those`);
    }
  });
  const expires = walk(database, true, (entry) => {
    if (!hasExpiry(arena, entry)) problems.push(`${name}: a key that never expires is in the table of those that do`);
  });
  if (database.hashes.count !== expiringHashes) {
    problems.push(`${name}: ${database.hashes.count} hashes whose fields may expire, ${expiringHashes} expected`);
  }
  if (keys !== database.keys.count) problems.push(`${name}: ${database.keys.count} keys counted, ${keys} found`);
  if (expires !== database.expires.count || expires !== expiring) {
    problems.push(`${name}: ${database.expires.count} expiring keys counted, ${expires} found, ${expiring} expected`);
  }
}

function verifyValue(dataset: Dataset, entry: number, name: string, problems: string[]): void {
  const { arena } = dataset;
  const type = entryType(arena, entry);
  if (hasExpiringFields(arena, entry)) verifyExpiringHash(dataset, entry, name, problems);
  if (type !== TYPE_STRING) {
    for (const problem of verifyCollection(dataset, entry)) problems.push(`${name}: ${problem}`);
  }
  if (valueIsInline(arena, entry) || isBig(type, entryEncoding(arena, entry))) return;
  const blob = new Blob();
  readReference(arena, entry, blob);
  if (
    blob.length > blob.capacity ||
    blob.capacity > 0 !== (blob.address !== NIL) ||
    blobBytes(blob) < valueLength(arena, entry)
  ) {
    problems.push(`${name}: a value of ${blob.length} bytes with room for ${blob.capacity}`);
  }
}

function walk(database: Database, expiring: boolean, visit: (entry: number) => void): number {
  const table = expiring ? database.expires : database.keys;
  const found = new EntryList(64);
  let count = 0;
  let cursor = 0;
  do {
    found.clear();
    cursor = table.scanInto(cursor, found);
    for (let i = 0; i < found.count; i++) visit(found.items[i]!);
    count += found.count;
  } while (cursor !== 0);
  return count;
}
