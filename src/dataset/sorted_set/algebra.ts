/**
 * Unions, intersections and differences of sorted sets and sets; a set's members have the score 1.
 *
 * Sums are made in Redis's order, the smaller sets first, since sums of doubles depend on it. What is no number (0 × ∞, ∞ − ∞) becomes 0.
 */
import { hashBytes } from "../../base/hash.ts";
import { NIL } from "../../memory/layout.ts";
import { entryEncoding, entryType } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { findInteger, parsedMember, parseIntsetMember } from "../../structure/intset.ts";
import { findElement, firstElement } from "../../structure/listpack.ts";
import { Tree } from "../../structure/tree.ts";
import type { Dataset } from "../dataset.ts";
import { membersOf } from "../members.ts";
import { bigWord0, openPack, Pack } from "../packed.ts";
import { Piece } from "../piece.ts";
import { collectRefs, openSet, refPiece, SetView } from "../set/view.ts";
import { ENCODING_INTSET, ENCODING_LISTPACK, TYPE_ZSET } from "../types.ts";
import { operationsOf } from "../value_operations.ts";
import type { Collected } from "./collected.ts";
import { isPacked, scoreOf } from "./sorted_set.ts";
import { Walk } from "./walk.ts";

export const SUM = 0;
export const MINIMUM = 1;
export const MAXIMUM = 2;

/** One operand: an entry (NIL for a key that doesn't exist) and what its scores are multiplied with. */
export interface Operand {
  readonly entry: number;
  readonly weight: number;
}

const pack = new Pack();

/** Members of an operand. */
function countOf(dataset: Dataset, operand: Operand): number {
  if (operand.entry === NIL) return 0;
  return operationsOf(entryType(dataset.arena, operand.entry)).count(dataset, operand.entry);
}

/** The operands, those with fewer members first. */
function bySize(dataset: Dataset, operands: readonly Operand[]): readonly Operand[] {
  const counts = new Map(operands.map((operand) => [operand, countOf(dataset, operand)]));
  return operands.toSorted((a, b) => counts.get(a)! - counts.get(b)!);
}

/** Score of a member in an operand; NaN when it isn't there. */
function scoreIn(dataset: Dataset, operand: Operand, bytes: Uint8Array, start: number, length: number): number {
  const { entry } = operand;
  if (entry === NIL) return Number.NaN;
  if (entryType(dataset.arena, entry) === TYPE_ZSET) return scoreOf(dataset, entry, bytes, start, length);
  return setHolds(dataset, entry, bytes, start, length) ? 1 : Number.NaN;
}

function setHolds(dataset: Dataset, entry: number, bytes: Uint8Array, start: number, length: number): boolean {
  const { arena } = dataset;
  const encoding = entryEncoding(arena, entry);
  if (encoding === ENCODING_LISTPACK) {
    openPack(arena, entry, pack);
    const first = firstElement(pack.bytes, pack.offset);
    return findElement(pack.bytes, pack.offset, first, bytes, start, length, 0) >= 0;
  }
  if (encoding === ENCODING_INTSET) {
    if (!parseIntsetMember(bytes, start, length)) return false;
    openPack(arena, entry, pack);
    return findInteger(pack.bytes, pack.offset, parsedMember.low, parsedMember.high) >= 0;
  }
  const table = membersOf(dataset, bigWord0(arena, entry));
  return table.find(table.hash(bytes, start, length), bytes, start, length) !== NIL;
}

/** Calls `visit` for each member of an operand with its weighted score. */
function forEach(
  dataset: Dataset,
  operand: Operand,
  visit: (bytes: Uint8Array, offset: number, length: number, score: number) => void,
): void {
  const { entry, weight } = operand;
  if (entry === NIL) return;
  const type = entryType(dataset.arena, entry);
  const scored = type === TYPE_ZSET;
  operationsOf(type).forEach(dataset, entry, (member, _, score) => {
    visit(member.bytes, member.offset, member.length, weighted(scored ? score : 1, weight));
  });
}

function weighted(score: number, weight: number): number {
  const product = score * weight;
  return product === product ? product : 0;
}

function aggregated(a: number, b: number, how: number): number {
  if (how === MINIMUM) return b < a ? b : a;
  if (how === MAXIMUM) return b > a ? b : a;
  const sum = a + b;
  return sum === sum ? sum : 0;
}

/** Gathers the union; sorted. */
export function unite(dataset: Dataset, operands: readonly Operand[], how: number, into: Collected): void {
  const { seed0, seed1 } = dataset;
  for (const operand of bySize(dataset, operands)) {
    forEach(dataset, operand, (bytes, offset, length, score) => {
      const hash = hashBytes(bytes, offset, length, seed0, seed1);
      const index = into.find(bytes, offset, length, hash);
      if (index < 0) into.add(bytes, offset, length, score, hash);
      else into.scores[index] = aggregated(into.scores[index]!, score, how);
    });
  }
  into.sort();
}

/** Gathers the intersection; sorted. */
export function intersect(dataset: Dataset, operands: readonly Operand[], how: number, into: Collected): void {
  const [smallest, ...others] = bySize(dataset, operands);
  if (countOf(dataset, smallest!) === 0) return;
  forEach(dataset, smallest!, (bytes, offset, length, score) => {
    let total = score;
    for (const other of others) {
      const own = scoreIn(dataset, other, bytes, offset, length);
      if (own !== own) return;
      // Here Redis leaves 0 × ∞ to the aggregation: as a sum it makes 0 of all, as a minimum or maximum it is passed over.
      total = aggregated(total, own * other.weight, how);
    }
    into.append(bytes, offset, length, total);
  });
  into.sort();
}

/** How many members the intersection has, counted up to `limit` (0: all). */
export function countIntersection(dataset: Dataset, operands: readonly Operand[], limit: number): number {
  const [smallest, ...others] = bySize(dataset, operands);
  if (countOf(dataset, smallest!) === 0) return 0;
  const { entry } = smallest!;
  const inAll = (bytes: Uint8Array, offset: number, length: number): boolean =>
    others.every((other) => !Number.isNaN(scoreIn(dataset, other, bytes, offset, length)));
  const enough = limit > 0 ? limit : Number.POSITIVE_INFINITY;
  let count = 0;
  if (entryType(dataset.arena, entry) === TYPE_ZSET) {
    // A tree of its own: looking into the others moves the shared one.
    const walk = new Walk(isPacked(dataset, entry) ? undefined : new Tree(dataset.arena, dataset.allocator));
    for (let more = walk.seek(dataset, entry, 0); more && count < enough; more = walk.next()) {
      if (inAll(walk.bytes, walk.offset, walk.length)) count++;
    }
    return count;
  }
  const view = new SetView();
  const refs = new EntryList(256);
  const piece = new Piece();
  openSet(dataset, entry, view);
  collectRefs(dataset, view, refs);
  for (let i = 0; i < refs.count && count < enough; i++) {
    refPiece(dataset, view, refs.items[i]!, piece);
    if (inAll(piece.bytes, piece.offset, piece.length)) count++;
  }
  return count;
}

/** Gathers what the first operand has and no other; sorted. */
export function subtract(dataset: Dataset, operands: readonly Operand[], into: Collected): void {
  const [first, ...others] = operands;
  forEach(dataset, first!, (bytes, offset, length, score) => {
    for (const other of others) {
      const own = scoreIn(dataset, other, bytes, offset, length);
      if (own === own) return;
    }
    into.append(bytes, offset, length, score);
  });
  into.sort();
}
