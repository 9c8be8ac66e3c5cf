import { stringLength } from "../../dataset/strings.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { WRONG_TYPE } from "../messages.ts";
import { isOtherType } from "./store.ts";

/** STRLEN key */
export const strlen: CommandDefinition = {
  name: "STRLEN",
  group: "string",
  since: "2.2.0",
  summary: "Returns the length of a string value.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO"])],
  args: [argument("key", "key", { keySpec: 0 })],
  run(call) {
    const entry = call.read(1);
    if (isOtherType(call, entry)) return call.reply.error(WRONG_TYPE);
    call.reply.integer(entry === 0 ? 0 : stringLength(call.dataset.arena, entry));
  },
};
