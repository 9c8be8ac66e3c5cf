/**
 * Adding members to a set and removing them, with Redis 7.2's choice of encodings.
 *
 * ```
 * intset ──> listpack      a member that is no integer, while both stay small
 * intset, listpack ──> table of members      more members, or longer ones, than dataset.limits says
 * ```
 * A set that has become larger in kind does not go back when it shrinks. Where the address space is full a function says so, and the set
 * holds what it held (a conversion may have been made already).
 */
import type { Allocator } from "../../memory/allocator.ts";
import { NIL } from "../../memory/layout.ts";
import { createEntry, freeEntry, setEntryType } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { Integer64, wordsTextLength } from "../../structure/integer64.ts";
import {
  encodingNeeded,
  findInteger,
  insertInteger,
  intsetBytes,
  intsetBytesFor,
  intsetEncodingBytes,
  parsedMember,
  parseIntsetMember,
  readIntset,
  removeInteger,
  upgradeIntset,
  writeEmptyIntset,
} from "../../structure/intset.ts";
import {
  EMPTY_LISTPACK_BYTES,
  elementBytes,
  encodedBytes,
  encodeElement,
  encodeElementIn,
  encodeIntegerWords,
  endPosition,
  findElement,
  firstElement,
  LISTPACK_HEADER_BYTES,
  listpackBytes,
  splice,
  writeEmptyListpack,
  writeListpackFrame,
} from "../../structure/listpack.ts";
import { Table } from "../../structure/table.ts";
import type { Database } from "../database.ts";
import type { Dataset } from "../dataset.ts";
import { hashOfMember, membersOf, releaseMembers } from "../members.ts";
import { becomeBig, createBig, createPack, PACK_BYTES_MAX, Pack, resizePack } from "../packed.ts";
import { Piece } from "../piece.ts";
import { ENCODING_BIG, ENCODING_INTSET, ENCODING_LISTPACK, TYPE_SET } from "../types.ts";
import { collectRefs, findRef, openSet, refPiece, type SetView } from "./view.ts";

/** What became of a member to add. */
export const NO_MEMORY = -1;
export const PRESENT = 0;
export const ADDED = 1;

/** The longest integer as an element of a listpack. */
const INTEGER_ELEMENT_BYTES_MAX = 10;

const refs = new EntryList(256);
const piece = new Piece();
const pack = new Pack();
const words = new Integer64();
let scratch = new Uint8Array(2048);

/** Adds bytes[start, start + length) to the set that `view` has open; `hash` is its key's. */
export function addMember(
  db: Database,
  view: SetView,
  hash: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): number {
  if (view.encoding === ENCODING_BIG) return addToTable(db.dataset, view, bytes, start, length);
  if (view.encoding === ENCODING_INTSET) return addToIntset(db, view, hash, bytes, start, length);
  return addToListpack(db, view, hash, bytes, start, length);
}

/**
 * Makes a set of one member under a key that has none and opens it. `expected` is how many members are about to follow, this one counted.
 * False: the address space is full, nothing changed.
 */
export function createSet(
  db: Database,
  view: SetView,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  hash: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  expected: number,
): boolean {
  const { arena, limits } = db.dataset;
  let entry: number;
  if (expected <= limits.setIntsetEntries && parseIntsetMember(bytes, start, length)) {
    const { low, high } = parsedMember;
    const width = encodingNeeded(low, high);
    const packBytes = intsetBytesFor(1, width);
    entry = createPack(db, TYPE_SET, ENCODING_INTSET, key, keyStart, keyBytes, hash, packBytes, pack);
    if (entry === NIL) return false;
    writeEmptyIntset(pack.bytes, pack.offset);
    upgradeIntset(pack.bytes, pack.offset, width);
    insertInteger(pack.bytes, pack.offset, 0, low, high);
  } else if (expected <= limits.setListpackEntries && length <= limits.setListpackValueBytes) {
    const size = encodedBytes(bytes, start, length);
    const packBytes = EMPTY_LISTPACK_BYTES + size;
    if (packBytes > PACK_BYTES_MAX) return createTable(db, view, key, keyStart, keyBytes, hash, bytes, start, length);
    entry = createPack(db, TYPE_SET, ENCODING_LISTPACK, key, keyStart, keyBytes, hash, packBytes, pack);
    if (entry === NIL) return false;
    writeEmptyListpack(pack.bytes, pack.offset);
    const at = endPosition(pack.bytes, pack.offset);
    splice(arena, pack.segment, pack.bytes, pack.offset, at, 0, size, 1);
    encodeElementIn(pack.bytes, arena.views[pack.segment]!, at, bytes, start, length);
  } else return createTable(db, view, key, keyStart, keyBytes, hash, bytes, start, length);
  openSet(db.dataset, entry, view);
  return true;
}

/** Makes room, in kind, for so many members that are about to be added. False: the address space is full. */
export function expectMembers(db: Database, view: SetView, hash: number, expected: number): boolean {
  const { limits } = db.dataset;
  if (view.encoding === ENCODING_BIG) return true;
  const entriesMax = view.encoding === ENCODING_INTSET ? limits.setIntsetEntries : limits.setListpackEntries;
  return expected <= entriesMax || becomeTable(db, view, hash);
}

/** Takes a member out; false where it is none. The set may be empty then: its key is the caller's to remove. */
export function removeMember(
  db: Database,
  view: SetView,
  hash: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): boolean {
  if (view.encoding === ENCODING_BIG) {
    const { dataset } = db;
    const table = membersOf(dataset, view.root);
    const memberHash = table.hash(bytes, start, length);
    const member = table.find(memberHash, bytes, start, length);
    if (member === NIL) return false;
    takeOut(dataset.allocator, table, memberHash, member);
    view.count--;
    return true;
  }
  const ref = findRef(db.dataset, view, bytes, start, length);
  if (ref === NIL) return false;
  removeRef(db, view, hash, ref);
  return true;
}

/** Takes out the member of a ref. Refs of other members of a packed set mean nothing afterwards. */
export function removeRef(db: Database, view: SetView, hash: number, ref: number): void {
  const { dataset } = db;
  view.count--;
  if (view.encoding === ENCODING_BIG) {
    const table = membersOf(dataset, view.root);
    takeOut(dataset.allocator, table, hashOfMember(dataset.arena, table, ref), ref);
    return;
  }
  const own = view.pack;
  let bytesLeft: number;
  if (view.encoding === ENCODING_INTSET) {
    dataset.arena.touchBytes(own.segment, own.offset, own.length);
    removeInteger(own.bytes, own.offset, ref - 1);
    bytesLeft = intsetBytes(own.bytes, own.offset);
  } else {
    const size = elementBytes(own.bytes, ref);
    splice(dataset.arena, own.segment, own.bytes, own.offset, ref, size, 0, -1);
    bytesLeft = listpackBytes(own.bytes, own.offset);
  }
  if (view.count === 0) return;
  // Without memory for a smaller block the old one keeps its end, which means nothing.
  const entry = resizePack(db, view.entry, hash, bytesLeft, own);
  if (entry !== NIL) view.entry = entry;
}

/** A new member in a table that doesn't have it; NIL: the address space is full, nothing changed. */
export function insertMember(
  dataset: Dataset,
  table: Table,
  hash: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): number {
  const { allocator } = dataset;
  const member = createEntry(allocator, TYPE_SET, 0, bytes, start, length, 0, false);
  if (member === NIL) return NIL;
  if (table.insert(hash, member)) return member;
  freeEntry(allocator, member);
  return NIL;
}

function takeOut(allocator: Allocator, table: Table, memberHash: number, member: number): void {
  table.remove(memberHash, member);
  freeEntry(allocator, member);
}

function addToTable(dataset: Dataset, view: SetView, bytes: Uint8Array, start: number, length: number): number {
  const table = membersOf(dataset, view.root);
  const hash = table.hash(bytes, start, length);
  if (table.find(hash, bytes, start, length) !== NIL) return PRESENT;
  if (insertMember(dataset, table, hash, bytes, start, length) === NIL) return NO_MEMORY;
  view.count++;
  return ADDED;
}

function addToListpack(
  db: Database,
  view: SetView,
  hash: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): number {
  const { arena, limits } = db.dataset;
  const own = view.pack;
  const first = firstElement(own.bytes, own.offset);
  if (findElement(own.bytes, own.offset, first, bytes, start, length, 0) >= 0) return PRESENT;
  const size = encodedBytes(bytes, start, length);
  const total = listpackBytes(own.bytes, own.offset) + size;
  if (view.count >= limits.setListpackEntries || length > limits.setListpackValueBytes || total > PACK_BYTES_MAX) {
    return becomeTable(db, view, hash) ? addToTable(db.dataset, view, bytes, start, length) : NO_MEMORY;
  }
  const entry = resizePack(db, view.entry, hash, total, own);
  if (entry === NIL) return NO_MEMORY;
  view.entry = entry;
  const at = endPosition(own.bytes, own.offset);
  splice(arena, own.segment, own.bytes, own.offset, at, 0, size, 1);
  encodeElement(own.bytes, at, bytes, start, length);
  view.count++;
  return ADDED;
}

function addToIntset(
  db: Database,
  view: SetView,
  hash: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): number {
  const { arena, limits } = db.dataset;
  const own = view.pack;
  if (!parseIntsetMember(bytes, start, length)) {
    if (mayBecomeListpack(db.dataset, view, length)) return becomeListpack(db, view, hash, bytes, start, length);
    return becomeTable(db, view, hash) ? addToTable(db.dataset, view, bytes, start, length) : NO_MEMORY;
  }
  const { low, high } = parsedMember;
  const found = findInteger(own.bytes, own.offset, low, high);
  if (found >= 0) return PRESENT;
  const width = Math.max(intsetEncodingBytes(own.bytes, own.offset), encodingNeeded(low, high));
  const total = intsetBytesFor(view.count + 1, width);
  if (view.count >= limits.setIntsetEntries || total > PACK_BYTES_MAX) {
    return becomeTable(db, view, hash) ? addToTable(db.dataset, view, bytes, start, length) : NO_MEMORY;
  }
  const entry = resizePack(db, view.entry, hash, total, own);
  if (entry === NIL) return NO_MEMORY;
  view.entry = entry;
  arena.touchBytes(own.segment, own.offset, total);
  upgradeIntset(own.bytes, own.offset, width);
  insertInteger(own.bytes, own.offset, -found - 1, low, high);
  view.count++;
  return ADDED;
}

/** Would the integers, and a member of `length` bytes that is none, be within the limits of a listpack? */
function mayBecomeListpack(dataset: Dataset, view: SetView, length: number): boolean {
  const { setListpackEntries, setListpackValueBytes } = dataset.limits;
  if (view.count >= setListpackEntries || length > setListpackValueBytes) return false;
  if (view.count === 0) return true;
  const bytesMax = EMPTY_LISTPACK_BYTES + view.count * INTEGER_ELEMENT_BYTES_MAX + length + INTEGER_ELEMENT_BYTES_MAX;
  if (bytesMax > PACK_BYTES_MAX) return false;
  const own = view.pack;
  readIntset(own.bytes, own.offset, 0, words);
  if (wordsTextLength(words.low, words.high) > setListpackValueBytes) return false;
  readIntset(own.bytes, own.offset, view.count - 1, words);
  return wordsTextLength(words.low, words.high) <= setListpackValueBytes;
}

/** Turns an intset into a listpack with one more member. */
function becomeListpack(
  db: Database,
  view: SetView,
  hash: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): number {
  const { arena } = db.dataset;
  const own = view.pack;
  const added = encodedBytes(bytes, start, length);
  const bytesMax = EMPTY_LISTPACK_BYTES + view.count * INTEGER_ELEMENT_BYTES_MAX + added;
  if (scratch.length < bytesMax) scratch = new Uint8Array(bytesMax * 2);
  let at = LISTPACK_HEADER_BYTES;
  for (let index = 0; index < view.count; index++) {
    readIntset(own.bytes, own.offset, index, words);
    at += encodeIntegerWords(scratch, at, words.low, words.high);
  }
  at += encodeElement(scratch, at, bytes, start, length);
  const total = at + 1;
  writeListpackFrame(scratch, 0, total, view.count + 1);
  const entry = resizePack(db, view.entry, hash, total, own);
  if (entry === NIL) return NO_MEMORY;
  view.entry = entry;
  arena.touchBytes(own.segment, own.offset, total);
  own.bytes.set(scratch.subarray(0, total), own.offset);
  setEntryType(arena, entry, TYPE_SET, ENCODING_LISTPACK);
  view.encoding = ENCODING_LISTPACK;
  view.count++;
  return ADDED;
}

/** Turns a packed set into a table of members. False: the address space is full, nothing changed. */
function becomeTable(db: Database, view: SetView, hash: number): boolean {
  const { dataset } = db;
  const root = Table.create(dataset.allocator);
  if (root === NIL) return false;
  const table = membersOf(dataset, root);
  refs.clear();
  collectRefs(dataset, view, refs);
  for (let i = 0; i < refs.count; i++) {
    refPiece(dataset, view, refs.items[i]!, piece);
    const memberHash = table.hash(piece.bytes, piece.offset, piece.length);
    if (insertMember(dataset, table, memberHash, piece.bytes, piece.offset, piece.length) !== NIL) continue;
    releaseMembers(dataset, root);
    return false;
  }
  const entry = becomeBig(db, view.entry, hash, root, NIL);
  if (entry === NIL) {
    releaseMembers(dataset, root);
    return false;
  }
  view.entry = entry;
  view.encoding = ENCODING_BIG;
  view.root = root;
  return true;
}

function createTable(
  db: Database,
  view: SetView,
  key: Uint8Array,
  keyStart: number,
  keyBytes: number,
  hash: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): boolean {
  const { dataset } = db;
  const root = Table.create(dataset.allocator);
  if (root === NIL) return false;
  const table = membersOf(dataset, root);
  const inserted = insertMember(dataset, table, table.hash(bytes, start, length), bytes, start, length);
  const entry = inserted === NIL ? NIL : createBig(db, TYPE_SET, key, keyStart, keyBytes, hash, root, NIL);
  if (entry === NIL) {
    releaseMembers(dataset, root);
    return false;
  }
  openSet(dataset, entry, view);
  return true;
}
