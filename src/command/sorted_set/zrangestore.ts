import { Walk } from "../../dataset/sorted_set/walk.ts";
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { BY_MEMBER, bounds, span } from "./bounds.ts";
import { collected, storeAndReply } from "./collect.ts";
import { OPEN, rangeOf, readRange } from "./range_options.ts";
import { rangeOptions } from "./zrange.ts";

const walk = new Walk();

/** ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count] */
export const zrangestore: CommandDefinition = {
  name: "ZRANGESTORE",
  group: "sorted-set",
  since: "6.2.0",
  summary: "Stores a range of members from sorted set in a key.",
  complexity:
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.",
  arity: -5,
  flags: ["write", "denyoom"],
  keys: [keysAt(["OW", "update"]), keysAt(["RO", "access"], 2)],
  args: [
    argument("dst", "key", { keySpec: 0 }),
    argument("src", "key", { keySpec: 1 }),
    argument("min", "string"),
    argument("max", "string"),
    ...rangeOptions()!,
  ],
  run(call) {
    if (!readRange(call, 3, OPEN, OPEN, true)) return;
    const entry = call.read(2);
    if (refuseOtherType(call, entry, TYPE_ZSET)) return;
    collected.clear();
    if (entry !== NIL) {
      rangeOf(call, entry);
      let left = span.count;
      for (let more = left > 0 && walk.seek(call.dataset, entry, span.from); more && left > 0; left--) {
        collected.append(walk.bytes, walk.offset, walk.length, walk.score);
        more = walk.next();
      }
    }
    const { changes } = call.journal;
    storeAndReply(call, "zrangestore");
    if (call.journal.changes !== changes && bounds.by === BY_MEMBER) logRanks(call, entry === NIL ? 0 : span.count);
    collected.clear();
  },
};

/** Which members a range of members has to do with may depend on how the set is stored (zremrange.ts): ranks are what happened. */
function logRanks(call: Call, count: number): void {
  const effect = call.effect(5);
  effect.text("ZRANGESTORE");
  effect.argument(call.input, call.start(1), call.length(1));
  effect.argument(call.input, call.start(2), call.length(2));
  effect.integer(count === 0 ? 1 : span.from);
  effect.integer(count === 0 ? 0 : span.from + count - 1);
}
