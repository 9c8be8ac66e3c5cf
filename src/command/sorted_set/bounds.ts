/**
 * Bounds of ranges: scores as "5", "(5", "-inf", members as "[a", "(a", "-", "+", and ranks.
 *
 * A pair of arguments is read into `bounds`, before the key is looked up; `spanOf` then makes it a span of ranks of one set.
 */
import { latin1 } from "../../base/bytes.ts";
import { parseDoubleText } from "../../base/double.ts";
import { parseScore } from "../../dataset/sorted_set/scores.ts";
import { belowMember, belowScore, cardinality } from "../../dataset/sorted_set/sorted_set.ts";
import type { Call } from "../call.ts";
import { readLong } from "./arguments.ts";

export const BY_RANK = 0;
export const BY_SCORE = 1;
export const BY_MEMBER = 2;

/** As the first byte of a bound on members. */
const ALL = 0;

const MINUS = 45;
const PLUS = 43;
const OPEN = 40;
const CLOSED = 91;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

class Bound {
  exclusive = false;
  /** The score, or the rank. */
  number = 0;
  /** A bound on members: MINUS and PLUS lie below and above all, OPEN and CLOSED are bytes of the request. */
  kind = ALL;
  start = 0;
  length = 0;
}

/** What `readBounds` read. */
export const bounds = { by: BY_RANK, low: new Bound(), high: new Bound() };

/** Ranks [from, from + count) of a set, as `spanOf` found them. */
export const span = { from: 0, count: 0 };

/** Reads arguments `low` and `high` as the ends of a range; false: they are none, and the error has been replied. */
export function readBounds(call: Call, by: number, low: number, high: number): boolean {
  bounds.by = by;
  if (by === BY_RANK) {
    bounds.low.number = readLong(call, low);
    if (bounds.low.number !== bounds.low.number) return false;
    bounds.high.number = readLong(call, high);
    return bounds.high.number === bounds.high.number;
  }
  if (by === BY_SCORE) {
    if (readScoreBound(call, low, bounds.low) && readScoreBound(call, high, bounds.high)) return true;
    call.reply.error("ERR min or max is not a float");
    return false;
  }
  if (readMemberBound(call, low, bounds.low) && readMemberBound(call, high, bounds.high)) return true;
  call.reply.error("ERR min or max not valid string range item");
  return false;
}

/** The range that was read as ranks of a set, ascending ones; `reverse`: ranks were counted from the highest score. */
export function spanOf(call: Call, entry: number, reverse: boolean): void {
  const { dataset } = call;
  const { low, high, by } = bounds;
  let from: number;
  let end: number;
  if (by === BY_RANK) {
    const total = cardinality(dataset, entry);
    from = Math.max(0, low.number < 0 ? low.number + total : low.number);
    end = Math.min(total, (high.number < 0 ? high.number + total : high.number) + 1);
    if (reverse && from < end) {
      const first = total - end;
      end = total - from;
      from = first;
    }
  } else if (by === BY_SCORE) {
    from = belowScore(dataset, entry, low.number, low.exclusive);
    end = belowScore(dataset, entry, high.number, !high.exclusive);
  } else {
    from = belowBound(call, entry, low, low.exclusive);
    end = belowBound(call, entry, high, !high.exclusive);
  }
  span.from = from;
  span.count = Math.max(0, end - from);
}

function belowBound(call: Call, entry: number, bound: Bound, orEqual: boolean): number {
  if (bound.kind === MINUS) return 0;
  if (bound.kind === PLUS) return cardinality(call.dataset, entry);
  return belowMember(call.dataset, entry, call.input, bound.start, bound.length, orEqual);
}

/** As C's strtod reads it, since Redis does here: blanks before it, and a number of any size, are allowed; what follows a NUL is not read. */
function readScoreBound(call: Call, i: number, bound: Bound): boolean {
  let start = call.start(i);
  let length = call.length(i);
  bound.exclusive = length > 0 && call.input[start] === OPEN;
  if (bound.exclusive) {
    start++;
    length--;
  }
  bound.number = parseScore(call.input, start, length);
  if (bound.number !== bound.number) bound.number = lenientNumber(latin1(call.input, start, start + length));
  return bound.number === bound.number;
}

function lenientNumber(text: string): number {
  const end = text.indexOf("\0");
  const whole = end < 0 ? text : text.slice(0, end);
  if (whole === "") return 0;
  const number = whole.replace(/^[ \t\n\v\f\r]+/, "");
  return DECIMAL.test(number) ? Number(number) : parseDoubleText(number);
}

function readMemberBound(call: Call, i: number, bound: Bound): boolean {
  const start = call.start(i);
  const length = call.length(i);
  const kind = length === 0 ? ALL : call.input[start]!;
  bound.kind = kind;
  bound.exclusive = kind === OPEN;
  bound.start = start + 1;
  bound.length = length - 1;
  if (kind === MINUS || kind === PLUS) return length === 1;
  return kind === OPEN || kind === CLOSED;
}
