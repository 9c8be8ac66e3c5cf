/**
 * ZPOPMIN, ZPOPMAX, ZMPOP and the blocking BZPOPMIN, BZPOPMAX, BZMPOP: the members at one end, replied and removed.
 *
 * What the commands on several keys took is logged as ZPOPMIN or ZPOPMAX of the key that they took it from.
 */
import { EVENT_GENERIC, EVENT_ZSET } from "../../dataset/key_events.ts";
import { cardinality, removeRange } from "../../dataset/sorted_set/sorted_set.ts";
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { firstWaiting, lastWaiting, readTimeout, waitForKeys } from "../blocking.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { SYNTAX_ERROR } from "../messages.ts";
import { COUNT, KEY, readLong, WHERE } from "./arguments.ts";
import { replyMembers, replySpan } from "./reply.ts";

const NO_KEYS = "ERR numkeys should be greater than 0";

const POPS = { group: "sorted-set", keys: [keysAt(["RW", "access", "delete"])] } as const;
const KEYS = argument("key", "key", { keySpec: 0, multiple: true });

/** ZPOPMIN key [count] */
export const zpopmin: CommandDefinition = {
  ...POPS,
  name: "ZPOPMIN",
  since: "5.0.0",
  summary:
    "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.",
  complexity:
    "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.",
  arity: -2,
  flags: ["write", "fast"],
  args: [KEY, argument("count", "integer", { optional: true })],
  run: (call) => popCount(call, false),
};

/** ZPOPMAX key [count] */
export const zpopmax: CommandDefinition = {
  ...zpopmin,
  name: "ZPOPMAX",
  summary:
    "Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.",
  run: (call) => popCount(call, true),
};

/** ZMPOP numkeys key [key …] MIN | MAX [COUNT count] */
export const zmpop: CommandDefinition = {
  group: "sorted-set",
  name: "ZMPOP",
  since: "7.0.0",
  summary:
    "Returns the highest- or lowest-scoring members from one or more sorted sets after removing them. Deletes the sorted set if the last member was popped.",
  complexity:
    "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
  arity: -4,
  flags: ["write"],
  keys: [
    {
      flags: ["RW", "access", "delete"],
      begin: { index: 1 },
      find: { keyCountIndex: 0, firstKey: 1, step: 1 },
    },
  ],
  args: [argument("numkeys", "integer"), KEYS, WHERE, COUNT],
  run(call) {
    if (!readPop(call, 1)) return;
    if (!popFirst(call, request.first, request.first + request.keys - 1)) call.reply.nilArray();
  },
};

/** BZMPOP timeout numkeys key [key …] MIN | MAX [COUNT count] */
export const bzmpop: CommandDefinition = {
  group: "sorted-set",
  name: "BZMPOP",
  since: "7.0.0",
  summary:
    "Removes and returns a member by score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.",
  complexity:
    "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
  arity: -5,
  flags: ["write", "blocking"],
  keys: [
    {
      flags: ["RW", "access", "delete"],
      begin: { index: 2 },
      find: { keyCountIndex: 0, firstKey: 1, step: 1 },
    },
  ],
  args: [argument("timeout", "double"), argument("numkeys", "integer"), KEYS, WHERE, COUNT],
  run(call) {
    if (!readPop(call, 2)) return;
    const timeoutMs = readTimeout(call, 1);
    if (timeoutMs < 0) return;
    const { first, keys } = request;
    if (popFirst(call, firstWaiting(call, first), lastWaiting(call, first + keys - 1))) return;
    waitForKeys(call, first, keys, TYPE_ZSET, timeoutMs, true);
  },
};

/** BZPOPMIN key [key …] timeout */
export const bzpopmin: CommandDefinition = {
  group: "sorted-set",
  name: "BZPOPMIN",
  since: "5.0.0",
  summary:
    "Removes and returns the member with the lowest score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.",
  complexity: "O(log(N)) with N being the number of elements in the sorted set.",
  arity: -3,
  flags: ["write", "fast", "blocking"],
  history: [["6.0.0", "`timeout` is interpreted as a double instead of an integer."]],
  keys: [keysAt(["RW", "access", "delete"], 1, -2)],
  args: [KEYS, argument("timeout", "double")],
  run: (call) => popBlocking(call, false),
};

/** BZPOPMAX key [key …] timeout */
export const bzpopmax: CommandDefinition = {
  ...bzpopmin,
  name: "BZPOPMAX",
  summary:
    "Removes and returns the member with the highest score from one or more sorted sets. Blocks until a member available otherwise.  Deletes the sorted set if the last element was popped.",
  run: (call) => popBlocking(call, true),
};

/** What ZMPOP and BZMPOP are asked for. */
const request = { first: 0, keys: 0, highest: false, count: 1 };

/** Reads numkeys at argument `at`, the keys, the end and the count; false: a mistake, and the error has been replied. */
function readPop(call: Call, at: number): boolean {
  const { reply } = call;
  const keys = readLong(call, at, NO_KEYS);
  if (keys !== keys) return false;
  if (keys < 1) {
    reply.error(NO_KEYS);
    return false;
  }
  const where = at + keys + 1;
  request.highest = where < call.argc && call.is(where, "MAX");
  if (where >= call.argc || !(request.highest || call.is(where, "MIN"))) {
    reply.error(SYNTAX_ERROR);
    return false;
  }
  request.first = at + 1;
  request.keys = keys;
  request.count = 1;
  for (let i = where + 1; i < call.argc; i += 2) {
    // Given once at most.
    if (i !== where + 1 || i + 1 === call.argc || !call.is(i, "COUNT")) {
      reply.error(SYNTAX_ERROR);
      return false;
    }
    const count = call.integer64(i + 1);
    if (count === undefined || count < 1n) {
      reply.error("ERR count should be greater than 0");
      return false;
    }
    request.count = Number(count);
  }
  return true;
}

/** Pops from the first of the keys that has a set; false: none has, nothing was replied. */
function popFirst(call: Call, first: number, last: number): boolean {
  const { reply } = call;
  for (let i = first; i <= last; i++) {
    const entry = call.write(i);
    if (refuseOtherType(call, entry, TYPE_ZSET)) return true;
    if (entry === NIL) continue;
    const { highest } = request;
    const total = cardinality(call.dataset, entry);
    const count = Math.min(request.count, total);
    reply.array(2);
    reply.bulk(call.input, call.start(i), call.length(i));
    replySpan(call, entry, highest ? total - count : 0, count, highest, true, true);
    pop(call, entry, i, total, count, highest);
    logPop(call, i, count, highest);
    return true;
  }
  return false;
}

function popBlocking(call: Call, highest: boolean): void {
  const { reply } = call;
  const timeoutMs = readTimeout(call, call.argc - 1);
  if (timeoutMs < 0) return;
  const keys = call.argc - 2;
  const last = lastWaiting(call, keys);
  for (let i = firstWaiting(call, 1); i <= last; i++) {
    const entry = call.write(i);
    if (refuseOtherType(call, entry, TYPE_ZSET)) return;
    if (entry === NIL) continue;
    const total = cardinality(call.dataset, entry);
    reply.array(3);
    reply.bulk(call.input, call.start(i), call.length(i));
    replyMembers(call, entry, highest ? total - 1 : 0, 1, false, true, false);
    pop(call, entry, i, total, 1, highest);
    logPop(call, i, 1, highest);
    return;
  }
  waitForKeys(call, 1, keys, TYPE_ZSET, timeoutMs, true);
}

function popCount(call: Call, highest: boolean): void {
  const { reply } = call;
  if (call.argc > 3) return reply.error(SYNTAX_ERROR);
  const counted = call.argc === 3;
  const wanted = counted ? readLong(call, 2, "ERR value is out of range, must be positive") : 1;
  if (wanted !== wanted) return;
  if (wanted < 0) return reply.error("ERR value is out of range, must be positive");
  const entry = call.write(1);
  if (refuseOtherType(call, entry, TYPE_ZSET)) return;
  if (entry === NIL || wanted === 0) return reply.array(0);
  const total = cardinality(call.dataset, entry);
  const count = Math.min(wanted, total);
  // Without a count the pair stands alone, in RESP3, too.
  replySpan(call, entry, highest ? total - count : 0, count, highest, true, counted && reply.protocol === 3);
  pop(call, entry, 1, total, count, highest);
}

/** Removes `count` of `total` members from one end of the set under key argument i. */
function pop(call: Call, entry: number, i: number, total: number, count: number, highest: boolean): void {
  const emptied = removeRange(call.db, entry, call.hash(i), highest ? total - count : 0, count);
  call.changed(i);
  call.notify(EVENT_ZSET, highest ? "zpopmax" : "zpopmin", i);
  if (emptied) call.notify(EVENT_GENERIC, "del", i);
}

function logPop(call: Call, i: number, count: number, highest: boolean): void {
  const effect = call.effect(3);
  effect.text(highest ? "ZPOPMAX" : "ZPOPMIN");
  effect.argument(call.input, call.start(i), call.length(i));
  effect.integer(count);
}
