/** What commands on lists have in common: replying with elements, and removing from an end. */

import { EVENT_GENERIC, EVENT_LIST } from "../../dataset/key_events.ts";
import type { ListCursor } from "../../dataset/list/cursor.ts";
import { type Blob, locate, Span } from "../../structure/blob.ts";
import type { Call } from "../call.ts";
import { replyElements } from "../element_run.ts";
import { replyElement } from "../elements.ts";
import { OUT_OF_MEMORY } from "../messages.ts";

const span = new Span();

/** The element that the cursor stands on. */
export function replyCurrent(call: Call, cursor: ListCursor): void {
  if (cursor.plain) replyBlob(call, cursor.blob);
  else replyElement(call.reply, cursor.bytes, cursor.at);
}

/** The element that `lists.openEnd` has opened. */
export function replyOpened(call: Call): void {
  const { lists } = call.dataset;
  if (lists.plain) replyBlob(call, lists.blob);
  else replyElement(call.reply, lists.bytes, lists.at);
}

/** Bytes of any length as a bulk string, from where they lie. */
function replyBlob(call: Call, blob: Blob): void {
  const { reply, dataset } = call;
  reply.bulkHeader(blob.length);
  for (let at = 0; at < blob.length; at += span.length) {
    locate(dataset.arena, blob, at, blob.length - at, span);
    reply.copy(dataset.arena.bytes[span.segment]!, span.offset, span.length);
  }
  reply.lineBreak();
}

/** An array of `count` elements from `first` on, or backwards. */
export function replyRange(call: Call, entry: number, first: number, count: number, backwards: boolean): void {
  const { cursor } = call.dataset.lists;
  call.reply.array(count);
  cursor.open(entry);
  if (!cursor.seek(first)) return;
  if (!backwards) return replyForwards(call, cursor, count);
  replyCurrent(call, cursor);
  for (let i = 1; i < count; i++) {
    cursor.previous();
    replyCurrent(call, cursor);
  }
}

/** `count` elements from the current one on, those of one listpack at a time. */
function replyForwards(call: Call, cursor: ListCursor, count: number): void {
  let left = count;
  for (;;) {
    if (cursor.plain) {
      replyCurrent(call, cursor);
      left--;
    } else {
      const run = cursor.runLength(left);
      replyElements(call.reply, cursor.bytes, cursor.view, cursor.at, cursor.end, run);
      left -= run;
    }
    if (left === 0) return;
    cursor.nextRun();
  }
}

/** Pops one element of the list under key argument i and replies with it. False: nothing changed, and the error has been replied. */
export function popOne(call: Call, i: number, entry: number, atFront: boolean): boolean {
  const { lists } = call.dataset;
  if (!lists.openEnd(entry, atFront)) {
    call.reply.error(OUT_OF_MEMORY);
    return false;
  }
  replyOpened(call);
  removeOpened(call, i, entry, atFront);
  return true;
}

/** Removes the element that `lists.openEnd` has opened, and the key with its last one. */
export function removeOpened(call: Call, i: number, entry: number, atFront: boolean): void {
  const { lists } = call.dataset;
  call.changed(i);
  call.notify(EVENT_LIST, atFront ? "lpop" : "rpop", i);
  if (lists.openLength === 1) removeKey(call, i, entry);
  else lists.popOpened(call.db, entry, call.hash(i), atFront);
}

/** Pops `count` elements, or all there are, and replies with an array of them. False as in `popOne`. */
export function popMany(call: Call, i: number, entry: number, atFront: boolean, wanted: number): boolean {
  const { lists } = call.dataset;
  const length = lists.length(entry);
  const count = Math.min(wanted, length);
  const index = atFront ? 0 : length - count;
  if (count < length && !lists.prepareRemoval(entry, index, count)) {
    call.reply.error(OUT_OF_MEMORY);
    return false;
  }
  replyRange(call, entry, atFront ? 0 : length - 1, count, !atFront);
  call.changed(i);
  call.notify(EVENT_LIST, atFront ? "lpop" : "rpop", i);
  if (count === length) removeKey(call, i, entry);
  else lists.removeRange(call.db, entry, call.hash(i), index, count);
  return true;
}

/** Removes the key of a list that has become empty; the change has been told. */
export function removeKey(call: Call, i: number, entry: number): void {
  call.db.remove(entry, call.hash(i));
  call.notify(EVENT_GENERIC, "del", i);
}
