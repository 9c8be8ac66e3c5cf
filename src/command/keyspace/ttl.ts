/** TTL, PTTL, EXPIRETIME, PEXPIRETIME, PERSIST: what is known of a key's expiry, and its end. */

import { readExpiry } from "../../dataset/entries.ts";
import { EVENT_GENERIC } from "../../dataset/key_events.ts";
import { hasExpiry } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { peek } from "./lookup.ts";

const key = argument("key", "key", { keySpec: 0 });

/** TTL key */
export const ttl: CommandDefinition = {
  name: "TTL",
  group: "generic",
  since: "1.0.0",
  summary: "Returns the expiration time in seconds of a key.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  categories: ["keyspace"],
  tips: ["nondeterministic_output"],
  history: [["2.8.0", "Added the -2 reply."]],
  keys: [keysAt(["RO", "access"])],
  args: [key],
  run: (call) => replyExpiry(call, false, true),
};

/** PTTL key */
export const pttl: CommandDefinition = {
  name: "PTTL",
  group: "generic",
  since: "2.6.0",
  summary: "Returns the expiration time in milliseconds of a key.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  categories: ["keyspace"],
  tips: ["nondeterministic_output"],
  history: [["2.8.0", "Added the -2 reply."]],
  keys: [keysAt(["RO", "access"])],
  args: [key],
  run: (call) => replyExpiry(call, false, false),
};

/** EXPIRETIME key */
export const expiretime: CommandDefinition = {
  name: "EXPIRETIME",
  group: "generic",
  since: "7.0.0",
  summary: "Returns the expiration time of a key as a Unix timestamp.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  categories: ["keyspace"],
  keys: [keysAt(["RO", "access"])],
  args: [key],
  run: (call) => replyExpiry(call, true, true),
};

/** PEXPIRETIME key */
export const pexpiretime: CommandDefinition = {
  name: "PEXPIRETIME",
  group: "generic",
  since: "7.0.0",
  summary: "Returns the expiration time of a key as a Unix milliseconds timestamp.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  categories: ["keyspace"],
  keys: [keysAt(["RO", "access"])],
  args: [key],
  run: (call) => replyExpiry(call, true, false),
};

/** PERSIST key */
export const persist: CommandDefinition = {
  name: "PERSIST",
  group: "generic",
  since: "2.2.0",
  summary: "Removes the expiration time of a key.",
  complexity: "O(1)",
  arity: 2,
  flags: ["write", "fast"],
  categories: ["keyspace"],
  keys: [keysAt(["RW", "update"])],
  args: [key],
  run(call) {
    const entry = call.write(1);
    if (entry === 0 || !hasExpiry(call.dataset.arena, entry)) return call.reply.integer(0);
    if (call.db.setExpiry(entry, call.hash(1), -1) === 0) return call.reply.error(OUT_OF_MEMORY);
    call.changed(1);
    call.notify(EVENT_GENERIC, "persist", 1);
    call.reply.integer(1);
  },
};

function replyExpiry(call: Call, absolute: boolean, seconds: boolean): void {
  const entry = peek(call, 1);
  const { arena } = call.dataset;
  if (entry === 0 || !hasExpiry(arena, entry)) {
    call.reply.integer(entry === 0 ? -2 : -1);
    return;
  }
  const at = readExpiry(arena, entry);
  if (typeof at === "bigint") {
    replyFarExpiry(call, absolute ? at : at - BigInt(call.nowMs), seconds);
    return;
  }
  const ms = absolute ? at : Math.max(0, at - call.nowMs);
  call.reply.integer(seconds ? Math.floor((ms + 500) / 1000) : ms);
}

/** Beyond 2^53. */
function replyFarExpiry(call: Call, ms: bigint, seconds: boolean): void {
  call.reply.bigint(seconds ? (ms + 500n) / 1000n : ms);
}
