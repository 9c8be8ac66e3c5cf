import { stringBytes, stringLength } from "../../dataset/strings.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt, token } from "../definition.ts";
import { SYNTAX_ERROR } from "../messages.ts";
import { type LcsTable, lcsLength, lcsTable, lcsText, walkMatches } from "./lcs_table.ts";
import { readPosition } from "./range.ts";
import { isOtherType } from "./store.ts";

/** The bytes that Redis takes for one cell of its table; the limit and its error are in terms of them. */
const REDIS_CELL_BYTES = 4;

const NO_BYTES = new Uint8Array(0);

interface Options {
  length: boolean;
  ranges: boolean;
  withLength: boolean;
  lengthMin: number;
}

/** LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN] */
export const lcs: CommandDefinition = {
  name: "LCS",
  group: "string",
  since: "7.0.0",
  summary: "Finds the longest common substring.",
  complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
  arity: -3,
  flags: ["readonly"],
  keys: [keysAt(["RO", "access"], 1, 1)],
  args: [
    argument("key1", "key", { keySpec: 0 }),
    argument("key2", "key", { keySpec: 0 }),
    token("LEN", { optional: true }),
    token("IDX", { optional: true }),
    argument("min-match-len", "integer", { token: "MINMATCHLEN", optional: true }),
    token("WITHMATCHLEN", { optional: true }),
  ],
  run(call) {
    const { reply } = call;
    const first = call.read(1);
    const second = call.read(2);
    if (isOtherType(call, first) || isOtherType(call, second)) {
      return reply.error("ERR The specified keys must contain string values");
    }
    const options = readOptions(call);
    if (options === undefined) return;
    if (options.length && options.ranges) {
      return reply.error("ERR If you want both the length and indexes, please just use IDX.");
    }
    const { arena } = call.dataset;
    const rows = (first === 0 ? 0 : stringLength(arena, first)) + 1;
    const columns = (second === 0 ? 0 : stringLength(arena, second)) + 1;
    if (rows * columns * REDIS_CELL_BYTES > call.stringBytesMax) {
      return reply.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    }
    const a = first === 0 ? NO_BYTES : stringBytes(arena, first);
    const b = second === 0 ? NO_BYTES : stringBytes(arena, second);
    if (options.length) return reply.integer(lcsLength(a, b));
    const table = lcsTable(a, b);
    if (table === undefined) {
      return reply.error("ERR Insufficient memory, failed allocating transient memory for LCS");
    }
    if (options.ranges) replyRanges(call, table, a, b, options);
    else {
      const text = lcsText(table, a, b);
      reply.bulk(text, 0, text.length);
    }
  },
};

/** The options; undefined: an error has been replied. */
function readOptions(call: Call): Options | undefined {
  const options = { length: false, ranges: false, withLength: false, lengthMin: 0 };
  for (let i = 3; i < call.argc; i++) {
    if (call.is(i, "IDX")) options.ranges = true;
    else if (call.is(i, "LEN")) options.length = true;
    else if (call.is(i, "WITHMATCHLEN")) options.withLength = true;
    else if (call.is(i, "MINMATCHLEN") && i + 1 < call.argc) {
      const value = readPosition(call, ++i);
      if (value !== value) return undefined;
      options.lengthMin = Math.max(0, value);
    } else {
      call.reply.error(SYNTAX_ERROR);
      return undefined;
    }
  }
  return options;
}

/** IDX: the ranges in both strings, from the last to the first, and the length. */
function replyRanges(call: Call, table: LcsTable, a: Uint8Array, b: Uint8Array, options: Options): void {
  const { reply } = call;
  const matches: number[] = [];
  walkMatches(table, a, b, (aStart, bStart, length) => {
    if (length >= options.lengthMin) matches.push(aStart, bStart, length);
  });
  reply.map(2);
  reply.text("matches");
  reply.array(matches.length / 3);
  for (let i = 0; i < matches.length; i += 3) {
    const length = matches[i + 2]!;
    reply.array(options.withLength ? 3 : 2);
    replyRange(call, matches[i]!, length);
    replyRange(call, matches[i + 1]!, length);
    if (options.withLength) reply.integer(length);
  }
  reply.text("len");
  reply.integer(table.length);
}

function replyRange(call: Call, start: number, length: number): void {
  call.reply.array(2);
  call.reply.integer(start);
  call.reply.integer(start + length - 1);
}
