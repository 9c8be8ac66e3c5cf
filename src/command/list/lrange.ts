import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { NOT_AN_INTEGER } from "../messages.ts";
import { replyRange } from "./values.ts";

/** LRANGE key start stop */
export const lrange: CommandDefinition = {
  name: "LRANGE",
  group: "list",
  since: "1.0.0",
  summary: "Returns a range of elements from a list.",
  complexity:
    "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
  arity: 4,
  flags: ["readonly"],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("start", "integer"), argument("stop", "integer")],
  run(call) {
    const { reply } = call;
    const start = readIndex(call, 2);
    const stop = readIndex(call, 3);
    if (start !== start || stop !== stop) return reply.error(NOT_AN_INTEGER);
    const entry = call.read(1);
    if (entry === NIL) return reply.array(0);
    if (refuseOtherType(call, entry, TYPE_LIST)) return;
    const length = call.dataset.lists.length(entry);
    const first = start < 0 ? Math.max(0, start + length) : start;
    const last = Math.min(stop < 0 ? stop + length : stop, length - 1);
    if (first > last) reply.array(0);
    else replyRange(call, entry, first, last - first + 1, false);
  },
};

/** Argument i as an index, NaN when it is none. Beyond ±2^53 it is rounded, and no list is so long. */
export function readIndex(call: Call, i: number): number {
  const index = call.integer(i);
  if (index === index) return index;
  const long = call.integer64(i);
  return long === undefined ? Number.NaN : Number(long);
}
