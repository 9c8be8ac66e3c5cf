import { EVENT_LIST } from "../../dataset/key_events.ts";
import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { NOT_AN_INTEGER, OUT_OF_MEMORY } from "../messages.ts";
import { readIndex } from "./lrange.ts";
import { removeKey } from "./values.ts";

/** LREM key count element */
export const lrem: CommandDefinition = {
  name: "LREM",
  group: "list",
  since: "1.0.0",
  summary: "Removes elements from a list. Deletes the list if the last element was removed.",
  complexity: "O(N+M) where N is the length of the list and M is the number of elements removed.",
  arity: 4,
  flags: ["write"],
  keys: [keysAt(["RW", "delete"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("count", "integer"), argument("element", "string")],
  run(call) {
    const { reply, db } = call;
    const { lists } = call.dataset;
    const count = readIndex(call, 2);
    if (count !== count) return reply.error(NOT_AN_INTEGER);
    const entry = call.write(1);
    if (entry === NIL) return reply.integer(0);
    if (refuseOtherType(call, entry, TYPE_LIST)) return;
    const countMax = count === 0 ? Number.POSITIVE_INFINITY : Math.abs(count);
    const hash = call.hash(1);
    const list = lists.removeEqual(db, entry, hash, countMax, count < 0, call.input, call.start(3), call.length(3));
    const stopped = lists.removed < 0;
    const removed = stopped ? ~lists.removed : lists.removed;
    if (stopped && removed === 0) return reply.error(OUT_OF_MEMORY);
    reply.integer(removed);
    if (removed === 0) return;
    call.changed(1);
    call.notify(EVENT_LIST, "lrem", 1);
    if (stopped) {
      // The rest could not be reached for lack of address space: logged is what has gone.
      const effect = call.effect(4);
      effect.text("LREM");
      effect.argument(call.input, call.start(1), call.length(1));
      effect.integer(count < 0 ? -removed : removed);
      effect.argument(call.input, call.start(3), call.length(3));
    }
    if (lists.length(list) === 0) removeKey(call, 1, list);
  },
};
