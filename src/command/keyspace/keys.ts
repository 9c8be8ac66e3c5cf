import { globMatches } from "../../base/glob.ts";
import { SEGMENT_SHIFT } from "../../memory/layout.ts";
import { hasExpiry, keyLength, keyOffset } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition } from "../definition.ts";

const STAR = 42;

/** KEYS pattern */
export const keys: CommandDefinition = {
  name: "KEYS",
  group: "generic",
  since: "1.0.0",
  summary: "Returns all key names that match a pattern.",
  complexity:
    "O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.",
  arity: 2,
  flags: ["readonly"],
  categories: ["keyspace", "dangerous"],
  tips: ["request_policy:all_shards", "nondeterministic_output_order"],
  args: [argument("pattern", "pattern")],
  run(call) {
    // Expired keys are passed over but not removed, as in Redis: a command that only looks does not write a log of millions.
    const matching = new EntryList(1024);
    const found = new EntryList(64);
    let cursor = 0;
    do {
      found.clear();
      cursor = call.db.keys.scanInto(cursor, found);
      for (let k = 0; k < found.count; k++) {
        const entry = found.items[k]!;
        if (keyMatches(call, entry, 1) && !isExpired(call, entry)) matching.push(entry);
      }
    } while (cursor !== 0);
    call.reply.array(matching.count);
    for (let k = 0; k < matching.count; k++) replyKey(call, matching.items[k]!);
  },
};

/** RANDOMKEY */
export const randomkey: CommandDefinition = {
  name: "RANDOMKEY",
  group: "generic",
  since: "1.0.0",
  summary: "Returns a random key name from the database.",
  complexity: "O(1)",
  arity: 1,
  flags: ["readonly", "touches_arbitrary_keys"],
  categories: ["keyspace"],
  tips: ["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
  run(call) {
    const entry = call.db.random(call.random);
    if (entry === 0) call.reply.nil();
    else replyKey(call, entry);
  },
};

/** DBSIZE */
export const dbsize: CommandDefinition = {
  name: "DBSIZE",
  group: "server",
  since: "1.0.0",
  summary: "Returns the number of keys in the database.",
  complexity: "O(1)",
  arity: 1,
  flags: ["readonly", "fast"],
  categories: ["keyspace"],
  tips: ["request_policy:all_shards", "response_policy:agg_sum"],
  run: (call) => call.reply.integer(call.db.count),
};

/** Does an entry's key match the pattern in argument i? A lone star matches the empty key too. */
export function keyMatches(call: Call, entry: number, i: number): boolean {
  const { arena } = call.dataset;
  const { input } = call;
  const start = call.start(i);
  const length = call.length(i);
  if (length === 1 && input[start] === STAR) return true;
  const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  return globMatches(input, start, length, bytes, keyOffset(arena, entry), keyLength(arena, entry), false);
}

export function isExpired(call: Call, entry: number): boolean {
  return hasExpiry(call.dataset.arena, entry) && call.db.isExpired(entry);
}

/** An entry's key as a bulk string. */
export function replyKey(call: Call, entry: number): void {
  const { arena } = call.dataset;
  call.reply.bulk(arena.bytes[entry >>> SEGMENT_SHIFT]!, keyOffset(arena, entry), keyLength(arena, entry));
}
