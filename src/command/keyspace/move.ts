import { EVENT_GENERIC } from "../../dataset/key_events.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { SAME_OBJECT } from "./copy.ts";
import { readDatabase } from "./numbers.ts";

/** MOVE key db */
export const move: CommandDefinition = {
  name: "MOVE",
  group: "generic",
  since: "1.0.0",
  summary: "Moves a key to another database.",
  complexity: "O(1)",
  arity: 3,
  flags: ["write", "fast"],
  categories: ["keyspace"],
  keys: [keysAt(["RW", "access", "update"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("db", "integer")],
  // 0 where the target has the key.
  otherDatabases: true,
  run(call) {
    const { db, input, journal, reply } = call;
    const index = readDatabase(call, 2);
    if (index === undefined) return;
    const target = call.dataset.database(index);
    if (target === db) return reply.error(SAME_OBJECT);
    const entry = call.write(1);
    if (entry === 0) return reply.integer(0);
    const start = call.start(1);
    const length = call.length(1);
    const hash = call.hash(1);
    if (target.lookup(input, start, length, hash, call.session.noTouch) !== 0) return reply.integer(0);
    // The same entry goes over: into the other tables first, which may lack memory, then out of its own.
    if (!target.insert(entry, hash)) return reply.error(OUT_OF_MEMORY);
    db.detach(entry, hash);
    call.changed(1);
    journal.changed(target.index, hash, input, start, length);
    call.notify(EVENT_GENERIC, "move_from", 1);
    call.notifyIn(index, EVENT_GENERIC, "move_to", 1);
    reply.integer(1);
  },
};
