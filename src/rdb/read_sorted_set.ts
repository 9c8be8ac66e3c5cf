/** Reads sorted sets: members and scores one by one (ASCII or binary), a ziplist, or a listpack. NaN, and a member that stands twice, are damage. */

import { hashBytes } from "../base/hash.ts";
import { PACK_BYTES_MAX } from "../dataset/packed.ts";
import { parseScore, scoreAt } from "../dataset/sorted_set/scores.ts";
import { buildCollected } from "../dataset/sorted_set/store.ts";
import { ENCODING_LISTPACK, TYPE_ZSET as ZSET } from "../dataset/types.ts";
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
import {
  SCORE_INFINITE,
  SCORE_MINUS_INFINITE,
  SCORE_NAN,
  TYPE_ZSET,
  TYPE_ZSET_2,
  TYPE_ZSET_LISTPACK,
} from "./format.ts";
import { takeZiplist } from "./ziplist.ts";

const digits = new Uint8Array(20);

/** The entry, in no table; NIL: the address space is full. */
export function readSortedSet(context: ReadContext, type: number): number {
  if (type === TYPE_ZSET || type === TYPE_ZSET_2) return readMembers(context, type === TYPE_ZSET_2);
  const { input, text, builder } = context;
  const at = input.offset;
  input.text(text);
  if (type === TYPE_ZSET_LISTPACK) context.openListpack(at);
  else {
    builder.clear();
    if (!takeZiplist(text.bytes, text.start, text.length, builder)) throw context.damaged("a damaged ziplist", at);
    if (builder.count === 0) throw context.empty(at);
    context.takeBuilder();
  }
  return takePack(context, at);
}

function readMembers(context: ReadContext, binary: boolean): number {
  const { input, text, collected, dataset } = context;
  const at = input.offset;
  const count = input.elements(2);
  if (count === 0) throw context.empty(at);
  collected.clear();
  for (let i = 0; i < count; i++) {
    input.text(text);
    const score = binary ? input.binaryDouble() : readAsciiScore(context);
    if (score !== score) throw context.damaged("a score that is no number", at);
    const { bytes, start, length } = text;
    const hash = hashBytes(bytes, start, length, dataset.seed0, dataset.seed1);
    if (collected.find(bytes, start, length, hash) >= 0) throw context.damaged("a member that stands twice", at);
    collected.add(bytes, start, length, score, hash);
  }
  return build(context);
}

/** A byte with the length of the text, or one that says what can't be written in digits. */
function readAsciiScore(context: ReadContext): number {
  const { input } = context;
  const length = input.byte();
  if (length === SCORE_NAN) return Number.NaN;
  if (length === SCORE_INFINITE) return Number.POSITIVE_INFINITY;
  if (length === SCORE_MINUS_INFINITE) return Number.NEGATIVE_INFINITY;
  input.need(length);
  const score = parseScore(input.bytes, input.position, length);
  input.position += length;
  return score;
}

/** Members and scores in turn: taken as they are where they are in order and few, sorted otherwise. */
function takePack(context: ReadContext, at: number): number {
  const { dataset, pack, packBase, packBytes, collected } = context;
  const elements = listpackCount(pack, packBase);
  if ((elements & 1) !== 0) throw context.damaged("a member without a score", at);
  context.refuseDuplicates(elements, 2, at);
  const end = endPosition(pack, packBase);
  collected.clear();
  for (let member = packBase + LISTPACK_HEADER_BYTES; member < end; ) {
    const behind = member + elementBytes(pack, member);
    const score = scoreAt(pack, behind);
    if (score !== score) throw context.damaged("a score that is no number", at);
    if (isIntegerElement(pack, member)) {
      collected.append(digits, 0, copyElementText(pack, member, digits, 0), score);
    } else collected.append(pack, stringOffset(pack, member), stringLength(pack, member), score);
    member = behind + elementBytes(pack, behind);
  }
  const small = collected.count <= dataset.limits.zsetListpackEntries && packBytes <= PACK_BYTES_MAX;
  if (small && collected.isSorted()) return context.storePacked(ZSET, ENCODING_LISTPACK, pack, packBase, packBytes);
  return build(context);
}

function build(context: ReadContext): number {
  const { dataset, collected, key, keyStart, keyBytes, expires } = context;
  // The other way round is how Redis writes big ones.
  if (!collected.isSorted() && !collected.reverse()) collected.sort();
  const entry = buildCollected(dataset, collected, key, keyStart, keyBytes, expires);
  collected.clear();
  return entry;
}
