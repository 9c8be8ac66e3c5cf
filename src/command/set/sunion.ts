import { unite } from "../../dataset/set/algebra.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { combined, openSets, replyResult, storeResult } from "./result.ts";

const COMPLEXITY = "O(N) where N is the total number of elements in all given sets.";

/** SUNION key [key …] */
export const sunion: CommandDefinition = {
  name: "SUNION",
  group: "set",
  since: "1.0.0",
  summary: "Returns the union of multiple sets.",
  complexity: COMPLEXITY,
  arity: -2,
  flags: ["readonly"],
  tips: ["nondeterministic_output_order"],
  keys: [keysAt(["RO", "access"], 1, -1)],
  args: [argument("key", "key", { keySpec: 0, multiple: true })],
  run(call) {
    if (!openSets(call, 1, call.argc - 1)) return;
    unite(call.dataset, combined, call.argc - 1);
    replyResult(call);
  },
};

/** SUNIONSTORE destination key [key …] */
export const sunionstore: CommandDefinition = {
  name: "SUNIONSTORE",
  group: "set",
  since: "1.0.0",
  summary: "Stores the union of multiple sets in a key.",
  complexity: COMPLEXITY,
  arity: -3,
  flags: ["write", "denyoom"],
  keys: [keysAt(["OW", "update"]), keysAt(["RO", "access"], 2, -1)],
  args: [argument("destination", "key", { keySpec: 0 }), argument("key", "key", { keySpec: 1, multiple: true })],
  run(call) {
    if (!openSets(call, 2, call.argc - 2)) return;
    unite(call.dataset, combined, call.argc - 2);
    storeResult(call, "sunionstore");
  },
};
