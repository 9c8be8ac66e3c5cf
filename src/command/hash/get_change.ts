/** HGETEX and HGETDEL: fields are read, and their expiry changes, or they go. As Redis 8 documents them. */
import { beginExpiries, currentExpiry, endExpiries, giveExpiry, NO_FIELD } from "../../dataset/hash/field_expiry.ts";
import { endRemoval, removeField } from "../../dataset/hash/remove_fields.ts";
import { EVENT_HASH } from "../../dataset/key_events.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { notifyRemoved, openForWrite, replyField, target } from "./access.ts";
import { logFields } from "./effects.ts";
import { COUNT_NOT_POSITIVE, fieldsArgument, isOver, readFieldExpiry, readFields, unitOf } from "./fields.ts";
import { touched as persistedFields, persistFields } from "./ttl.ts";

const key = argument("key", "key", { keySpec: 0 });

/** Arguments of the fields that changed. */
let touched = new Int32Array(16);

/** HGETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] FIELDS numfields field [field ...] */
export const hgetex: CommandDefinition = {
  name: "HGETEX",
  group: "hash",
  since: "8.0.0",
  summary: "Get the value of one or more fields of a given hash key, and optionally set their expiration.",
  complexity: "O(N) where N is the number of specified fields",
  arity: -5,
  flags: ["write", "fast"],
  keys: [{ ...keysAt(["RW", "access", "update"]), notes: "RW and UPDATE because it changes the TTL" }],
  args: [
    key,
    oneOf(
      "expiration",
      [
        argument("seconds", "integer", { token: "EX" }),
        argument("milliseconds", "integer", { token: "PX" }),
        argument("unix-time-seconds", "unix-time", { token: "EXAT" }),
        argument("unix-time-milliseconds", "unix-time", { token: "PXAT" }),
        token("PERSIST"),
      ],
      { optional: true },
    ),
    fieldsArgument,
  ],
  run(call) {
    if (!openForWrite(call, 0, 0, 1)) return;
    const unit = unitOf(call, 2);
    const persist = unit === 0 && call.is(2, "PERSIST");
    let at = -1;
    if (unit !== 0) {
      at = readFieldExpiry(call, 3, unit, "hgetex");
      if (at === -1) return;
    }
    const first = readFields(call, unit !== 0 ? 4 : persist ? 3 : 2, COUNT_NOT_POSITIVE);
    if (first === -1) return;
    if (target.entry !== NIL && !openForWrite(call, first, call.argc - first, 1)) return;
    if (target.entry === NIL) replyFields(call, first);
    else if (persist) readAndPersist(call, first);
    else if (at === -1) replyFields(call, first);
    else if (isOver(call, at)) readAndRemove(call, first);
    else readAndExpire(call, first, at === 0 ? 1 : at);
  },
};

/** HGETDEL key FIELDS numfields field [field ...] */
export const hgetdel: CommandDefinition = {
  name: "HGETDEL",
  group: "hash",
  since: "8.0.0",
  summary: "Returns the value of a field and deletes it from the hash.",
  complexity: "O(N) where N is the number of specified fields",
  arity: -5,
  flags: ["write", "fast"],
  keys: [keysAt(["RW", "access", "delete"])],
  args: [key, fieldsArgument],
  run(call) {
    if (!openForWrite(call, 0, 0, 1)) return;
    const first = readFields(call, 2, COUNT_NOT_POSITIVE);
    if (first === -1) return;
    if (target.entry !== NIL && !openForWrite(call, first, call.argc - first, 1)) return;
    if (target.entry === NIL) replyFields(call, first);
    else readAndRemove(call, first);
  },
};

function replyFields(call: Call, first: number): void {
  call.reply.array(call.argc - first);
  for (let i = first; i < call.argc; i++) replyField(call, target.entry, i);
}

function readAndPersist(call: Call, first: number): void {
  const persisted = persistFields(call, first);
  if (persisted < 0) return call.reply.error(OUT_OF_MEMORY);
  if (persisted > 0) {
    call.changed(1);
    logFields(call, "HPERSIST", -1, persistedFields, persisted);
    call.notify(EVENT_HASH, "hpersist", 1);
  }
  replyFields(call, first);
}

function readAndExpire(call: Call, first: number, at: number): void {
  const { argc, input } = call;
  const count = prepare(call, first);
  let expired = 0;
  let done = beginExpiries(target, count);
  for (let i = first; i < argc && done; i++) {
    if (currentExpiry(target, input, call.start(i), call.length(i)) === NO_FIELD) continue;
    done = giveExpiry(target, input, call.start(i), call.length(i), at);
    touched[expired++] = i;
  }
  if (!done || (expired > 0 && !endExpiries(target))) return call.reply.error(OUT_OF_MEMORY);
  if (expired > 0) {
    call.changed(1);
    logFields(call, "HPEXPIREAT", at, touched, expired);
    call.notify(EVENT_HASH, "hexpire", 1);
  }
  replyFields(call, first);
}

/** A field that is named twice is there only once. */
function readAndRemove(call: Call, first: number): void {
  const { argc, input } = call;
  let removed = 0;
  call.reply.array(prepare(call, first));
  for (let i = first; i < argc; i++) {
    replyField(call, target.entry, i);
    if (removeField(target, input, call.start(i), call.length(i))) touched[removed++] = i;
  }
  if (removed === 0) return;
  call.changed(1);
  logFields(call, "HDEL", -1, touched, removed);
  notifyRemoved(call, endRemoval(target));
}

/** Makes `touched` long enough, and returns how many fields there are. */
function prepare(call: Call, first: number): number {
  const count = call.argc - first;
  if (touched.length < count) touched = new Int32Array(count * 2);
  return count;
}
