/**
 * Nodes of a big list as they stand in the list's Tree: three words an item.
 * ```
 * w0   address of a block
 * w1   bits 0–1    form
 *      bits 2–10   size of the block, coded: below CLASSES a size class, above it pages
 *      bits 11–31  a number: see below
 * w2   elements: the item's weight
 *
 * form        the block holds                                          the number is
 * RAW         free room, a listpack, free room                         where the listpack begins in the block
 * SQUEEZED    a listpack, compressed (squeeze.ts)                      bytes that this takes
 * PLAIN       16 bytes: address, length, capacity of a blob.ts blob,   0
 *             the one element's bytes
 * ```
 * A listpack with room at both sides lets both ends of a list push and pop without moving what lies between.
 */
import { PAGE_BYTES } from "../../memory/layout.ts";
import { CLASS_BYTES, CLASS_OF_UNITS, CLASSES, SLAB_BLOCK_BYTES_MAX } from "../../memory/size_class.ts";

export const RAW = 0;
export const SQUEEZED = 1;
export const PLAIN = 2;

/** The block that names a plain element's blob, bytes. */
export const PLAIN_BYTES = 16;

const FORM_MASK = 3;
const CODE_SHIFT = 2;
const CODE_MASK = 511;
const NUMBER_SHIFT = 11;
/** The largest block of a node: what a packed value may be (1 MiB) and some, and less than the code and the number can say. */
export const BLOCK_BYTES_MAX = 448 * PAGE_BYTES;

export function formOf(w1: number): number {
  return w1 & FORM_MASK;
}

export function numberOf(w1: number): number {
  return w1 >>> NUMBER_SHIFT;
}

/** The second word with another number. */
export function withNumber(w1: number, number: number): number {
  return (w1 & (FORM_MASK | (CODE_MASK << CODE_SHIFT))) | (number << NUMBER_SHIFT);
}

/** Bytes of the block. */
export function blockBytesOf(w1: number): number {
  const code = (w1 >>> CODE_SHIFT) & CODE_MASK;
  return code < CLASSES ? CLASS_BYTES[code]! : (code - CLASSES + 1) * PAGE_BYTES;
}

/** The second word; `bytes` may be anything that has the block's size class. */
export function nodeWord(form: number, bytes: number, number: number): number {
  const code =
    bytes <= SLAB_BLOCK_BYTES_MAX ? CLASS_OF_UNITS[(bytes + 7) >>> 3]! : CLASSES - 1 + Math.ceil(bytes / PAGE_BYTES);
  return form | (code << CODE_SHIFT) | (number << NUMBER_SHIFT);
}
