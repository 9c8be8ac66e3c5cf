import { EVENT_STRING } from "../../dataset/key_events.ts";
import { NO_EXPIRY, stringLength, writeString } from "../../dataset/strings.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY, STRING_TOO_LONG, WRONG_TYPE } from "../messages.ts";
import { isOtherType, lengthMax, storeArgument } from "./store.ts";

/** APPEND key value */
export const append: CommandDefinition = {
  name: "APPEND",
  group: "string",
  since: "2.0.0",
  summary: "Appends a string to the value of a key. Creates the key if it doesn't exist.",
  complexity:
    "O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by the server will double the free space available on every reallocation.",
  arity: 3,
  flags: ["write", "denyoom", "fast"],
  keys: [keysAt(["RW", "insert"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("value", "string")],
  run(call) {
    const { reply } = call;
    const entry = call.write(1);
    const length = call.length(2);
    if (entry === 0) {
      if (!storeArgument(call, 0, 2, NO_EXPIRY)) return;
      call.notify(EVENT_STRING, "append", 1);
      reply.integer(length);
      return;
    }
    if (isOtherType(call, entry)) return reply.error(WRONG_TYPE);
    const old = stringLength(call.dataset.arena, entry);
    if (old + length > lengthMax(call)) return reply.error(STRING_TOO_LONG);
    if (writeString(call.db, entry, call.hash(1), old, call.input, call.start(2), length) === 0) {
      return reply.error(OUT_OF_MEMORY);
    }
    call.changed(1);
    call.notify(EVENT_STRING, "append", 1);
    reply.integer(old + length);
  },
};
