import { EVENT_LIST } from "../../dataset/key_events.ts";
import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { NOT_AN_INTEGER, OUT_OF_MEMORY } from "../messages.ts";
import { readIndex } from "./lrange.ts";
import { removeKey } from "./values.ts";

/** LTRIM key start stop */
export const ltrim: CommandDefinition = {
  name: "LTRIM",
  group: "list",
  since: "1.0.0",
  summary: "Removes elements from both ends a list. Deletes the list if all elements were trimmed.",
  complexity: "O(N) where N is the number of elements to be removed by the operation.",
  arity: 4,
  flags: ["write"],
  keys: [keysAt(["RW", "delete"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("start", "integer"), argument("stop", "integer")],
  run(call) {
    const { reply, db, journal } = call;
    const { lists } = call.dataset;
    const start = readIndex(call, 2);
    const stop = readIndex(call, 3);
    if (start !== start || stop !== stop) return reply.error(NOT_AN_INTEGER);
    let list = call.write(1);
    if (list === NIL) return reply.ok();
    if (refuseOtherType(call, list, TYPE_LIST)) return;
    const length = lists.length(list);
    const first = Math.max(0, start < 0 ? start + length : start);
    const last = Math.min(stop < 0 ? stop + length : stop, length - 1);
    const all = first > last;
    const left = all ? length : first;
    const right = all ? 0 : length - 1 - last;
    const hash = call.hash(1);
    if (!all && left > 0 && !lists.prepareRemoval(list, 0, left)) return reply.error(OUT_OF_MEMORY);
    if (right > 0 && !lists.prepareRemoval(list, last + 1, right)) return reply.error(OUT_OF_MEMORY);
    if (left + right > 0) call.changed(1);
    // Nothing has gone, nothing is logged; but whoever watches the key is told, as by Redis.
    else journal.observer?.keyChanged(db.index, call.input, call.start(1), call.length(1));
    call.notify(EVENT_LIST, "ltrim", 1);
    reply.ok();
    if (all) return removeKey(call, 1, list);
    if (right > 0) list = lists.removeRange(db, list, hash, last + 1, right);
    if (left > 0) list = lists.removeRange(db, list, hash, 0, left);
    if (left + right === 0) lists.shrink(db, list, hash);
  },
};
