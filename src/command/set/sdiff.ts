import { subtract } from "../../dataset/set/algebra.ts";
import { encodingFor, MemberList } from "../../dataset/set/build.ts";
import { collectRefs } from "../../dataset/set/view.ts";
import { ENCODING_INTSET } from "../../dataset/types.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { combined, openSets, replyResult, storeResult } from "./result.ts";

const COMPLEXITY = "O(N) where N is the total number of elements in all given sets.";

/** The first set as a whole. */
const whole = new MemberList();

/** SDIFF key [key …] */
export const sdiff: CommandDefinition = {
  name: "SDIFF",
  group: "set",
  since: "1.0.0",
  summary: "Returns the difference of multiple sets.",
  complexity: COMPLEXITY,
  arity: -2,
  flags: ["readonly"],
  tips: ["nondeterministic_output_order"],
  keys: [keysAt(["RO", "access"], 1, -1)],
  args: [argument("key", "key", { keySpec: 0, multiple: true })],
  run(call) {
    if (!openSets(call, 1, call.argc - 1)) return;
    subtract(call.dataset, combined, call.argc - 1);
    replyResult(call);
  },
};

/** SDIFFSTORE destination key [key …] */
export const sdiffstore: CommandDefinition = {
  name: "SDIFFSTORE",
  group: "set",
  since: "1.0.0",
  summary: "Stores the difference of multiple sets in a key.",
  complexity: COMPLEXITY,
  arity: -3,
  flags: ["write", "denyoom"],
  keys: [keysAt(["OW", "update"]), keysAt(["RO", "access"], 2, -1)],
  args: [argument("destination", "key", { keySpec: 0 }), argument("key", "key", { keySpec: 1, multiple: true })],
  run(call) {
    if (!openSets(call, 2, call.argc - 2)) return;
    const struckOut = subtract(call.dataset, combined, call.argc - 2);
    storeResult(call, "sdiffstore", struckOut ? encodingOfFirst(call) : ENCODING_INTSET);
  },
};

/** What a copy of the first set would be encoded as: where Redis takes members out of one, the result keeps its encoding. */
function encodingOfFirst(call: Call): number {
  whole.views[0] = combined.views[0]!;
  whole.clear();
  collectRefs(call.dataset, whole.views[0], whole.refs);
  const encoding = encodingFor(call.dataset, whole);
  whole.trim();
  return encoding;
}
