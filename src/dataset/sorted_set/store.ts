/** Makes what was gathered the value of a key: a listpack where Redis has one, a table and a tree otherwise. */
import { NIL } from "../../memory/layout.ts";
import { createEntry, OUT_OF_LINE, setValueReference } from "../../structure/entry.ts";
import {
  EMPTY_LISTPACK_BYTES,
  encodedBytes,
  encodeElement,
  endPosition,
  splice,
  writeEmptyListpack,
} from "../../structure/listpack.ts";
import type { Database } from "../database.ts";
import type { Dataset } from "../dataset.ts";
import { releaseEntry } from "../entries.ts";
import { newPacked, openPack, PACK_BYTES_MAX, Pack } from "../packed.ts";
import { ENCODING_BIG, ENCODING_LISTPACK, TYPE_ZSET } from "../types.ts";
import { Roots } from "./big.ts";
import type { Collected } from "./collected.ts";
import { encodedScore, encodeScore } from "./scores.ts";

const pack = new Pack();
const roots = new Roots();

/**
 * Puts the members, one at least and in their order, under a key in the place of `old` (NIL: there is nothing under it), without expiry.
 * False: the address space is full, nothing changed.
 */
export function storeCollected(
  db: Database,
  collected: Collected,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  hash: number,
  old: number,
): boolean {
  const { dataset } = db;
  const entry = buildCollected(dataset, collected, key, keyStart, keyBytes, false);
  if (entry === NIL) return false;
  if (old === NIL ? db.insert(entry, hash) : db.replace(old, entry, hash)) return true;
  releaseEntry(dataset, entry);
  return false;
}

/** As an entry that is in no table yet, with room for an expiry or without. NIL: the address space is full, nothing is left behind. */
export function buildCollected(
  dataset: Dataset,
  collected: Collected,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  expires: boolean,
): number {
  const { zsetListpackEntries, zsetListpackValueBytes } = dataset.limits;
  const packs = collected.count <= zsetListpackEntries && collected.longest <= zsetListpackValueBytes;
  const bytes = packs ? packedBytes(collected) : PACK_BYTES_MAX + 1;
  return bytes <= PACK_BYTES_MAX
    ? buildPacked(dataset, collected, key, keyStart, keyBytes, bytes, expires)
    : buildBig(dataset, collected, key, keyStart, keyBytes, expires);
}

/** Bytes of all members in one listpack. */
function packedBytes(collected: Collected): number {
  let bytes = EMPTY_LISTPACK_BYTES;
  for (let i = 0; i < collected.count; i++) {
    bytes +=
      encodedBytes(collected.bytes, collected.offsets[i]!, collected.lengths[i]!) + encodeScore(collected.scores[i]!);
  }
  return bytes;
}

function buildPacked(
  dataset: Dataset,
  collected: Collected,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  length: number,
  expires: boolean,
): number {
  const entry = newPacked(dataset, TYPE_ZSET, ENCODING_LISTPACK, key, keyStart, keyBytes, length, expires);
  if (entry === NIL) return NIL;
  openPack(dataset.arena, entry, pack);
  const { bytes, offset, segment } = pack;
  writeEmptyListpack(bytes, offset);
  for (let i = 0; i < collected.count; i++) {
    const index = collected.order[i]!;
    const start = collected.offsets[index]!;
    const memberLength = collected.lengths[index]!;
    const scoreBytes = encodeScore(collected.scores[index]!);
    let at = endPosition(bytes, offset);
    const added = encodedBytes(collected.bytes, start, memberLength) + scoreBytes;
    splice(dataset.arena, segment, bytes, offset, at, 0, added, 2);
    at += encodeElement(bytes, at, collected.bytes, start, memberLength);
    for (let k = 0; k < scoreBytes; k++) bytes[at + k] = encodedScore[k]!;
  }
  return entry;
}

function buildBig(
  dataset: Dataset,
  collected: Collected,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  expires: boolean,
): number {
  const { arena, allocator } = dataset;
  if (!roots.create(dataset)) return NIL;
  for (let i = 0; i < collected.count; i++) {
    const index = collected.order[i]!;
    const start = collected.offsets[index]!;
    if (roots.append(dataset, collected.scores[index]!, collected.bytes, start, collected.lengths[index]!)) continue;
    roots.release(dataset);
    return NIL;
  }
  const entry = createEntry(allocator, TYPE_ZSET, ENCODING_BIG, key, keyStart, keyBytes, OUT_OF_LINE, expires);
  if (entry === NIL) roots.release(dataset);
  else setValueReference(arena, entry, roots.table, roots.tree, 0);
  return entry;
}
