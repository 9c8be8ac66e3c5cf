/** Replying with a run of a listpack's elements: what LRANGE and HGETALL of a small hash spend their time on. */
import { PIECE_BYTES, type ReplyWriter } from "../protocol/reply_writer.ts";
import { elementBytes } from "../structure/listpack.ts";
import { replyElement } from "./elements.ts";

/** More than the reply of one short element asks room for, bytes; what is copied in whole words may reach into it. */
const ELEMENT_ROOM_BYTES = 128;
const WORD_BYTES = 4;
const CR_LF = 0x0a0d;

/** `count` elements of a listpack from `position` on, each as a bulk string; the listpack ends at `end`, and `view` shows `bytes`. */
export function replyElements(
  reply: ReplyWriter,
  bytes: Uint8Array,
  view: DataView,
  position: number,
  end: number,
  count: number,
): void {
  // No element's reply is more than five times as long as the element; and what single elements ask for must always be there.
  const room = (end - position) * 5 + ELEMENT_ROOM_BYTES;
  // What is read in whole words reaches beyond the last element by less than a word.
  if (room <= PIECE_BYTES && end + WORD_BYTES <= bytes.length) {
    reply.ensure(room);
    replyRun(reply, bytes, view, position, count);
    return;
  }
  let at = position;
  for (let left = count; left > 0; left--) {
    replyElement(reply, bytes, at);
    at += elementBytes(bytes, at);
  }
}

/** As `replyElements`, room having been made. */
function replyRun(reply: ReplyWriter, bytes: Uint8Array, view: DataView, first: number, count: number): void {
  const target = reply.bytes;
  const targetView = reply.view;
  let at = reply.position;
  let position = first;
  for (let left = count; left > 0; left--) {
    const byte = bytes[position]!;
    if ((byte & 0xc0) !== 0x80) {
      reply.position = at;
      replyElement(reply, bytes, position);
      at = reply.position;
      position += elementBytes(bytes, position);
      continue;
    }
    const length = byte & 63;
    target[at] = 36;
    if (length < 10) target[at + 1] = 48 + length;
    else {
      const tens = (length * 205) >>> 11;
      target[++at] = 48 + tens;
      target[at + 1] = 48 + length - tens * 10;
    }
    targetView.setInt16(at + 2, CR_LF, true);
    at += 4;
    const start = position + 1;
    const shift = at - start;
    position = start + length;
    for (let i = start; i < position; i += WORD_BYTES) {
      targetView.setInt32(i + shift, view.getInt32(i, true), true);
    }
    at += length;
    targetView.setInt16(at, CR_LF, true);
    at += 2;
    position++;
  }
  reply.position = at;
}
