import { EVENT_STRING } from "../../dataset/key_events.ts";
import { NO_EXPIRY } from "../../dataset/strings.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { storeArgument } from "./store.ts";

/** SETNX key value */
export const setnx: CommandDefinition = {
  name: "SETNX",
  group: "string",
  since: "1.0.0",
  summary: "Set the string value of a key only when the key doesn't exist.",
  complexity: "O(1)",
  arity: 3,
  flags: ["write", "denyoom", "fast"],
  deprecated: { since: "2.6.12", replacedBy: "`SET` with the `NX` argument" },
  keys: [keysAt(["OW", "insert"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("value", "string")],
  run(call) {
    if (call.write(1) !== 0) call.reply.integer(0);
    else if (storeArgument(call, 0, 2, NO_EXPIRY)) {
      call.notify(EVENT_STRING, "set", 1);
      call.reply.integer(1);
    }
  },
};
