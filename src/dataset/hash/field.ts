/**
 * Finding one field of a hash, small or big, and what is known of it.
 *
 * A field that was found is named by a number: in a small hash the position of its name in `small.bytes`, in a big one the address of its
 * member; NIL for none. It holds until the hash is changed or another one looked at.
 */
import { writeInteger } from "../../base/decimal.ts";
import type { Arena } from "../../memory/arena.ts";
import { NIL } from "../../memory/layout.ts";
import { entryEncoding, expiryMs, hasExpiry, valueLength } from "../../structure/entry.ts";
import {
  copyElementText,
  elementBytes,
  elementTextLength,
  findElement,
  firstElement,
  integerOf,
  isIntegerElement,
  stringLength,
  stringOffset,
} from "../../structure/listpack.ts";
import type { Dataset } from "../dataset.ts";
import { membersOf, valuePiece } from "../members.ts";
import { bigWord0, openPack, Pack } from "../packed.ts";
import type { Piece } from "../piece.ts";
import { ENCODING_BIG, ENCODING_LISTPACK, ENCODING_LISTPACK_EXPIRING } from "../types.ts";
import { isPast } from "./expiring.ts";

/** Longest decimal of an integer element, bytes. */
const DIGITS_MAX = 20;

/** The small hash that was looked at last. */
export const small = new Pack();

export function isBigHash(arena: Arena, entry: number): boolean {
  return entryEncoding(arena, entry) >= ENCODING_BIG;
}

/** Elements of a listpack that make one field. */
export function elementsOfField(encoding: number): number {
  return encoding === ENCODING_LISTPACK_EXPIRING ? 3 : 2;
}

/** The field with this name, unless its time has passed; NIL: there is none. */
export function findField(dataset: Dataset, entry: number, name: Uint8Array, start: number, length: number): number {
  const field = findStored(dataset, entry, name, start, length);
  if (field === NIL || (entryEncoding(dataset.arena, entry) & ENCODING_LISTPACK_EXPIRING) === 0) return field;
  return isPast(dataset, expiryOfField(dataset, entry, field)) ? NIL : field;
}

/** The field with this name, expired or not; NIL: there is none. */
export function findStored(dataset: Dataset, entry: number, name: Uint8Array, start: number, length: number): number {
  const { arena } = dataset;
  const encoding = entryEncoding(arena, entry);
  if (encoding >= ENCODING_BIG) {
    const table = membersOf(dataset, bigWord0(arena, entry));
    return table.find(table.hash(name, start, length), name, start, length);
  }
  openPack(arena, entry, small);
  const { bytes, offset } = small;
  const skip = encoding === ENCODING_LISTPACK ? 1 : 2;
  const position = findElement(bytes, offset, firstElement(bytes, offset), name, start, length, skip);
  return position < 0 ? NIL : position;
}

/** When a field expires, ms since 1970; -1 for never. */
export function expiryOfField(dataset: Dataset, entry: number, field: number): number {
  const { arena } = dataset;
  const encoding = entryEncoding(arena, entry);
  if (encoding >= ENCODING_BIG) return hasExpiry(arena, field) ? expiryMs(arena, field) || -1 : -1;
  return encoding === ENCODING_LISTPACK ? -1 : expiryAt(small.bytes, field);
}

/** The expiry behind the name and value that begin at `position` of a small hash with expiries; -1 for never. */
export function expiryAt(bytes: Uint8Array, position: number): number {
  const value = position + elementBytes(bytes, position);
  const ms = integerOf(bytes, value + elementBytes(bytes, value));
  return ms === 0 ? -1 : ms;
}

/** Length of a field's value as text, bytes. */
export function valueLengthOf(dataset: Dataset, entry: number, field: number): number {
  if (isBigHash(dataset.arena, entry)) return valueLength(dataset.arena, field);
  const { bytes } = small;
  return elementTextLength(bytes, field + elementBytes(bytes, field));
}

/** Lets `piece` stand for a field's value as text. */
export function pieceOfValue(dataset: Dataset, entry: number, field: number, piece: Piece): void {
  if (isBigHash(dataset.arena, entry)) {
    valuePiece(dataset.arena, field, piece);
    return;
  }
  const { bytes } = small;
  elementPiece(bytes, field + elementBytes(bytes, field), piece, valueDigits);
}

const valueDigits = new Uint8Array(DIGITS_MAX);

/** Lets `piece` stand for an element as text: integers are written to `digits`. */
export function elementPiece(bytes: Uint8Array, position: number, piece: Piece, digits: Uint8Array): void {
  if (!isIntegerElement(bytes, position)) {
    piece.bytes = bytes;
    piece.offset = stringOffset(bytes, position);
    piece.length = stringLength(bytes, position);
    return;
  }
  piece.bytes = digits;
  piece.offset = 0;
  const value = integerOf(bytes, position);
  piece.length = value === value ? writeInteger(digits, 0, value) : copyElementText(bytes, position, digits, 0);
}

/** HGET for whoever holds an entry of a hash: lets `piece` stand for a field's value; false: there is no such field. */
export function hashGet(
  dataset: Dataset,
  entry: number,
  name: Uint8Array,
  start: number,
  length: number,
  piece: Piece,
): boolean {
  const field = findField(dataset, entry, name, start, length);
  if (field === NIL) return false;
  pieceOfValue(dataset, entry, field, piece);
  return true;
}
