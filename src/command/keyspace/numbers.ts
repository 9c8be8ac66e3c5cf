/** Numbers in arguments as Redis reads them into C's int and positive long, with its errors. */
import type { Call } from "../call.ts";
import { NOT_AN_INTEGER } from "../messages.ts";

const INT_MAX = 2147483647;
const INT_MIN = -2147483648;

/** Argument i as a 32-bit integer. Undefined: the error has been replied, `message` if given. */
export function readInt32(call: Call, i: number, message?: string): number | undefined {
  const value = call.integer64(i);
  if (value !== undefined && value >= INT_MIN && value <= INT_MAX) return Number(value);
  const range = `ERR value is out of range, value must between ${INT_MIN} and ${INT_MAX}`;
  call.reply.error(message ?? (value === undefined ? NOT_AN_INTEGER : range));
  return undefined;
}

/** Argument i as a number from zero on; one beyond 2^53 counts as that. Undefined: the error has been replied. */
export function readPositive(call: Call, i: number): number | undefined {
  const value = call.integer64(i);
  if (value !== undefined && value >= 0) return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
  call.reply.error("ERR value is out of range, must be positive");
  return undefined;
}

/** Argument i as the number of a database. Undefined: the error has been replied. */
export function readDatabase(call: Call, i: number): number | undefined {
  const index = readInt32(call, i);
  if (index === undefined) return undefined;
  if (index >= 0 && index < call.dataset.databaseCount) return index;
  call.reply.error(DATABASE_OUT_OF_RANGE);
  return undefined;
}

export const DATABASE_OUT_OF_RANGE = "ERR DB index is out of range";
