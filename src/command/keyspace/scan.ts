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
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../messages.ts";
import { isExpired, keyMatches, replyKey } from "./keys.ts";

const COUNT_DEFAULT = 10;
/** Buckets visited for each key asked for: a sparse table must not make one call endless. */
const BUCKETS_A_KEY = 10;
const MAX_64_UNSIGNED = 18446744073709551615n;

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
    if (cursor === undefined) return call.reply.error("ERR invalid cursor");
    let count = COUNT_DEFAULT;
    let pattern = 0;
    let type = 0;
    for (let i = 2; i < call.argc; i += 2) {
      if (i + 1 === call.argc) return call.reply.error(SYNTAX_ERROR);
      if (call.is(i, "COUNT")) {
        const wanted = call.integer64(i + 1);
        if (wanted === undefined) return call.reply.error(NOT_AN_INTEGER);
        if (wanted < 1) return call.reply.error(SYNTAX_ERROR);
        count = Number(wanted);
      } else if (call.is(i, "MATCH")) pattern = i + 1;
      else if (call.is(i, "TYPE")) type = i + 1;
      else return call.reply.error(SYNTAX_ERROR);
    }
    replyPage(call, cursor, count, pattern, type);
  },
};

/** One page: at least `count` keys looked at, those that fit replied. */
function replyPage(call: Call, from: number, count: number, pattern: number, type: number): void {
  const { db } = call;
  const page = new EntryList(64);
  let cursor = from;
  let buckets = count * BUCKETS_A_KEY;
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

/**
 * A cursor as C's strtoul reads it, since Redis does: a sign is allowed, "" is zero, and what follows a zero byte does not count. The low 32 bits;
 * undefined when it is none.
 */
function readCursor(call: Call, i: number): number | undefined {
  const match = /^([+-]?)(\d+)$/.exec(call.text(i).replace(/\0.*$/s, ""));
  if (match === null) return call.length(i) === 0 || call.input[call.start(i)] === 0 ? 0 : undefined;
  const digits = match[2]!.replace(/^0+/, "");
  if (digits.length > 20) return undefined;
  const value = BigInt(digits === "" ? 0 : digits);
  if (value > MAX_64_UNSIGNED) return undefined;
  return Number(BigInt.asIntN(32, match[1] === "-" ? -value : value));
}
