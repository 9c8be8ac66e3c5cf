/** The options of ZRANGE and of the older commands that each are one form of it. */
import type { Call } from "../call.ts";
import { SYNTAX_ERROR } from "../messages.ts";
import { readLong } from "./arguments.ts";
import { BY_MEMBER, BY_RANK, BY_SCORE, readBounds, span, spanOf } from "./bounds.ts";

/** What an option may still decide. */
export const OPEN = -1;
const NO_LIMIT = -1;

/** What `readRange` read last. */
export const range = { reverse: false, withScores: false, offset: 0, limit: NO_LIMIT };

/**
 * Reads a range whose ends are arguments `first` and `first + 1`, and the options behind them. `by` and `reverse` are given by the command
 * (one of `bounds.by`; true or false), or OPEN where options decide. False: a mistake, and the error has been replied.
 */
export function readRange(
  call: Call,
  first: number,
  by: number,
  reverse: boolean | typeof OPEN,
  stores: boolean,
): boolean {
  const { reply } = call;
  range.withScores = false;
  range.offset = 0;
  range.limit = NO_LIMIT;
  let kind = by;
  let direction = reverse;
  for (let i = first + 2; i < call.argc; i++) {
    if (!stores && call.is(i, "WITHSCORES")) range.withScores = true;
    else if (i + 2 < call.argc && call.is(i, "LIMIT")) {
      range.offset = readLong(call, ++i);
      if (range.offset !== range.offset) return false;
      range.limit = readLong(call, ++i);
      if (range.limit !== range.limit) return false;
    } else if (direction === OPEN && call.is(i, "REV")) direction = true;
    else if (kind === OPEN && call.is(i, "BYLEX")) kind = BY_MEMBER;
    else if (kind === OPEN && call.is(i, "BYSCORE")) kind = BY_SCORE;
    else {
      reply.error(SYNTAX_ERROR);
      return false;
    }
  }
  range.reverse = direction === true;
  if (kind === OPEN) kind = BY_RANK;
  if (range.limit !== NO_LIMIT && kind === BY_RANK) {
    reply.error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return false;
  }
  if (range.withScores && kind === BY_MEMBER) {
    reply.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  // Of scores and members the higher end comes first where the order is reversed.
  const swapped = range.reverse && kind !== BY_RANK;
  return readBounds(call, kind, swapped ? first + 1 : first, swapped ? first : first + 1);
}

/** The range that was read as a span of ranks of a set, in `span`. */
export function rangeOf(call: Call, entry: number): void {
  spanOf(call, entry, range.reverse);
  const { offset, limit } = range;
  // A negative offset skips everything.
  const skipped = offset < 0 ? span.count : Math.min(offset, span.count);
  const left = span.count - skipped;
  const count = limit < 0 ? left : Math.min(limit, left);
  span.from += range.reverse ? left - count : skipped;
  span.count = count;
}
