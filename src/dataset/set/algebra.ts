/**
 * Intersection, union and difference of sets: which members they have, as refs into the sets themselves, so that nothing is copied before a
 * result is replied or stored.
 *
 * A MemberList's first views hold the sets, opened; its refs receive the result. Members of big sets are looked up in batches, whose hashes
 * are known before the first lookup, so that the cache misses of a batch overlap.
 */
import { NIL } from "../../memory/layout.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Dataset } from "../dataset.ts";
import { membersOf } from "../members.ts";
import { Piece } from "../piece.ts";
import { ENCODING_BIG } from "../types.ts";
import type { MemberList } from "./build.ts";
import { MemberIndex } from "./member_index.ts";
import { collectRefs, findRef, refPiece, type SetView, setHas } from "./view.ts";

/** Members looked up together. */
const BATCH_MEMBERS = 64;

const piece = new Piece();
const batch = new EntryList(128);
const hashes = new EntryList(128);

/** The members that all of the first `sets` views have; no more than `limit`, 0 for all. The views are put in order of size. */
export function intersect(dataset: Dataset, list: MemberList, sets: number, limit: number): void {
  list.clear();
  const ordered = list.views.slice(0, sets).sort((a, b) => a.count - b.count);
  for (let i = 0; i < sets; i++) list.views[i] = ordered[i]!;
  if (list.views[0]!.count === 0) return;
  sift(dataset, list, sets, true, limit);
  if (limit > 0 && list.refs.count > limit) list.refs.count = limit;
}

/** The members that any of the first `sets` views has. */
export function unite(dataset: Dataset, list: MemberList, sets: number): void {
  list.clear();
  const { owners, refs } = list;
  if (sets === 1) {
    collectRefs(dataset, list.views[0]!, refs);
    return;
  }
  let total = 0;
  for (let i = 0; i < sets; i++) total += list.views[i]!.count;
  const index = new MemberIndex(dataset, list, total);
  for (let i = 0; i < sets; i++) {
    const view = list.views[i]!;
    batch.clear();
    collectRefs(dataset, view, batch);
    for (let k = 0; k < batch.count; k++) {
      const ref = batch.items[k]!;
      refPiece(dataset, view, ref, piece);
      if (!index.add(piece)) continue;
      refs.push(ref);
      owners.push(i);
    }
  }
  trimBatch();
}

/**
 * The members of the first view that no other of the first `sets` has. Returns whether they were found by taking the members of the others
 * out of the first set, as Redis does where that is less work than looking for each member of the first in all others.
 */
export function subtract(dataset: Dataset, list: MemberList, sets: number): boolean {
  list.clear();
  const first = list.views[0]!;
  if (first.count === 0) return false;
  let total = 0;
  let present = 0;
  for (let i = 0; i < sets; i++) {
    total += list.views[i]!.count;
    if (list.views[i]!.entry !== NIL) present++;
  }
  if ((first.count * present) / 2 <= total) {
    // The largest first: it has most to strike out.
    const others = list.views.slice(1, sets).sort((a, b) => b.count - a.count);
    for (let i = 1; i < sets; i++) list.views[i] = others[i - 1]!;
    sift(dataset, list, sets, false, 0);
    return false;
  }
  strikeOut(dataset, list, sets);
  return true;
}

function strikeOut(dataset: Dataset, list: MemberList, sets: number): void {
  const first = list.views[0]!;
  const struck = new Set<number>();
  for (let i = 1; i < sets; i++) {
    const view = list.views[i]!;
    batch.clear();
    collectRefs(dataset, view, batch);
    for (let k = 0; k < batch.count; k++) {
      refPiece(dataset, view, batch.items[k]!, piece);
      const ref = findRef(dataset, first, piece.bytes, piece.offset, piece.length);
      if (ref !== NIL) struck.add(ref);
    }
  }
  batch.clear();
  collectRefs(dataset, first, batch);
  for (let k = 0; k < batch.count; k++) if (!struck.has(batch.items[k]!)) list.refs.push(batch.items[k]!);
  trimBatch();
}

/** Appends the members of the first view that all others have (`kept` true) or that none has (false), `limit` or a few more. */
function sift(dataset: Dataset, list: MemberList, sets: number, kept: boolean, limit: number): void {
  const source = list.views[0]!;
  let cursor = 0;
  do {
    batch.clear();
    if (source.encoding === ENCODING_BIG) {
      const table = membersOf(dataset, source.root);
      do cursor = table.scanInto(cursor, batch);
      while (cursor !== 0 && batch.count < BATCH_MEMBERS);
    } else collectRefs(dataset, source, batch);
    siftBatch(dataset, list, sets, kept);
    for (let k = 0; k < batch.count; k++) list.refs.push(batch.items[k]!);
  } while (cursor !== 0 && (limit === 0 || list.refs.count < limit));
}

/** Leaves in `batch` the refs of those members that all others of the views have, or that none has. */
function siftBatch(dataset: Dataset, list: MemberList, sets: number, kept: boolean): void {
  const source = list.views[0]!;
  hashes.clear();
  for (let k = 0; k < batch.count; k++) {
    refPiece(dataset, source, batch.items[k]!, piece);
    hashes.push(dataset.otherMembers.hash(piece.bytes, piece.offset, piece.length));
  }
  for (let i = 1; i < sets && batch.count > 0; i++) {
    const other = list.views[i]!;
    if (other.encoding === ENCODING_BIG) siftByTable(dataset, source, other, kept);
    else siftByPacked(dataset, source, other, kept);
  }
}

function siftByTable(dataset: Dataset, source: SetView, other: SetView, kept: boolean): void {
  const table = dataset.otherMembers;
  table.attach(other.root);
  table.prefetch(hashes.items, 0, batch.count);
  let left = 0;
  for (let k = 0; k < batch.count; k++) {
    const ref = batch.items[k]!;
    const hash = hashes.items[k]!;
    refPiece(dataset, source, ref, piece);
    if ((table.find(hash, piece.bytes, piece.offset, piece.length) !== NIL) !== kept) continue;
    batch.items[left] = ref;
    hashes.items[left++] = hash;
  }
  batch.count = left;
}

function siftByPacked(dataset: Dataset, source: SetView, other: SetView, kept: boolean): void {
  let left = 0;
  for (let k = 0; k < batch.count; k++) {
    const ref = batch.items[k]!;
    refPiece(dataset, source, ref, piece);
    if (setHas(dataset, other, piece.bytes, piece.offset, piece.length) !== kept) continue;
    batch.items[left] = ref;
    hashes.items[left++] = hashes.items[k]!;
  }
  batch.count = left;
}

function trimBatch(): void {
  if (batch.items.length > 65536) batch.items = new Int32Array(128);
}
