import { EVENT_LIST } from "../../dataset/key_events.ts";
import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { OUT_OF_MEMORY, SYNTAX_ERROR } from "../messages.ts";

/** LINSERT key BEFORE | AFTER pivot element */
export const linsert: CommandDefinition = {
  name: "LINSERT",
  group: "list",
  since: "2.2.0",
  summary: "Inserts an element before or after another element in a list.",
  complexity:
    "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).",
  arity: 5,
  flags: ["write", "denyoom"],
  keys: [keysAt(["RW", "insert"])],
  args: [
    argument("key", "key", { keySpec: 0 }),
    oneOf("where", [token("BEFORE"), token("AFTER")]),
    argument("pivot", "string"),
    argument("element", "string"),
  ],
  run(call) {
    const { reply, db } = call;
    const { lists } = call.dataset;
    const after = call.is(2, "AFTER");
    if (!after && !call.is(2, "BEFORE")) return reply.error(SYNTAX_ERROR);
    const entry = call.write(1);
    if (entry === NIL) return reply.integer(0);
    if (refuseOtherType(call, entry, TYPE_LIST)) return;
    const length = call.length(4);
    const list = lists.prepareToAdd(db, entry, call.hash(1), length, 1);
    if (list === NIL) return reply.error(OUT_OF_MEMORY);
    const index = find(call, list, 3);
    if (index === -1) return reply.integer(-1);
    const grown = lists.insert(db, list, call.hash(1), index, after, call.input, call.start(4), length);
    if (grown === NIL) return reply.error(OUT_OF_MEMORY);
    call.changed(1);
    call.notify(EVENT_LIST, "linsert", 1);
    reply.integer(lists.length(grown));
  },
};

/** Index of the first element equal to argument i, -1 when there is none. */
function find(call: Call, entry: number, i: number): number {
  const { cursor } = call.dataset.lists;
  cursor.open(entry);
  if (!cursor.seek(0)) return -1;
  return cursor.find(call.input, call.start(i), call.length(i));
}
