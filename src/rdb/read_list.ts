/** Reads lists: elements one by one, a ziplist, or nodes of ziplists, listpacks and lone elements. Nodes stay what they are. */
import { NIL } from "../memory/layout.ts";
import {
  copyElementText,
  elementBytes,
  endPosition,
  isIntegerElement,
  LISTPACK_HEADER_BYTES,
  listpackCount,
  stringLength,
  stringOffset,
} from "../structure/listpack.ts";
import type { ReadContext } from "./context.ts";
import { NODE_PACKED, NODE_PLAIN, TYPE_LIST, TYPE_LIST_QUICKLIST_2, TYPE_LIST_ZIPLIST } from "./format.ts";
import { RdbError } from "./rdb_error.ts";
import { takeZiplist } from "./ziplist.ts";

const digits = new Uint8Array(20);

/** The entry, in no table; NIL: the address space is full. */
export function readList(context: ReadContext, type: number): number {
  const { list, input } = context;
  const at = input.offset;
  if (!list.begin()) return NIL;
  let built = false;
  try {
    const room = readElements(context, type);
    if (room && list.count === 0) throw context.empty(at);
    built = room;
  } finally {
    if (!built) list.giveUp();
  }
  return built ? list.finish(context.key, context.keyStart, context.keyBytes, context.expires) : NIL;
}

/** False: the address space is full. */
function readElements(context: ReadContext, type: number): boolean {
  const { input, text, list } = context;
  if (type === TYPE_LIST_ZIPLIST) return readZiplist(context);
  for (let left = input.elements(1); left > 0; left--) {
    if (type === TYPE_LIST) {
      input.text(text);
      if (!list.addText(text.bytes, text.start, text.length)) return false;
    } else if (type === TYPE_LIST_QUICKLIST_2) {
      if (!readNode(context)) return false;
    } else if (!readZiplist(context)) return false;
  }
  return true;
}

function readZiplist(context: ReadContext): boolean {
  const { input, text, builder } = context;
  const at = input.offset;
  input.text(text);
  builder.clear();
  if (!takeZiplist(text.bytes, text.start, text.length, builder)) throw context.damaged("a damaged ziplist", at);
  context.takeBuilder();
  return builder.count === 0 || addPack(context);
}

function readNode(context: ReadContext): boolean {
  const { input, text, list } = context;
  const at = input.offset;
  const container = input.count();
  if (container !== NODE_PLAIN && container !== NODE_PACKED) {
    throw context.damaged(`a list's node of unknown kind ${container}`, at);
  }
  input.text(text);
  if (container === NODE_PLAIN) return list.addPlain(text.bytes, text.start, text.length);
  try {
    context.openListpack(at);
  } catch (thrown) {
    // Redis leaves an empty node out.
    if (thrown instanceof RdbError && thrown.problem === "empty") return true;
    throw thrown;
  }
  return addPack(context);
}

/** Adds the elements of the opened listpack, as one node where it may be one. */
function addPack(context: ReadContext): boolean {
  const { list, pack, packBase, packBytes } = context;
  if (list.takesNode(packBytes)) return list.addNode(pack, packBase, listpackCount(pack, packBase));
  const end = endPosition(pack, packBase);
  for (let at = packBase + LISTPACK_HEADER_BYTES; at < end; at += elementBytes(pack, at)) {
    const added = isIntegerElement(pack, at)
      ? list.addText(digits, 0, copyElementText(pack, at, digits, 0))
      : list.addText(pack, stringOffset(pack, at), stringLength(pack, at));
    if (!added) return false;
  }
  return true;
}
