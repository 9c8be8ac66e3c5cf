import { locateString, stringLength } from "../../dataset/strings.ts";
import { Span } from "../../structure/blob.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { SYNTAX_ERROR, WRONG_TYPE } from "../messages.ts";
import { Range, readPosition } from "../string/range.ts";
import { isOtherType } from "../string/store.ts";
import { findOtherByte, firstBitOf } from "./scan_bits.ts";
import { rangeArgument, readUnit } from "./unit.ts";

const span = new Span();
const range = new Range();

/** BITPOS key bit [start [end [BYTE | BIT]]] */
export const bitpos: CommandDefinition = {
  name: "BITPOS",
  group: "bitmap",
  since: "2.8.7",
  summary: "Finds the first set (1) or clear (0) bit in a string.",
  complexity: "O(N)",
  arity: -3,
  flags: ["readonly"],
  history: [["7.0.0", "Added the `BYTE|BIT` option."]],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("bit", "integer"), rangeArgument],
  run(call) {
    const { argc, reply } = call;
    const bit = readPosition(call, 2);
    if (bit !== bit) return;
    if (bit !== 0 && bit !== 1) return reply.error("ERR The bit argument must be 1 or 0.");
    let bits = 0;
    range.all();
    if (argc > 6) return reply.error(SYNTAX_ERROR);
    if (argc > 3 && !range.readStart(call, 3)) return;
    if (argc > 5) {
      bits = readUnit(call, 5);
      if (bits === -1) return;
    }
    if (argc > 4 && !range.readEnd(call, 4, 3)) return;
    const entry = call.read(1);
    if (isOtherType(call, entry)) return reply.error(WRONG_TYPE);
    // A missing key is an endless row of zeros.
    if (entry === 0) return reply.integer(bit === 1 ? -1 : 0);
    const length = stringLength(call.dataset.arena, entry);
    range.clamp(bits === 1 ? length * 8 : length);
    if (range.start > range.end) return reply.integer(-1);
    if (bits === 0) {
      range.start *= 8;
      range.end = range.end * 8 + 7;
    }
    const found = find(call, entry, bit, range.start, range.end);
    // Without an end given, zeros follow the string for ever.
    if (found === -1 && bit === 0 && argc < 5) reply.integer(range.end + 1);
    else reply.integer(found);
  },
};

/** Position of the first `bit` from bit `start` to bit `end`, -1 for none. */
function find(call: Call, entry: number, bit: number, start: number, end: number): number {
  const { arena } = call.dataset;
  const last = Math.floor(end / 8);
  const skipped = bit === 1 ? 0 : 0xff;
  let at = Math.floor(start / 8);
  // The bits before the start are made such that they aren't found.
  locateString(arena, entry, at, 1, span);
  const before = ~(0xff >>> (start % 8)) & 0xff;
  const first = arena.bytes[span.segment]![span.offset]!;
  const position = firstBitOf(bit === 1 ? first & ~before : first | before, bit);
  if (position < 8) return within(at * 8 + position, end);
  for (at++; at <= last; at += span.length) {
    locateString(arena, entry, at, last + 1 - at, span);
    const bytes = arena.bytes[span.segment]!;
    const other = findOtherByte(bytes, arena.words[span.segment]!, span.offset, span.length, skipped);
    if (other !== -1) return within((at + other - span.offset) * 8 + firstBitOf(bytes[other]!, bit), end);
  }
  return -1;
}

function within(position: number, end: number): number {
  return position <= end ? position : -1;
}
