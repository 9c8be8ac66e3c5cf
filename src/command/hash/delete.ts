/** HDEL key field [field ...] */
import { endRemoval, removeField } from "../../dataset/hash/remove_fields.ts";
import { NIL } from "../../memory/layout.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { notifyRemoved, openForWrite, target } from "./access.ts";

export const hdel: CommandDefinition = {
  name: "HDEL",
  group: "hash",
  since: "2.0.0",
  summary: "Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.",
  complexity: "O(N) where N is the number of fields to be removed.",
  arity: -3,
  flags: ["write", "fast"],
  history: [["2.4.0", "Accepts multiple `field` arguments."]],
  keys: [keysAt(["RW", "delete"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("field", "string", { multiple: true })],
  run(call) {
    if (!openForWrite(call, 2, call.argc - 2, 1)) return;
    let removed = 0;
    if (target.entry !== NIL) {
      for (let i = 2; i < call.argc; i++) {
        if (removeField(target, call.input, call.start(i), call.length(i))) removed++;
      }
    }
    if (removed > 0) {
      call.changed(1);
      notifyRemoved(call, endRemoval(target));
    }
    call.reply.integer(removed);
  },
};
