import { EVENT_STRING } from "../../dataset/key_events.ts";
import { NO_EXPIRY } from "../../dataset/strings.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { WRONG_TYPE } from "../messages.ts";
import { exchangeArgument, isOtherType, storeArgument } from "./store.ts";

/** GETSET key value */
export const getset: CommandDefinition = {
  name: "GETSET",
  group: "string",
  since: "1.0.0",
  summary: "Returns the previous string value of a key after setting it to a new value.",
  complexity: "O(1)",
  arity: 3,
  flags: ["write", "denyoom", "fast"],
  deprecated: { since: "6.2.0", replacedBy: "`SET` with the `!GET` argument" },
  keys: [keysAt(["RW", "access", "update"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("value", "string")],
  run(call) {
    const entry = call.read(1);
    if (entry === 0) {
      if (!storeArgument(call, 0, 2, NO_EXPIRY)) return;
      call.reply.nil();
    } else {
      if (isOtherType(call, entry)) return call.reply.error(WRONG_TYPE);
      if (!exchangeArgument(call, entry, 2, NO_EXPIRY)) return;
    }
    call.notify(EVENT_STRING, "set", 1);
  },
};
