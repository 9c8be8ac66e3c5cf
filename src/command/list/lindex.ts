import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { NOT_AN_INTEGER } from "../messages.ts";
import { readIndex } from "./lrange.ts";
import { replyCurrent } from "./values.ts";

/** LINDEX key index */
export const lindex: CommandDefinition = {
  name: "LINDEX",
  group: "list",
  since: "1.0.0",
  summary: "Returns an element from a list by its index.",
  complexity:
    "O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).",
  arity: 3,
  flags: ["readonly"],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("index", "integer")],
  run(call) {
    const { reply } = call;
    const entry = call.read(1);
    if (entry === NIL) return reply.nil();
    if (refuseOtherType(call, entry, TYPE_LIST)) return;
    const index = readIndex(call, 2);
    if (index !== index) return reply.error(NOT_AN_INTEGER);
    const { cursor } = call.dataset.lists;
    cursor.open(entry);
    if (cursor.seek(index < 0 ? index + cursor.length : index)) replyCurrent(call, cursor);
    else reply.nil();
  },
};
