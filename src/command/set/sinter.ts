import { intersect } from "../../dataset/set/algebra.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { SYNTAX_ERROR } from "../messages.ts";
import { combined, openSets, replyResult, storeResult } from "./result.ts";

const COMPLEXITY = "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.";

/** SINTER key [key …] */
export const sinter: CommandDefinition = {
  name: "SINTER",
  group: "set",
  since: "1.0.0",
  summary: "Returns the intersect of multiple sets.",
  complexity: COMPLEXITY,
  arity: -2,
  flags: ["readonly"],
  tips: ["nondeterministic_output_order"],
  keys: [keysAt(["RO", "access"], 1, -1)],
  args: [argument("key", "key", { keySpec: 0, multiple: true })],
  run(call) {
    if (!openSets(call, 1, call.argc - 1)) return;
    intersect(call.dataset, combined, call.argc - 1, 0);
    replyResult(call);
  },
};

/** SINTERSTORE destination key [key …] */
export const sinterstore: CommandDefinition = {
  name: "SINTERSTORE",
  group: "set",
  since: "1.0.0",
  summary: "Stores the intersect of multiple sets in a key.",
  complexity: COMPLEXITY,
  arity: -3,
  flags: ["write", "denyoom"],
  keys: [keysAt(["OW", "update"]), keysAt(["RO", "access"], 2, -1)],
  args: [argument("destination", "key", { keySpec: 0 }), argument("key", "key", { keySpec: 1, multiple: true })],
  run(call) {
    if (!openSets(call, 2, call.argc - 2)) return;
    intersect(call.dataset, combined, call.argc - 2, 0);
    storeResult(call, "sinterstore");
  },
};

/** SINTERCARD numkeys key [key …] [LIMIT limit] */
export const sintercard: CommandDefinition = {
  name: "SINTERCARD",
  group: "set",
  since: "7.0.0",
  summary: "Returns the number of members of the intersect of multiple sets.",
  complexity: COMPLEXITY,
  arity: -3,
  flags: ["readonly"],
  keys: [
    {
      flags: ["RO", "access"],
      begin: { index: 1 },
      find: { keyCountIndex: 0, firstKey: 1, step: 1 },
    },
  ],
  args: [
    argument("numkeys", "integer"),
    argument("key", "key", { keySpec: 0, multiple: true }),
    argument("limit", "integer", { token: "LIMIT", optional: true }),
  ],
  run(call) {
    const { reply } = call;
    const keys = readAtLeast(call, 1, 1n, "ERR numkeys should be greater than 0");
    if (keys === undefined) return;
    if (keys > call.argc - 2) return reply.error("ERR Number of keys can't be greater than number of args");
    let limit = 0;
    for (let i = 2 + keys; i < call.argc; i += 2) {
      if (!call.is(i, "LIMIT") || i + 1 === call.argc) return reply.error(SYNTAX_ERROR);
      const given = readAtLeast(call, i + 1, 0n, "ERR LIMIT can't be negative");
      if (given === undefined) return;
      limit = given;
    }
    if (!openSets(call, 2, keys)) return;
    intersect(call.dataset, combined, keys, limit);
    reply.integer(combined.count);
    combined.trim();
  },
};

/** Argument i as a number from `least` on; undefined: it is none, and `error` has been replied. */
function readAtLeast(call: Call, i: number, least: bigint, error: string): number | undefined {
  const value = call.integer64(i);
  if (value !== undefined && value >= least) return Number(value);
  call.reply.error(error);
  return undefined;
}
