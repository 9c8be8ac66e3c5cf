/** Replies with the value of a string entry, straight from the arena. */

import { locateString } from "../../dataset/strings.ts";
import { SEGMENT_SHIFT } from "../../memory/layout.ts";
import { Span } from "../../structure/blob.ts";
import { valueIsInline, valueLength, valueOffset } from "../../structure/entry.ts";
import type { Call } from "../call.ts";

const span = new Span();

/** The whole value as a bulk string. */
export function replyString(call: Call, entry: number): void {
  const arena = call.dataset.arena;
  const length = valueLength(arena, entry);
  if (valueIsInline(arena, entry)) {
    const segment = entry >>> SEGMENT_SHIFT;
    call.reply.bulkIn(arena.bytes[segment]!, arena.views[segment]!, valueOffset(arena, entry), length);
    return;
  }
  replyRange(call, entry, 0, length);
}

/** `length` bytes of the value from `start` on, as a bulk string. */
export function replyRange(call: Call, entry: number, start: number, length: number): void {
  const { arena } = call.dataset;
  call.reply.bulkHeader(length);
  for (let at = start; at < start + length; at += span.length) {
    locateString(arena, entry, at, start + length - at, span);
    call.reply.copy(arena.bytes[span.segment]!, span.offset, span.length);
  }
  call.reply.lineBreak();
}
