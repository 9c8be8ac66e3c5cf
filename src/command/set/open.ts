/** Opening the sets that key arguments name, and replying with their members where they lie. */

import { Piece } from "../../dataset/piece.ts";
import { openSet, refPiece, type SetView } from "../../dataset/set/view.ts";
import { ENCODING_BIG, ENCODING_LISTPACK, TYPE_SET } from "../../dataset/types.ts";
import type { Call } from "../call.ts";
import { refuseOtherType, replyElement, replyMember } from "../elements.ts";

const piece = new Piece();

/** Opens the set of key argument i for reading; no key: an empty set. False: it holds something else, and the error has been replied. */
export function readSet(call: Call, i: number, view: SetView): boolean {
  const entry = call.read(i);
  if (refuseOtherType(call, entry, TYPE_SET)) return false;
  openSet(call.dataset, entry, view);
  return true;
}

/** As `readSet`, for writing. */
export function writeSet(call: Call, i: number, view: SetView): boolean {
  const entry = call.write(i);
  if (refuseOtherType(call, entry, TYPE_SET)) return false;
  openSet(call.dataset, entry, view);
  return true;
}

/** A member as a bulk string. */
export function replyRef(call: Call, view: SetView, ref: number): void {
  if (view.encoding === ENCODING_BIG) replyMember(call.reply, call.dataset.arena, ref);
  else if (view.encoding === ENCODING_LISTPACK) replyElement(call.reply, view.pack.bytes, ref);
  else {
    refPiece(call.dataset, view, ref, piece);
    call.reply.bulk(piece.bytes, piece.offset, piece.length);
  }
}
