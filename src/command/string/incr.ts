/**
 * INCR, DECR, INCRBY, DECRBY.
 *
 * Sums within 2^53 are made of plain numbers and decimal digits in bytes; only larger ones become bigints.
 */

import { latin1Bytes } from "../../base/bytes.ts";
import { INTEGER64_DIGITS_MAX, writeInteger } from "../../base/decimal.ts";
import { parseInteger64, parseIntegerSafe } from "../../base/integer.ts";
import { EVENT_STRING } from "../../dataset/key_events.ts";
import { readString } from "../../dataset/strings.ts";
import { ENCODING_INT } from "../../dataset/types.ts";
import { SEGMENT_SHIFT } from "../../memory/layout.ts";
import { valueIsInline, valueLength, valueOffset } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { NOT_AN_INTEGER, WRONG_TYPE } from "../messages.ts";
import { isOtherType, storeBytes } from "./store.ts";

const MAX_64 = 9223372036854775807n;
const MIN_64 = -9223372036854775808n;

const digits = new Uint8Array(INTEGER64_DIGITS_MAX);

/** INCR key */
export const incr: CommandDefinition = {
  name: "INCR",
  group: "string",
  since: "1.0.0",
  summary: "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
  complexity: "O(1)",
  arity: 2,
  flags: ["write", "denyoom", "fast"],
  keys: [keysAt(["RW", "access", "update"])],
  args: [argument("key", "key", { keySpec: 0 })],
  run: (call) => add(call, 1),
};

/** DECR key */
export const decr: CommandDefinition = {
  ...incr,
  name: "DECR",
  summary: "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
  run: (call) => add(call, -1),
};

/** INCRBY key increment */
export const incrby: CommandDefinition = {
  ...incr,
  name: "INCRBY",
  summary: "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
  arity: 3,
  args: [argument("key", "key", { keySpec: 0 }), argument("increment", "integer")],
  run(call) {
    const by = call.integer(2);
    if (by === by) return add(call, by);
    const large = call.integer64(2);
    if (large === undefined) call.reply.error(NOT_AN_INTEGER);
    else addLarge(call, large);
  },
};

/** DECRBY key decrement */
export const decrby: CommandDefinition = {
  ...incr,
  name: "DECRBY",
  summary: "Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't exist.",
  arity: 3,
  args: [argument("key", "key", { keySpec: 0 }), argument("decrement", "integer")],
  run(call) {
    const by = call.integer(2);
    if (by === by) return add(call, -by);
    const large = call.integer64(2);
    if (large === undefined) call.reply.error(NOT_AN_INTEGER);
    else if (large === MIN_64) call.reply.error("ERR decrement would overflow");
    else addLarge(call, -large);
  },
};

function add(call: Call, by: number): void {
  const entry = call.write(1);
  let value = 0;
  if (entry !== 0) {
    if (isOtherType(call, entry)) return call.reply.error(WRONG_TYPE);
    const { arena } = call.dataset;
    value = Number.NaN;
    if (valueIsInline(arena, entry)) {
      const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
      value = parseIntegerSafe(bytes, valueOffset(arena, entry), valueLength(arena, entry));
    }
  }
  const sum = value + by;
  if (!(sum >= Number.MIN_SAFE_INTEGER && sum <= Number.MAX_SAFE_INTEGER)) return sumLarge(call, entry, BigInt(by));
  const length = writeInteger(digits, 0, sum);
  if (!storeBytes(call, entry, digits, length, ENCODING_INT)) return;
  call.notify(EVENT_STRING, "incrby", 1);
  call.reply.integer(sum);
}

function addLarge(call: Call, by: bigint): void {
  const entry = call.write(1);
  if (isOtherType(call, entry)) return call.reply.error(WRONG_TYPE);
  sumLarge(call, entry, by);
}

/** Adds to what a string entry (0: none) holds, whatever it is. */
function sumLarge(call: Call, entry: number, by: bigint): void {
  let value: bigint | undefined = 0n;
  if (entry !== 0) {
    const { arena } = call.dataset;
    const length = valueLength(arena, entry);
    value = undefined;
    if (length <= INTEGER64_DIGITS_MAX) {
      readString(arena, entry, 0, digits, 0, length);
      value = parseInteger64(digits, 0, length);
    }
  }
  if (value === undefined) return call.reply.error(NOT_AN_INTEGER);
  const sum = value + by;
  if (sum > MAX_64 || sum < MIN_64) return call.reply.error("ERR increment or decrement would overflow");
  const text = latin1Bytes(sum.toString());
  if (!storeBytes(call, entry, text, text.length, ENCODING_INT)) return;
  call.notify(EVENT_STRING, "incrby", 1);
  call.reply.bigint(sum);
}
