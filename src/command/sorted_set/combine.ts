/** ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD: several sorted sets, or sets, become one. */
import {
  countIntersection,
  intersect,
  MAXIMUM,
  MINIMUM,
  type Operand,
  SUM,
  subtract,
  unite,
} from "../../dataset/sorted_set/algebra.ts";
import { parseScore } from "../../dataset/sorted_set/scores.ts";
import { TYPE_SET, TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { entryType } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { type Argument, argument, type CommandDefinition, type KeySpec, keysAt, oneOf, token } from "../definition.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR, WRONG_TYPE } from "../messages.ts";
import { readLong, WITH_SCORES } from "./arguments.ts";
import { collected, replyCollected, storeAndReply } from "./collect.ts";

const UNION = 0;
const INTERSECTION = 1;
const DIFFERENCE = 2;

const LIMIT_NEGATIVE = "ERR LIMIT can't be negative";

const NUMBER_OF_KEYS = argument("numkeys", "integer");
const SOURCE = argument("key", "key", { keySpec: 0, multiple: true });
const STORED_SOURCE = argument("key", "key", { keySpec: 1, multiple: true });
const DESTINATION = argument("destination", "key", { keySpec: 0 });
const WEIGHTS_AND_AGGREGATE: readonly Argument[] = [
  argument("weight", "integer", { token: "WEIGHTS", optional: true, multiple: true }),
  { ...oneOf("aggregate", [token("SUM"), token("MIN"), token("MAX")], { optional: true }), token: "AGGREGATE" },
];

function sourcesAt(index: number): KeySpec {
  return { flags: ["RO", "access"], begin: { index }, find: { keyCountIndex: 0, firstKey: 1, step: 1 } };
}

const READS_SEVERAL = {
  group: "sorted-set",
  since: "6.2.0",
  arity: -3,
  flags: ["readonly"],
  keys: [sourcesAt(1)],
} as const satisfies Partial<CommandDefinition>;

const STORES = {
  group: "sorted-set",
  arity: -4,
  flags: ["write", "denyoom"],
  keys: [keysAt(["OW", "update"]), sourcesAt(2)],
} as const satisfies Partial<CommandDefinition>;

const UNION_COMPLEXITY =
  "with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.";
const INTERSECTION_COMPLEXITY =
  "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.";
const DIFFERENCE_COMPLEXITY =
  "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.";

/** ZUNION numkeys key [key …] [WEIGHTS weight [weight …]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES] */
export const zunion: CommandDefinition = {
  ...READS_SEVERAL,
  name: "ZUNION",
  summary: "Returns the union of multiple sorted sets.",
  complexity: `O(N)+O(M*log(M)) ${UNION_COMPLEXITY}`,
  args: [NUMBER_OF_KEYS, SOURCE, ...WEIGHTS_AND_AGGREGATE, WITH_SCORES],
  run: (call) => combine(call, "zunion", UNION, 1),
};

/** ZINTER numkeys key [key …] [WEIGHTS weight [weight …]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES] */
export const zinter: CommandDefinition = {
  ...READS_SEVERAL,
  name: "ZINTER",
  summary: "Returns the intersect of multiple sorted sets.",
  complexity: INTERSECTION_COMPLEXITY,
  args: [NUMBER_OF_KEYS, SOURCE, ...WEIGHTS_AND_AGGREGATE, WITH_SCORES],
  run: (call) => combine(call, "zinter", INTERSECTION, 1),
};

/** ZDIFF numkeys key [key …] [WITHSCORES] */
export const zdiff: CommandDefinition = {
  ...READS_SEVERAL,
  name: "ZDIFF",
  summary: "Returns the difference between multiple sorted sets.",
  complexity: DIFFERENCE_COMPLEXITY,
  args: [NUMBER_OF_KEYS, SOURCE, WITH_SCORES],
  run: (call) => combine(call, "zdiff", DIFFERENCE, 1),
};

/** ZUNIONSTORE destination numkeys key [key …] [WEIGHTS weight [weight …]] [AGGREGATE SUM | MIN | MAX] */
export const zunionstore: CommandDefinition = {
  ...STORES,
  name: "ZUNIONSTORE",
  since: "2.0.0",
  summary: "Stores the union of multiple sorted sets in a key.",
  complexity: `O(N)+O(M log(M)) ${UNION_COMPLEXITY}`,
  args: [DESTINATION, NUMBER_OF_KEYS, STORED_SOURCE, ...WEIGHTS_AND_AGGREGATE],
  run: (call) => combine(call, "zunionstore", UNION, 2),
};

/** ZINTERSTORE destination numkeys key [key …] [WEIGHTS weight [weight …]] [AGGREGATE SUM | MIN | MAX] */
export const zinterstore: CommandDefinition = {
  ...STORES,
  name: "ZINTERSTORE",
  since: "2.0.0",
  summary: "Stores the intersect of multiple sorted sets in a key.",
  complexity: INTERSECTION_COMPLEXITY,
  args: [DESTINATION, NUMBER_OF_KEYS, STORED_SOURCE, ...WEIGHTS_AND_AGGREGATE],
  run: (call) => combine(call, "zinterstore", INTERSECTION, 2),
};

/** ZDIFFSTORE destination numkeys key [key …] */
export const zdiffstore: CommandDefinition = {
  ...STORES,
  name: "ZDIFFSTORE",
  since: "6.2.0",
  summary: "Stores the difference of multiple sorted sets in a key.",
  complexity: DIFFERENCE_COMPLEXITY,
  args: [DESTINATION, NUMBER_OF_KEYS, STORED_SOURCE],
  run: (call) => combine(call, "zdiffstore", DIFFERENCE, 2),
};

/** ZINTERCARD numkeys key [key …] [LIMIT limit] */
export const zintercard: CommandDefinition = {
  ...READS_SEVERAL,
  name: "ZINTERCARD",
  since: "7.0.0",
  summary: "Returns the number of members of the intersect of multiple sorted sets.",
  complexity: "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.",
  args: [NUMBER_OF_KEYS, SOURCE, argument("limit", "integer", { token: "LIMIT", optional: true })],
  run(call) {
    const entries = readSources(call, "zintercard", 1);
    if (entries === undefined) return;
    let limit = 0;
    for (let i = 2 + entries.length; i < call.argc; i += 2) {
      if (i + 1 === call.argc || !call.is(i, "LIMIT")) return call.reply.error(SYNTAX_ERROR);
      limit = readLong(call, i + 1, LIMIT_NEGATIVE);
      if (limit !== limit) return;
      if (limit < 0) return call.reply.error(LIMIT_NEGATIVE);
    }
    const operands = entries.map((entry) => ({ entry, weight: 1 }));
    call.reply.integer(countIntersection(call.dataset, operands, limit));
  },
};

/** What the options behind the keys said. */
const options = { weights: new Float64Array(0), how: SUM, withScores: false };

/** Runs a command whose numkeys is argument `at`: behind a destination, or first. */
function combine(call: Call, name: string, operation: number, at: number): void {
  const { dataset } = call;
  const entries = readSources(call, name, at);
  if (entries === undefined || !readOptions(call, operation, at, entries.length)) return;
  const operands: Operand[] = entries.map((entry, i) => ({ entry, weight: options.weights[i]! }));
  collected.clear();
  if (operation === UNION) unite(dataset, operands, options.how, collected);
  else if (operation === INTERSECTION) intersect(dataset, operands, options.how, collected);
  else subtract(dataset, operands, collected);
  if (at === 2) storeAndReply(call, name);
  else replyCollected(call, options.withScores);
  collected.clear();
}

/** The entries of the keys behind numkeys, NIL for one that doesn't exist; undefined: a mistake, and the error has been replied. */
function readSources(call: Call, name: string, at: number): number[] | undefined {
  const { reply } = call;
  const count = readLong(call, at, NOT_AN_INTEGER);
  if (count !== count) return undefined;
  if (count < 1) {
    reply.error(`ERR at least 1 input key is needed for '${name}' command`);
    return undefined;
  }
  if (count > call.argc - at - 1) {
    reply.error(SYNTAX_ERROR);
    return undefined;
  }
  const entries: number[] = [];
  for (let i = at + 1; i <= at + count; i++) {
    const entry = call.read(i);
    const type = entry === NIL ? TYPE_ZSET : entryType(call.dataset.arena, entry);
    if (type !== TYPE_ZSET && type !== TYPE_SET) {
      reply.error(WRONG_TYPE);
      return undefined;
    }
    entries.push(entry);
  }
  return entries;
}

/** Reads WEIGHTS, AGGREGATE and WITHSCORES into `options`; false: a mistake, and the error has been replied. */
function readOptions(call: Call, operation: number, at: number, keys: number): boolean {
  options.weights = new Float64Array(keys).fill(1);
  options.how = SUM;
  options.withScores = false;
  for (let i = at + keys + 1; i < call.argc; i++) {
    if (operation !== DIFFERENCE && i + keys < call.argc && call.is(i, "WEIGHTS")) {
      for (let k = 0; k < keys; k++) {
        const weight = parseScore(call.input, call.start(++i), call.length(i));
        options.weights[k] = weight;
        if (weight === weight) continue;
        call.reply.error("ERR weight value is not a float");
        return false;
      }
    } else if (operation !== DIFFERENCE && i + 1 < call.argc && call.is(i, "AGGREGATE")) {
      i++;
      if (call.is(i, "SUM")) options.how = SUM;
      else if (call.is(i, "MIN")) options.how = MINIMUM;
      else if (call.is(i, "MAX")) options.how = MAXIMUM;
      else return refuse(call);
    } else if (at === 1 && call.is(i, "WITHSCORES")) options.withScores = true;
    else return refuse(call);
  }
  return true;
}

function refuse(call: Call): boolean {
  call.reply.error(SYNTAX_ERROR);
  return false;
}
