import { stringLength } from "../../dataset/strings.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { WRONG_TYPE } from "../messages.ts";
import { Range } from "./range.ts";
import { replyRange } from "./reply.ts";
import { isOtherType } from "./store.ts";

const range = new Range();

/** GETRANGE key start end */
export const getrange: CommandDefinition = {
  name: "GETRANGE",
  group: "string",
  since: "2.4.0",
  summary: "Returns a substring of the string stored at a key.",
  complexity:
    "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.",
  arity: 4,
  flags: ["readonly"],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("start", "integer"), argument("end", "integer")],
  run: replySubstring,
};

/** SUBSTR key start end: GETRANGE by its old name. */
export const substr: CommandDefinition = {
  ...getrange,
  name: "SUBSTR",
  since: "1.0.0",
  summary: "Returns a substring from a string value.",
  deprecated: { since: "2.0.0", replacedBy: "`GETRANGE`" },
};

function replySubstring(call: Call): void {
  if (!range.readStart(call, 2) || !range.readEnd(call, 3, 2)) return;
  const entry = call.read(1);
  if (isOtherType(call, entry)) return call.reply.error(WRONG_TYPE);
  const length = entry === 0 ? 0 : stringLength(call.dataset.arena, entry);
  range.clamp(length);
  if (range.reversed || range.start > range.end) call.reply.bulk(call.input, 0, 0);
  else replyRange(call, entry, range.start, range.end - range.start + 1);
}
