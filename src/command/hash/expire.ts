/**
 * HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT: when fields expire. As Redis 7.4 documents them.
 *
 * Logged is what happened: HPEXPIREAT with the fields whose expiry was set, or HDEL with those that a time which has passed deleted.
 */

import { expiryOfField, findStored } from "../../dataset/hash/field.ts";
import { beginExpiries, currentExpiry, endExpiries, giveExpiry, NO_FIELD } from "../../dataset/hash/field_expiry.ts";
import { endRemoval, removeField } from "../../dataset/hash/remove_fields.ts";
import { NEVER } from "../../dataset/hash/set_fields.ts";
import { EVENT_HASH } from "../../dataset/key_events.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { type Argument, argument, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { MILLISECONDS, MILLISECONDS_ABSOLUTE, SECONDS, SECONDS_ABSOLUTE } from "../expiry.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { notifyRemoved, openForWrite, target } from "./access.ts";
import { logFields } from "./effects.ts";
import { fieldsArgument, isOver, readFieldExpiry, readFields } from "./fields.ts";

const ALWAYS = 0;
const NX = 1;
const XX = 2;
const GT = 3;
const LT = 4;

/** What is replied for a field. */
const CONDITION_NOT_MET = 0;
const SET = 1;
const DELETED = 2;

const condition = oneOf("condition", [token("NX"), token("XX"), token("GT"), token("LT")], { optional: true });

function expireCommand(name: string, unit: number, summary: string, time: Argument): CommandDefinition {
  return {
    name,
    group: "hash",
    since: "7.4.0",
    summary,
    complexity: "O(N) where N is the number of specified fields",
    arity: -6,
    flags: ["write", "denyoom", "fast"],
    keys: [keysAt(["RW", "update"])],
    args: [argument("key", "key", { keySpec: 0 }), time, condition, fieldsArgument],
    run: (call) => expireFields(call, unit, name.toLowerCase()),
  };
}

/** HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export const hexpire = expireCommand(
  "HEXPIRE",
  SECONDS,
  "Set expiry for hash field using relative time to expire (seconds)",
  argument("seconds", "integer"),
);

/** HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export const hpexpire = expireCommand(
  "HPEXPIRE",
  MILLISECONDS,
  "Set expiry for hash field using relative time to expire (milliseconds)",
  argument("milliseconds", "integer"),
);

/** HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export const hexpireat = expireCommand(
  "HEXPIREAT",
  SECONDS_ABSOLUTE,
  "Set expiry for hash field using an absolute Unix timestamp (seconds)",
  argument("unix-time-seconds", "unix-time"),
);

/** HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export const hpexpireat = expireCommand(
  "HPEXPIREAT",
  MILLISECONDS_ABSOLUTE,
  "Set expiry for hash field using an absolute Unix timestamp (milliseconds)",
  argument("unix-time-milliseconds", "unix-time"),
);

/** Replies for the fields of the running request, and the arguments of those that changed. */
let codes = new Int8Array(16);
let touched = new Int32Array(16);
let touchedCount = 0;

function expireFields(call: Call, unit: number, command: string): void {
  const { reply } = call;
  // Which fields are named is known only behind the options; the key's type is looked at before these.
  if (!openForWrite(call, 0, 0, 1)) return;
  const at = readFieldExpiry(call, 2, unit, command);
  if (at === -1) return;
  const when = conditionOf(call);
  const first = readFields(call, when === ALWAYS ? 3 : 4, "ERR Parameter `numFields` should be greater than 0");
  if (first === -1) return;
  const count = call.argc - first;
  if (codes.length < count) {
    codes = new Int8Array(count * 2);
    touched = new Int32Array(count * 2);
  }
  touchedCount = 0;
  if (target.entry !== NIL && !openForWrite(call, first, count, 1)) return;
  if (target.entry === NIL) codes.fill(NO_FIELD, 0, count);
  else if (isOver(call, at)) deleteFields(call, first, at, when);
  else if (!setExpiries(call, first, at, when)) return reply.error(OUT_OF_MEMORY);
  reply.array(count);
  for (let i = 0; i < count; i++) reply.integer(codes[i]!);
}

/** The condition that argument 3 names. */
function conditionOf(call: Call): number {
  if (call.is(3, "NX")) return NX;
  if (call.is(3, "XX")) return XX;
  if (call.is(3, "GT")) return GT;
  return call.is(3, "LT") ? LT : ALWAYS;
}

/** Sets all the expiries and fills `codes`; false: no memory, nothing changed. */
function setExpiries(call: Call, first: number, at: number, when: number): boolean {
  const { argc, input } = call;
  if (!beginExpiries(target, argc - first)) return false;
  for (let i = first; i < argc; i++) {
    const start = call.start(i);
    const length = call.length(i);
    const current = currentExpiry(target, input, start, length);
    codes[i - first] = current === NO_FIELD ? NO_FIELD : holds(current, at, when) ? SET : CONDITION_NOT_MET;
    if (codes[i - first] !== SET) continue;
    touched[touchedCount++] = i;
    // 0 would mean never: only a log from elsewhere can ask for that.
    if (!giveExpiry(target, input, start, length, at === 0 ? 1 : at)) return false;
  }
  if (touchedCount === 0) return true;
  if (!endExpiries(target)) return false;
  call.changed(1);
  logFields(call, "HPEXPIREAT", at, touched, touchedCount);
  call.notify(EVENT_HASH, "hexpire", 1);
  return true;
}

/** Deletes the fields, since the time given has passed, and fills `codes`. */
function deleteFields(call: Call, first: number, at: number, when: number): void {
  const { argc, dataset, input } = call;
  for (let i = first; i < argc; i++) {
    const { entry } = target;
    const field = findStored(dataset, entry, input, call.start(i), call.length(i));
    const holding = field !== NIL && holds(expiryOfField(dataset, entry, field), at, when);
    codes[i - first] = field === NIL ? NO_FIELD : holding ? DELETED : CONDITION_NOT_MET;
    if (!holding) continue;
    touched[touchedCount++] = i;
    removeField(target, input, call.start(i), call.length(i));
  }
  if (touchedCount === 0) return;
  call.changed(1);
  logFields(call, "HDEL", -1, touched, touchedCount);
  notifyRemoved(call, endRemoval(target));
}

/** A field that never expires counts as one that expires after all others. */
function holds(current: number, at: number, when: number): boolean {
  if (current === NEVER) return when !== XX && when !== GT;
  if (when === NX) return false;
  return when === GT ? at > current : when === LT ? at < current : true;
}
