import { TYPE_NAMES } from "../../dataset/types.ts";
import { entryType } from "../../structure/entry.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { peek } from "./lookup.ts";

/** EXISTS key [key …] */
export const exists: CommandDefinition = {
  name: "EXISTS",
  group: "generic",
  since: "1.0.0",
  summary: "Determines whether one or more keys exist.",
  complexity: "O(N) where N is the number of keys to check.",
  arity: -2,
  flags: ["readonly", "fast"],
  categories: ["keyspace"],
  tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
  history: [["3.0.3", "Accepts multiple `key` arguments."]],
  keys: [keysAt(["RO"], 1, -1)],
  args: [argument("key", "key", { keySpec: 0, multiple: true })],
  run(call) {
    let count = 0;
    for (let i = 1; i < call.argc; i++) if (peek(call, i) !== 0) count++;
    call.reply.integer(count);
  },
};

/** TOUCH key [key …] */
export const touch: CommandDefinition = {
  name: "TOUCH",
  group: "generic",
  since: "3.2.1",
  summary:
    "Returns the number of existing keys out of those specified after updating the time they were last accessed.",
  complexity: "O(N) where N is the number of keys that will be touched.",
  arity: -2,
  flags: ["readonly", "fast"],
  categories: ["keyspace"],
  tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
  keys: [keysAt(["RO"], 1, -1)],
  args: [argument("key", "key", { keySpec: 0, multiple: true })],
  run(call) {
    let count = 0;
    for (let i = 1; i < call.argc; i++) {
      // Touches for clients with NO-TOUCH as well: that is what it is for.
      const entry = call.db.lookup(call.input, call.start(i), call.length(i), call.hash(i), false);
      if (entry === 0) call.missed(i);
      else {
        call.hits++;
        count++;
      }
    }
    call.reply.integer(count);
  },
};

/** TYPE key */
export const type: CommandDefinition = {
  name: "TYPE",
  group: "generic",
  since: "1.0.0",
  summary: "Determines the type of value stored at a key.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  categories: ["keyspace"],
  keys: [keysAt(["RO"])],
  args: [argument("key", "key", { keySpec: 0 })],
  run(call) {
    const entry = peek(call, 1);
    call.reply.status(entry === 0 ? "none" : TYPE_NAMES[entryType(call.dataset.arena, entry)]!);
  },
};
