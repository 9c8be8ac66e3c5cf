/**
 * What commands on hashes have in common: opening the hash under key argument 1, and replying with fields.
 *
 * Fields whose time has passed are removed when somebody comes across them: of a small hash all, of a big one those that a writing command
 * names, so that what such a command logs means the same to a replay, for which nothing expires by the clock. The others are only hidden.
 */

import { expireMembers, expireSmall } from "../../dataset/hash/expire_fields.ts";
import { hasExpiringFields } from "../../dataset/hash/expiring.ts";
import { findField, isBigHash, small } from "../../dataset/hash/field.ts";
import { HashTarget } from "../../dataset/hash/target.ts";
import { EVENT_GENERIC, EVENT_HASH } from "../../dataset/key_events.ts";
import { TYPE_HASH } from "../../dataset/types.ts";
import { NIL, SEGMENT_SHIFT } from "../../memory/layout.ts";
import { Blob, locate, readReference, Span } from "../../structure/blob.ts";
import { valueIsInline, valueLength, valueOffset } from "../../structure/entry.ts";
import { elementBytes } from "../../structure/listpack.ts";
import type { Call } from "../call.ts";
import { refuseOtherType, replyElement, replyMember } from "../elements.ts";

/** Instead of an entry: the key holds something else, and the error has been replied. */
export const REFUSED = -1;

/** The hash that the running command works on. */
export const target = new HashTarget();
const blob = new Blob();
const span = new Span();

/** Points `target` at key argument 1, which `entry` is. */
function aim(call: Call, entry: number): void {
  target.db = call.db;
  target.key = call.input;
  target.keyStart = call.start(1);
  target.keyBytes = call.length(1);
  target.hash = call.hash(1);
  target.entry = entry;
}

/** The hash under key argument 1 for reading: an entry, NIL or REFUSED. */
export function readHash(call: Call): number {
  const entry = call.read(1);
  if (entry === NIL) return NIL;
  if (refuseOtherType(call, entry, TYPE_HASH)) return REFUSED;
  if (!hasExpiringFields(call.dataset.arena, entry) || isBigHash(call.dataset.arena, entry)) return entry;
  aim(call, entry);
  expireSmall(target);
  return target.entry;
}

/**
 * Points `target` at the hash under key argument 1, for a command that writes to the `count` fields from argument `first` on, each `step`
 * arguments apart. False: the key holds something else, and the error has been replied.
 */
export function openForWrite(call: Call, first: number, count: number, step: number): boolean {
  const entry = call.write(1);
  if (refuseOtherType(call, entry, TYPE_HASH)) return false;
  aim(call, entry);
  if (entry !== NIL && hasExpiringFields(call.dataset.arena, entry)) {
    if (isBigHash(call.dataset.arena, entry))
      expireMembers(target, call.input, call.args, call.first + first, count, step);
    else expireSmall(target);
  }
  return true;
}

/** Says that fields of `target` were removed by name, and the hash with the last of them, if it `gone`. */
export function notifyRemoved(call: Call, gone: boolean): void {
  call.notify(EVENT_HASH, "hdel", 1);
  if (gone) call.notify(EVENT_GENERIC, "del", 1);
}

/** The value of the field that argument i names in a hash (NIL: none), or nil. */
export function replyField(call: Call, entry: number, i: number): void {
  const { dataset, reply } = call;
  const field = entry === NIL ? NIL : findField(dataset, entry, call.input, call.start(i), call.length(i));
  if (field === NIL) reply.nil();
  else replyValue(call, entry, field);
}

/** The name of a field that was found. */
export function replyName(call: Call, entry: number, field: number): void {
  const { dataset, reply } = call;
  if (isBigHash(dataset.arena, entry)) replyMember(reply, dataset.arena, field);
  else replyElement(reply, small.bytes, field);
}

/** The value of a field that was found. */
export function replyValue(call: Call, entry: number, field: number): void {
  const { dataset, reply } = call;
  const { arena } = dataset;
  if (isBigHash(arena, entry)) replyMemberValue(call, field);
  else replyElement(reply, small.bytes, field + elementBytes(small.bytes, field));
}

/** The value of a member of a big hash. */
export function replyMemberValue(call: Call, member: number): void {
  const { dataset, reply } = call;
  const { arena } = dataset;
  if (valueIsInline(arena, member)) {
    const segment = member >>> SEGMENT_SHIFT;
    reply.bulkIn(arena.bytes[segment]!, arena.views[segment]!, valueOffset(arena, member), valueLength(arena, member));
    return;
  }
  readReference(arena, member, blob);
  reply.bulkHeader(blob.length);
  for (let at = 0; at < blob.length; at += span.length) {
    locate(arena, blob, at, blob.length - at, span);
    reply.copy(arena.bytes[span.segment]!, span.offset, span.length);
  }
  reply.lineBreak();
}
