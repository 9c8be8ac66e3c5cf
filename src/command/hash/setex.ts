/**
 * HSETEX key [FNX | FXX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] FIELDS numfields field value [field value ...]: sets all the fields,
 * or none of them. As Redis 8 documents it.
 *
 * Logged without its condition and with an absolute time; a time that has passed leaves nothing but the deletion of what was there.
 */
import { findField } from "../../dataset/hash/field.ts";
import { endRemoval, removeField } from "../../dataset/hash/remove_fields.ts";
import { KEEP, NEVER, NO_MEMORY, setFields } from "../../dataset/hash/set_fields.ts";
import { EVENT_GENERIC, EVENT_HASH } from "../../dataset/key_events.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, block, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { OUT_OF_MEMORY, wrongArity } from "../messages.ts";
import { openForWrite, target } from "./access.ts";
import { logFields } from "./effects.ts";
import { isOver, readFieldExpiry, unitOf } from "./fields.ts";

const ALWAYS = 0;
const IF_NONE = 1;
const IF_ALL = 2;
const FIELDS_MAX = 2147483647n;

/** What `readOptions` found. */
const options = { condition: ALWAYS, expiry: NEVER, first: 0 };
/** Arguments of the fields that a time which has passed deletes. */
let touched = new Int32Array(16);

export const hsetex: CommandDefinition = {
  name: "HSETEX",
  group: "hash",
  since: "8.0.0",
  summary: "Set the value of one or more fields of a given hash key, and optionally set their expiration.",
  complexity: "O(N) where N is the number of fields being set.",
  arity: -6,
  flags: ["write", "denyoom", "fast"],
  keys: [keysAt(["RW", "update"])],
  args: [
    argument("key", "key", { keySpec: 0 }),
    oneOf("condition", [token("FNX"), token("FXX")], { optional: true }),
    oneOf(
      "expiration",
      [
        argument("seconds", "integer", { token: "EX" }),
        argument("milliseconds", "integer", { token: "PX" }),
        argument("unix-time-seconds", "unix-time", { token: "EXAT" }),
        argument("unix-time-milliseconds", "unix-time", { token: "PXAT" }),
        token("KEEPTTL"),
      ],
      { optional: true },
    ),
    block(
      "fields",
      [
        argument("numfields", "integer"),
        block("data", [argument("field", "string"), argument("value", "string")], { multiple: true }),
      ],
      { token: "FIELDS" },
    ),
  ],
  run(call) {
    const error = readOptions(call);
    if (error !== undefined) {
      if (error !== "") call.reply.error(error);
      return;
    }
    const { first, expiry } = options;
    const pairs = (call.argc - first) >>> 1;
    if (!openForWrite(call, first, pairs, 2)) return;
    if (!conditionHolds(call)) return call.reply.integer(0);
    if (expiry >= 0 && isOver(call, expiry)) return removeAll(call);
    const set = setFields(target, call.input, call.args, call.first + first, pairs, expiry === 0 ? 1 : expiry);
    if (set === NO_MEMORY) return call.reply.error(OUT_OF_MEMORY);
    call.changed(1);
    logSet(call);
    call.notify(EVENT_HASH, "hset", 1);
    if (expiry >= 0) call.notify(EVENT_HASH, "hexpire", 1);
    call.reply.integer(1);
  },
};

/** Reads the options; undefined: they are right, "": the error has been replied. */
function readOptions(call: Call): string | undefined {
  options.condition = ALWAYS;
  options.expiry = NEVER;
  let timed = false;
  for (let i = 2; i < call.argc; i++) {
    if (call.is(i, "FIELDS")) return readPairs(call, i);
    const unit = unitOf(call, i);
    if (unit !== 0 || call.is(i, "KEEPTTL")) {
      if (timed) return "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
      timed = true;
      options.expiry = KEEP;
      if (unit === 0) continue;
      if (++i === call.argc) return "ERR missing expire time";
      options.expiry = readFieldExpiry(call, i, unit, "hsetex");
      if (options.expiry === -1) return "";
    } else if (call.is(i, "FNX") || call.is(i, "FXX")) {
      if (options.condition !== ALWAYS) return "ERR Only one of FXX or FNX arguments can be specified";
      options.condition = call.is(i, "FNX") ? IF_NONE : IF_ALL;
    } else return `ERR unknown argument: ${call.text(i)}`;
  }
  return "ERR missing FIELDS argument";
}

/** Reads what stands behind FIELDS, which must be the end of the request. */
function readPairs(call: Call, at: number): string | undefined {
  if (at >= call.argc - 3) return wrongArity("hsetex");
  const count = call.integer64(at + 1);
  if (count === undefined || count < 1n || count > FIELDS_MAX) return "ERR invalid number of fields";
  options.first = at + 2;
  return Number(count) * 2 === call.argc - options.first ? undefined : wrongArity("hsetex");
}

function conditionHolds(call: Call): boolean {
  const { condition, first } = options;
  if (condition === ALWAYS) return true;
  const { entry } = target;
  for (let i = first; i < call.argc; i += 2) {
    const exists = entry !== NIL && findField(call.dataset, entry, call.input, call.start(i), call.length(i)) !== NIL;
    if (exists !== (condition === IF_ALL)) return false;
  }
  return true;
}

/** The fields would be set and expire at once: what was there goes, and nothing comes. */
function removeAll(call: Call): void {
  const { first } = options;
  const pairs = (call.argc - first) >>> 1;
  if (touched.length < pairs) touched = new Int32Array(pairs * 2);
  let removed = 0;
  for (let i = first; i < call.argc && target.entry !== NIL; i += 2) {
    if (removeField(target, call.input, call.start(i), call.length(i))) touched[removed++] = i;
  }
  let gone = target.entry === NIL;
  if (removed > 0) {
    call.changed(1);
    logFields(call, "HDEL", -1, touched, removed);
    gone = endRemoval(target);
  }
  call.notify(EVENT_HASH, "hset", 1);
  call.notify(EVENT_HASH, "hdel", 1);
  if (gone) call.notify(EVENT_GENERIC, "del", 1);
  call.reply.integer(1);
}

function logSet(call: Call): void {
  const { first, expiry } = options;
  const { input } = call;
  const count = call.argc - first;
  const effect = call.effect(4 + (expiry === NEVER ? 0 : expiry === KEEP ? 1 : 2) + count);
  effect.text("HSETEX");
  effect.argument(input, call.start(1), call.length(1));
  if (expiry === KEEP) effect.text("KEEPTTL");
  else if (expiry !== NEVER) {
    effect.text("PXAT");
    effect.integer(expiry);
  }
  effect.text("FIELDS");
  effect.integer(count >>> 1);
  for (let i = first; i < call.argc; i++) effect.argument(input, call.start(i), call.length(i));
}
