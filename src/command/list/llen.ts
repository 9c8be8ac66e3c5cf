import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";

/** LLEN key */
export const llen: CommandDefinition = {
  name: "LLEN",
  group: "list",
  since: "1.0.0",
  summary: "Returns the length of a list.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO"])],
  args: [argument("key", "key", { keySpec: 0 })],
  run(call) {
    const entry = call.read(1);
    if (entry === NIL) return call.reply.integer(0);
    if (!refuseOtherType(call, entry, TYPE_LIST)) call.reply.integer(call.dataset.lists.length(entry));
  },
};
