import { TYPE_STRING } from "../../dataset/types.ts";
import { entryType } from "../../structure/entry.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { WRONG_TYPE } from "../messages.ts";
import { replyString } from "./reply.ts";

/** GET key */
export const get: CommandDefinition = {
  name: "GET",
  group: "string",
  since: "1.0.0",
  summary: "Returns the string value of a key.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 })],
  run(call) {
    const entry = call.read(1);
    if (entry === 0) call.reply.nil();
    else if (entryType(call.dataset.arena, entry) !== TYPE_STRING) call.reply.error(WRONG_TYPE);
    else replyString(call, entry);
  },
};
