/**
 * The members of a big hash: entries whose key is a field's name. Those that expire are in a second table, too (expiring.ts).
 *
 * Invariant: what fails for lack of address space has changed nothing.
 */
import { copyWords } from "../../base/bytes.ts";
import type { Arena } from "../../memory/arena.ts";
import { NIL, SEGMENT_SHIFT } from "../../memory/layout.ts";
import { Blob, createBlob, writeBlob, writeReference } from "../../structure/blob.ts";
import {
  createEntry,
  expiryMs,
  fitsInline,
  freeEntry,
  hasExpiry,
  OUT_OF_LINE,
  resizeInlineValue,
  setExpiryMs,
  touchValue,
  valueIsInline,
  valueOffset,
} from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { elementBytes, firstElement } from "../../structure/listpack.ts";
import { Table } from "../../structure/table.ts";
import type { Dataset } from "../dataset.ts";
import { freeMember, hashOfMember, membersOf, releaseMembers } from "../members.ts";
import { Piece } from "../piece.ts";
import { ENCODING_RAW, TYPE_STRING } from "../types.ts";
import { elementPiece, expiryAt } from "./field.ts";

const blob = new Blob();
const name = new Piece();
const value = new Piece();
const nameDigits = new Uint8Array(20);
const valueDigits = new Uint8Array(20);
const found = new EntryList(64);

/** Roots of a table of members and of those that expire, as `tablesOf` made them; the second one NIL where none does. */
export const roots = { members: NIL, expiring: NIL };

/** A member in no table, with room for an expiry or without. NIL: the address space is full. */
export function createMember(
  dataset: Dataset,
  field: Uint8Array,
  fieldStart: number,
  fieldLength: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  expires: boolean,
): number {
  const { arena, allocator } = dataset;
  const inline = fitsInline(fieldLength, length, expires);
  const valueBytes = inline ? length : OUT_OF_LINE;
  const member = createEntry(allocator, TYPE_STRING, ENCODING_RAW, field, fieldStart, fieldLength, valueBytes, expires);
  if (member === NIL) return NIL;
  if (inline) {
    if (length === 0) return member;
    writeValue(arena, member, bytes, start, length);
    return member;
  }
  if (!createBlob(allocator, blob, length)) {
    freeEntry(allocator, member);
    return NIL;
  }
  writeBlob(arena, blob, 0, bytes, start, length);
  writeReference(arena, member, blob);
  return member;
}

/** Writes another value where the old one lies; false: it doesn't fit there. */
export function overwriteValue(
  dataset: Dataset,
  member: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): boolean {
  const { arena, allocator } = dataset;
  if (!valueIsInline(arena, member) || !resizeInlineValue(allocator, member, length)) return false;
  if (length === 0) return true;
  writeValue(arena, member, bytes, start, length);
  return true;
}

/** Writes an inline value that has this length. */
function writeValue(arena: Arena, member: number, bytes: Uint8Array, start: number, length: number): void {
  const segment = member >>> SEGMENT_SHIFT;
  touchValue(arena, member);
  copyWords(arena.bytes[segment]!, arena.views[segment]!, valueOffset(arena, member), bytes, start, length);
}

/** Makes tables of what a small hash holds, their roots in `roots`. False: the address space is full, nothing is left behind. */
export function tablesOf(dataset: Dataset, bytes: Uint8Array, base: number, expiring: boolean): boolean {
  roots.members = Table.create(dataset.allocator);
  roots.expiring = NIL;
  if (roots.members === NIL) return false;
  if (expiring) roots.expiring = Table.create(dataset.allocator);
  if ((expiring && roots.expiring === NIL) || !insertAll(dataset, bytes, base, expiring)) {
    releaseTables(dataset, roots.members, roots.expiring);
    return false;
  }
  return true;
}

function insertAll(dataset: Dataset, bytes: Uint8Array, base: number, expiring: boolean): boolean {
  const { arena } = dataset;
  const table = membersOf(dataset, roots.members);
  const expires = dataset.otherMembers;
  if (expiring) expires.attach(roots.expiring);
  for (let at = firstElement(bytes, base); at !== -1 && bytes[at] !== 0xff; ) {
    const second = at + elementBytes(bytes, at);
    elementPiece(bytes, at, name, nameDigits);
    elementPiece(bytes, second, value, valueDigits);
    const ms = expiring ? expiryAt(bytes, at) : -1;
    const member = createMember(
      dataset,
      name.bytes,
      name.offset,
      name.length,
      value.bytes,
      value.offset,
      value.length,
      ms !== -1,
    );
    if (member === NIL) return false;
    const hash = hashOfMember(arena, table, member);
    if (!table.insert(hash, member)) {
      freeMember(dataset, member);
      return false;
    }
    if (ms !== -1) {
      setExpiryMs(arena, member, ms);
      if (!expires.insert(hash, member)) return false;
    }
    at = second + elementBytes(bytes, second);
    if (expiring) at += elementBytes(bytes, at);
  }
  return true;
}

/** Frees a table of members, and the one of those that expire, at once. */
export function releaseTables(dataset: Dataset, members: number, expiring: number): void {
  if (expiring !== NIL) while (!releaseBareStep(dataset, expiring, 1024));
  releaseMembers(dataset, members);
}

/** Takes apart a table whose entries are another's, about `entriesMax` of them; true when it is gone. */
export function releaseBareStep(dataset: Dataset, root: number, entriesMax: number): boolean {
  found.clear();
  return membersOf(dataset, root).releaseInto(Math.max(1, entriesMax >>> 3), found);
}

/** When a member expires, -1 for never: it has no expiry, or room for one that is empty. */
export function memberExpiry(dataset: Dataset, member: number): number {
  if (!hasExpiry(dataset.arena, member)) return -1;
  const ms = expiryMs(dataset.arena, member);
  return ms === 0 ? -1 : ms;
}
