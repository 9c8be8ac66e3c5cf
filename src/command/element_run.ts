/** Replying with a run of a listpack's elements: what HGETALL of a small hash spends its time on. */
import { PIECE_BYTES, type ReplyWriter } from "../protocol/reply_writer.ts";
import { elementBytes } from "../structure/listpack.ts";
import { replyElement } from "./elements.ts";

/** More than the reply of one short element asks room for, bytes. */
const ELEMENT_ROOM_BYTES = 128;

/** Elements between `position` and `end` of a listpack, each as a bulk string; of every three the last is left out where `tripled`. */
export function replyElements(
  reply: ReplyWriter,
  bytes: Uint8Array,
  position: number,
  end: number,
  tripled: boolean,
): void {
  // No element's reply is more than five times as long as the element; and what single elements ask for must always be there.
  const room = (end - position) * 5 + ELEMENT_ROOM_BYTES;
  if (room <= PIECE_BYTES) {
    reply.ensure(room);
    replyRun(reply, bytes, position, end, tripled);
    return;
  }
  for (let at = position, turn = 0; at < end; at += elementBytes(bytes, at)) {
    if (tripled && turn === 2) turn = 0;
    else {
      replyElement(reply, bytes, at);
      turn++;
    }
  }
}

/** As `replyElements`, room having been made. */
function replyRun(reply: ReplyWriter, bytes: Uint8Array, position: number, end: number, tripled: boolean): void {
  const target = reply.bytes;
  let at = reply.position;
  let turn = 0;
  while (position < end) {
    const byte = bytes[position]!;
    if (tripled && turn === 2) {
      turn = 0;
      position += elementBytes(bytes, position);
      continue;
    }
    turn++;
    if ((byte & 0xc0) === 0x80) {
      const length = byte & 63;
      target[at] = 36;
      if (length < 10) target[at + 1] = 48 + length;
      else {
        const tens = (length * 205) >>> 11;
        target[++at] = 48 + tens;
        target[at + 1] = 48 + length - tens * 10;
      }
      target[at + 2] = 13;
      target[at + 3] = 10;
      at += 4;
      const shift = at - position - 1;
      const stop = position + 1 + length;
      for (let i = position + 1; i < stop; i++) target[i + shift] = bytes[i]!;
      at += length;
      target[at] = 13;
      target[at + 1] = 10;
      at += 2;
      position = stop + 1;
      continue;
    }
    reply.position = at;
    replyElement(reply, bytes, position);
    at = reply.position;
    position += elementBytes(bytes, position);
  }
  reply.position = at;
}
