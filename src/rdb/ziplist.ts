/**
 * Ziplists, which listpacks have replaced: read and taken over into a listpack.
 *
 * ```
 * u32 all bytes | u32 offset of the last entry | u16 entries (65535: more, count them) | entries | 0xFF
 * entry      bytes of the entry before: u8 below 254, or 254 and u32; then what it holds:
 *            00llllll                     text of l bytes         11000000 i16   11010000 i32   11100000 i64
 *            01llllll llllllll            text of l bytes         11110000 i24   11111110 i8
 *            10______ u32, high byte first                        1111xxxx  x − 1, for x from 1 to 13
 * ```
 * Every length is looked at, those that lead backwards, too.
 */
import { readWord } from "../structure/listpack_encoding.ts";
import type { PackBuilder } from "./pack_builder.ts";

const HEADER_BYTES = 10;
const END = 0xff;
const LONG = 254;
const COUNT_UNKNOWN = 65535;

/** Appends the entries of the ziplist bytes[start, start + length) to a listpack. False: it is damaged. */
export function takeZiplist(bytes: Uint8Array, start: number, length: number, into: PackBuilder): boolean {
  if (length < HEADER_BYTES + 1 || readWord(bytes, start) !== length) return false;
  const end = start + length - 1;
  if (bytes[end] !== END) return false;
  const first = start + HEADER_BYTES;
  let last = first;
  let at = first;
  let count = 0;
  for (; at < end; count++) {
    const next = takeEntry(bytes, at, end, count === 0 ? 0 : at - last, into);
    if (next === 0) return false;
    last = at;
    at = next;
  }
  const stored = bytes[start + 8]! | (bytes[start + 9]! << 8);
  return at === end && readWord(bytes, start + 4) === last - start && (stored === COUNT_UNKNOWN || stored === count);
}

/** Takes over one entry; returns where the next one begins, 0 when it is damaged. */
function takeEntry(bytes: Uint8Array, entry: number, end: number, before: number, into: PackBuilder): number {
  let at = entry + 1;
  if (bytes[entry]! < LONG) {
    if (bytes[entry] !== before) return 0;
  } else {
    if (bytes[entry] !== LONG || at + 4 > end || readWord(bytes, at) !== before) return 0;
    at += 4;
  }
  if (at >= end) return 0;
  const head = bytes[at++]!;
  const room = end - at;
  if (head < 0xc0) {
    let length = head & 63;
    if (head >= 0x80) {
      if (room < 4) return 0;
      length = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
      at += 4;
    } else if (head >= 0x40) {
      if (room < 1) return 0;
      length = (length << 8) | bytes[at++]!;
    }
    if (length > end - at) return 0;
    into.text(bytes, at, length);
    return at + length;
  }
  if (head > 0xf0 && head < 0xfe) {
    into.integer((head & 15) - 1);
    return at;
  }
  const size = head === 0xc0 ? 2 : head === 0xd0 ? 4 : head === 0xe0 ? 8 : head === 0xf0 ? 3 : head === 0xfe ? 1 : 0;
  if (size === 0 || size > room) return 0;
  if (size === 8) into.words(readWord(bytes, at), readWord(bytes, at + 4));
  else {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = (value << 8) | bytes[at + i]!;
    const unused = 32 - size * 8;
    into.integer((value << unused) >> unused);
  }
  return at + size;
}
