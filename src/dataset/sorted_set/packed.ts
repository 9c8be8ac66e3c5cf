/**
 * Small sorted sets: one listpack of member, score, member, score …, sorted by score and then by the members' bytes.
 *
 * Functions take the bytes and the base of a listpack, and positions of members in it; the score is the element behind. What changes the
 * listpack makes it as long as it must be first (packed.ts of dataset/), so that a full address space leaves all as it was. A value may be
 * longer than its listpack says: that is room that could not be given back.
 */

import { NIL } from "../../memory/layout.ts";
import {
  copyElementText,
  elementBytes,
  encodedBytes,
  encodeElementIn,
  endPosition,
  findElement,
  firstElement,
  isIntegerElement,
  LISTPACK_HEADER_BYTES,
  listpackBytes,
  listpackCount,
  splice,
  stringLength,
  stringOffset,
} from "../../structure/listpack.ts";
import type { Database } from "../database.ts";
import { openPack, PACK_BYTES_MAX, Pack, resizePack } from "../packed.ts";
import { encodedScore, encodeScore, scoreAt } from "./scores.ts";

/** The listpack that was opened last by the functions here. */
export const pack = new Pack();

const digits = new Uint8Array(20);

export function packedCount(bytes: Uint8Array, base: number): number {
  return listpackCount(bytes, base) >>> 1;
}

/** Position of a member, -1 when it isn't there. */
export function findPacked(bytes: Uint8Array, base: number, member: Uint8Array, start: number, length: number): number {
  return findElement(bytes, base, firstElement(bytes, base), member, start, length, 1);
}

/** Position of the score of the member at `position`. */
export function scorePosition(bytes: Uint8Array, position: number): number {
  return position + elementBytes(bytes, position);
}

/** How many members stand before the one at `position` (or before the end). */
export function packedRank(bytes: Uint8Array, base: number, position: number): number {
  let rank = 0;
  for (let at = base + LISTPACK_HEADER_BYTES; at < position; rank++) {
    at += elementBytes(bytes, at);
    at += elementBytes(bytes, at);
  }
  return rank;
}

/** How many members have a score below `score` (`orEqual`: or this very one). */
export function packedBelowScore(bytes: Uint8Array, base: number, score: number, orEqual: boolean): number {
  const end = endPosition(bytes, base);
  let rank = 0;
  for (let at = base + LISTPACK_HEADER_BYTES; at < end; rank++) {
    at += elementBytes(bytes, at);
    const own = scoreAt(bytes, at);
    if (own > score || (own === score && !orEqual)) break;
    at += elementBytes(bytes, at);
  }
  return rank;
}

/** Where all scores are equal: how many members sort before these bytes (`orEqual`: or are them). */
export function packedBelowMember(
  bytes: Uint8Array,
  base: number,
  member: Uint8Array,
  start: number,
  length: number,
  orEqual: boolean,
): number {
  const end = endPosition(bytes, base);
  const limit = orEqual ? 1 : 0;
  let rank = 0;
  for (let at = base + LISTPACK_HEADER_BYTES; at < end; rank++) {
    if (compareElement(bytes, at, member, start, length) >= limit) break;
    at += elementBytes(bytes, at);
    at += elementBytes(bytes, at);
  }
  return rank;
}

/** Below, equal or above zero as the element's text sorts before, with or behind the bytes. */
export function compareElement(
  bytes: Uint8Array,
  position: number,
  other: Uint8Array,
  start: number,
  length: number,
): number {
  let own = bytes;
  let offset: number;
  let ownLength: number;
  if (isIntegerElement(bytes, position)) {
    own = digits;
    offset = 0;
    ownLength = copyElementText(bytes, position, digits, 0);
  } else {
    offset = stringOffset(bytes, position);
    ownLength = stringLength(bytes, position);
  }
  const shared = ownLength < length ? ownLength : length;
  for (let i = 0; i < shared; i++) {
    const difference = own[offset + i]! - other[start + i]!;
    if (difference !== 0) return difference;
  }
  return ownLength - length;
}

/** Where a member that isn't there belongs. */
function placeOf(
  bytes: Uint8Array,
  base: number,
  score: number,
  member: Uint8Array,
  start: number,
  length: number,
): number {
  const end = endPosition(bytes, base);
  let position = base + LISTPACK_HEADER_BYTES;
  while (position < end) {
    const behind = position + elementBytes(bytes, position);
    const own = scoreAt(bytes, behind);
    if (own > score || (own === score && compareElement(bytes, position, member, start, length) > 0)) break;
    position = behind + elementBytes(bytes, behind);
  }
  return position;
}

/** Bytes that a listpack of one pair takes; for `writeFirst`. */
export function firstPairBytes(score: number, member: Uint8Array, start: number, length: number): number {
  return LISTPACK_HEADER_BYTES + encodedBytes(member, start, length) + encodeScore(score) + 1;
}

/** Would the listpack be too long for one block with this member? */
export function tooLong(bytes: Uint8Array, base: number, member: Uint8Array, start: number, length: number): boolean {
  const added = encodedBytes(member, start, length) + encodedScore.length;
  return listpackBytes(bytes, base) + added > PACK_BYTES_MAX;
}

/** Adds a member that isn't there. The entry, which may have moved; NIL: the address space is full, nothing changed. */
export function insertPacked(
  db: Database,
  entry: number,
  hash: number,
  score: number,
  member: Uint8Array,
  start: number,
  length: number,
): number {
  const { arena } = db.dataset;
  openPack(arena, entry, pack);
  const scoreBytes = encodeScore(score);
  const added = encodedBytes(member, start, length) + scoreBytes;
  const at = placeOf(pack.bytes, pack.offset, score, member, start, length) - pack.offset;
  const moved = resizePack(db, entry, hash, listpackBytes(pack.bytes, pack.offset) + added, pack);
  if (moved !== NIL) putPair(db, at, member, start, length, scoreBytes, added);
  return moved;
}

/** Writes a pair at an offset of the open pack, which is long enough. */
function putPair(
  db: Database,
  at: number,
  member: Uint8Array,
  start: number,
  length: number,
  scoreBytes: number,
  added: number,
): void {
  const { bytes, offset } = pack;
  splice(db.dataset.arena, pack.segment, bytes, offset, offset + at, 0, added, 2);
  const view = db.dataset.arena.views[pack.segment]!;
  const behind = offset + at + encodeElementIn(bytes, view, offset + at, member, start, length);
  for (let i = 0; i < scoreBytes; i++) bytes[behind + i] = encodedScore[i]!;
}

/**
 * Gives the member at offset `at` of the value, whose bytes are given as well, another score. The entry, which may have moved; NIL: the
 * address space is full, nothing changed.
 */
export function rescorePacked(
  db: Database,
  entry: number,
  hash: number,
  at: number,
  score: number,
  member: Uint8Array,
  start: number,
  length: number,
): number {
  const { arena } = db.dataset;
  openPack(arena, entry, pack);
  const memberBytes = elementBytes(pack.bytes, pack.offset + at);
  const removed = memberBytes + elementBytes(pack.bytes, pack.offset + at + memberBytes);
  const scoreBytes = encodeScore(score);
  const total = listpackBytes(pack.bytes, pack.offset) - removed + memberBytes + scoreBytes;
  let current = entry;
  if (total > pack.length) {
    current = resizePack(db, entry, hash, total, pack);
    if (current === NIL) return NIL;
  }
  splice(arena, pack.segment, pack.bytes, pack.offset, pack.offset + at, removed, 0, -2);
  const place = placeOf(pack.bytes, pack.offset, score, member, start, length) - pack.offset;
  putPair(db, place, member, start, length, scoreBytes, memberBytes + scoreBytes);
  return trim(db, current, hash);
}

/** Removes `count` members from the one at offset `at` of the value on. The entry, which may have moved. */
export function removePacked(db: Database, entry: number, hash: number, at: number, count: number): number {
  const { arena } = db.dataset;
  openPack(arena, entry, pack);
  const from = pack.offset + at;
  let end = from;
  for (let i = count * 2; i > 0; i--) end += elementBytes(pack.bytes, end);
  splice(arena, pack.segment, pack.bytes, pack.offset, from, end - from, 0, -2 * count);
  return trim(db, entry, hash);
}

/** Gives room behind the listpack back, as far as there is memory to move the value to. */
function trim(db: Database, entry: number, hash: number): number {
  const total = listpackBytes(pack.bytes, pack.offset);
  if (total === pack.length) return entry;
  const moved = resizePack(db, entry, hash, total, pack);
  return moved === NIL ? entry : moved;
}
