/**
 * Adding members and changing scores: what ZADD, ZINCRBY and GEOADD do to one member, and when a listpack becomes a skiplist (as Redis
 * calls what is big here): with a member that would be one too many, or one that is too long.
 */
import { NIL } from "../../memory/layout.ts";
import { createEntry, freeEntry, OUT_OF_LINE, setValueReference } from "../../structure/entry.ts";
import { LISTPACK_HEADER_BYTES, writeEmptyListpack } from "../../structure/listpack.ts";
import type { Database } from "../database.ts";
import { createPack, openPack } from "../packed.ts";
import { ENCODING_BIG, ENCODING_LISTPACK, TYPE_ZSET } from "../types.ts";
import { convertToBig, insertBig, Roots, rescoreBig, tableOf } from "./big.ts";
import { findPacked, insertPacked, pack, packedCount, rescorePacked, scorePosition, tooLong } from "./packed.ts";
import { memberScore, scoreAt } from "./scores.ts";
import { isPacked } from "./sorted_set.ts";

/** Conditions and ways, as bits. */
export const ONLY_NEW = 1;
export const ONLY_EXISTING = 2;
export const ONLY_GREATER = 4;
export const ONLY_LESS = 8;
/** The score is added to the member's own. */
export const INCREMENT = 16;

/** What became of a member. */
export const ADDED = 1;
export const UPDATED = 2;
/** It has the score already. */
export const SAME = 3;
/** A condition said no. */
export const LEFT_ALONE = 4;
/** The sum is not a number. */
export const NOT_A_NUMBER = 5;
/** The address space is full, nothing changed. */
export const FULL = 6;

/** What `addMember` says besides its outcome: where the entry is now, and the member's score. */
export const added = { entry: NIL, score: 0 };

const roots = new Roots();

/** Creates an empty set under a key that has none; it must get a member at once. NIL: the address space is full, nothing changed. */
export function createSet(
  db: Database,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  hash: number,
  big: boolean,
  bytesExpected: number,
): number {
  const { dataset } = db;
  const { arena, allocator } = dataset;
  if (!big) {
    const length = LISTPACK_HEADER_BYTES + 1 + bytesExpected;
    const entry = createPack(db, TYPE_ZSET, ENCODING_LISTPACK, key, keyStart, keyBytes, hash, length, pack);
    if (entry !== NIL) writeEmptyListpack(pack.bytes, pack.offset);
    return entry;
  }
  if (!roots.create(dataset)) return NIL;
  const entry = createEntry(allocator, TYPE_ZSET, ENCODING_BIG, key, keyStart, keyBytes, OUT_OF_LINE, false);
  if (entry !== NIL) {
    setValueReference(arena, entry, roots.table, roots.tree, 0);
    if (db.insert(entry, hash)) return entry;
    freeEntry(allocator, entry);
  }
  roots.release(dataset);
  return NIL;
}

/** Adds a member to a set, or changes its score, under the conditions in `flags`; one of the outcomes above. */
export function addMember(
  db: Database,
  entry: number,
  hash: number,
  score: number,
  member: Uint8Array,
  start: number,
  length: number,
  flags: number,
): number {
  added.entry = entry;
  if (!isPacked(db.dataset, entry)) return addBig(db, entry, score, member, start, length, flags);
  openPack(db.dataset.arena, entry, pack);
  const at = findPacked(pack.bytes, pack.offset, member, start, length);
  if (at >= 0) return changePacked(db, entry, hash, at, score, member, start, length, flags);
  if ((flags & ONLY_EXISTING) !== 0) return LEFT_ALONE;
  added.score = score;
  const { limits } = db.dataset;
  if (
    packedCount(pack.bytes, pack.offset) + 1 > limits.zsetListpackEntries ||
    length > limits.zsetListpackValueBytes ||
    tooLong(pack.bytes, pack.offset, member, start, length)
  ) {
    const big = convertToBig(db, entry, hash);
    if (big === NIL) return FULL;
    added.entry = big;
    return addBig(db, big, score, member, start, length, flags);
  }
  const moved = insertPacked(db, entry, hash, score, member, start, length);
  if (moved === NIL) return FULL;
  added.entry = moved;
  return ADDED;
}

function changePacked(
  db: Database,
  entry: number,
  hash: number,
  at: number,
  score: number,
  member: Uint8Array,
  start: number,
  length: number,
  flags: number,
): number {
  const old = scoreAt(pack.bytes, scorePosition(pack.bytes, at));
  const outcome = judge(old, score, flags);
  if (outcome !== UPDATED) return outcome;
  // Only the score may become longer.
  if (tooLong(pack.bytes, pack.offset, member, start, 0)) {
    const big = convertToBig(db, entry, hash);
    if (big === NIL) return FULL;
    added.entry = big;
    return addBig(db, big, score, member, start, length, flags);
  }
  const moved = rescorePacked(db, entry, hash, at - pack.offset, added.score, member, start, length);
  if (moved === NIL) return FULL;
  added.entry = moved;
  return UPDATED;
}

function addBig(
  db: Database,
  entry: number,
  score: number,
  member: Uint8Array,
  start: number,
  length: number,
  flags: number,
): number {
  const { dataset } = db;
  const table = tableOf(dataset, entry);
  const hash = table.hash(member, start, length);
  const found = table.find(hash, member, start, length);
  if (found !== NIL) {
    const outcome = judge(memberScore(dataset.arena, found), score, flags);
    if (outcome !== UPDATED) return outcome;
    return rescoreBig(dataset, entry, found, added.score) ? UPDATED : FULL;
  }
  if ((flags & ONLY_EXISTING) !== 0) return LEFT_ALONE;
  added.score = score;
  return insertBig(dataset, entry, hash, score, member, start, length) ? ADDED : FULL;
}

/** What is to become of a member that is there; its new score goes to `added`. */
function judge(old: number, score: number, flags: number): number {
  if ((flags & ONLY_NEW) !== 0) return LEFT_ALONE;
  const wanted = (flags & INCREMENT) !== 0 ? old + score : score;
  if (wanted !== wanted) return NOT_A_NUMBER;
  if ((flags & ONLY_LESS) !== 0 && wanted >= old) return LEFT_ALONE;
  if ((flags & ONLY_GREATER) !== 0 && wanted <= old) return LEFT_ALONE;
  added.score = wanted;
  return wanted === old ? SAME : UPDATED;
}
