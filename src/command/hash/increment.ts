/** HINCRBY, HINCRBYFLOAT: numbers in fields. A field keeps its expiry. */
import { latin1, latin1Bytes } from "../../base/bytes.ts";
import { INTEGER64_DIGITS_MAX, writeInteger } from "../../base/decimal.ts";
import { parseInteger64, parseIntegerSafe } from "../../base/integer.ts";
import { addLongDouble, formatLongDouble, type LongDouble, parseLongDouble } from "../../base/long_double.ts";
import { expiryOfField, findStored, hashGet } from "../../dataset/hash/field.ts";
import { incrementInPlace } from "../../dataset/hash/increment.ts";
import { KEEP, NO_MEMORY, setField } from "../../dataset/hash/set_fields.ts";
import { EVENT_HASH } from "../../dataset/key_events.ts";
import { Piece } from "../../dataset/piece.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { NOT_A_FLOAT, NOT_AN_INTEGER, OUT_OF_MEMORY } from "../messages.ts";
import { openForWrite, target } from "./access.ts";

const MAX_64 = 9223372036854775807n;
const MIN_64 = -MAX_64 - 1n;
/** Longer texts are no numbers, bytes. */
const NUMBER_BYTES_MAX = 5 * 1024;

const digits = new Uint8Array(INTEGER64_DIGITS_MAX);
const value = new Piece();

/** HINCRBY key field increment */
export const hincrby: CommandDefinition = {
  name: "HINCRBY",
  group: "hash",
  since: "2.0.0",
  summary:
    "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist.",
  complexity: "O(1)",
  arity: 4,
  flags: ["write", "denyoom", "fast"],
  keys: [keysAt(["RW", "access", "update"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("field", "string"), argument("increment", "integer")],
  run(call) {
    const by = call.integer(3);
    const large = by === by ? 0n : call.integer64(3);
    if (large === undefined) return call.reply.error(NOT_AN_INTEGER);
    if (!openForWrite(call, 2, 1, 1)) return;
    const inPlace = incrementInPlace(target, call.input, call.start(2), call.length(2), by);
    if (inPlace === inPlace) {
      call.changed(1);
      call.notify(EVENT_HASH, "hincrby", 1);
      return call.reply.integer(inPlace);
    }
    const old = findValue(call) ? parseIntegerSafe(value.bytes, value.offset, value.length) : 0;
    const sum = old + by;
    if (!(sum >= Number.MIN_SAFE_INTEGER && sum <= Number.MAX_SAFE_INTEGER)) {
      return addLarge(call, by === by ? BigInt(by) : large);
    }
    if (store(call, digits, writeInteger(digits, 0, sum), "hincrby")) call.reply.integer(sum);
  },
};

function addLarge(call: Call, by: bigint): void {
  const { reply } = call;
  const old = findValue(call) ? parseInteger64(value.bytes, value.offset, value.length) : 0n;
  if (old === undefined) return reply.error("ERR hash value is not an integer");
  const sum = old + by;
  if (sum > MAX_64 || sum < MIN_64) return reply.error("ERR increment or decrement would overflow");
  const text = latin1Bytes(sum.toString());
  if (store(call, text, text.length, "hincrby")) reply.bigint(sum);
}

/** HINCRBYFLOAT key field increment */
export const hincrbyfloat: CommandDefinition = {
  name: "HINCRBYFLOAT",
  group: "hash",
  since: "2.6.0",
  summary:
    "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist.",
  complexity: "O(1)",
  arity: 4,
  flags: ["write", "denyoom", "fast"],
  keys: [keysAt(["RW", "access", "update"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("field", "string"), argument("increment", "double")],
  run(call) {
    const { reply } = call;
    const by = call.length(3) > NUMBER_BYTES_MAX ? undefined : parseLongDouble(call.text(3));
    if (by === undefined) return reply.error(NOT_A_FLOAT);
    if (by.exponent === Number.POSITIVE_INFINITY) return reply.error("ERR value is NaN or Infinity");
    if (!openForWrite(call, 2, 1, 1)) return;
    const old = findValue(call) ? numberOf(value) : parseLongDouble("0");
    if (old === undefined) return reply.error("ERR hash value is not a float");
    const sum = addLongDouble(old, by);
    if (sum === undefined) return reply.error("ERR increment would produce NaN or Infinity");
    const text = formatLongDouble(sum);
    const bytes = latin1Bytes(text);
    if (!store(call, bytes, bytes.length, "hincrbyfloat")) return;
    logResult(call, bytes);
    reply.text(text);
  },
};

/** Lets `value` stand for what the field that argument 2 names holds; false: nothing. */
function findValue(call: Call): boolean {
  return target.entry !== NIL && hashGet(call.dataset, target.entry, call.input, call.start(2), call.length(2), value);
}

function numberOf(piece: Piece): LongDouble | undefined {
  if (piece.length > NUMBER_BYTES_MAX) return undefined;
  return parseLongDouble(latin1(piece.bytes, piece.offset, piece.offset + piece.length));
}

/** Stores a number in the field; false: there is no memory for it, and the error has been replied. */
function store(call: Call, bytes: Uint8Array, length: number, event: string): boolean {
  if (setField(target, call.input, call.start(2), call.length(2), bytes, 0, length, KEEP) === NO_MEMORY) {
    call.reply.error(OUT_OF_MEMORY);
    return false;
  }
  call.changed(1);
  call.notify(EVENT_HASH, event, 1);
  return true;
}

/** Logged as its result: who computes in another precision must not come to another one. A field that expires goes on doing so. */
function logResult(call: Call, bytes: Uint8Array): void {
  const { dataset, input } = call;
  const { entry } = target;
  const field = findStored(dataset, entry, input, call.start(2), call.length(2));
  const expires = expiryOfField(dataset, entry, field) > 0;
  const effect = call.effect(expires ? 7 : 4);
  effect.text(expires ? "HSETEX" : "HSET");
  effect.argument(input, call.start(1), call.length(1));
  if (expires) {
    effect.text("KEEPTTL");
    effect.text("FIELDS");
    effect.integer(1);
  }
  effect.argument(input, call.start(2), call.length(2));
  effect.argument(bytes, 0, bytes.length);
}
