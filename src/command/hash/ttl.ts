/** HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME, HPERSIST: what is known of fields' expiries, and their end. As Redis 7.4 documents them. */

import { expiryOfField, findField } from "../../dataset/hash/field.ts";
import { beginExpiries, currentExpiry, endExpiries, giveExpiry, NO_FIELD } from "../../dataset/hash/field_expiry.ts";
import { NEVER } from "../../dataset/hash/set_fields.ts";
import { EVENT_HASH } from "../../dataset/key_events.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { openForWrite, REFUSED, readHash, target } from "./access.ts";
import { logFields } from "./effects.ts";
import { COUNT_NOT_POSITIVE, fieldsArgument, readFields } from "./fields.ts";

const key = argument("key", "key", { keySpec: 0 });

function timeCommand(
  name: string,
  summary: string,
  absolute: boolean,
  seconds: boolean,
  tips: readonly string[],
): CommandDefinition {
  return {
    name,
    group: "hash",
    since: "7.4.0",
    summary,
    complexity: "O(N) where N is the number of specified fields",
    arity: -5,
    flags: ["readonly", "fast"],
    ...(tips.length === 0 ? {} : { tips }),
    keys: [keysAt(["RO", "access"])],
    args: [key, fieldsArgument],
    run: (call) => replyTimes(call, absolute, seconds),
  };
}

/** HTTL key FIELDS numfields field [field ...] */
export const httl = timeCommand("HTTL", "Returns the TTL in seconds of a hash field.", false, true, [
  "nondeterministic_output",
]);

/** HPTTL key FIELDS numfields field [field ...] */
export const hpttl = timeCommand("HPTTL", "Returns the TTL in milliseconds of a hash field.", false, false, [
  "nondeterministic_output",
]);

/** HEXPIRETIME key FIELDS numfields field [field ...] */
export const hexpiretime = timeCommand(
  "HEXPIRETIME",
  "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
  true,
  true,
  [],
);

/** HPEXPIRETIME key FIELDS numfields field [field ...] */
export const hpexpiretime = timeCommand(
  "HPEXPIRETIME",
  "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
  true,
  false,
  [],
);

function replyTimes(call: Call, absolute: boolean, seconds: boolean): void {
  const { dataset, reply } = call;
  const entry = readHash(call);
  if (entry === REFUSED) return;
  const first = readFields(call, 2, COUNT_NOT_POSITIVE);
  if (first === -1) return;
  reply.array(call.argc - first);
  for (let i = first; i < call.argc; i++) {
    const field = entry === NIL ? NIL : findField(dataset, entry, call.input, call.start(i), call.length(i));
    let ms = field === NIL ? NO_FIELD : expiryOfField(dataset, entry, field);
    // In its very millisecond a field still lives, for 0 ms.
    if (ms >= 0 && !absolute) ms = Math.max(0, ms - call.nowMs);
    reply.integer(ms < 0 || !seconds ? ms : Math.ceil(ms / 1000));
  }
}

/** HPERSIST key FIELDS numfields field [field ...] */
export const hpersist: CommandDefinition = {
  name: "HPERSIST",
  group: "hash",
  since: "7.4.0",
  summary: "Removes the expiration time for each specified field",
  complexity: "O(N) where N is the number of specified fields",
  arity: -5,
  flags: ["write", "fast"],
  keys: [keysAt(["RW", "update"])],
  args: [key, fieldsArgument],
  run(call) {
    const { reply } = call;
    if (!openForWrite(call, 0, 0, 1)) return;
    const first = readFields(call, 2, COUNT_NOT_POSITIVE);
    if (first === -1) return;
    const count = call.argc - first;
    if (target.entry !== NIL && !openForWrite(call, first, count, 1)) return;
    const persisted = persistFields(call, first);
    if (persisted < 0) return reply.error(OUT_OF_MEMORY);
    reply.array(count);
    for (let i = 0; i < count; i++) reply.integer(codes[i]!);
    if (persisted > 0) {
      call.changed(1);
      logFields(call, "HPERSIST", -1, touched, persisted);
      call.notify(EVENT_HASH, "hpersist", 1);
    }
  },
};

/** For each field from argument `first` on what HPERSIST replies, and the arguments of those that expire no longer. */
export let codes = new Int8Array(16);
export let touched = new Int32Array(16);

/** Lets all fields from argument `first` on live for ever; how many did not before, -1: no memory, nothing changed. */
export function persistFields(call: Call, first: number): number {
  const { argc, input } = call;
  const count = argc - first;
  if (codes.length < count) {
    codes = new Int8Array(count * 2);
    touched = new Int32Array(count * 2);
  }
  if (target.entry === NIL) {
    codes.fill(NO_FIELD, 0, count);
    return 0;
  }
  if (!beginExpiries(target, 0)) return -1;
  let persisted = 0;
  for (let i = first; i < argc; i++) {
    const current = currentExpiry(target, input, call.start(i), call.length(i));
    codes[i - first] = current < 0 ? current : 1;
    if (current < 0) continue;
    giveExpiry(target, input, call.start(i), call.length(i), NEVER);
    touched[persisted++] = i;
  }
  // Nothing expired: a hash without expiries stays what it is.
  return persisted === 0 || endExpiries(target) ? persisted : -1;
}
