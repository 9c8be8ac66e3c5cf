import { KEEP_EXPIRY, NO_EXPIRY, setString, stringBytes } from "../../dataset/strings.ts";
import { TYPE_STRING } from "../../dataset/types.ts";
import { entryType } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, block, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { MILLISECONDS, MILLISECONDS_ABSOLUTE, readExpiryOption, SECONDS, SECONDS_ABSOLUTE } from "../expiry.ts";
import { OUT_OF_MEMORY, SYNTAX_ERROR, WRONG_TYPE } from "../messages.ts";
import { replyString } from "./reply.ts";

/** SET key value [NX | XX | IFEQ value] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] */
export const set: CommandDefinition = {
  name: "SET",
  group: "string",
  since: "1.0.0",
  summary: "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
  complexity: "O(1)",
  arity: -3,
  flags: ["write", "denyoom"],
  keys: [{ ...keysAt(["RW", "access", "update", "variable_flags"]), notes: "RW and ACCESS due to the optional `GET` argument" }],
  args: [
    argument("key", "key", { keySpec: 0 }),
    argument("value", "string"),
    oneOf(
      "condition",
      [
        token("NX"),
        token("XX"),
        argument("comparison-value", "string", { token: "IFEQ", since: "8.1.0" }),
      ],
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
    if (call.argc === 3) {
      const entry = call.write(1);
      if (store(call, entry, NO_EXPIRY)) call.reply.ok();
      return;
    }
    setWithOptions(call);
  },
};

/** Stores argument 2 under argument 1. False: an error has been replied. */
function store(call: Call, entry: number, expiry: number | bigint): boolean {
  const { input } = call;
  const keyStart = call.start(1);
  const keyBytes = call.length(1);
  const hash = call.hash(1);
  if (setString(call.db, input, keyStart, keyBytes, hash, entry, input, call.start(2), call.length(2), expiry) === 0) {
    call.reply.error(OUT_OF_MEMORY);
    return false;
  }
  call.changed(1);
  return true;
}

function setWithOptions(call: Call): void {
  const { reply } = call;
  let condition = "";
  let comparison = 0;
  let get = false;
  let unit = 0;
  let expiryAt = 0;
  let keep = false;
  for (let i = 3; i < call.argc; i++) {
    const more = i + 1 < call.argc;
    const free = unit === 0 && !keep;
    if (condition === "" && call.is(i, "NX")) condition = "NX";
    else if (condition === "" && call.is(i, "XX")) condition = "XX";
    else if (condition === "" && more && call.is(i, "IFEQ")) {
      condition = "IFEQ";
      comparison = ++i;
    } else if (call.is(i, "GET")) get = true;
    else if (free && call.is(i, "KEEPTTL")) keep = true;
    else {
      const option = free && more ? expiryUnit(call, i) : 0;
      if (option === 0) return reply.error(SYNTAX_ERROR);
      unit = option;
      expiryAt = ++i;
    }
  }
  let expiry: number | bigint = keep ? KEEP_EXPIRY : NO_EXPIRY;
  if (unit !== 0) {
    const read = readExpiryOption(call, expiryAt, unit, "set");
    if (read === undefined) return;
    expiry = read;
  }
  const { arena } = call.dataset;
  const entry = get ? call.read(1) : call.write(1);
  if (entry !== 0 && (get || condition === "IFEQ") && entryType(arena, entry) !== TYPE_STRING) {
    return reply.error(WRONG_TYPE);
  }
  const goes =
    condition === "" ||
    (condition === "NX" ? entry === 0 : condition === "XX" ? entry !== 0 : entry !== 0 && equals(call, entry, comparison));
  // The old value is replied before the new one takes its place.
  if (get) {
    if (entry === 0) reply.nil();
    else replyString(call, entry);
  }
  if (!goes) {
    if (!get) reply.nil();
    return;
  }
  if (!store(call, entry, expiry)) return;
  logSet(call, expiry);
  if (!get) reply.ok();
}

/** The effect of a SET with options: unconditional, with an absolute time. Without a time the request as it came is as good. */
function logSet(call: Call, expiry: number | bigint): void {
  const keep = expiry === KEEP_EXPIRY;
  const timed = !keep && expiry !== NO_EXPIRY;
  const effect = call.effect(keep ? 4 : timed ? 5 : 3);
  effect.text("SET");
  effect.argument(call.input, call.start(1), call.length(1));
  effect.argument(call.input, call.start(2), call.length(2));
  if (keep) effect.text("KEEPTTL");
  if (timed) {
    effect.text("PXAT");
    effect.integer(expiry);
  }
}

function equals(call: Call, entry: number, i: number): boolean {
  const bytes = stringBytes(call.dataset.arena, entry);
  const length = call.length(i);
  const start = call.start(i);
  if (bytes.length !== length) return false;
  for (let k = 0; k < length; k++) if (bytes[k] !== call.input[start + k]) return false;
  return true;
}

/** The unit that an option keyword names, 0 for none. */
export function expiryUnit(call: Call, i: number): number {
  if (call.is(i, "EX")) return SECONDS;
  if (call.is(i, "PX")) return MILLISECONDS;
  if (call.is(i, "EXAT")) return SECONDS_ABSOLUTE;
  if (call.is(i, "PXAT")) return MILLISECONDS_ABSOLUTE;
  return 0;
}
