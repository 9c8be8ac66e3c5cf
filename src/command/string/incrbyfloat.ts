import { latin1, latin1Bytes } from "../../base/bytes.ts";
import { addLongDouble, formatLongDouble, type LongDouble, parseLongDouble } from "../../base/long_double.ts";
import { EVENT_STRING } from "../../dataset/key_events.ts";
import { stringBytes, stringLength } from "../../dataset/strings.ts";
import { EMBEDDED_BYTES_MAX, ENCODING_EMBSTR, ENCODING_RAW } from "../../dataset/types.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { NOT_A_FLOAT, WRONG_TYPE } from "../messages.ts";
import { isOtherType, storeBytes } from "./store.ts";

/** Longer texts are no numbers, bytes: not worth copying out of the arena. */
const NUMBER_BYTES_MAX = 5 * 1024;

/** INCRBYFLOAT key increment */
export const incrbyfloat: CommandDefinition = {
  name: "INCRBYFLOAT",
  group: "string",
  since: "2.6.0",
  summary: "Increment the floating point value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
  complexity: "O(1)",
  arity: 3,
  flags: ["write", "denyoom", "fast"],
  keys: [keysAt(["RW", "access", "update"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("increment", "double")],
  run(call) {
    const entry = call.write(1);
    if (isOtherType(call, entry)) return call.reply.error(WRONG_TYPE);
    const value = entry === 0 ? parseLongDouble("0") : numberOf(call, entry);
    const by = value === undefined || call.length(2) > NUMBER_BYTES_MAX ? undefined : parseLongDouble(call.text(2));
    if (value === undefined || by === undefined) return call.reply.error(NOT_A_FLOAT);
    const sum = addLongDouble(value, by);
    if (sum === undefined) return call.reply.error("ERR increment would produce NaN or Infinity");
    const text = formatLongDouble(sum);
    const bytes = latin1Bytes(text);
    const encoding = bytes.length <= EMBEDDED_BYTES_MAX ? ENCODING_EMBSTR : ENCODING_RAW;
    if (!storeBytes(call, entry, bytes, bytes.length, encoding)) return;
    // Logged as its result: a replica that computes in another precision must not come to another one.
    const effect = call.effect(4);
    effect.text("SET");
    effect.argument(call.input, call.start(1), call.length(1));
    effect.argument(bytes, 0, bytes.length);
    effect.text("KEEPTTL");
    call.notify(EVENT_STRING, "incrbyfloat", 1);
    call.reply.text(text);
  },
};

function numberOf(call: Call, entry: number): LongDouble | undefined {
  const { arena } = call.dataset;
  if (stringLength(arena, entry) > NUMBER_BYTES_MAX) return undefined;
  return parseLongDouble(latin1(stringBytes(arena, entry)));
}
