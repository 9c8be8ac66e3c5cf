/** ZRANGE in all its forms, and the older commands that each are one of them. */
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, oneOf, token } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { KEY, LIMIT, READS, WITH_SCORES } from "./arguments.ts";
import { BY_MEMBER, BY_RANK, BY_SCORE, span } from "./bounds.ts";
import { OPEN, range, rangeOf, readRange } from "./range_options.ts";
import { replySpan } from "./reply.ts";

const LOG_AND_RETURNED =
  "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.";
const LOG_AND_BEING_RETURNED =
  "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).";

const MINIMUM = argument("min", "double");
const MAXIMUM = argument("max", "double");

/** BYSCORE | BYLEX, REV and LIMIT; ZRANGE has them since a later version than itself. */
export function rangeOptions(since?: string): CommandDefinition["args"] {
  const more = since === undefined ? {} : { since };
  return [
    oneOf("sortby", [token("BYSCORE"), token("BYLEX")], { optional: true, ...more }),
    token("REV", { optional: true, ...more }),
    { ...LIMIT, ...more },
  ];
}

/** ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES] */
export const zrange: CommandDefinition = {
  ...READS,
  name: "ZRANGE",
  since: "1.2.0",
  summary: "Returns members in a sorted set within a range of indexes.",
  complexity: LOG_AND_RETURNED,
  arity: -4,
  history: [["6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options."]],
  args: [KEY, argument("start", "string"), argument("stop", "string"), ...rangeOptions("6.2.0")!, WITH_SCORES],
  run: (call) => replyRange(call, OPEN, OPEN),
};

/** ZREVRANGE key start stop [WITHSCORES] */
export const zrevrange: CommandDefinition = {
  ...READS,
  name: "ZREVRANGE",
  since: "1.2.0",
  summary: "Returns members in a sorted set within a range of indexes in reverse order.",
  complexity: LOG_AND_RETURNED,
  arity: -4,
  deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `REV` argument" },
  args: [KEY, argument("start", "integer"), argument("stop", "integer"), WITH_SCORES],
  run: (call) => replyRange(call, BY_RANK, true),
};

/** ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count] */
export const zrangebyscore: CommandDefinition = {
  ...READS,
  name: "ZRANGEBYSCORE",
  since: "1.0.5",
  summary: "Returns members in a sorted set within a range of scores.",
  complexity: LOG_AND_BEING_RETURNED,
  arity: -4,
  history: [["2.0.0", "Added the `WITHSCORES` modifier."]],
  deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `BYSCORE` argument" },
  args: [KEY, MINIMUM, MAXIMUM, { ...WITH_SCORES, since: "2.0.0" }, LIMIT],
  run: (call) => replyRange(call, BY_SCORE, false),
};

/** ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count] */
export const zrevrangebyscore: CommandDefinition = {
  ...READS,
  name: "ZREVRANGEBYSCORE",
  since: "2.2.0",
  summary: "Returns members in a sorted set within a range of scores in reverse order.",
  complexity: LOG_AND_BEING_RETURNED,
  arity: -4,
  history: [["2.1.6", "`min` and `max` can be exclusive."]],
  deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `REV` and `BYSCORE` arguments" },
  args: [KEY, MAXIMUM, MINIMUM, WITH_SCORES, LIMIT],
  run: (call) => replyRange(call, BY_SCORE, true),
};

/** ZRANGEBYLEX key min max [LIMIT offset count] */
export const zrangebylex: CommandDefinition = {
  ...READS,
  name: "ZRANGEBYLEX",
  since: "2.8.9",
  summary: "Returns members in a sorted set within a lexicographical range.",
  complexity: LOG_AND_BEING_RETURNED,
  arity: -4,
  deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `BYLEX` argument" },
  args: [KEY, argument("min", "string"), argument("max", "string"), LIMIT],
  run: (call) => replyRange(call, BY_MEMBER, false),
};

/** ZREVRANGEBYLEX key max min [LIMIT offset count] */
export const zrevrangebylex: CommandDefinition = {
  ...READS,
  name: "ZREVRANGEBYLEX",
  since: "2.8.9",
  summary: "Returns members in a sorted set within a lexicographical range in reverse order.",
  complexity: LOG_AND_BEING_RETURNED,
  arity: -4,
  deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `REV` and `BYLEX` arguments" },
  args: [KEY, argument("max", "string"), argument("min", "string"), LIMIT],
  run: (call) => replyRange(call, BY_MEMBER, true),
};

function replyRange(call: Call, by: number, reverse: boolean | typeof OPEN): void {
  if (!readRange(call, 2, by, reverse, false)) return;
  const entry = call.read(1);
  if (refuseOtherType(call, entry, TYPE_ZSET)) return;
  if (entry === NIL) return call.reply.array(0);
  rangeOf(call, entry);
  replySpan(call, entry, span.from, span.count, range.reverse, range.withScores);
}
