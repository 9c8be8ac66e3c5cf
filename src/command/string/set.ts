import { equalBytes } from "../../base/bytes.ts";
import { INTEGER64_DIGITS_MAX, writeInteger } from "../../base/decimal.ts";
import { EVENT_GENERIC, EVENT_STRING } from "../../dataset/key_events.ts";
import { KEEP_EXPIRY, locateString, NO_EXPIRY, stringLength } from "../../dataset/strings.ts";
import { Span } from "../../structure/blob.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { readExpiryOption } from "../expiry.ts";
import { SYNTAX_ERROR, WRONG_TYPE } from "../messages.ts";
import { ALWAYS, IF_EQUAL, IF_MISSING, IF_PRESENT, KEEP, options, readOptions } from "./options.ts";
import { replyString } from "./reply.ts";
import { countWrite, exchangeArgument, isOtherType, storeArgument } from "./store.ts";

const span = new Span();
const digits = new Uint8Array(INTEGER64_DIGITS_MAX);

/** SET key value [NX | XX | IFEQ value] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] */
export const set: CommandDefinition = {
  name: "SET",
  group: "string",
  since: "1.0.0",
  summary: "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
  complexity: "O(1)",
  arity: -3,
  flags: ["write", "denyoom"],
  history: [
    ["2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."],
    ["6.0.0", "Added the `KEEPTTL` option."],
    ["6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."],
    ["7.0.0", "Allowed the `NX` and `GET` options to be used together."],
    ["8.1.0", "Added the `IFEQ` option."],
  ],
  keys: [
    {
      ...keysAt(["RW", "access", "update", "variable_flags"]),
      notes: "RW and ACCESS due to the optional `GET` argument",
    },
  ],
  keyFlags(call, at, argc) {
    for (let i = 3; i < argc; i++) if (call.is(at + i, "GET")) return ["RW", "access", "update"];
    return ["OW", "update"];
  },
  args: [
    argument("key", "key", { keySpec: 0 }),
    argument("value", "string"),
    oneOf(
      "condition",
      [token("NX"), token("XX"), argument("comparison-value", "string", { token: "IFEQ", since: "8.1.0" })],
      { since: "2.6.12", optional: true },
    ),
    token("GET", { since: "6.2.0", optional: true }),
    oneOf(
      "expiration",
      [
        argument("seconds", "integer", { token: "EX", since: "2.6.12" }),
        argument("milliseconds", "integer", { token: "PX", since: "2.6.12" }),
        argument("unix-time-seconds", "unix-time", { token: "EXAT", since: "6.2.0" }),
        argument("unix-time-milliseconds", "unix-time", { token: "PXAT", since: "6.2.0" }),
        token("KEEPTTL", { since: "6.0.0" }),
      ],
      { optional: true },
    ),
  ],
  run(call) {
    if (call.argc > 3) setWithOptions(call);
    else if (storeArgument(call, call.write(1), 2, NO_EXPIRY)) {
      call.notify(EVENT_STRING, "set", 1);
      call.reply.ok();
    }
  },
};

function setWithOptions(call: Call): void {
  const { reply } = call;
  if (!readOptions(call, 3, true)) return reply.error(SYNTAX_ERROR);
  const { condition, get, unit } = options;
  let expiry: number | bigint = options.expiry === KEEP ? KEEP_EXPIRY : NO_EXPIRY;
  if (unit !== 0) {
    const at = readExpiryOption(call, options.time, unit, "set");
    if (at === undefined) return;
    expiry = at;
  }
  const entry = get ? call.read(1) : call.write(1);
  if ((get || condition === IF_EQUAL) && isOtherType(call, entry)) return reply.error(WRONG_TYPE);
  if (condition !== ALWAYS && !holds(call, entry)) {
    if (get && entry !== 0) {
      countWrite(call, entry);
      replyString(call, entry);
    } else reply.nil();
    return;
  }
  if (get && entry !== 0) {
    if (!exchangeArgument(call, entry, 2, expiry)) return;
  } else {
    if (!storeArgument(call, entry, 2, expiry)) return;
    if (get) reply.nil();
    else reply.ok();
  }
  logStored(call, 2, expiry);
  call.notify(EVENT_STRING, "set", 1);
  if (unit !== 0) call.notify(EVENT_GENERIC, "expire", 1);
}

/** Is the condition in `options` met? */
function holds(call: Call, entry: number): boolean {
  if (options.condition === IF_MISSING) return entry === 0;
  if (options.condition === IF_PRESENT) return entry !== 0;
  return entry !== 0 && equals(call, entry, options.comparison);
}

/** Is the string in an entry argument i, byte for byte? */
function equals(call: Call, entry: number, i: number): boolean {
  const { arena } = call.dataset;
  const length = call.length(i);
  if (stringLength(arena, entry) !== length) return false;
  for (let at = 0; at < length; at += span.length) {
    locateString(arena, entry, at, length - at, span);
    if (!equalBytes(arena.bytes[span.segment]!, span.offset, call.input, call.start(i) + at, span.length)) return false;
  }
  return true;
}

/**
 * The effect of storing argument `valueIndex` under argument 1: unconditional, its time absolute. KEEP_EXPIRY and NO_EXPIRY as in
 * `setString`.
 */
export function logStored(call: Call, valueIndex: number, expiry: number | bigint): void {
  const keep = expiry === KEEP_EXPIRY;
  const timed = !keep && expiry !== NO_EXPIRY;
  const effect = call.effect(keep ? 4 : timed ? 5 : 3);
  effect.text("SET");
  effect.argument(call.input, call.start(1), call.length(1));
  effect.argument(call.input, call.start(valueIndex), call.length(valueIndex));
  if (keep) effect.text("KEEPTTL");
  if (timed) {
    effect.text("PXAT");
    if (typeof expiry === "number") effect.argument(digits, 0, writeInteger(digits, 0, expiry));
    else effect.integer(expiry);
  }
}
