/**
 * RESTORE: a key made of what DUMP gave.
 *
 * What is logged is the request with its time to live as an absolute one, so that replay neither asks a clock nor depends on anything but the
 * payload; a payload whose time has passed already leaves nothing but, with REPLACE, the DEL of what was there.
 */
import { counterBits, idleBits } from "../../dataset/access.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { releaseEntry, writeExpiry } from "../../dataset/entries.ts";
import { EVENT_GENERIC, EVENT_NEW } from "../../dataset/key_events.ts";
import { PayloadReader } from "../../rdb/payload.ts";
import { RdbError } from "../../rdb/rdb_error.ts";
import { setEntryAccess } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt, token } from "../definition.ts";
import { NOT_AN_INTEGER, OUT_OF_MEMORY, SYNTAX_ERROR } from "../messages.ts";

const BUSY = "BUSYKEY Target key name already exists.";
const BAD_FOOTER = "ERR DUMP payload version or checksum are wrong";
const BAD_FORMAT = "ERR Bad data format";
const MAX_64 = 9223372036854775807n;
const FREQUENCY_MAX = 255n;

const readers = new WeakMap<Dataset, PayloadReader>();

/** Not given. */
const NONE = -1n;
const options = { replace: false, absolute: false, idle: NONE, frequency: NONE };

/** RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency] */
export const restore: CommandDefinition = {
  name: "RESTORE",
  group: "generic",
  since: "2.6.0",
  summary: "Creates a key from the serialized representation of a value.",
  complexity:
    "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
  arity: -4,
  flags: ["write", "denyoom"],
  categories: ["keyspace", "dangerous"],
  history: [
    ["3.0.0", "Added the `REPLACE` modifier."],
    ["5.0.0", "Added the `ABSTTL` modifier."],
    ["5.0.0", "Added the `IDLETIME` and `FREQ` options."],
  ],
  keys: [keysAt(["OW", "update"])],
  args: [
    argument("key", "key", { keySpec: 0 }),
    argument("ttl", "integer"),
    argument("serialized-value", "string"),
    token("REPLACE", { optional: true, since: "3.0.0" }),
    token("ABSTTL", { optional: true, since: "5.0.0" }),
    argument("seconds", "integer", { token: "IDLETIME", optional: true, since: "5.0.0" }),
    argument("frequency", "integer", { token: "FREQ", optional: true, since: "5.0.0" }),
  ],
  run(call) {
    const { db, dataset, input, reply } = call;
    if (!readOptions(call)) return;
    const old = call.write(1);
    if (old !== 0 && !options.replace) return reply.error(BUSY);
    const ttl = call.integer64(2);
    if (ttl === undefined) return reply.error(NOT_AN_INTEGER);
    if (ttl < 0n) return reply.error("ERR Invalid TTL value, must be >= 0");
    const reader = readerOf(dataset);
    const start = call.start(3);
    const length = call.length(3);
    if (!reader.verify(input, start, length)) return reply.error(BAD_FOOTER);
    const expiry = expiryOf(ttl, call.nowMs);
    const entry = build(call, reader, expiry !== undefined);
    if (entry === undefined) return;
    if (entry === 0) return reply.error(OUT_OF_MEMORY);
    const { arena } = dataset;
    const hash = call.hash(1);
    if (expiry !== undefined && expiry <= call.nowMs && !dataset.clockHeld) {
      releaseEntry(dataset, entry);
      if (old !== 0) removeInstead(call, old);
      return reply.ok();
    }
    if (expiry !== undefined) writeExpiry(arena, entry, expiry);
    if (!(old === 0 ? db.insert(entry, hash) : db.replace(old, entry, hash))) {
      releaseEntry(dataset, entry);
      return reply.error(OUT_OF_MEMORY);
    }
    if (old !== 0) db.emit(EVENT_NEW, "new", entry);
    setAccess(call, entry);
    call.changed(1);
    if (expiry !== undefined && !options.absolute) writeEffect(call, expiry);
    call.notify(EVENT_GENERIC, "restore", 1);
    reply.ok();
  },
};

function readerOf(dataset: Dataset): PayloadReader {
  let reader = readers.get(dataset);
  if (reader === undefined) {
    reader = new PayloadReader(dataset);
    readers.set(dataset, reader);
  }
  return reader;
}

/** Reads the options into `options`; false: the error has been replied. */
function readOptions(call: Call): boolean {
  options.replace = false;
  options.absolute = false;
  options.idle = NONE;
  options.frequency = NONE;
  for (let i = 4; i < call.argc; i++) {
    const more = i + 1 < call.argc;
    if (call.is(i, "REPLACE")) options.replace = true;
    else if (call.is(i, "ABSTTL")) options.absolute = true;
    else if (more && call.is(i, "IDLETIME") && options.frequency === NONE) {
      const idle = call.integer64(++i);
      if (idle === undefined) return refuse(call, NOT_AN_INTEGER);
      if (idle < 0n) return refuse(call, "ERR Invalid IDLETIME value, must be >= 0");
      options.idle = idle;
    } else if (more && call.is(i, "FREQ") && options.idle === NONE) {
      const frequency = call.integer64(++i);
      if (frequency === undefined) return refuse(call, NOT_AN_INTEGER);
      if (frequency < 0n || frequency > FREQUENCY_MAX) {
        return refuse(call, "ERR Invalid FREQ value, must be >= 0 and <= 255");
      }
      options.frequency = frequency;
    } else return refuse(call, SYNTAX_ERROR);
  }
  return true;
}

function refuse(call: Call, error: string): false {
  call.reply.error(error);
  return false;
}

/** When the key expires, ms since 1970; undefined for never. */
function expiryOf(ttl: bigint, nowMs: number): number | bigint | undefined {
  if (ttl === 0n) return undefined;
  const ms = options.absolute ? ttl : ttl + BigInt(nowMs);
  if (ms <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(ms);
  return ms > MAX_64 ? MAX_64 : ms;
}

/** The entry of the payload, in no table; undefined: the error has been replied. */
function build(call: Call, reader: PayloadReader, expires: boolean): number | undefined {
  const { input } = call;
  try {
    return reader.read(input, call.start(3), call.length(3), input, call.start(1), call.length(1), expires);
  } catch (thrown) {
    if (!(thrown instanceof RdbError)) throw thrown;
    call.reply.error(thrown.problem === "unsupported" ? `${BAD_FORMAT}: ${thrown.message}` : BAD_FORMAT);
    return undefined;
  }
}

/** The payload has expired already: all that is left to do is to remove what it was to replace. */
function removeInstead(call: Call, old: number): void {
  call.changed(1);
  const effect = call.effect(2);
  effect.text("DEL");
  effect.argument(call.input, call.start(1), call.length(1));
  call.db.remove(old, call.hash(1));
  call.notify(EVENT_GENERIC, "del", 1);
}

/** IDLETIME and FREQ count under the policies that they are made for. */
function setAccess(call: Call, entry: number): void {
  const { dataset, nowMs } = call;
  if (dataset.byFrequency) {
    const counter = options.frequency === NONE ? undefined : Number(options.frequency);
    setEntryAccess(dataset.arena, entry, counter === undefined ? dataset.accessClock : counterBits(counter, nowMs));
  } else if (options.idle !== NONE) setEntryAccess(dataset.arena, entry, idleBits(Number(options.idle), nowMs));
}

/** The request with an absolute time. */
function writeEffect(call: Call, expiry: number | bigint): void {
  const { input } = call;
  const effect = call.effect(call.argc + 1);
  effect.text("RESTORE");
  effect.argument(input, call.start(1), call.length(1));
  effect.integer(expiry);
  for (let i = 3; i < call.argc; i++) effect.argument(input, call.start(i), call.length(i));
  effect.text("ABSTTL");
}
