import type { Call } from "../call.ts";
import { type CommandDefinition, oneOf, token } from "../definition.ts";
import { SYNTAX_ERROR } from "../messages.ts";

const args = [
  oneOf("flush-type", [token("ASYNC", { since: "4.0.0" }), token("SYNC", { since: "6.2.0" })], { optional: true }),
];
const history = [
  ["4.0.0", "Added the `ASYNC` flushing mode modifier."],
  ["6.2.0", "Added the `SYNC` flushing mode modifier."],
] as const;

/** FLUSHDB [ASYNC | SYNC] */
export const flushdb: CommandDefinition = {
  name: "FLUSHDB",
  group: "server",
  since: "1.0.0",
  summary: "Remove all keys from the current database.",
  complexity: "O(N) where N is the number of keys in the selected database",
  arity: -1,
  flags: ["write"],
  categories: ["keyspace", "dangerous"],
  tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
  history,
  args,
  run: (call) => flush(call, call.db.index, call.db.count),
};

/** FLUSHALL [ASYNC | SYNC] */
export const flushall: CommandDefinition = {
  name: "FLUSHALL",
  group: "server",
  since: "1.0.0",
  summary: "Removes all keys from all databases.",
  complexity: "O(N) where N is the total number of keys in all databases",
  arity: -1,
  flags: ["write"],
  categories: ["keyspace", "dangerous"],
  tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
  history,
  args,
  run: (call) => flush(call, -1, call.dataset.keyCount),
};

/** Empties a database (all: -1) that holds `count` keys. Later, in small steps, with ASYNC; at once otherwise. */
function flush(call: Call, index: number, count: number): void {
  const { dataset, reply } = call;
  if (call.argc > 2) return reply.error(SYNTAX_ERROR);
  const later = call.argc === 1 ? dataset.lazyUserFlush : call.is(1, "ASYNC");
  if (call.argc === 2 && !later && !call.is(1, "SYNC")) return reply.error(SYNTAX_ERROR);
  if (count > 0) {
    // Before the keys are gone: whoever watches one that exists must learn of it.
    call.journal.changedDatabase(index, count);
    dataset.flush(index, !later);
  }
  reply.ok();
}
