/** Expiry times in arguments: relative or absolute, seconds or milliseconds, to absolute milliseconds, with Redis's limits. */
import type { Call } from "./call.ts";
import { NOT_AN_INTEGER } from "./messages.ts";

const MAX_64 = 9223372036854775807n;

/** Below this an amount in any unit, with the present time added, stays far below 2^53 ms. */
const SMALL_MAX = 4_000_000_000_000;

/** The unit and base of an expiry option. */
export const SECONDS = 1;
export const MILLISECONDS = 2;
export const SECONDS_ABSOLUTE = 3;
export const MILLISECONDS_ABSOLUTE = 4;

/**
 * Reads argument i as an expiry that must lie above zero, for SET, GETEX, SETEX, PSETEX. On a mistake the error is replied and
 * undefined returned. The result is absolute ms; a bigint only beyond 2^53.
 */
export function readExpiryOption(call: Call, i: number, unit: number, command: string): number | bigint | undefined {
  // The common case without a bigint: seconds that make milliseconds within 2^53.
  const small = call.integer(i);
  if (small > 0 && small < SMALL_MAX) {
    const ms = unit === SECONDS || unit === SECONDS_ABSOLUTE ? small * 1000 : small;
    return unit === SECONDS || unit === MILLISECONDS ? ms + call.nowMs : ms;
  }
  const value = call.integer64(i);
  if (value === undefined) {
    call.reply.error(NOT_AN_INTEGER);
    return undefined;
  }
  const absolute = value > 0n ? toAbsoluteMs(value, unit, call.nowMs) : undefined;
  if (absolute === undefined) call.reply.error(`ERR invalid expire time in '${command}' command`);
  return absolute;
}

/** An amount in a unit as absolute ms, or undefined when that leaves 64 bits. */
export function toAbsoluteMs(amount: bigint, unit: number, nowMs: number): number | bigint | undefined {
  let ms = amount;
  if (unit === SECONDS || unit === SECONDS_ABSOLUTE) {
    if (amount > MAX_64 / 1000n || amount < -MAX_64 / 1000n) return undefined;
    ms = amount * 1000n;
  }
  if (unit === SECONDS || unit === MILLISECONDS) ms += BigInt(nowMs);
  if (ms > MAX_64 || ms < -MAX_64 - 1n) return undefined;
  return ms <= BigInt(Number.MAX_SAFE_INTEGER) && ms >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(ms) : ms;
}
