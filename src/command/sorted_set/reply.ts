/** Members and scores as replies, straight from where they are stored. */
import { DOUBLE_TEXT_BYTES_MAX, writeDouble } from "../../base/shortest_double.ts";
import { openPack } from "../../dataset/packed.ts";
import { treeOf } from "../../dataset/sorted_set/big.ts";
import { pack, scorePosition } from "../../dataset/sorted_set/packed.ts";
import { scoreAt } from "../../dataset/sorted_set/scores.ts";
import { isPacked } from "../../dataset/sorted_set/sorted_set.ts";
import type { Arena } from "../../memory/arena.ts";
import type { ReplyWriter } from "../../protocol/reply_writer.ts";
import {
  isIntegerElement,
  nextElement,
  previousElement,
  seekElement,
  stringLength,
  stringOffset,
} from "../../structure/listpack.ts";
import type { Tree } from "../../structure/tree.ts";
import type { Call } from "../call.ts";
import { replyElement, replyMember } from "../elements.ts";
import { replyMembers as replyMemberRun } from "../member_run.ts";

const text = new Uint8Array(DOUBLE_TEXT_BYTES_MAX);

/** A score: a double in RESP3, in RESP2 its text. */
export function replyScore(reply: ReplyWriter, score: number): void {
  if (score === (score | 0) && (score !== 0 || 1 / score > 0)) reply.wholeDouble(score);
  else reply.doubleBytes(text, 0, writeDouble(text, 0, score));
}

/** A score as text in RESP3, too. */
export function replyScoreText(reply: ReplyWriter, score: number): void {
  reply.bulk(text, 0, writeDouble(text, 0, score));
}

/** A score in a listpack: its text is what is replied. */
export function replyScoreElement(reply: ReplyWriter, bytes: Uint8Array, position: number): void {
  if (isIntegerElement(bytes, position)) replyScore(reply, scoreAt(bytes, position));
  else reply.doubleBytes(bytes, stringOffset(bytes, position), stringLength(bytes, position));
}

/**
 * The members of ranks [from, from + count), all of which exist; `reverse`: the highest first. With scores they are pairs of their own in
 * RESP3, and one after the other in RESP2, unless `pairs` says that they are pairs there, too.
 */
export function replySpan(
  call: Call,
  entry: number,
  from: number,
  count: number,
  reverse: boolean,
  withScores: boolean,
  pairs = call.reply.protocol === 3,
): void {
  call.reply.array(withScores && !pairs ? count * 2 : count);
  replyMembers(call, entry, from, count, reverse, withScores, withScores && pairs);
}

/** As `replySpan`, without the head of the array. */
export function replyMembers(
  call: Call,
  entry: number,
  from: number,
  count: number,
  reverse: boolean,
  withScores: boolean,
  pairs: boolean,
): void {
  if (count === 0) return;
  if (isPacked(call.dataset, entry)) replyPacked(call, entry, from, count, reverse, withScores, pairs);
  else replyBig(call, entry, from, count, reverse, withScores, pairs);
}

function replyPacked(
  call: Call,
  entry: number,
  from: number,
  count: number,
  reverse: boolean,
  withScores: boolean,
  pairs: boolean,
): void {
  const { reply } = call;
  openPack(call.dataset.arena, entry, pack);
  const { bytes, offset } = pack;
  let position = seekElement(bytes, offset, (reverse ? from + count - 1 : from) * 2);
  for (let left = count; left > 0; left--) {
    if (pairs) reply.array(2);
    replyElement(reply, bytes, position);
    const score = scorePosition(bytes, position);
    if (withScores) replyScoreElement(reply, bytes, score);
    if (left === 1) return;
    position = reverse
      ? previousElement(bytes, offset, previousElement(bytes, offset, position))
      : nextElement(bytes, score);
  }
}

function replyBig(
  call: Call,
  entry: number,
  from: number,
  count: number,
  reverse: boolean,
  withScores: boolean,
  pairs: boolean,
): void {
  const { reply } = call;
  const { arena } = call.dataset;
  const tree = treeOf(call.dataset, entry);
  tree.seekPosition(reverse ? from + count - 1 : from);
  if (!withScores && !reverse) return replyForwards(reply, arena, tree, count);
  for (let left = count; left > 0; left--) {
    if (pairs) reply.array(2);
    replyMember(reply, arena, tree.entry);
    if (withScores) replyScore(reply, tree.score);
    if (reverse) tree.previous();
    else tree.next();
  }
}

/** `count` members from the current one on, those of one leaf at a time. */
function replyForwards(reply: ReplyWriter, arena: Arena, tree: Tree, count: number): void {
  for (let left = count; ; ) {
    const run = Math.min(left, tree.runLength);
    replyMemberRun(reply, arena, tree.entries, tree.entryAt, run);
    left -= run;
    if (left === 0) return;
    tree.skip(run);
  }
}
