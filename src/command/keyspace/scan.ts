/**
 * SCAN cursor [MATCH pattern] [COUNT count] [TYPE type].
 *
 * The cursor is the keyspace table's, as an unsigned decimal; whatever a client sends as one is taken modulo 2^32, as Redis takes it modulo its table.
 */
import { TYPE_NAMES } from "../../dataset/types.ts";
import { entryType } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition } from "../definition.ts";
import { BUCKETS_AN_ELEMENT, readCursor, readScanOptions, scanOptions } from "../scan_options.ts";
import { isExpired, keyMatches, replyKey } from "./keys.ts";

export const scan: CommandDefinition = {
  name: "SCAN",
  group: "generic",
  since: "2.8.0",
  summary: "Iterates over the key names in the database.",
  complexity:
    "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
  arity: -2,
  flags: ["readonly", "touches_arbitrary_keys"],
  categories: ["keyspace"],
  tips: ["nondeterministic_output", "request_policy:special", "response_policy:special"],
  history: [["6.0.0", "Added the `TYPE` subcommand."]],
  args: [
    argument("cursor", "integer"),
    argument("pattern", "pattern", { token: "MATCH", optional: true }),
    argument("count", "integer", { token: "COUNT", optional: true }),
    argument("type", "string", { token: "TYPE", since: "6.0.0", optional: true }),
  ],
  run(call) {
    const cursor = readCursor(call, 1);
    if (cursor === undefined || !readScanOptions(call, 2, { type: true, noValues: false })) return;
    replyPage(call, cursor, scanOptions.count, scanOptions.pattern, scanOptions.type);
  },
};

/** One page: at least `count` keys looked at, those that fit replied. */
function replyPage(call: Call, from: number, count: number, pattern: number, type: number): void {
  const { db } = call;
  const page = new EntryList(64);
  let cursor = from;
  let buckets = count * BUCKETS_AN_ELEMENT;
  do cursor = db.keys.scanInto(cursor, page);
  while (cursor !== 0 && buckets-- > 0 && page.count < count);
  const wantedType = type === 0 ? -1 : typeNumber(call, type);
  let kept = 0;
  for (let k = 0; k < page.count; k++) {
    const entry = page.items[k]!;
    if (pattern !== 0 && !keyMatches(call, entry, pattern)) continue;
    if (type !== 0 && entryType(call.dataset.arena, entry) !== wantedType) continue;
    if (isExpired(call, entry)) db.expire(entry, db.hashOf(entry));
    else page.items[kept++] = entry;
  }
  call.reply.array(2);
  call.reply.numberText(cursor >>> 0);
  call.reply.array(kept);
  for (let k = 0; k < kept; k++) replyKey(call, page.items[k]!);
}

/** The type that argument i names, in any case; -1 for an unknown one, which no key has. */
function typeNumber(call: Call, i: number): number {
  return TYPE_NAMES.findIndex((name) => name !== "none" && call.is(i, name.toUpperCase()));
}
