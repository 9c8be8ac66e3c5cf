/** ZCOUNT and ZLEXCOUNT: how many members lie in a range. */
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { KEY, READS_FAST } from "./arguments.ts";
import { BY_MEMBER, BY_SCORE, readBounds, span, spanOf } from "./bounds.ts";

/** ZCOUNT key min max */
export const zcount: CommandDefinition = {
  ...READS_FAST,
  name: "ZCOUNT",
  since: "2.0.0",
  summary: "Returns the count of members in a sorted set that have scores within a range.",
  complexity: "O(log(N)) with N being the number of elements in the sorted set.",
  arity: 4,
  args: [KEY, argument("min", "double"), argument("max", "double")],
  run: (call) => count(call, BY_SCORE),
};

/** ZLEXCOUNT key min max */
export const zlexcount: CommandDefinition = {
  ...READS_FAST,
  name: "ZLEXCOUNT",
  since: "2.8.9",
  summary: "Returns the number of members in a sorted set within a lexicographical range.",
  complexity: "O(log(N)) with N being the number of elements in the sorted set.",
  arity: 4,
  args: [KEY, argument("min", "string"), argument("max", "string")],
  run: (call) => count(call, BY_MEMBER),
};

function count(call: Call, by: number): void {
  if (!readBounds(call, by, 2, 3)) return;
  const entry = call.read(1);
  if (refuseOtherType(call, entry, TYPE_ZSET)) return;
  if (entry === NIL) return call.reply.integer(0);
  spanOf(call, entry, false);
  call.reply.integer(span.count);
}
