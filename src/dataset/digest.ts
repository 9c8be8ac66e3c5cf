/**
 * Digests of the data, independent of the order of keys and of where they lie.
 *
 * `datasetDigest` and `valueDigest` are Redis's, byte for byte (DEBUG DIGEST, DEBUG DIGEST-VALUE): SHA-1 throughout, where
 * ```
 * xor(d, bytes) = d ^ SHA1(bytes)              order doesn't matter
 * mix(d, bytes) = SHA1(d ^ SHA1(bytes))        order matters
 * value   = mix(type as u32 big-endian), mix(value), and xor("!!expire!!") if it expires
 * key     = mix(0, key) and then the value on top
 * dataset = 0; for each database that holds keys: mix(number as u32 big-endian), then xor(key) for each key
 * ```
 * They leave out when a key expires. `stateDigest` has that in, for comparing a dataset with what recovery made of its log; it leaves
 * out encodings and access. Both count expired keys that are still there.
 */
import { createHash, type Hash } from "node:crypto";
import { formatDouble17 } from "../base/double.ts";
import { SEGMENT_SHIFT } from "../memory/layout.ts";
import { Span } from "../structure/blob.ts";
import { entryType, hasExpiry, keyLength, keyOffset, valueLength } from "../structure/entry.ts";
import { EntryList } from "../structure/entry_list.ts";
import type { Database } from "./database.ts";
import type { Dataset } from "./dataset.ts";
import { readExpiry } from "./entries.ts";
import { locateString } from "./strings.ts";
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING, TYPE_ZSET } from "./types.ts";
import { operationsOf, type Piece } from "./value_operations.ts";

const DIGEST_BYTES = 20;
const EXPIRES = Buffer.from("!!expire!!");

const span = new Span();

/** Redis's digest of everything, 40 hexadecimal digits; zeros for an empty dataset. */
export function datasetDigest(dataset: Dataset): string {
  const digest = new Uint8Array(DIGEST_BYTES);
  for (let index = 0; index < dataset.databaseCount; index++) {
    const database = dataset.database(index);
    if (database.count === 0) continue;
    mix(digest, sha1().update(bigEndian(index)));
    forEachEntry(database, (entry) => {
      const own = new Uint8Array(DIGEST_BYTES);
      mix(own, sha1().update(keyBytes(dataset, entry)));
      mixValue(own, dataset, entry);
      xor(digest, sha1().update(own));
    });
  }
  return hex(digest);
}

/** Redis's digest of one value, whatever its key. `entry` 0, no such key: zeros. */
export function valueDigest(dataset: Dataset, entry: number): string {
  const digest = new Uint8Array(DIGEST_BYTES);
  if (entry !== 0) mixValue(digest, dataset, entry);
  return hex(digest);
}

/** A digest of all keys with values and times of expiry. */
export function stateDigest(dataset: Dataset): string {
  return digestState(dataset).digest;
}

/** The same, and how many keys were found on the way, whatever the tables say that they hold. */
export function digestState(dataset: Dataset): { readonly digest: string; readonly keys: number } {
  let keys = 0;
  const digest = new Uint8Array(DIGEST_BYTES);
  for (let index = 0; index < dataset.databaseCount; index++) {
    forEachEntry(dataset.database(index), (entry) => {
      keys++;
      const key = keyBytes(dataset, entry);
      const expiry = hasExpiry(dataset.arena, entry) ? readExpiry(dataset.arena, entry) : "never";
      const hash = sha1()
        .update(`${index} ${key.length} ${expiry} ${entryType(dataset.arena, entry)} `)
        .update(key);
      if (entryType(dataset.arena, entry) === TYPE_STRING) addString(hash, dataset, entry);
      else addElements(hash, dataset, entry);
      xor(digest, hash);
    });
  }
  return { digest: hex(digest), keys };
}

function mixValue(digest: Uint8Array, dataset: Dataset, entry: number): void {
  const type = entryType(dataset.arena, entry);
  mix(digest, sha1().update(bigEndian(type)));
  if (type === TYPE_STRING) {
    const hash = sha1();
    addString(hash, dataset, entry);
    mix(digest, hash);
  } else mixElements(digest, dataset, entry, type);
  if (hasExpiry(dataset.arena, entry)) xor(digest, sha1().update(EXPIRES));
}

/** The elements of a collection as Redis mixes them: a list in order, the others whatever their order. */
function mixElements(digest: Uint8Array, dataset: Dataset, entry: number, type: number): void {
  operationsOf(type).forEach(dataset, entry, (first, second, number) => {
    const hash = sha1().update(pieceBytes(first));
    if (type === TYPE_LIST) mix(digest, hash);
    else if (type === TYPE_SET) xor(digest, hash);
    else {
      const own = new Uint8Array(DIGEST_BYTES);
      mix(own, hash);
      mix(own, sha1().update(type === TYPE_ZSET ? formatDouble17(number) : pieceBytes(second)));
      xor(digest, sha1().update(own));
    }
  });
}

/** The elements of a collection with everything that they have, fields' expiries included. */
function addElements(hash: Hash, dataset: Dataset, entry: number): void {
  const type = entryType(dataset.arena, entry);
  const digest = new Uint8Array(DIGEST_BYTES);
  operationsOf(type).forEach(dataset, entry, (first, second, number) => {
    const own = sha1().update(`${first.length} `).update(pieceBytes(first));
    if (type === TYPE_HASH) own.update(pieceBytes(second));
    if (type === TYPE_HASH || type === TYPE_ZSET) own.update(` ${Object.is(number, -0) ? 0 : number}`);
    if (type === TYPE_LIST) mix(digest, own);
    else xor(digest, own);
  });
  hash.update(digest);
}

function pieceBytes(piece: Piece): Uint8Array {
  return piece.bytes.subarray(piece.offset, piece.offset + piece.length);
}

/** A string's bytes, piece by piece. */
function addString(hash: Hash, dataset: Dataset, entry: number): void {
  const { arena } = dataset;
  const length = valueLength(arena, entry);
  for (let at = 0; at < length; at += span.length) {
    locateString(arena, entry, at, length - at, span);
    hash.update(arena.bytes[span.segment]!.subarray(span.offset, span.offset + span.length));
  }
}

function forEachEntry(database: Database, visit: (entry: number) => void): void {
  const found = new EntryList(64);
  let cursor = 0;
  do {
    found.clear();
    cursor = database.keys.scanInto(cursor, found);
    for (let i = 0; i < found.count; i++) visit(found.items[i]!);
  } while (cursor !== 0);
}

function keyBytes(dataset: Dataset, entry: number): Uint8Array {
  const { arena } = dataset;
  const offset = keyOffset(arena, entry);
  return arena.bytes[entry >>> SEGMENT_SHIFT]!.subarray(offset, offset + keyLength(arena, entry));
}

function sha1(): Hash {
  return createHash("sha1");
}

function xor(digest: Uint8Array, hash: Hash): void {
  const other = hash.digest();
  for (let i = 0; i < DIGEST_BYTES; i++) digest[i] = digest[i]! ^ other[i]!;
}

function mix(digest: Uint8Array, hash: Hash): void {
  xor(digest, hash);
  digest.set(sha1().update(digest).digest());
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest).toString("hex");
}
