/** ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES] */
import { formatDouble17 } from "../../base/double.ts";
import { globMatches } from "../../base/glob.ts";
import { tableOf } from "../../dataset/sorted_set/big.ts";
import { memberScore } from "../../dataset/sorted_set/scores.ts";
import { cardinality, isPacked } from "../../dataset/sorted_set/sorted_set.ts";
import { Walk } from "../../dataset/sorted_set/walk.ts";
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL, SEGMENT_SHIFT } from "../../memory/layout.ts";
import { keyLength, keyOffset } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, token } from "../definition.ts";
import { refuseOtherType, replyMember } from "../elements.ts";
import { BUCKETS_AN_ELEMENT, readCursor, readScanOptions, scanOptions } from "../scan_options.ts";
import { KEY, READS } from "./arguments.ts";
import { replyScoreText } from "./reply.ts";

const found = new EntryList(64);
const walk = new Walk();

export const zscan: CommandDefinition = {
  ...READS,
  name: "ZSCAN",
  since: "2.8.0",
  summary: "Iterates over members and scores of a sorted set.",
  complexity:
    "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
  arity: -3,
  tips: ["nondeterministic_output"],
  history: [["8.0.0", "Added noscores option."]],
  args: [
    KEY,
    argument("cursor", "integer"),
    argument("pattern", "pattern", { token: "MATCH", optional: true }),
    argument("count", "integer", { token: "COUNT", optional: true }),
    token("NOSCORES", { optional: true }),
  ],
  run(call) {
    const cursor = readCursor(call, 2);
    if (cursor === undefined) return;
    const entry = call.read(1);
    if (refuseOtherType(call, entry, TYPE_ZSET)) return;
    if (entry === NIL) {
      call.reply.array(2);
      call.reply.text("0");
      return call.reply.array(0);
    }
    if (!readScanOptions(call, 3, { type: false, noValues: false, noScores: true })) return;
    if (isPacked(call.dataset, entry)) replyAll(call, entry);
    else replyPage(call, entry, cursor);
  },
};

function matches(call: Call, bytes: Uint8Array, offset: number, length: number): boolean {
  const { pattern } = scanOptions;
  if (pattern === 0) return true;
  return globMatches(call.input, call.start(pattern), call.length(pattern), bytes, offset, length, false);
}

/** A packed set is one page. */
function replyAll(call: Call, entry: number): void {
  const { reply, dataset } = call;
  const { noValues } = scanOptions;
  let kept = 0;
  for (let more = walk.seek(dataset, entry, 0); more; more = walk.next()) {
    if (matches(call, walk.bytes, walk.offset, walk.length)) kept++;
  }
  reply.array(2);
  reply.text("0");
  reply.array(noValues ? kept : kept * 2);
  for (let more = kept > 0 && walk.seek(dataset, entry, 0); more; more = walk.next()) {
    if (!matches(call, walk.bytes, walk.offset, walk.length)) continue;
    reply.bulk(walk.bytes, walk.offset, walk.length);
    if (!noValues) replyScoreText(reply, walk.score);
  }
}

function replyPage(call: Call, entry: number, from: number): void {
  const { reply, dataset } = call;
  const { arena } = dataset;
  const { count, noValues } = scanOptions;
  const table = tableOf(dataset, entry);
  found.clear();
  let cursor = from;
  let buckets = Math.min(count * BUCKETS_AN_ELEMENT, cardinality(dataset, entry));
  do cursor = table.scanInto(cursor, found);
  while (cursor !== 0 && buckets-- > 0 && found.count < count);
  let kept = 0;
  for (let i = 0; i < found.count; i++) {
    const member = found.items[i]!;
    const bytes = arena.bytes[member >>> SEGMENT_SHIFT]!;
    if (matches(call, bytes, keyOffset(arena, member), keyLength(arena, member))) found.items[kept++] = member;
  }
  reply.array(2);
  reply.numberText(cursor >>> 0);
  reply.array(noValues ? kept : kept * 2);
  for (let i = 0; i < kept; i++) {
    replyMember(reply, arena, found.items[i]!);
    // Seventeen digits, since Redis prints the scores of a skiplist so here.
    if (!noValues) reply.text(formatDouble17(memberScore(arena, found.items[i]!)));
  }
}
