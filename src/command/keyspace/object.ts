/** OBJECT: what is known about a value besides its bytes. Looking does not count as an access. */

import { latin1 } from "../../base/bytes.ts";
import { decayedFrequency, idleSeconds } from "../../dataset/access.ts";
import { stringBytes } from "../../dataset/strings.ts";
import { ENCODING_INT, encodingName as nameOfEncoding, TYPE_STRING } from "../../dataset/types.ts";
import { entryAccess, entryEncoding, entryType, valueLength } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { replyHelp } from "../help.ts";
import { peekUnnoticed } from "./lookup.ts";

/** What Redis shows for the integers 0 … 9999, which all keys share. */
const REFERENCES_SHARED = 2147483647;
const SHARED_INTEGERS = 10000;

const HELP = [
  "ENCODING <key>",
  "    Return the kind of internal representation used in order to store the value",
  "    associated with a <key>.",
  "FREQ <key>",
  "    Return the access frequency index of the <key>. The returned integer is",
  "    proportional to the logarithm of the recent access frequency of the key.",
  "IDLETIME <key>",
  "    Return the idle time of the <key>, that is the approximated number of",
  "    seconds elapsed since the last access to the key.",
  "REFCOUNT <key>",
  "    Return the number of references of the value associated with the specified",
  "    <key>.",
];

/** A subcommand that answers something about one key, null for a missing one. */
function aboutKey(
  name: string,
  since: string,
  summary: string,
  answer: (call: Call, entry: number) => void,
): CommandDefinition {
  return {
    name,
    group: "generic",
    since,
    summary,
    complexity: "O(1)",
    arity: 3,
    flags: ["readonly"],
    categories: ["keyspace"],
    tips: ["nondeterministic_output"],
    keys: [keysAt(["RO"], 2)],
    args: [argument("key", "key", { keySpec: 0 })],
    run(call) {
      const entry = peekUnnoticed(call, 2);
      if (entry === 0) call.reply.nil();
      else answer(call, entry);
    },
  };
}

const encoding = aboutKey("ENCODING", "2.2.3", "Returns the internal encoding of an object.", (call, entry) => {
  call.reply.text(encodingName(call, entry));
});

const frequency = aboutKey(
  "FREQ",
  "4.0.0",
  "Returns the logarithmic access frequency counter of an object.",
  (call, entry) => {
    const { arena, byFrequency, frequencyDecayMinutes, nowMs } = call.dataset;
    if (byFrequency) call.reply.integer(decayedFrequency(entryAccess(arena, entry), nowMs, frequencyDecayMinutes));
    else {
      call.reply.error(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
      );
    }
  },
);

const idletime = aboutKey(
  "IDLETIME",
  "2.2.3",
  "Returns the time since the last access to an object.",
  (call, entry) => {
    const { arena, accessClock, byFrequency } = call.dataset;
    if (!byFrequency) call.reply.integer(idleSeconds(entryAccess(arena, entry), accessClock));
    else {
      call.reply.error(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
      );
    }
  },
);

const refcount = aboutKey("REFCOUNT", "2.2.3", "Returns the reference count of a value of a key.", (call, entry) =>
  call.reply.integer(referenceCount(call, entry)),
);

const help: CommandDefinition = {
  name: "HELP",
  group: "generic",
  since: "6.2.0",
  summary: "Returns helpful text about the different subcommands.",
  complexity: "O(1)",
  arity: 2,
  flags: ["loading", "stale"],
  categories: ["keyspace"],
  run: (call) => replyHelp(call, "OBJECT", HELP),
};

export const object: CommandDefinition = {
  name: "OBJECT",
  group: "generic",
  since: "2.2.3",
  summary: "A container for object introspection commands.",
  complexity: "Depends on subcommand.",
  arity: -2,
  flags: [],
  subcommands: [encoding, frequency, help, idletime, refcount],
};

/** The encoding as OBJECT ENCODING names it. */
export function encodingName(call: Call, entry: number): string {
  const { arena } = call.dataset;
  return nameOfEncoding(entryType(arena, entry), entryEncoding(arena, entry));
}

/** How many keys Redis would have refer to the value. */
export function referenceCount(call: Call, entry: number): number {
  const { arena, sharesIntegers } = call.dataset;
  if (!sharesIntegers || entryType(arena, entry) !== TYPE_STRING) return 1;
  if (entryEncoding(arena, entry) !== ENCODING_INT) return 1;
  if (valueLength(arena, entry) > 4) return 1;
  const value = Number(latin1(stringBytes(arena, entry)));
  return value >= 0 && value < SHARED_INTEGERS ? REFERENCES_SHARED : 1;
}
