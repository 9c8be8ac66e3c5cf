/**
 * Sorted sets as commands see them, packed or big: how many members there are, which score and rank one has, how many lie below a bound.
 *
 * Every range (by rank, by score, by members) is a range of ranks: two searches give its ends, and what a command does with it, counting,
 * replying, removing, needs no comparison any more.
 */
import { NIL } from "../../memory/layout.ts";
import { entryEncoding } from "../../structure/entry.ts";
import { seekElement } from "../../structure/listpack.ts";
import type { Database } from "../database.ts";
import type { Dataset } from "../dataset.ts";
import { openPack } from "../packed.ts";
import { ENCODING_LISTPACK } from "../types.ts";
import { removeBig, removeBigRange, tableOf, treeOf } from "./big.ts";
import {
  findPacked,
  pack,
  packedBelowMember,
  packedBelowScore,
  packedCount,
  packedRank,
  removePacked,
  scorePosition,
} from "./packed.ts";
import { memberScore, scoreAt } from "./scores.ts";

/** Is the set one listpack? */
export function isPacked(dataset: Dataset, entry: number): boolean {
  return entryEncoding(dataset.arena, entry) === ENCODING_LISTPACK;
}

/** Members of the set. */
export function cardinality(dataset: Dataset, entry: number): number {
  if (!isPacked(dataset, entry)) return tableOf(dataset, entry).count;
  openPack(dataset.arena, entry, pack);
  return packedCount(pack.bytes, pack.offset);
}

/** The score of a member; NaN when it isn't there. */
export function scoreOf(dataset: Dataset, entry: number, member: Uint8Array, start: number, length: number): number {
  const { arena } = dataset;
  if (isPacked(dataset, entry)) {
    openPack(arena, entry, pack);
    const at = findPacked(pack.bytes, pack.offset, member, start, length);
    return at < 0 ? Number.NaN : scoreAt(pack.bytes, scorePosition(pack.bytes, at));
  }
  const table = tableOf(dataset, entry);
  const found = table.find(table.hash(member, start, length), member, start, length);
  return found === NIL ? Number.NaN : memberScore(arena, found);
}

/** The score of the member that `rankOf` found. */
export let rankedScore = 0;

/** The rank of a member, 0 for the lowest; -1 when it isn't there. */
export function rankOf(dataset: Dataset, entry: number, member: Uint8Array, start: number, length: number): number {
  const { arena } = dataset;
  if (isPacked(dataset, entry)) {
    openPack(arena, entry, pack);
    const at = findPacked(pack.bytes, pack.offset, member, start, length);
    if (at < 0) return -1;
    rankedScore = scoreAt(pack.bytes, scorePosition(pack.bytes, at));
    return packedRank(pack.bytes, pack.offset, at);
  }
  const table = tableOf(dataset, entry);
  const found = table.find(table.hash(member, start, length), member, start, length);
  if (found === NIL) return -1;
  rankedScore = memberScore(arena, found);
  const tree = treeOf(dataset, entry);
  tree.seekEntry(rankedScore, found);
  return tree.position();
}

/** How many members have a score below `score` (`orEqual`: or this very one). */
export function belowScore(dataset: Dataset, entry: number, score: number, orEqual: boolean): number {
  if (isPacked(dataset, entry)) {
    openPack(dataset.arena, entry, pack);
    return packedBelowScore(pack.bytes, pack.offset, score, orEqual);
  }
  const tree = treeOf(dataset, entry);
  tree.seekScore(score, orEqual);
  return tree.position();
}

/** Where all scores are equal: how many members sort before these bytes (`orEqual`: or are them). */
export function belowMember(
  dataset: Dataset,
  entry: number,
  member: Uint8Array,
  start: number,
  length: number,
  orEqual: boolean,
): number {
  if (isPacked(dataset, entry)) {
    openPack(dataset.arena, entry, pack);
    return packedBelowMember(pack.bytes, pack.offset, member, start, length, orEqual);
  }
  const tree = treeOf(dataset, entry);
  tree.seekLexicographic(member, start, length, orEqual);
  return tree.position();
}

/** Removes a member; false when it isn't there. A set that is empty then is removed by `removeIfEmpty`. */
export function removeMember(
  db: Database,
  entry: number,
  hash: number,
  member: Uint8Array,
  start: number,
  length: number,
): boolean {
  const { dataset } = db;
  removedFrom = entry;
  if (isPacked(dataset, entry)) {
    openPack(dataset.arena, entry, pack);
    const at = findPacked(pack.bytes, pack.offset, member, start, length);
    if (at < 0) return false;
    removedFrom = removePacked(db, entry, hash, at - pack.offset, 1);
    return true;
  }
  const table = tableOf(dataset, entry);
  const memberHash = table.hash(member, start, length);
  const found = table.find(memberHash, member, start, length);
  if (found === NIL) return false;
  removeBig(dataset, entry, memberHash, found);
  return true;
}

/** Where the entry is after `removeMember`. */
export let removedFrom = 0;

/** Removes the key of a set without members; true when it had none. */
export function removeIfEmpty(db: Database, entry: number, hash: number): boolean {
  if (cardinality(db.dataset, entry) > 0) return false;
  db.remove(entry, hash);
  return true;
}

/** Removes `count` members from rank `from` on, and the key when all are gone: true then. */
export function removeRange(db: Database, entry: number, hash: number, from: number, count: number): boolean {
  const { dataset } = db;
  if (count === cardinality(dataset, entry)) {
    db.remove(entry, hash);
    return true;
  }
  if (isPacked(dataset, entry)) {
    openPack(dataset.arena, entry, pack);
    const at = seekElement(pack.bytes, pack.offset, from * 2);
    removePacked(db, entry, hash, at - pack.offset, count);
  } else removeBigRange(dataset, entry, from, count);
  return false;
}
