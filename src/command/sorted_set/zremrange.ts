/** ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX: remove the members in a range. */
import { EVENT_GENERIC, EVENT_ZSET } from "../../dataset/key_events.ts";
import { removeRange } from "../../dataset/sorted_set/sorted_set.ts";
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { KEY } from "./arguments.ts";
import { BY_MEMBER, BY_RANK, BY_SCORE, readBounds, span, spanOf } from "./bounds.ts";

const REMOVES = {
  group: "sorted-set",
  complexity:
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
  arity: 4,
  flags: ["write"],
  keys: [keysAt(["RW", "delete"])],
} as const satisfies Partial<CommandDefinition>;

/** ZREMRANGEBYRANK key start stop */
export const zremrangebyrank: CommandDefinition = {
  ...REMOVES,
  name: "ZREMRANGEBYRANK",
  since: "2.0.0",
  summary:
    "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were removed.",
  args: [KEY, argument("start", "integer"), argument("stop", "integer")],
  run: (call) => remove(call, BY_RANK, "zremrangebyrank"),
};

/** ZREMRANGEBYSCORE key min max */
export const zremrangebyscore: CommandDefinition = {
  ...REMOVES,
  name: "ZREMRANGEBYSCORE",
  since: "1.2.0",
  summary:
    "Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were removed.",
  args: [KEY, argument("min", "double"), argument("max", "double")],
  run: (call) => remove(call, BY_SCORE, "zremrangebyscore"),
};

/** ZREMRANGEBYLEX key min max */
export const zremrangebylex: CommandDefinition = {
  ...REMOVES,
  name: "ZREMRANGEBYLEX",
  since: "2.8.9",
  summary:
    "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members were removed.",
  args: [KEY, argument("min", "string"), argument("max", "string")],
  run: (call) => remove(call, BY_MEMBER, "zremrangebylex"),
};

function remove(call: Call, by: number, event: string): void {
  if (!readBounds(call, by, 2, 3)) return;
  const entry = call.write(1);
  if (refuseOtherType(call, entry, TYPE_ZSET)) return;
  if (entry === NIL) return call.reply.integer(0);
  spanOf(call, entry, false);
  const { count } = span;
  if (count > 0) {
    const emptied = removeRange(call.db, entry, call.hash(1), span.from, count);
    call.changed(1);
    if (by === BY_MEMBER) logRanks(call);
    call.notify(EVENT_ZSET, event, 1);
    if (emptied) call.notify(EVENT_GENERIC, "del", 1);
  }
  call.reply.integer(count);
}

/**
 * Of members with different scores, which a range of members has to do with depends on how the set is stored, as in Redis, and that on
 * thresholds that may be others when the log is replayed: ranks are what happened.
 */
function logRanks(call: Call): void {
  const effect = call.effect(4);
  effect.text("ZREMRANGEBYRANK");
  effect.argument(call.input, call.start(1), call.length(1));
  effect.integer(span.from);
  effect.integer(span.from + span.count - 1);
}
