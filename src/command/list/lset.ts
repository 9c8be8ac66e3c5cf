import { EVENT_LIST } from "../../dataset/key_events.ts";
import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { NO_SUCH_KEY, NOT_AN_INTEGER, OUT_OF_MEMORY } from "../messages.ts";
import { readIndex } from "./lrange.ts";

/** LSET key index element */
export const lset: CommandDefinition = {
  name: "LSET",
  group: "list",
  since: "1.0.0",
  summary: "Sets the value of an element in a list by its index.",
  complexity:
    "O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).",
  arity: 4,
  flags: ["write", "denyoom"],
  keys: [keysAt(["RW", "update"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("index", "integer"), argument("element", "string")],
  run(call) {
    const { reply, db } = call;
    const { lists } = call.dataset;
    const entry = call.write(1);
    if (entry === NIL) return reply.error(NO_SUCH_KEY);
    if (refuseOtherType(call, entry, TYPE_LIST)) return;
    let index = readIndex(call, 2);
    if (index !== index) return reply.error(NOT_AN_INTEGER);
    const length = call.length(3);
    const list = lists.prepareToAdd(db, entry, call.hash(1), length, 1);
    if (list === NIL) return reply.error(OUT_OF_MEMORY);
    const count = lists.length(list);
    if (index < 0) index += count;
    if (index < 0 || index >= count) return reply.error("ERR index out of range");
    if (lists.replace(db, list, call.hash(1), index, call.input, call.start(3), length) === NIL) {
      return reply.error(OUT_OF_MEMORY);
    }
    call.changed(1);
    call.notify(EVENT_LIST, "lset", 1);
    reply.ok();
  },
};
