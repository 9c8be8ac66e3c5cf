import { locateString, stringLength } from "../../dataset/strings.ts";
import { Span } from "../../structure/blob.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { SYNTAX_ERROR, WRONG_TYPE } from "../messages.ts";
import { Range } from "../string/range.ts";
import { isOtherType } from "../string/store.ts";
import { countBits } from "./scan_bits.ts";
import { rangeArgument, readUnit } from "./unit.ts";

const span = new Span();
const range = new Range();

/** BITCOUNT key [start [end [BYTE | BIT]]] */
export const bitcount: CommandDefinition = {
  name: "BITCOUNT",
  group: "bitmap",
  since: "2.6.0",
  summary: "Counts the number of set bits (population counting) in a string.",
  complexity: "O(N)",
  arity: -2,
  flags: ["readonly"],
  history: [
    ["7.0.0", "Added the `BYTE|BIT` option."],
    ["8.0.0", "`end` made optional; when called without argument the command reports the last BYTE."],
  ],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 }), rangeArgument],
  run(call) {
    const { argc, reply } = call;
    let bits = 0;
    range.all();
    if (argc > 5) return reply.error(SYNTAX_ERROR);
    if (argc > 2 && !range.readStart(call, 2)) return;
    if (argc > 3 && !range.readEnd(call, 3, 2)) return;
    if (argc > 4) {
      bits = readUnit(call, 4);
      if (bits === -1) return;
    }
    const entry = call.read(1);
    if (isOtherType(call, entry)) return reply.error(WRONG_TYPE);
    if (entry === 0 || range.reversed) return reply.integer(0);
    const length = stringLength(call.dataset.arena, entry);
    range.clamp(bits === 1 ? length * 8 : length);
    if (range.start > range.end) reply.integer(0);
    else if (bits === 1) reply.integer(countBitRange(call, entry, range.start, range.end));
    else reply.integer(count(call, entry, range.start, range.end + 1));
  },
};

/** Set bits from bit `start` to bit `end`, both counted. */
function countBitRange(call: Call, entry: number, start: number, end: number): number {
  const first = Math.floor(start / 8);
  const last = Math.floor(end / 8);
  const before = byteAt(call, entry, first) & ~(0xff >>> (start % 8)) & 0xff;
  const behind = byteAt(call, entry, last) & (0x7f >>> (end % 8));
  return count(call, entry, first, last + 1) - bitsOf(before) - bitsOf(behind);
}

/** Set bits of bytes [start, end) of the value. */
function count(call: Call, entry: number, start: number, end: number): number {
  const { arena } = call.dataset;
  let total = 0;
  for (let at = start; at < end; at += span.length) {
    locateString(arena, entry, at, end - at, span);
    total += countBits(arena.bytes[span.segment]!, arena.words[span.segment]!, span.offset, span.length);
  }
  return total;
}

function byteAt(call: Call, entry: number, position: number): number {
  const { arena } = call.dataset;
  locateString(arena, entry, position, 1, span);
  return arena.bytes[span.segment]![span.offset]!;
}

function bitsOf(byte: number): number {
  let bits = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}
