/** What commands with a list "FIELDS numfields field ..." have in common, and times at which fields expire. */
import { FIELD_EXPIRY_MS_MAX } from "../../dataset/hash/expiring.ts";
import type { Call } from "../call.ts";
import { argument, block } from "../definition.ts";
import { MILLISECONDS, MILLISECONDS_ABSOLUTE, SECONDS, SECONDS_ABSOLUTE } from "../expiry.ts";
import { NOT_AN_INTEGER } from "../messages.ts";

const FIELDS_MISSING = "ERR Mandatory argument FIELDS is missing or not at the right position";
const WRONG_COUNT = "ERR The `numfields` parameter must match the number of arguments";
export const COUNT_NOT_POSITIVE = "ERR Number of fields must be a positive integer";

/** FIELDS numfields field [field ...] */
export const fieldsArgument = block(
  "fields",
  [argument("numfields", "integer"), argument("field", "string", { multiple: true })],
  { token: "FIELDS" },
);

/**
 * Reads the list of fields that begins at argument `at` and must end the request: the index of the first field; -1: it is none, and the
 * error has been replied. `notPositive`: the error for a number of fields that is none.
 */
export function readFields(call: Call, at: number, notPositive: string): number {
  if (at >= call.argc || !call.is(at, "FIELDS")) return refuse(call, FIELDS_MISSING);
  const count = at + 1 < call.argc ? call.integer64(at + 1) : 0n;
  if (count === undefined || count < 1n) return refuse(call, notPositive);
  if (count !== BigInt(call.argc - at - 2)) return refuse(call, WRONG_COUNT);
  return at + 2;
}

function refuse(call: Call, error: string): number {
  call.reply.error(error);
  return -1;
}

/** The unit that an option keyword in argument i names, 0 for none. */
export function unitOf(call: Call, i: number): number {
  if (call.is(i, "EX")) return SECONDS;
  if (call.is(i, "PX")) return MILLISECONDS;
  if (call.is(i, "EXAT")) return SECONDS_ABSOLUTE;
  if (call.is(i, "PXAT")) return MILLISECONDS_ABSOLUTE;
  return 0;
}

/** Argument i as a time, absolute ms; -1: it is none, and the error has been replied. */
export function readFieldExpiry(call: Call, i: number, unit: number, command: string): number {
  const given = call.integer64(i);
  if (given === undefined) return refuse(call, NOT_AN_INTEGER);
  if (given < 0n) return refuse(call, "ERR invalid expire time, must be >= 0");
  const seconds = unit === SECONDS || unit === SECONDS_ABSOLUTE;
  const base = unit === SECONDS || unit === MILLISECONDS ? call.nowMs : 0;
  // Beyond the limit a double may be inexact, but stays beyond it.
  const ms = Number(given) * (seconds ? 1000 : 1) + base;
  if (ms > FIELD_EXPIRY_MS_MAX) return refuse(call, `ERR invalid expire time in '${command}' command`);
  return ms;
}

/** Does a time given now delete at once? While the log is replayed, none does. */
export function isOver(call: Call, expiryMs: number): boolean {
  return expiryMs <= call.nowMs && !call.dataset.clockHeld;
}
