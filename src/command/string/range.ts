/**
 * The two ends of GETRANGE, BITCOUNT and BITPOS: 64-bit numbers, negative from the end, clamped to what there is.
 *
 * Parsing comes before the key is looked up, clamping after: both work on one Range that the caller keeps. Ends beyond 2^53 are cut
 * off, which no string is long enough to notice, but for their order, and that is remembered.
 */
import type { Call } from "../call.ts";
import { NOT_AN_INTEGER } from "../messages.ts";

export class Range {
  /** After `clamp`: the first and last position, `start > end` when nothing lies between them. */
  start = 0;
  end = 0;
  /** Both ends were counted from the end and lie in the wrong order: nothing, however long the string. */
  reversed = false;

  /** The whole string. */
  all(): void {
    this.start = 0;
    this.end = -1;
    this.reversed = false;
  }

  /** Reads argument i as the start. False: the error has been replied. */
  readStart(call: Call, i: number): boolean {
    this.end = -1;
    this.reversed = false;
    const value = readPosition(call, i);
    if (value !== value) return false;
    this.start = value;
    return true;
  }

  /** Reads argument i as the end, the start having been read from `startArgument`. False: the error has been replied. */
  readEnd(call: Call, i: number, startArgument: number): boolean {
    const value = readPosition(call, i);
    if (value !== value) return false;
    this.end = value;
    this.reversed = this.start < 0 && value < 0 && this.start > value;
    if (this.start === value && value === Number.MIN_SAFE_INTEGER) {
      this.reversed = call.integer64(startArgument)! > call.integer64(i)!;
    }
    return true;
  }

  /** Turns the ends into positions in a string of `length`. */
  clamp(length: number): void {
    let { start, end } = this;
    if (start < 0) start += length;
    if (end < 0) end += length;
    if (start < 0) start = 0;
    if (end < 0) end = 0;
    if (end >= length) end = length - 1;
    this.start = start;
    this.end = end;
  }
}

/** Argument i as a 64-bit number, cut off at ±(2^53 - 1); NaN: it is none, and that has been replied. */
export function readPosition(call: Call, i: number): number {
  const value = call.integer(i);
  if (value === value) return value;
  const large = call.integer64(i);
  if (large !== undefined) return large < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
  call.reply.error(NOT_AN_INTEGER);
  return Number.NaN;
}
