/** Copies the elements of a list, set or sorted set for SORT. */
import { Piece } from "../../dataset/piece.ts";
import { collectRefs, openSet, refPiece, SetView } from "../../dataset/set/view.ts";
import { Walk } from "../../dataset/sorted_set/walk.ts";
import { TYPE_LIST, TYPE_SET } from "../../dataset/types.ts";
import { entryType } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import type { TextList } from "./texts.ts";

const piece = new Piece();
const view = new SetView();
const walk = new Walk();

/** Adds `count` elements from index `from` on: lists in order, sorted sets by score, sets in any order. */
export function loadElements(call: Call, entry: number, from: number, count: number, out: TextList): void {
  if (count <= 0) return;
  const type = entryType(call.dataset.arena, entry);
  if (type === TYPE_LIST) loadList(call, entry, from, count, out);
  else if (type === TYPE_SET) loadSet(call, entry, from, count, out);
  else loadSortedSet(call, entry, from, count, out);
}

function loadList(call: Call, entry: number, from: number, count: number, out: TextList): void {
  const { cursor } = call.dataset.lists;
  cursor.open(entry);
  let standing = cursor.seek(from);
  for (let left = count; left > 0 && standing; left--) {
    cursor.piece(piece);
    out.add(piece);
    standing = cursor.next();
  }
}

function loadSet(call: Call, entry: number, from: number, count: number, out: TextList): void {
  const { dataset } = call;
  const refs = new EntryList(256);
  openSet(dataset, entry, view);
  collectRefs(dataset, view, refs);
  const end = Math.min(refs.count, from + count);
  for (let i = from; i < end; i++) {
    refPiece(dataset, view, refs.items[i]!, piece);
    out.add(piece);
  }
}

function loadSortedSet(call: Call, entry: number, from: number, count: number, out: TextList): void {
  let standing = walk.seek(call.dataset, entry, from);
  for (let left = count; left > 0 && standing; left--) {
    piece.bytes = walk.bytes;
    piece.offset = walk.offset;
    piece.length = walk.length;
    out.add(piece);
    standing = walk.next();
  }
}
