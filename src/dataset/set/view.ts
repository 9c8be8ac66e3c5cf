/**
 * A set as it lies in memory: a listpack, an intset, or a table of members (dataset/members.ts), behind one face.
 *
 * Members are named by a number, their ref, until the set changes; 0, NIL, is none:
 * ```
 * ENCODING_LISTPACK   offset of the element in pack.bytes
 * ENCODING_INTSET     index of the integer, plus one
 * ENCODING_BIG        address of the member's entry, whose key is the member
 * ```
 * Views are handles that are opened again for each command. A big set's table is reached through the dataset's shared Table object,
 * which is attached anew at each use, so that any number of views may be open at once.
 */
import { INTEGER64_DIGITS_MAX } from "../../base/decimal.ts";
import { NIL } from "../../memory/layout.ts";
import { entryEncoding } from "../../structure/entry.ts";
import type { EntryList } from "../../structure/entry_list.ts";
import { Integer64, writeWords } from "../../structure/integer64.ts";
import { findInteger, intsetCount, parsedMember, parseIntsetMember, readIntset } from "../../structure/intset.ts";
import {
  copyElementText,
  elementBytes,
  endPosition,
  findElement,
  firstElement,
  integerWords,
  isIntegerElement,
  LISTPACK_HEADER_BYTES,
  listpackCount,
  stringLength,
  stringOffset,
} from "../../structure/listpack.ts";
import type { Dataset } from "../dataset.ts";
import { keyPiece, membersOf } from "../members.ts";
import { bigWord0, openPack, Pack } from "../packed.ts";
import { Piece } from "../piece.ts";
import { ENCODING_BIG, ENCODING_INTSET, ENCODING_LISTPACK } from "../types.ts";

export class SetView {
  /** 0: there is no set; it counts as empty. */
  entry = NIL;
  encoding = ENCODING_LISTPACK;
  count = 0;
  /** Where a packed set lies. */
  readonly pack = new Pack();
  /** Root of a big set's table. */
  root = NIL;
  /** Integers are made texts here. */
  readonly digits = new Uint8Array(INTEGER64_DIGITS_MAX);
}

const words = new Integer64();
const keyOfRef = new Piece();

/** Opens the set in `entry`; 0: an empty one. */
export function openSet(dataset: Dataset, entry: number, view: SetView): void {
  const { arena } = dataset;
  view.entry = entry;
  view.count = 0;
  view.encoding = ENCODING_LISTPACK;
  if (entry === NIL) return;
  const encoding = entryEncoding(arena, entry);
  view.encoding = encoding;
  if (encoding === ENCODING_BIG) {
    view.root = bigWord0(arena, entry);
    view.count = membersOf(dataset, view.root).count;
    return;
  }
  const { pack } = view;
  openPack(arena, entry, pack);
  view.count =
    encoding === ENCODING_INTSET ? intsetCount(pack.bytes, pack.offset) : listpackCount(pack.bytes, pack.offset);
}

/** Whether bytes[start, start + length) is a member. */
export function setHas(dataset: Dataset, view: SetView, bytes: Uint8Array, start: number, length: number): boolean {
  return findRef(dataset, view, bytes, start, length) !== NIL;
}

/** The ref of a member, NIL where it is none. */
export function findRef(dataset: Dataset, view: SetView, bytes: Uint8Array, start: number, length: number): number {
  if (view.entry === NIL) return NIL;
  if (view.encoding === ENCODING_BIG) {
    const table = membersOf(dataset, view.root);
    return table.find(table.hash(bytes, start, length), bytes, start, length);
  }
  const { pack } = view;
  if (view.encoding === ENCODING_INTSET) {
    if (!parseIntsetMember(bytes, start, length)) return NIL;
    const index = findInteger(pack.bytes, pack.offset, parsedMember.low, parsedMember.high);
    return index < 0 ? NIL : index + 1;
  }
  const first = firstElement(pack.bytes, pack.offset);
  return Math.max(NIL, findElement(pack.bytes, pack.offset, first, bytes, start, length, 0));
}

/** Appends the refs of all members. */
export function collectRefs(dataset: Dataset, view: SetView, out: EntryList): void {
  if (view.entry === NIL) return;
  if (view.encoding === ENCODING_BIG) {
    const table = membersOf(dataset, view.root);
    let cursor = 0;
    do cursor = table.scanInto(cursor, out);
    while (cursor !== 0);
    return;
  }
  if (view.encoding === ENCODING_INTSET) {
    for (let index = 1; index <= view.count; index++) out.push(index);
    return;
  }
  const { bytes, offset } = view.pack;
  const end = endPosition(bytes, offset);
  for (let at = offset + LISTPACK_HEADER_BYTES; at < end; at += elementBytes(bytes, at)) out.push(at);
}

/** Lets `piece` stand for a member's text; one made of an integer is good until the next one of this view. */
export function refPiece(dataset: Dataset, view: SetView, ref: number, piece: Piece): void {
  if (view.encoding === ENCODING_BIG) {
    keyPiece(dataset.arena, ref, piece);
    return;
  }
  const { pack } = view;
  if (view.encoding === ENCODING_LISTPACK && !isIntegerElement(pack.bytes, ref)) {
    piece.bytes = pack.bytes;
    piece.offset = stringOffset(pack.bytes, ref);
    piece.length = stringLength(pack.bytes, ref);
    return;
  }
  piece.bytes = view.digits;
  piece.offset = 0;
  if (view.encoding === ENCODING_LISTPACK) piece.length = copyElementText(pack.bytes, ref, view.digits, 0);
  else {
    readIntset(pack.bytes, pack.offset, ref - 1, words);
    piece.length = writeWords(view.digits, 0, words.low, words.high);
  }
}

/** Reads a member that is a 64-bit integer; false where it is none. */
export function refInteger(dataset: Dataset, view: SetView, ref: number, into: Integer64): boolean {
  const { pack } = view;
  if (view.encoding === ENCODING_INTSET) {
    readIntset(pack.bytes, pack.offset, ref - 1, into);
    return true;
  }
  if (view.encoding === ENCODING_LISTPACK) {
    if (!isIntegerElement(pack.bytes, ref)) return false;
    integerWords(pack.bytes, ref, into);
    return true;
  }
  keyPiece(dataset.arena, ref, keyOfRef);
  if (!parseIntsetMember(keyOfRef.bytes, keyOfRef.offset, keyOfRef.length)) return false;
  into.low = parsedMember.low;
  into.high = parsedMember.high;
  return true;
}
