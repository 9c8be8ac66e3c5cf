/** What commands on collections have in common: refusing other types, and replying with elements where they lie. */

import { INTEGER64_DIGITS_MAX, writeInteger } from "../base/decimal.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import { type ReplyWriter, SHORT_BYTES_MAX } from "../protocol/reply_writer.ts";
import { entryType, keyLength, keyOffset, keyWord } from "../structure/entry.ts";
import { bigintOf, integerOf, isIntegerElement, stringLength, stringOffset } from "../structure/listpack.ts";
import type { Call } from "./call.ts";
import { WRONG_TYPE } from "./messages.ts";

const digits = new Uint8Array(INTEGER64_DIGITS_MAX);

/** Is `entry` (0: no such key) of another type than `type`? Then the error has been replied. */
export function refuseOtherType(call: Call, entry: number, type: number): boolean {
  if (entry === NIL || entryType(call.dataset.arena, entry) === type) return false;
  call.reply.error(WRONG_TYPE);
  return true;
}

/** An element of a listpack as a bulk string. */
export function replyElement(reply: ReplyWriter, bytes: Uint8Array, position: number): void {
  if (!isIntegerElement(bytes, position)) {
    reply.bulk(bytes, stringOffset(bytes, position), stringLength(bytes, position));
    return;
  }
  const value = integerOf(bytes, position);
  if (value === value) reply.bulk(digits, 0, writeInteger(digits, 0, value));
  else reply.numberText(bigintOf(bytes, position));
}

/** As `replyElement`, `view` showing `bytes`. */
export function replyElementIn(reply: ReplyWriter, bytes: Uint8Array, view: DataView, position: number): void {
  if (isIntegerElement(bytes, position)) replyElement(reply, bytes, position);
  else reply.bulkIn(bytes, view, stringOffset(bytes, position), stringLength(bytes, position));
}

/** The key of a member of a big collection as a bulk string. */
export function replyMember(reply: ReplyWriter, arena: Arena, member: number): void {
  const length = keyLength(arena, member);
  if (length <= SHORT_BYTES_MAX)
    reply.shortBulk(arena.words[member >>> SEGMENT_SHIFT]!, keyWord(arena, member), length);
  else reply.bulk(arena.bytes[member >>> SEGMENT_SHIFT]!, keyOffset(arena, member), length);
}
