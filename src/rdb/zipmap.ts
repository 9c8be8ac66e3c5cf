/**
 * Zipmaps, the small hashes of Redis 2.4 and before: read and taken over into a listpack.
 *
 * ```
 * u8 fields (254 and above: count them) | length, field, length, u8 unused, value, unused bytes | … | 0xFF
 * length     u8 below 254, or 254 and u32
 * ```
 */
import { readWord } from "../structure/listpack_encoding.ts";
import type { PackBuilder } from "./pack_builder.ts";

const END = 0xff;
const LONG = 254;

/** Appends fields and values of the zipmap bytes[start, start + length) to a listpack. False: it is damaged. */
export function takeZipmap(bytes: Uint8Array, start: number, length: number, into: PackBuilder): boolean {
  const end = start + length - 1;
  if (length < 2 || bytes[end] !== END) return false;
  let fields = 0;
  let at = start + 1;
  for (; at < end; fields++) {
    at = takeText(bytes, at, end, false, into);
    if (at === 0 || at >= end) return false;
    at = takeText(bytes, at, end, true, into);
    if (at === 0) return false;
  }
  const stored = bytes[start]!;
  return at === end && (stored >= LONG || stored === fields);
}

/** Takes over one text; returns what is behind it, 0 when it is damaged. */
function takeText(bytes: Uint8Array, begin: number, end: number, isValue: boolean, into: PackBuilder): number {
  let at = begin;
  let length = bytes[at++]!;
  if (length === END) return 0;
  if (length === LONG) {
    if (at + 4 > end) return 0;
    length = readWord(bytes, at) >>> 0;
    at += 4;
  }
  let unused = 0;
  if (isValue) {
    if (at >= end) return 0;
    unused = bytes[at++]!;
  }
  if (length + unused > end - at) return 0;
  into.text(bytes, at, length);
  return at + length + unused;
}
