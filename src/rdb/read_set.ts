/** Reads sets: members one by one, an intset, or a listpack. A member that stands twice is damage. */

import { membersOf, releaseMembers } from "../dataset/members.ts";
import { PACK_BYTES_MAX } from "../dataset/packed.ts";
import { insertMember } from "../dataset/set/change.ts";
import { ENCODING_BIG, ENCODING_INTSET, ENCODING_LISTPACK, TYPE_SET } from "../dataset/types.ts";
import { NIL } from "../memory/layout.ts";
import { createEntry, OUT_OF_LINE, setValueReference } from "../structure/entry.ts";
import { Integer64, writeWords } from "../structure/integer64.ts";
import {
  encodingNeeded,
  findInteger,
  INTSET_HEADER_BYTES,
  insertInteger,
  intsetBytes,
  intsetBytesFor,
  intsetCount,
  intsetEncodingBytes,
  parsedMember,
  parseIntsetMember,
  readIntset,
  upgradeIntset,
  validateIntset,
  writeEmptyIntset,
} from "../structure/intset.ts";
import {
  copyElementText,
  elementBytes,
  endPosition,
  isIntegerElement,
  LISTPACK_HEADER_BYTES,
  listpackCount,
  stringLength,
  stringOffset,
} from "../structure/listpack.ts";
import { Table } from "../structure/table.ts";
import type { ReadContext } from "./context.ts";
import { TYPE_SET_INTSET, TYPE_SET_LISTPACK } from "./format.ts";

const digits = new Uint8Array(20);
const words = new Integer64();
let integers = new Uint8Array(4096);

/** The entry, in no table; NIL: the address space is full. */
export function readSet(context: ReadContext, type: number): number {
  if (type === TYPE_SET_INTSET) return readIntegers(context);
  if (type === TYPE_SET_LISTPACK) return readPack(context);
  return readMembers(context);
}

function readIntegers(context: ReadContext): number {
  const { input, text, dataset } = context;
  const at = input.offset;
  input.text(text);
  const { bytes, start, length } = text;
  if (!validateIntset(bytes, start, length)) {
    if (length === INTSET_HEADER_BYTES && intsetCount(bytes, start) === 0) throw context.empty(at);
    throw context.damaged("a damaged intset", at);
  }
  if (intsetCount(bytes, start) <= dataset.limits.setIntsetEntries && length <= PACK_BYTES_MAX) {
    return context.storePacked(TYPE_SET, ENCODING_INTSET, bytes, start, length);
  }
  return buildTable(context, (add) => addIntegers(bytes, start, add));
}

function readPack(context: ReadContext): number {
  const { input, text, dataset } = context;
  const at = input.offset;
  input.text(text);
  context.openListpack(at);
  const { pack, packBase, packBytes } = context;
  const count = listpackCount(pack, packBase);
  if (count > dataset.limits.setListpackEntries || packBytes > PACK_BYTES_MAX) {
    return buildTable(context, (add) => addElements(pack, packBase, add) || refuse(context, at));
  }
  context.refuseDuplicates(count, 1, at);
  return context.storePacked(TYPE_SET, ENCODING_LISTPACK, pack, packBase, packBytes);
}

/** Members one by one: gathered as an intset or a listpack as long as that is what Redis would make of them. */
function readMembers(context: ReadContext): number {
  const { input, text, builder, dataset } = context;
  const { setIntsetEntries, setListpackEntries, setListpackValueBytes } = dataset.limits;
  const at = input.offset;
  const count = input.elements(1);
  if (count === 0) throw context.empty(at);
  let allIntegers = count <= setIntsetEntries && intsetBytesFor(count, 8) <= PACK_BYTES_MAX;
  let packs = count <= setListpackEntries;
  writeEmptyIntset(integers, 0);
  builder.clear();
  let read = 0;
  while (read < count && (allIntegers || packs)) {
    input.text(text);
    read++;
    const { bytes, start, length } = text;
    if (allIntegers && parseIntsetMember(bytes, start, length)) {
      if (!addInteger(parsedMember.low, parsedMember.high)) throw context.damaged("a member that stands twice", at);
      continue;
    }
    if (allIntegers) {
      allIntegers = false;
      takeIntegers(context);
    }
    builder.text(bytes, start, length);
    packs = packs && length <= setListpackValueBytes && builder.length <= PACK_BYTES_MAX;
  }
  if (allIntegers) return context.storePacked(TYPE_SET, ENCODING_INTSET, integers, 0, intsetBytes(integers, 0));
  context.takeBuilder();
  if (packs && read === count) {
    context.refuseDuplicates(count, 1, at);
    return context.storePacked(TYPE_SET, ENCODING_LISTPACK, context.pack, 0, context.packBytes);
  }
  const { pack } = context;
  return buildTable(context, (add) => {
    if (builder.count > 0 && !addElements(pack, 0, add)) return refuse(context, at);
    for (; read < count; read++) {
      input.text(text);
      if (!add(text.bytes, text.start, text.length)) return refuse(context, at);
    }
    return true;
  });
}

/** Adds an integer to the intset that is gathered; false: it is there already. */
function addInteger(low: number, high: number): boolean {
  const index = findInteger(integers, 0, low, high);
  if (index >= 0) return false;
  if (intsetBytes(integers, 0) + 8 > integers.length >>> 2) {
    // Room for all of them at full width.
    const larger = new Uint8Array(integers.length * 2);
    larger.set(integers);
    integers = larger;
  }
  upgradeIntset(integers, 0, Math.max(intsetEncodingBytes(integers, 0), encodingNeeded(low, high)));
  insertInteger(integers, 0, ~index, low, high);
  return true;
}

/** The integers gathered so far become elements of the listpack. */
function takeIntegers(context: ReadContext): void {
  const count = intsetCount(integers, 0);
  for (let i = 0; i < count; i++) {
    readIntset(integers, 0, i, words);
    context.builder.words(words.low, words.high);
  }
}

/** Adds a member; false: it is there already. Without address space `full` is set, and all goes on as if it were there. */
type AddMember = (bytes: Uint8Array, start: number, length: number) => boolean;

let full = false;

function refuse(context: ReadContext, at: number): boolean {
  if (full) return false;
  throw context.damaged("a member that stands twice", at);
}

/** A table of what `fill` adds. */
function buildTable(context: ReadContext, fill: (add: AddMember) => boolean): number {
  const { dataset, key, keyStart, keyBytes, expires } = context;
  const { arena, allocator } = dataset;
  const root = Table.create(allocator);
  if (root === NIL) return NIL;
  const table = membersOf(dataset, root);
  full = false;
  let entry = NIL;
  try {
    const filled = fill((bytes, start, length) => {
      const hash = table.hash(bytes, start, length);
      if (table.find(hash, bytes, start, length) !== NIL) return false;
      full = insertMember(dataset, table, hash, bytes, start, length) === NIL;
      return !full;
    });
    if (filled) {
      entry = createEntry(allocator, TYPE_SET, ENCODING_BIG, key, keyStart, keyBytes, OUT_OF_LINE, expires);
      if (entry !== NIL) setValueReference(arena, entry, root, NIL, 0);
    }
  } finally {
    if (entry === NIL) releaseMembers(dataset, root);
  }
  return entry;
}

function addIntegers(bytes: Uint8Array, start: number, add: AddMember): boolean {
  const count = intsetCount(bytes, start);
  for (let i = 0; i < count; i++) {
    readIntset(bytes, start, i, words);
    if (!add(digits, 0, writeWords(digits, 0, words.low, words.high))) return false;
  }
  return true;
}

function addElements(bytes: Uint8Array, base: number, add: AddMember): boolean {
  const end = endPosition(bytes, base);
  for (let at = base + LISTPACK_HEADER_BYTES; at < end; at += elementBytes(bytes, at)) {
    const added = isIntegerElement(bytes, at)
      ? add(digits, 0, copyElementText(bytes, at, digits, 0))
      : add(bytes, stringOffset(bytes, at), stringLength(bytes, at));
    if (!added) return false;
  }
  return true;
}
