import { renameEntry } from "../../dataset/entries.ts";
import { EVENT_GENERIC } from "../../dataset/key_events.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { NO_SUCH_KEY, OUT_OF_MEMORY } from "../messages.ts";
import { sameArgument } from "./lookup.ts";

const args = [argument("key", "key", { keySpec: 0 }), argument("newkey", "key", { keySpec: 1 })];

/** RENAME key newkey */
export const rename: CommandDefinition = {
  name: "RENAME",
  group: "generic",
  since: "1.0.0",
  summary: "Renames a key and overwrites the destination.",
  complexity: "O(1)",
  arity: 3,
  flags: ["write"],
  categories: ["keyspace"],
  keys: [keysAt(["RW", "access", "delete"]), keysAt(["OW", "update"], 2)],
  args,
  run: (call) => renameKey(call, false),
};

/** RENAMENX key newkey */
export const renamenx: CommandDefinition = {
  name: "RENAMENX",
  group: "generic",
  since: "1.0.0",
  summary: "Renames a key only when the target key name doesn't exist.",
  complexity: "O(1)",
  arity: 3,
  flags: ["write", "fast"],
  categories: ["keyspace"],
  history: [["3.2.0", "The command no longer returns an error when source and destination names are the same."]],
  keys: [keysAt(["RW", "access", "delete"]), keysAt(["OW", "insert"], 2)],
  args,
  run: (call) => renameKey(call, true),
};

function renameKey(call: Call, onlyNew: boolean): void {
  const { db, reply } = call;
  const entry = call.write(1);
  if (entry === 0) return reply.error(NO_SUCH_KEY);
  const same = sameArgument(call, 1, 2);
  const replaced = same ? 0 : call.write(2);
  if (!same && (replaced === 0 || !onlyNew)) {
    const newHash = call.hash(2);
    if (!renameEntry(db, entry, call.hash(1), call.input, call.start(2), call.length(2), newHash, replaced)) {
      return reply.error(OUT_OF_MEMORY);
    }
    call.changed(1);
    call.changed(2);
    call.notify(EVENT_GENERIC, "rename_from", 1);
    call.notify(EVENT_GENERIC, "rename_to", 2);
    if (onlyNew) reply.integer(1);
    else reply.ok();
  } else if (onlyNew) reply.integer(0);
  else reply.ok();
}
