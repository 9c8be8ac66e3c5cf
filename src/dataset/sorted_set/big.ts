/**
 * Big sorted sets: a Table of the members, each an entry whose value is its score, and a plain Tree over the same entries, ordered by
 * score and member.
 * ```
 * reference word 0 ──> Table   member ──> entry (key: member, value: score)
 *           word 1 ──> Tree    (score, entry) in order, counted: rank and position in O(log n)
 * ```
 * Invariant: both hold the same entries, and an entry's score is the one that it has in the tree. What fails for lack of address space
 * leaves both as they were.
 */

import { NIL, SEGMENT_SHIFT } from "../../memory/layout.ts";
import { createEntry, freeEntry, referenceWord } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import {
  copyElementText,
  elementBytes,
  endPosition,
  isIntegerElement,
  LISTPACK_HEADER_BYTES,
  stringLength,
  stringOffset,
} from "../../structure/listpack.ts";
import { Table } from "../../structure/table.ts";
import { Tree } from "../../structure/tree.ts";
import type { Database } from "../database.ts";
import type { Dataset } from "../dataset.ts";
import { copyMember, hashOfMember, membersOf, releaseMembers, releaseMembersStep } from "../members.ts";
import { becomeBig, bigWord0, bigWord1, openPack, Pack } from "../packed.ts";
import { memberScore, SCORE_BYTES, scoreAt, setMemberScore } from "./scores.ts";

const pack = new Pack();
const unused = new EntryList(256);
const digits = new Uint8Array(20);

/** The shared Table object, speaking for the members of a big sorted set. */
export function tableOf(dataset: Dataset, entry: number): Table {
  return membersOf(dataset, bigWord0(dataset.arena, entry));
}

/** The shared Tree object, speaking for the order of a big sorted set. */
export function treeOf(dataset: Dataset, entry: number): Tree {
  dataset.order.attach(bigWord1(dataset.arena, entry));
  return dataset.order;
}

/** Roots of an empty table and tree, for building a sorted set before it has a key. */
export class Roots {
  table = NIL;
  tree = NIL;

  /** False: the address space is full, nothing is left behind. */
  create(dataset: Dataset): boolean {
    this.table = Table.create(dataset.allocator);
    if (this.table === NIL) return false;
    this.tree = Tree.create(dataset.allocator, false);
    if (this.tree !== NIL) return true;
    releaseMembers(dataset, this.table);
    return false;
  }

  /** Adds a member that sorts behind all others. False: the address space is full. */
  append(dataset: Dataset, score: number, bytes: Uint8Array, start: number, length: number): boolean {
    const { arena, allocator } = dataset;
    const member = createEntry(allocator, 0, 0, bytes, start, length, SCORE_BYTES, false);
    if (member === NIL) return false;
    setMemberScore(arena, member, score);
    return this.appendMember(dataset, member);
  }

  /** As `append`, with an entry that is freed if there is no room for it. */
  appendMember(dataset: Dataset, member: number): boolean {
    const { arena, allocator, order } = dataset;
    const table = membersOf(dataset, this.table);
    const hash = hashOfMember(arena, table, member);
    if (!table.insert(hash, member)) {
      freeEntry(allocator, member);
      return false;
    }
    order.attach(this.tree);
    // A member that cannot go into the tree is freed with the table.
    return order.appendScore(memberScore(arena, member), member);
  }

  /** Frees all that was built. */
  release(dataset: Dataset): void {
    releaseTree(dataset, this.tree);
    releaseMembers(dataset, this.table);
  }
}

const roots = new Roots();

function releaseTree(dataset: Dataset, root: number): void {
  dataset.order.attach(root);
  for (let done = false; !done; unused.clear()) done = dataset.order.releaseInto(16, unused);
}

/** Makes a packed sorted set a big one. The entry, which may have moved; NIL: the address space is full, nothing changed. */
export function convertToBig(db: Database, entry: number, hash: number): number {
  const { dataset } = db;
  if (!roots.create(dataset)) return NIL;
  openPack(dataset.arena, entry, pack);
  const { bytes, offset } = pack;
  const end = endPosition(bytes, offset);
  for (let at = offset + LISTPACK_HEADER_BYTES; at < end; ) {
    const behind = at + elementBytes(bytes, at);
    const score = scoreAt(bytes, behind);
    const added = isIntegerElement(bytes, at)
      ? roots.append(dataset, score, digits, 0, copyElementText(bytes, at, digits, 0))
      : roots.append(dataset, score, bytes, stringOffset(bytes, at), stringLength(bytes, at));
    if (!added) {
      roots.release(dataset);
      return NIL;
    }
    at = behind + elementBytes(bytes, behind);
  }
  const big = becomeBig(db, entry, hash, roots.table, roots.tree);
  if (big === NIL) roots.release(dataset);
  return big;
}

/** Adds a member that isn't there. False: the address space is full, nothing changed. */
export function insertBig(
  dataset: Dataset,
  entry: number,
  hash: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): boolean {
  const { arena, allocator } = dataset;
  const member = createEntry(allocator, 0, 0, bytes, start, length, SCORE_BYTES, false);
  if (member === NIL) return false;
  setMemberScore(arena, member, score);
  if (treeOf(dataset, entry).insertScore(score, member)) {
    if (tableOf(dataset, entry).insert(hash, member)) return true;
    dataset.order.remove();
  }
  freeEntry(allocator, member);
  return false;
}

/** Gives a member another score. False: the address space is full, nothing changed. */
export function rescoreBig(dataset: Dataset, entry: number, member: number, score: number): boolean {
  const { arena } = dataset;
  if (!treeOf(dataset, entry).moveScore(memberScore(arena, member), member, score)) return false;
  setMemberScore(arena, member, score);
  return true;
}

/** Removes a member and frees it; the last one may be removed, too. */
export function removeBig(dataset: Dataset, entry: number, hash: number, member: number): void {
  const { arena, allocator } = dataset;
  treeOf(dataset, entry).removeScore(memberScore(arena, member), member);
  tableOf(dataset, entry).remove(hash, member);
  freeEntry(allocator, member);
}

/** Removes `count` members from rank `from` on: one search, then along the leaves. */
export function removeBigRange(dataset: Dataset, entry: number, from: number, count: number): void {
  const { arena, allocator } = dataset;
  const tree = treeOf(dataset, entry);
  const table = tableOf(dataset, entry);
  tree.seekPosition(from);
  for (let i = 0; i < count; i++) {
    const member = tree.entry;
    table.remove(hashOfMember(arena, table, member), member);
    tree.remove();
    freeEntry(allocator, member);
  }
}

/** Frees about `elementsMax` members of a set that nobody uses any more, the tree first; true when all is gone. */
export function releaseBigStep(dataset: Dataset, entry: number, elementsMax: number): boolean {
  const { arena } = dataset;
  const tree = bigWord1(arena, entry);
  if (tree === NIL) return releaseMembersStep(dataset, bigWord0(arena, entry), elementsMax);
  dataset.order.attach(tree);
  unused.clear();
  // A leaf holds some 60 members.
  if (dataset.order.releaseInto(Math.max(1, elementsMax >>> 5), unused)) {
    const word = referenceWord(arena, entry) + 1;
    arena.touchBytes(entry >>> SEGMENT_SHIFT, word << 2, 4);
    arena.words[entry >>> SEGMENT_SHIFT]![word] = NIL;
  }
  return false;
}

/** Builds a copy of a big set into `copy`. False: the address space is full, nothing is left behind. */
export function copyBigInto(dataset: Dataset, entry: number, copy: Roots): boolean {
  const { arena, allocator } = dataset;
  if (!copy.create(dataset)) return false;
  const source = new Tree(arena, allocator);
  source.attach(bigWord1(arena, entry));
  for (let more = source.seekFirst(); more; more = source.next()) {
    const member = copyMember(dataset, source.entry);
    if (member !== NIL && copy.appendMember(dataset, member)) continue;
    copy.release(dataset);
    return false;
  }
  return true;
}
