/** What is known about single members: ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK. */
import { cardinality, rankedScore, rankOf, scoreOf } from "../../dataset/sorted_set/sorted_set.ts";
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { type CommandDefinition, keysAt, token } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { SYNTAX_ERROR, wrongArity } from "../messages.ts";
import { KEY, MEMBER, READS_FAST } from "./arguments.ts";
import { replyScore } from "./reply.ts";

/** ZCARD key */
export const zcard: CommandDefinition = {
  ...READS_FAST,
  name: "ZCARD",
  since: "1.2.0",
  summary: "Returns the number of members in a sorted set.",
  complexity: "O(1)",
  arity: 2,
  keys: [keysAt(["RO"])],
  args: [KEY],
  run(call) {
    const entry = call.read(1);
    if (refuseOtherType(call, entry, TYPE_ZSET)) return;
    call.reply.integer(entry === NIL ? 0 : cardinality(call.dataset, entry));
  },
};

/** ZSCORE key member */
export const zscore: CommandDefinition = {
  ...READS_FAST,
  name: "ZSCORE",
  since: "1.2.0",
  summary: "Returns the score of a member in a sorted set.",
  complexity: "O(1)",
  arity: 3,
  args: [KEY, MEMBER],
  run(call) {
    const entry = call.read(1);
    if (refuseOtherType(call, entry, TYPE_ZSET)) return;
    replyScoreOf(call, entry, 2);
  },
};

/** ZMSCORE key member [member …] */
export const zmscore: CommandDefinition = {
  ...READS_FAST,
  name: "ZMSCORE",
  since: "6.2.0",
  summary: "Returns the score of one or more members in a sorted set.",
  complexity: "O(N) where N is the number of members being requested.",
  arity: -3,
  args: [KEY, { ...MEMBER, multiple: true }],
  run(call) {
    const entry = call.read(1);
    if (refuseOtherType(call, entry, TYPE_ZSET)) return;
    call.reply.array(call.argc - 2);
    for (let i = 2; i < call.argc; i++) replyScoreOf(call, entry, i);
  },
};

function replyScoreOf(call: Call, entry: number, i: number): void {
  const score = entry === NIL ? Number.NaN : scoreOf(call.dataset, entry, call.input, call.start(i), call.length(i));
  if (score === score) replyScore(call.reply, score);
  else call.reply.nil();
}

/** ZRANK key member [WITHSCORE] */
export const zrank: CommandDefinition = {
  ...READS_FAST,
  name: "ZRANK",
  since: "2.0.0",
  summary: "Returns the index of a member in a sorted set ordered by ascending scores.",
  complexity: "O(log(N))",
  arity: -3,
  history: [["7.2.0", "Added the optional `WITHSCORE` argument."]],
  args: [KEY, MEMBER, token("WITHSCORE", { optional: true })],
  run: (call) => replyRank(call, "ZRANK", false),
};

/** ZREVRANK key member [WITHSCORE] */
export const zrevrank: CommandDefinition = {
  ...zrank,
  name: "ZREVRANK",
  summary: "Returns the index of a member in a sorted set ordered by descending scores.",
  run: (call) => replyRank(call, "ZREVRANK", true),
};

function replyRank(call: Call, name: string, reverse: boolean): void {
  const { reply, dataset } = call;
  if (call.argc > 4) return reply.error(wrongArity(name));
  const withScore = call.argc === 4;
  if (withScore && !call.is(3, "WITHSCORE")) return reply.error(SYNTAX_ERROR);
  const entry = call.read(1);
  if (refuseOtherType(call, entry, TYPE_ZSET)) return;
  const rank = entry === NIL ? -1 : rankOf(dataset, entry, call.input, call.start(2), call.length(2));
  if (rank < 0) {
    if (withScore) reply.nilArray();
    else reply.nil();
    return;
  }
  const score = rankedScore;
  if (withScore) reply.array(2);
  reply.integer(reverse ? cardinality(dataset, entry) - 1 - rank : rank);
  if (withScore) replyScore(reply, score);
}
