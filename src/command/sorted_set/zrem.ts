import { EVENT_GENERIC, EVENT_ZSET } from "../../dataset/key_events.ts";
import { removedFrom, removeIfEmpty, removeMember } from "../../dataset/sorted_set/sorted_set.ts";
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { KEY, MEMBER } from "./arguments.ts";

/** ZREM key member [member …] */
export const zrem: CommandDefinition = {
  name: "ZREM",
  group: "sorted-set",
  since: "1.2.0",
  summary: "Removes one or more members from a sorted set. Deletes the sorted set if all members were removed.",
  complexity:
    "O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.",
  arity: -3,
  flags: ["write", "fast"],
  history: [["2.4.0", "Accepts multiple elements."]],
  keys: [keysAt(["RW", "delete"])],
  args: [KEY, { ...MEMBER, multiple: true }],
  run(call) {
    const { db, input, reply } = call;
    let entry = call.write(1);
    if (refuseOtherType(call, entry, TYPE_ZSET)) return;
    if (entry === NIL) return reply.integer(0);
    const hash = call.hash(1);
    let removed = 0;
    for (let i = 2; i < call.argc; i++) {
      if (!removeMember(db, entry, hash, input, call.start(i), call.length(i))) continue;
      entry = removedFrom;
      removed++;
    }
    if (removed > 0) {
      call.changed(1);
      call.notify(EVENT_ZSET, "zrem", 1);
      if (removeIfEmpty(db, entry, hash)) call.notify(EVENT_GENERIC, "del", 1);
    }
    reply.integer(removed);
  },
};
