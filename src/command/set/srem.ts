import { EVENT_GENERIC, EVENT_SET } from "../../dataset/key_events.ts";
import { removeMember } from "../../dataset/set/change.ts";
import { SetView } from "../../dataset/set/view.ts";
import { NIL } from "../../memory/layout.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { writeSet } from "./open.ts";

const view = new SetView();

/** SREM key member [member …] */
export const srem: CommandDefinition = {
  name: "SREM",
  group: "set",
  since: "1.0.0",
  summary: "Removes one or more members from a set. Deletes the set if the last member was removed.",
  complexity: "O(N) where N is the number of members to be removed.",
  arity: -3,
  flags: ["write", "fast"],
  history: [["2.4.0", "Accepts multiple `member` arguments."]],
  keys: [keysAt(["RW", "delete"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("member", "string", { multiple: true })],
  run(call) {
    if (!writeSet(call, 1, view)) return;
    const { argc, db, input, reply } = call;
    if (view.entry === NIL) return reply.integer(0);
    const hash = call.hash(1);
    let removed = 0;
    for (let i = 2; i < argc && view.count > 0; i++) {
      if (removeMember(db, view, hash, input, call.start(i), call.length(i))) removed++;
    }
    if (removed > 0) {
      call.changed(1);
      call.notify(EVENT_SET, "srem", 1);
      if (view.count === 0) {
        db.remove(view.entry, hash);
        call.notify(EVENT_GENERIC, "del", 1);
      }
    }
    reply.integer(removed);
  },
};
