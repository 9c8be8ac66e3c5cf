import { EVENT_GENERIC } from "../../dataset/key_events.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";

/** DEL key [key …] */
export const del: CommandDefinition = {
  name: "DEL",
  group: "generic",
  since: "1.0.0",
  summary: "Deletes one or more keys.",
  complexity:
    "O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).",
  arity: -2,
  flags: ["write"],
  categories: ["keyspace"],
  tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
  keys: [keysAt(["RM", "delete"], 1, -1)],
  args: [argument("key", "key", { keySpec: 0, multiple: true })],
  run: remove,
};

/** UNLINK key [key …] */
export const unlink: CommandDefinition = {
  name: "UNLINK",
  group: "generic",
  since: "4.0.0",
  summary: "Asynchronously deletes one or more keys.",
  complexity:
    "O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.",
  arity: -2,
  flags: ["write", "fast"],
  categories: ["keyspace"],
  tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
  keys: [keysAt(["RM", "delete"], 1, -1)],
  args: [argument("key", "key", { keySpec: 0, multiple: true })],
  run: remove,
};

function remove(call: Call): void {
  let removed = 0;
  for (let i = 1; i < call.argc; i++) if (removeKey(call, i)) removed++;
  call.reply.integer(removed);
}

/** Removes the key that argument i names; false when there is none. */
function removeKey(call: Call, i: number): boolean {
  const { db, input, journal } = call;
  const start = call.start(i);
  const length = call.length(i);
  const hash = call.hash(i);
  const entry = db.lookup(input, start, length, hash, true);
  if (entry === 0) return false;
  journal.changed(db.index, hash, input, start, length);
  db.remove(entry, hash);
  call.notify(EVENT_GENERIC, "del", i);
  return true;
}
