import { EVENT_STRING } from "../../dataset/key_events.ts";
import { stringLength, writeString } from "../../dataset/strings.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY, STRING_TOO_LONG, WRONG_TYPE } from "../messages.ts";
import { readPosition } from "./range.ts";
import { createEmpty, isOtherType, lengthMax } from "./store.ts";

/** SETRANGE key offset value */
export const setrange: CommandDefinition = {
  name: "SETRANGE",
  group: "string",
  since: "2.2.0",
  summary: "Overwrites a part of a string value with another by an offset. Creates the key if it doesn't exist.",
  complexity:
    "O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value argument.",
  arity: 4,
  flags: ["write", "denyoom"],
  keys: [keysAt(["RW", "update"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("offset", "integer"), argument("value", "string")],
  run(call) {
    const { reply, db } = call;
    const offset = readPosition(call, 2);
    if (offset !== offset) return;
    if (offset < 0) return reply.error("ERR offset is out of range");
    const entry = call.write(1);
    if (isOtherType(call, entry)) return reply.error(WRONG_TYPE);
    const { arena } = call.dataset;
    const length = call.length(3);
    if (length === 0) return reply.integer(entry === 0 ? 0 : stringLength(arena, entry));
    if (offset + length > lengthMax(call)) return reply.error(STRING_TOO_LONG);
    const hash = call.hash(1);
    const target = entry === 0 ? createEmpty(call) : entry;
    const written = target === 0 ? 0 : writeString(db, target, hash, offset, call.input, call.start(3), length);
    if (written === 0) {
      if (entry === 0 && target !== 0) db.remove(target, hash);
      return reply.error(OUT_OF_MEMORY);
    }
    call.changed(1);
    call.notify(EVENT_STRING, "setrange", 1);
    reply.integer(stringLength(arena, written));
  },
};
