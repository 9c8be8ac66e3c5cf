/**
 * Does an element stand twice among every n-th one of a listpack? Elements of a canonical listpack are equal exactly if their bytes are.
 *
 * A hash of the bytes leads to a place in an open table that is half empty at least, so that a listpack made to be slow is not.
 */
import { equalBytes } from "../base/bytes.ts";
import { hashBytes } from "../base/hash.ts";
import { elementBytes, endPosition, LISTPACK_HEADER_BYTES } from "../structure/listpack.ts";

const SLOTS_MIN = 64;
/** So few are compared with each other. */
const FEW = 8;

let slots = new Int32Array(SLOTS_MIN);

/** `stride`: 1 looks at every element, 2 at every other, … ; `seed0` and `seed1` are the dataset's. */
export function hasDuplicates(
  bytes: Uint8Array,
  base: number,
  count: number,
  stride: number,
  seed0: number,
  seed1: number,
): boolean {
  const looked = Math.ceil(count / stride);
  let room = SLOTS_MIN;
  while (room < looked * 2) room *= 2;
  if (slots.length !== room) slots = new Int32Array(room);
  else if (looked > FEW) slots.fill(0);
  const end = endPosition(bytes, base);
  let nth = 0;
  for (let at = base + LISTPACK_HEADER_BYTES; at < end; nth++) {
    const size = elementBytes(bytes, at);
    const seen = looked <= FEW ? among(bytes, at, size, nth) : stands(bytes, at, size, seed0, seed1);
    if (seen) return true;
    at += size;
    for (let i = 1; i < stride && at < end; i++) at += elementBytes(bytes, at);
  }
  return false;
}

function among(bytes: Uint8Array, at: number, size: number, nth: number): boolean {
  for (let i = 0; i < nth; i++) if (same(bytes, slots[i]!, at, size)) return true;
  slots[nth] = at;
  return false;
}

function stands(bytes: Uint8Array, at: number, size: number, seed0: number, seed1: number): boolean {
  const mask = slots.length - 1;
  let slot = hashBytes(bytes, at, size, seed0, seed1) & mask;
  // Elements begin behind a header: no position is zero.
  for (let other = slots[slot]!; other !== 0; other = slots[slot]!) {
    if (same(bytes, other, at, size)) return true;
    slot = (slot + 1) & mask;
  }
  slots[slot] = at;
  return false;
}

function same(bytes: Uint8Array, a: number, b: number, size: number): boolean {
  return elementBytes(bytes, a) === size && equalBytes(bytes, a, bytes, b, size);
}
