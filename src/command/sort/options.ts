/** What SORT and SORT_RO are asked for. */
import type { Call } from "../call.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../messages.ts";

const STAR = 42;

/** The options read last. */
export const sortOptions = {
  descending: false,
  alpha: false,
  /** LIMIT's two numbers; a negative count is no limit. */
  offset: 0,
  count: -1,
  /** Argument that holds BY's pattern, 0: elements are their own weights. */
  by: 0,
  /** BY has a pattern without a star: nothing is sorted. */
  unsorted: false,
  /** Arguments that hold GET's patterns. */
  gets: [] as number[],
  /** Argument that holds STORE's key, 0: the result is replied. */
  store: 0,
};

/** Reads the options from argument 2 on into `sortOptions`; false: they are wrong, and the error has been replied. */
export function readSortOptions(call: Call, mayStore: boolean): boolean {
  const options = sortOptions;
  options.descending = false;
  options.alpha = false;
  options.offset = 0;
  options.count = -1;
  options.by = 0;
  options.unsorted = false;
  options.gets.length = 0;
  options.store = 0;
  for (let i = 2; i < call.argc; i++) {
    const left = call.argc - 1 - i;
    if (call.is(i, "ASC")) options.descending = false;
    else if (call.is(i, "DESC")) options.descending = true;
    else if (call.is(i, "ALPHA")) options.alpha = true;
    else if (left >= 2 && call.is(i, "LIMIT")) {
      const offset = call.integer64(i + 1);
      const count = call.integer64(i + 2);
      if (offset === undefined || count === undefined) return refuse(call, NOT_AN_INTEGER);
      options.offset = Number(offset);
      options.count = Number(count);
      i += 2;
    } else if (left < 1) return refuse(call, SYNTAX_ERROR);
    else if (mayStore && call.is(i, "STORE")) options.store = ++i;
    else if (call.is(i, "BY")) {
      options.by = ++i;
      if (starOf(call, i) < 0) options.unsorted = true;
    } else if (call.is(i, "GET")) options.gets.push(++i);
    else return refuse(call, SYNTAX_ERROR);
  }
  return true;
}

/** Where the star of a pattern stands, counted from its start; -1: there is none. What follows a zero byte does not count. */
export function starOf(call: Call, i: number): number {
  const start = call.start(i);
  const length = call.length(i);
  for (let k = 0; k < length; k++) {
    const byte = call.input[start + k]!;
    if (byte === STAR) return k;
    if (byte === 0) return -1;
  }
  return -1;
}

function refuse(call: Call, error: string): false {
  call.reply.error(error);
  return false;
}
