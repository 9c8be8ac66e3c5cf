/** What a hash is to code that knows no types. */
import { NIL, SEGMENT_SHIFT } from "../../memory/layout.ts";
import { entryEncoding, referenceWord, setValueReference } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { elementBytes, endPosition, LISTPACK_HEADER_BYTES, listpackCount } from "../../structure/listpack.ts";
import { Table } from "../../structure/table.ts";
import type { Dataset } from "../dataset.ts";
import {
  copyMembers,
  hashOfMember,
  keyPiece,
  membersBytes,
  membersOf,
  releaseMembersStep,
  valuePiece,
} from "../members.ts";
import { bigWord0, bigWord1, openPack, Pack } from "../packed.ts";
import { Piece } from "../piece.ts";
import { ENCODING_BIG, ENCODING_LISTPACK_EXPIRING } from "../types.ts";
import type { ElementVisitor, ValueOperations } from "../value_operations.ts";
import { memberExpiry, releaseBareStep, releaseTables } from "./big.ts";
import { elementPiece, elementsOfField, expiryAt } from "./field.ts";

const pack = new Pack();

function count(dataset: Dataset, entry: number): number {
  const { arena } = dataset;
  const encoding = entryEncoding(arena, entry);
  if (encoding >= ENCODING_BIG) return membersOf(dataset, bigWord0(arena, entry)).count;
  openPack(arena, entry, pack);
  return listpackCount(pack.bytes, pack.offset) / elementsOfField(encoding);
}

function forEach(dataset: Dataset, entry: number, visit: ElementVisitor): void {
  const { arena } = dataset;
  const encoding = entryEncoding(arena, entry);
  const name = new Piece();
  const value = new Piece();
  if (encoding < ENCODING_BIG) {
    forEachSmall(dataset, entry, encoding, name, value, visit);
    return;
  }
  const root = bigWord0(arena, entry);
  const found = new EntryList(64);
  let cursor = 0;
  do {
    found.clear();
    cursor = membersOf(dataset, root).scanInto(cursor, found);
    for (let i = 0; i < found.count; i++) {
      const member = found.items[i]!;
      keyPiece(arena, member, name);
      valuePiece(arena, member, value);
      visit(name, value, memberExpiry(dataset, member));
    }
  } while (cursor !== 0);
}

function forEachSmall(
  dataset: Dataset,
  entry: number,
  encoding: number,
  name: Piece,
  value: Piece,
  visit: ElementVisitor,
): void {
  const nameDigits = new Uint8Array(20);
  const valueDigits = new Uint8Array(20);
  openPack(dataset.arena, entry, pack);
  const { bytes, offset } = pack;
  const end = endPosition(bytes, offset);
  const elements = elementsOfField(encoding);
  for (let at = offset + LISTPACK_HEADER_BYTES; at < end; ) {
    elementPiece(bytes, at, name, nameDigits);
    elementPiece(bytes, at + elementBytes(bytes, at), value, valueDigits);
    visit(name, value, encoding === ENCODING_LISTPACK_EXPIRING ? expiryAt(bytes, at) : -1);
    for (let i = 0; i < elements; i++) at += elementBytes(bytes, at);
  }
}

function releaseStep(dataset: Dataset, entry: number, elementsMax: number): boolean {
  const { arena } = dataset;
  const expiring = bigWord1(arena, entry);
  if (expiring === NIL) return releaseMembersStep(dataset, bigWord0(arena, entry), elementsMax);
  if (releaseBareStep(dataset, expiring, elementsMax)) {
    const word = referenceWord(arena, entry) + 1;
    arena.touchBytes(entry >>> SEGMENT_SHIFT, word << 2, 4);
    arena.words[entry >>> SEGMENT_SHIFT]![word] = NIL;
  }
  return false;
}

function copyBig(dataset: Dataset, entry: number, copy: number): boolean {
  const { arena, allocator } = dataset;
  const members = copyMembers(dataset, bigWord0(arena, entry));
  if (members === NIL) return false;
  let expiring: number = NIL;
  if (bigWord1(arena, entry) !== NIL) {
    expiring = Table.create(allocator);
    if (expiring === NIL || !collectExpiring(dataset, members, expiring)) {
      releaseTables(dataset, members, expiring);
      return false;
    }
  }
  setValueReference(arena, copy, members, expiring, 0);
  return true;
}

/** Puts the members of one table that expire into another. */
function collectExpiring(dataset: Dataset, members: number, expiring: number): boolean {
  const found = new EntryList(64);
  const source = membersOf(dataset, members);
  const target = dataset.otherMembers;
  target.attach(expiring);
  let cursor = 0;
  do {
    found.clear();
    cursor = source.scanInto(cursor, found);
    for (let i = 0; i < found.count; i++) {
      const member = found.items[i]!;
      if (memberExpiry(dataset, member) === -1) continue;
      if (!target.insert(hashOfMember(dataset.arena, target, member), member)) return false;
    }
  } while (cursor !== 0);
  return true;
}

function bigBytes(dataset: Dataset, entry: number): number {
  const { arena } = dataset;
  const bytes = membersBytes(dataset, bigWord0(arena, entry));
  const expiring = bigWord1(arena, entry);
  return expiring === NIL ? bytes : bytes + membersOf(dataset, expiring).bytes;
}

export const hashOperations: ValueOperations = { count, forEach, releaseStep, copyBig, bigBytes };
