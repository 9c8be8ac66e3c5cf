/**
 * Sets made as a whole of members that lie in other sets: the results of SINTERSTORE and its like, and a big set of which few members are
 * left.
 *
 * The encoding is the smallest that Redis 7.2 would end with. The new set is complete before anything else changes, so its members may
 * be those of the very set that it replaces.
 */
import { NIL, SEGMENT_SHIFT } from "../../memory/layout.ts";
import { createEntry, hasExpiry, keyLength, keyOffset, OUT_OF_LINE, setValueReference } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { Integer64 } from "../../structure/integer64.ts";
import {
  encodingNeeded,
  findInteger,
  insertInteger,
  intsetBytesFor,
  upgradeIntset,
  writeEmptyIntset,
} from "../../structure/intset.ts";
import {
  EMPTY_LISTPACK_BYTES,
  encodedBytes,
  encodeElement,
  LISTPACK_HEADER_BYTES,
  writeListpackFrame,
} from "../../structure/listpack.ts";
import { Table } from "../../structure/table.ts";
import type { Database } from "../database.ts";
import type { Dataset } from "../dataset.ts";
import { releaseEntry } from "../entries.ts";
import { releaseMembers } from "../members.ts";
import { copyHead, newPacked, openPack, PACK_BYTES_MAX, Pack } from "../packed.ts";
import { Piece } from "../piece.ts";
import { ENCODING_BIG, ENCODING_INTSET, ENCODING_LISTPACK, TYPE_SET } from "../types.ts";
import { insertMember } from "./change.ts";
import { collectRefs, openSet, refInteger, refPiece, SetView } from "./view.ts";

/** Members of several sets, by ref, none twice. */
export class MemberList {
  /** The sets; as many as are in use stand at the beginning. */
  readonly views: SetView[] = [];
  readonly refs = new EntryList(256);
  /** Index in `views` of the set that each ref belongs to; empty: all belong to the first. */
  readonly owners = new EntryList(256);

  view(i: number): SetView {
    while (this.views.length <= i) this.views.push(new SetView());
    return this.views[i]!;
  }

  get count(): number {
    return this.refs.count;
  }

  /** The set that member i is one of. */
  ownerOf(i: number): SetView {
    return this.views[this.owners.count === 0 ? 0 : this.owners.items[i]!]!;
  }

  clear(): void {
    this.refs.clear();
    this.owners.clear();
  }

  /** Gives back the room that a large result took. */
  trim(): void {
    if (this.refs.items.length > 65536) this.refs.items = new Int32Array(256);
    if (this.owners.items.length > 65536) this.owners.items = new Int32Array(256);
    this.clear();
  }
}

/** What the members of a list need; filled in by `examine`. */
const needs = { integers: true, width: 2, lengthMax: 0, elementBytes: 0 };

const piece = new Piece();
const pack = new Pack();
const words = new Integer64();
const left = new MemberList();

/**
 * Stores the members of `list`, of which there is at least one, as a set under a key, in the place of `replaced` (NIL: there is nothing
 * under the key). `least`: the encoding is this one or a larger one. False: the address space is full, nothing changed.
 */
export function storeSet(
  db: Database,
  list: MemberList,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  hash: number,
  replaced: number,
  least: number,
): boolean {
  const { dataset } = db;
  const encoding = larger(encodingFor(dataset, list), least);
  const entry =
    encoding === ENCODING_BIG
      ? buildTable(dataset, list, key, keyStart, keyBytes)
      : buildPacked(dataset, list, encoding, key, keyStart, keyBytes, false);
  if (entry === NIL) return false;
  if (replaced === NIL ? db.insert(entry, hash) : db.replace(replaced, entry, hash)) return true;
  releaseEntry(dataset, entry);
  return false;
}

/** Turns a big set back into a listpack, where its members fit one; Redis does so when SPOP leaves a few of many. */
export function repackSet(db: Database, view: SetView, hash: number): void {
  const { dataset } = db;
  const { arena, limits } = dataset;
  if (view.count > limits.setListpackEntries) return;
  openSet(dataset, view.entry, left.view(0));
  left.clear();
  collectRefs(dataset, view, left.refs);
  examine(dataset, left);
  if (!fitsListpack(dataset)) return;
  const { entry } = view;
  const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  const expires = hasExpiry(arena, entry);
  const start = keyOffset(arena, entry);
  const packed = buildPacked(dataset, left, ENCODING_LISTPACK, bytes, start, keyLength(arena, entry), expires);
  if (packed === NIL) return;
  copyHead(arena, entry, packed);
  db.moved(entry, packed, hash);
  releaseEntry(dataset, entry);
  openSet(dataset, packed, view);
}

/** The smallest encoding that the members may have. */
export function encodingFor(dataset: Dataset, list: MemberList): number {
  const { limits } = dataset;
  if (list.count > Math.max(limits.setIntsetEntries, limits.setListpackEntries)) return ENCODING_BIG;
  examine(dataset, list);
  if (
    needs.integers &&
    list.count <= limits.setIntsetEntries &&
    intsetBytesFor(list.count, needs.width) <= PACK_BYTES_MAX
  ) {
    return ENCODING_INTSET;
  }
  return list.count <= limits.setListpackEntries && fitsListpack(dataset) ? ENCODING_LISTPACK : ENCODING_BIG;
}

/** The larger of two encodings. */
function larger(a: number, b: number): number {
  if (a === ENCODING_INTSET) return b;
  return b === ENCODING_BIG ? b : a;
}

function fitsListpack(dataset: Dataset): boolean {
  if (needs.lengthMax > dataset.limits.setListpackValueBytes) return false;
  return EMPTY_LISTPACK_BYTES + needs.elementBytes <= PACK_BYTES_MAX;
}

function examine(dataset: Dataset, list: MemberList): void {
  needs.integers = true;
  needs.width = 2;
  needs.lengthMax = 0;
  needs.elementBytes = 0;
  for (let i = 0; i < list.count; i++) {
    const view = list.ownerOf(i);
    const ref = list.refs.items[i]!;
    refPiece(dataset, view, ref, piece);
    needs.lengthMax = Math.max(needs.lengthMax, piece.length);
    needs.elementBytes += encodedBytes(piece.bytes, piece.offset, piece.length);
    if (!needs.integers) continue;
    if (refInteger(dataset, view, ref, words)) {
      needs.width = Math.max(needs.width, encodingNeeded(words.low, words.high));
    } else needs.integers = false;
  }
}

/** An entry with the members, which `examine` has seen, as a listpack or intset; NIL: the address space is full. */
function buildPacked(
  dataset: Dataset,
  list: MemberList,
  encoding: number,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  expires: boolean,
): number {
  const intset = encoding === ENCODING_INTSET;
  const length = intset ? intsetBytesFor(list.count, needs.width) : EMPTY_LISTPACK_BYTES + needs.elementBytes;
  const entry = newPacked(dataset, TYPE_SET, encoding, key, keyStart, keyBytes, length, expires);
  if (entry === NIL) return NIL;
  openPack(dataset.arena, entry, pack);
  if (intset) writeIntegers(dataset, list);
  else writeElements(dataset, list, length);
  return entry;
}

function writeIntegers(dataset: Dataset, list: MemberList): void {
  const { bytes, offset } = pack;
  writeEmptyIntset(bytes, offset);
  upgradeIntset(bytes, offset, needs.width);
  for (let i = 0; i < list.count; i++) {
    refInteger(dataset, list.ownerOf(i), list.refs.items[i]!, words);
    const found = findInteger(bytes, offset, words.low, words.high);
    insertInteger(bytes, offset, -found - 1, words.low, words.high);
  }
}

function writeElements(dataset: Dataset, list: MemberList, length: number): void {
  let at = pack.offset + LISTPACK_HEADER_BYTES;
  for (let i = 0; i < list.count; i++) {
    refPiece(dataset, list.ownerOf(i), list.refs.items[i]!, piece);
    at += encodeElement(pack.bytes, at, piece.bytes, piece.offset, piece.length);
  }
  writeListpackFrame(pack.bytes, pack.offset, length, list.count);
}

/** An entry with the members as a table; NIL: the address space is full. */
function buildTable(dataset: Dataset, list: MemberList, key: Uint8Array, keyStart: number, keyBytes: number): number {
  const { allocator, arena } = dataset;
  const root = Table.create(allocator);
  if (root === NIL) return NIL;
  const table = new Table(arena, allocator, root);
  for (let i = 0; i < list.count; i++) {
    refPiece(dataset, list.ownerOf(i), list.refs.items[i]!, piece);
    const hash = table.hash(piece.bytes, piece.offset, piece.length);
    if (insertMember(dataset, table, hash, piece.bytes, piece.offset, piece.length) !== NIL) continue;
    releaseMembers(dataset, root);
    return NIL;
  }
  const entry = createEntry(allocator, TYPE_SET, ENCODING_BIG, key, keyStart, keyBytes, OUT_OF_LINE, false);
  if (entry === NIL) releaseMembers(dataset, root);
  else setValueReference(arena, entry, root, NIL, 0);
  return entry;
}
