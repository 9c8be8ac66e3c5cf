/**
 * Waiting for keys: BLPOP and its like.
 *
 * A blocking command tries its keys in order and, where none has anything to give, calls `waitForKeys` and returns. Who can wait (the
 * server's connections) then gets no reply; the same request is run again when one of the keys holds a value of the wanted type, with
 * `call.resumedAt` naming that key's argument. Everybody else (MULTI, the in-process API, a replay) is answered as if the time were up.
 *
 * Handlers therefore look only at the keys that `firstWaiting` and `lastWaiting` give, and log what they did, never themselves.
 */
import { parseDouble } from "../base/double.ts";
import { parseLongDouble } from "../base/long_double.ts";
import type { Call } from "./call.ts";

/** Who lets connections wait. */
export interface WaitHost {
  /**
   * The running request waits until one of the `count` key arguments from `first` on holds a value of `type`, at most
   * `timeoutMs`, 0 for ever.
   */
  wait(call: Call, first: number, count: number, type: number, timeoutMs: number): void;
  /** A command of a transaction is done, and has changed keys that somebody waits for: the order in which they became ready counts. */
  commandDone(): void;
}

/** The end of a time-out is a signed 64-bit number of ms. */
const DEADLINE_MS_MAX = 2 ** 63;
/** Longer texts are no numbers. */
const LONG_DOUBLE_BYTES_MAX = 256;

/** Lets the running request wait; see WaitHost. `nullArray`: what it is answered where it may not wait is the null of arrays. */
export function waitForKeys(
  call: Call,
  first: number,
  count: number,
  type: number,
  timeoutMs: number,
  nullArray: boolean,
): void {
  const { waitHost, reply } = call;
  if (waitHost !== undefined && !call.inTransaction && !call.replaying)
    waitHost.wait(call, first, count, type, timeoutMs);
  else if (nullArray) reply.nilArray();
  else reply.nil();
}

/** The first key argument to try: the one that became ready, if the request is run again. */
export function firstWaiting(call: Call, first: number): number {
  return call.resumedAt === 0 ? first : call.resumedAt;
}

/** The last key argument to try. */
export function lastWaiting(call: Call, last: number): number {
  return call.resumedAt === 0 ? last : call.resumedAt;
}

/** Argument i as a time-out in seconds: whole ms, rounded up; -1 when it is none and the error has been replied. */
export function readTimeout(call: Call, i: number): number {
  const seconds = readSeconds(call, i);
  if (seconds === undefined) {
    call.reply.error("ERR timeout is not a float or out of range");
    return -1;
  }
  const ms = Math.ceil(seconds * 1000);
  if (ms < 0) {
    call.reply.error("ERR timeout is negative");
    return -1;
  }
  if (ms >= DEADLINE_MS_MAX - call.nowMs) {
    call.reply.error("ERR timeout is out of range");
    return -1;
  }
  // A small negative number is rounded up to -0.
  return ms === 0 ? 0 : ms;
}

/** As Redis reads it, a long double: one may be out of a double's range and still be a number. */
function readSeconds(call: Call, i: number): number | undefined {
  const seconds = parseDouble(call.input, call.start(i), call.length(i));
  if (seconds === seconds) return seconds;
  const long = call.length(i) > LONG_DOUBLE_BYTES_MAX ? undefined : parseLongDouble(call.text(i));
  if (long === undefined) return undefined;
  const { mantissa, exponent } = long;
  if (mantissa === 0n || exponent < 0) return 0;
  return mantissa < 0n ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
