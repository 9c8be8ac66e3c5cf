import { copyEntry } from "../../dataset/entries.ts";
import { EVENT_GENERIC } from "../../dataset/key_events.ts";
import { argument, type CommandDefinition, keysAt, token } from "../definition.ts";
import { OUT_OF_MEMORY, SYNTAX_ERROR } from "../messages.ts";
import { sameArgument } from "./lookup.ts";
import { readDatabase } from "./numbers.ts";

export const SAME_OBJECT = "ERR source and destination objects are the same";

/** COPY source destination [DB destination-db] [REPLACE] */
export const copy: CommandDefinition = {
  name: "COPY",
  group: "generic",
  since: "6.2.0",
  summary: "Copies the value of a key to a new key.",
  complexity: "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
  arity: -3,
  flags: ["write", "denyoom"],
  categories: ["keyspace"],
  keys: [keysAt(["RO", "access"]), keysAt(["OW", "update"], 2)],
  args: [
    argument("source", "key", { keySpec: 0 }),
    argument("destination", "key", { keySpec: 1 }),
    argument("destination-db", "integer", { token: "DB", optional: true }),
    token("REPLACE", { optional: true }),
  ],
  run(call) {
    const { db, dataset, input, journal, reply } = call;
    let target = db;
    let replace = false;
    for (let i = 3; i < call.argc; i++) {
      if (call.is(i, "REPLACE")) replace = true;
      else if (call.is(i, "DB") && i + 1 < call.argc) {
        const index = readDatabase(call, ++i);
        if (index === undefined) return;
        target = dataset.database(index);
      } else return reply.error(SYNTAX_ERROR);
    }
    if (target === db && sameArgument(call, 1, 2)) return reply.error(SAME_OBJECT);
    const entry = call.read(1);
    if (entry === 0) return reply.integer(0);
    const start = call.start(2);
    const length = call.length(2);
    const hash = call.hash(2);
    const replaced = target.lookup(input, start, length, hash, call.session.noTouch);
    if (replaced !== 0 && !replace) return reply.integer(0);
    if (!copyEntry(target, entry, input, start, length, hash, replaced)) return reply.error(OUT_OF_MEMORY);
    journal.changed(target.index, hash, input, start, length);
    call.notifyIn(target.index, EVENT_GENERIC, "copy_to", 2);
    reply.integer(1);
  },
};
