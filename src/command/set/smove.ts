import { EVENT_GENERIC, EVENT_NEW, EVENT_SET } from "../../dataset/key_events.ts";
import { ADDED, addMember, createSet, NO_MEMORY, removeMember } from "../../dataset/set/change.ts";
import { SetView, setHas } from "../../dataset/set/view.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { writeSet } from "./open.ts";

const source = new SetView();
const destination = new SetView();

/** SMOVE source destination member */
export const smove: CommandDefinition = {
  name: "SMOVE",
  group: "set",
  since: "1.0.0",
  summary: "Moves a member from one set to another.",
  complexity: "O(1)",
  arity: 4,
  flags: ["write", "fast"],
  keys: [keysAt(["RW", "access", "delete"]), keysAt(["RW", "insert"], 2)],
  args: [
    argument("source", "key", { keySpec: 0 }),
    argument("destination", "key", { keySpec: 1 }),
    argument("member", "string"),
  ],
  run(call) {
    const { dataset, db, input, reply } = call;
    // A missing source is the answer, whatever the destination holds.
    if (!writeSet(call, 1, source)) return;
    if (source.entry === NIL) return reply.integer(0);
    if (!writeSet(call, 2, destination)) return;
    const start = call.start(3);
    const length = call.length(3);
    const has = setHas(dataset, source, input, start, length);
    if (!has || source.entry === destination.entry) return reply.integer(has ? 1 : 0);
    // Adding may fail, removing can't. For events it is the other way around, as in Redis.
    const created = destination.entry === NIL;
    dataset.events.newHeld = true;
    const added = addToDestination(call);
    dataset.events.newHeld = false;
    if (added === NO_MEMORY) return reply.error(OUT_OF_MEMORY);
    const hash = call.hash(1);
    removeMember(db, source, hash, input, start, length);
    call.changed(1);
    call.notify(EVENT_SET, "srem", 1);
    if (source.count === 0) {
      db.remove(source.entry, hash);
      call.notify(EVENT_GENERIC, "del", 1);
    }
    if (added === ADDED) {
      call.changed(2);
      if (created) call.notify(EVENT_NEW, "new", 2);
      call.notify(EVENT_SET, "sadd", 2);
    }
    reply.integer(1);
  },
};

function addToDestination(call: Call): number {
  const { db, input } = call;
  const start = call.start(3);
  const length = call.length(3);
  const hash = call.hash(2);
  if (destination.entry !== NIL) return addMember(db, destination, hash, input, start, length);
  const made = createSet(db, destination, input, call.start(2), call.length(2), hash, input, start, length, 1);
  return made ? ADDED : NO_MEMORY;
}
