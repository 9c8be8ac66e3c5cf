import { uniform } from "../../base/random.ts";
import { cardinality } from "../../dataset/sorted_set/sorted_set.ts";
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, block, type CommandDefinition } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../messages.ts";
import { KEY, READS, WITH_SCORES } from "./arguments.ts";
import { replyMembers, replySpan } from "./reply.ts";

const LONG_MAX = 9223372036854775807n;

/** ZRANDMEMBER key [count [WITHSCORES]] */
export const zrandmember: CommandDefinition = {
  ...READS,
  name: "ZRANDMEMBER",
  since: "6.2.0",
  summary: "Returns one or more random members from a sorted set.",
  complexity: "O(N) where N is the number of members returned",
  arity: -2,
  tips: ["nondeterministic_output"],
  args: [KEY, block("options", [argument("count", "integer"), WITH_SCORES], { optional: true })],
  run(call) {
    const { reply, dataset } = call;
    if (call.argc > 2) return replyMany(call);
    const entry = call.read(1);
    if (refuseOtherType(call, entry, TYPE_ZSET)) return;
    if (entry === NIL) return reply.nil();
    replyMembers(call, entry, uniform(call.random, cardinality(dataset, entry)), 1, false, false, false);
  },
};

function replyMany(call: Call): void {
  const { reply, dataset, random } = call;
  const wanted = call.integer64(2);
  if (wanted === undefined) return reply.error(NOT_AN_INTEGER);
  if (wanted < -LONG_MAX) {
    return reply.error(`ERR value is out of range, value must between -${LONG_MAX} and ${LONG_MAX}`);
  }
  if (call.argc > 4 || (call.argc === 4 && !call.is(3, "WITHSCORES"))) return reply.error(SYNTAX_ERROR);
  const withScores = call.argc === 4;
  if (withScores && (wanted < -LONG_MAX / 2n || wanted > LONG_MAX / 2n)) {
    return reply.error("ERR value is out of range");
  }
  const entry = call.read(1);
  if (refuseOtherType(call, entry, TYPE_ZSET)) return;
  if (entry === NIL || wanted === 0n) return reply.array(0);
  const total = cardinality(dataset, entry);
  if (wanted >= BigInt(total)) return replySpan(call, entry, 0, total, false, withScores);
  const count = Math.abs(Number(wanted));
  const pairs = withScores && reply.protocol === 3;
  reply.array(withScores && !pairs ? count * 2 : count);
  if (wanted < 0n) {
    // The same member may come several times, and a count without bounds ends when the connection does.
    for (let left = count; left > 0 && !call.session.closing; left--) {
      replyMembers(call, entry, uniform(random, total), 1, false, withScores, pairs);
    }
    return;
  }
  // Each step draws one rank, and takes its last one where the drawn one was taken before (Floyd): every set of ranks has the same chance.
  const taken = new Set<number>();
  for (let last = total - count; last < total; last++) {
    const drawn = uniform(random, last + 1);
    const rank = taken.has(drawn) ? last : drawn;
    taken.add(rank);
    replyMembers(call, entry, rank, 1, false, withScores, pairs);
  }
}
