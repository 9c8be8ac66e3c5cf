/**
 * EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT.
 *
 * All of them come down to an absolute time in milliseconds. It is what the log gets, as PEXPIREAT, so that replay does not depend on when it
 * happens; a time that has passed already is logged as the DEL that it is.
 */

import { readExpiry } from "../../dataset/entries.ts";
import { EVENT_GENERIC } from "../../dataset/key_events.ts";
import { hasExpiry } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { type Argument, argument, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { MILLISECONDS, MILLISECONDS_ABSOLUTE, SECONDS, SECONDS_ABSOLUTE, toAbsoluteMs } from "../expiry.ts";
import { NOT_AN_INTEGER, OUT_OF_MEMORY } from "../messages.ts";

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;
const REFUSED = -1;

/** Amounts below this, in any unit, stay exact as doubles. */
const PLAIN_AMOUNT_MAX = 1e12;

const key = argument("key", "key", { keySpec: 0 });
const condition = oneOf("condition", [token("NX"), token("XX"), token("GT"), token("LT")], {
  since: "7.0.0",
  optional: true,
});

function expireCommand(name: string, unit: number, since: string, summary: string, time: Argument): CommandDefinition {
  return {
    name,
    group: "generic",
    since,
    summary,
    complexity: "O(1)",
    arity: -3,
    flags: ["write", "fast"],
    categories: ["keyspace"],
    history: [["7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`."]],
    keys: [keysAt(["RW", "update"])],
    args: [key, time, condition],
    run: (call) => expireKey(call, unit, name),
  };
}

/** EXPIRE key seconds [NX | XX | GT | LT] */
export const expire = expireCommand(
  "EXPIRE",
  SECONDS,
  "1.0.0",
  "Sets the expiration time of a key in seconds.",
  argument("seconds", "integer"),
);

/** PEXPIRE key milliseconds [NX | XX | GT | LT] */
export const pexpire = expireCommand(
  "PEXPIRE",
  MILLISECONDS,
  "2.6.0",
  "Sets the expiration time of a key in milliseconds.",
  argument("milliseconds", "integer"),
);

/** EXPIREAT key unix-time-seconds [NX | XX | GT | LT] */
export const expireat = expireCommand(
  "EXPIREAT",
  SECONDS_ABSOLUTE,
  "1.2.0",
  "Sets the expiration time of a key to a Unix timestamp.",
  argument("unix-time-seconds", "unix-time"),
);

/** PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] */
export const pexpireat = expireCommand(
  "PEXPIREAT",
  MILLISECONDS_ABSOLUTE,
  "2.6.0",
  "Sets the expiration time of a key to a Unix milliseconds timestamp.",
  argument("unix-time-milliseconds", "unix-time"),
);

function expireKey(call: Call, unit: number, name: string): void {
  const options = call.argc === 3 ? 0 : readOptions(call);
  if (options === REFUSED) return;
  const at = readTime(call, unit, name);
  if (at === undefined) return;
  const entry = call.write(1);
  if (entry === 0 || (options !== 0 && !allowed(call, entry, options, at))) {
    call.reply.integer(0);
    return;
  }
  const { db } = call;
  if (at <= call.nowMs && !call.dataset.clockHeld) {
    call.changed(1);
    db.remove(entry, call.hash(1));
    const effect = call.effect(2);
    effect.text("DEL");
    effect.argument(call.input, call.start(1), call.length(1));
    call.notify(EVENT_GENERIC, "del", 1);
  } else {
    // While the clock is held a time may have passed, even before 1970 in a foreign log; it must not read as "never".
    if (db.setExpiry(entry, call.hash(1), at < 0 ? 0 : at) === 0) {
      call.reply.error(OUT_OF_MEMORY);
      return;
    }
    call.changed(1);
    const effect = call.effect(3);
    effect.text("PEXPIREAT");
    effect.argument(call.input, call.start(1), call.length(1));
    effect.integer(at);
    call.notify(EVENT_GENERIC, "expire", 1);
  }
  call.reply.integer(1);
}

/** The options as bits, or REFUSED after an error. */
function readOptions(call: Call): number {
  let options = 0;
  for (let i = 3; i < call.argc; i++) {
    if (call.is(i, "NX")) options |= NX;
    else if (call.is(i, "XX")) options |= XX;
    else if (call.is(i, "GT")) options |= GT;
    else if (call.is(i, "LT")) options |= LT;
    else {
      call.reply.error(`ERR Unsupported option ${call.text(i)}`);
      return REFUSED;
    }
  }
  if ((options & NX) !== 0 && options !== NX) {
    call.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return REFUSED;
  }
  if ((options & GT) !== 0 && (options & LT) !== 0) {
    call.reply.error("ERR GT and LT options at the same time are not compatible");
    return REFUSED;
  }
  return options;
}

/** Argument 2 as absolute ms, negative ones included; a bigint beyond 2^53. Undefined: the error has been replied. */
function readTime(call: Call, unit: number, name: string): number | bigint | undefined {
  const plain = call.integer(2);
  if (plain < PLAIN_AMOUNT_MAX && plain > -PLAIN_AMOUNT_MAX) {
    const ms = unit === SECONDS || unit === SECONDS_ABSOLUTE ? plain * 1000 : plain;
    return unit === SECONDS || unit === MILLISECONDS ? ms + call.nowMs : ms;
  }
  const amount = call.integer64(2);
  if (amount === undefined) {
    call.reply.error(NOT_AN_INTEGER);
    return undefined;
  }
  const at = toAbsoluteMs(amount, unit, call.nowMs);
  if (at === undefined) call.reply.error(`ERR invalid expire time in '${name.toLowerCase()}' command`);
  return at;
}

/** Do the options let the time be set? Never expiring counts as later than any time. */
function allowed(call: Call, entry: number, options: number, at: number | bigint): boolean {
  const { arena } = call.dataset;
  if (!hasExpiry(arena, entry)) return (options & (XX | GT)) === 0;
  if ((options & NX) !== 0) return false;
  const current = readExpiry(arena, entry);
  if ((options & GT) !== 0 && at <= current) return false;
  return (options & LT) === 0 || at < current;
}
