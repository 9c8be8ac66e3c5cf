import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { replyString } from "./reply.ts";
import { isOtherType } from "./store.ts";

/** MGET key [key …] */
export const mget: CommandDefinition = {
  name: "MGET",
  group: "string",
  since: "1.0.0",
  summary: "Atomically returns the string values of one or more keys.",
  complexity: "O(N) where N is the number of keys to retrieve.",
  arity: -2,
  flags: ["readonly", "fast"],
  tips: ["request_policy:multi_shard"],
  keys: [keysAt(["RO", "access"], 1, -1)],
  args: [argument("key", "key", { keySpec: 0, multiple: true })],
  run(call) {
    call.reply.array(call.argc - 1);
    for (let i = 1; i < call.argc; i++) {
      const entry = call.read(i);
      if (entry === 0 || isOtherType(call, entry)) call.reply.nil();
      else replyString(call, entry);
    }
  },
};
