/** HGET, HMGET, HSTRLEN, HEXISTS, HLEN: reading single fields, and counting them. */
import { findField, valueLengthOf } from "../../dataset/hash/field.ts";
import { hashOperations } from "../../dataset/hash/operations.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { REFUSED, readHash, replyField } from "./access.ts";

const key = argument("key", "key", { keySpec: 0 });
const field = argument("field", "string");

/** HGET key field */
export const hget: CommandDefinition = {
  name: "HGET",
  group: "hash",
  since: "2.0.0",
  summary: "Returns the value of a field in a hash.",
  complexity: "O(1)",
  arity: 3,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO", "access"])],
  args: [key, field],
  run(call) {
    const entry = readHash(call);
    if (entry !== REFUSED) replyField(call, entry, 2);
  },
};

/** HMGET key field [field ...] */
export const hmget: CommandDefinition = {
  name: "HMGET",
  group: "hash",
  since: "2.0.0",
  summary: "Returns the values of all fields in a hash.",
  complexity: "O(N) where N is the number of fields being requested.",
  arity: -3,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO", "access"])],
  args: [key, argument("field", "string", { multiple: true })],
  run(call) {
    const entry = readHash(call);
    if (entry === REFUSED) return;
    call.reply.array(call.argc - 2);
    for (let i = 2; i < call.argc; i++) replyField(call, entry, i);
  },
};

/** HSTRLEN key field */
export const hstrlen: CommandDefinition = {
  name: "HSTRLEN",
  group: "hash",
  since: "3.2.0",
  summary: "Returns the length of the value of a field.",
  complexity: "O(1)",
  arity: 3,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO"])],
  args: [key, field],
  run(call) {
    const entry = readHash(call);
    if (entry === REFUSED) return;
    const found = fieldOf(call, entry);
    call.reply.integer(found === NIL ? 0 : valueLengthOf(call.dataset, entry, found));
  },
};

/** HEXISTS key field */
export const hexists: CommandDefinition = {
  name: "HEXISTS",
  group: "hash",
  since: "2.0.0",
  summary: "Determines whether a field exists in a hash.",
  complexity: "O(1)",
  arity: 3,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO"])],
  args: [key, field],
  run(call) {
    const entry = readHash(call);
    if (entry !== REFUSED) call.reply.integer(fieldOf(call, entry) === NIL ? 0 : 1);
  },
};

/** HLEN key: as in Redis, fields of a big hash that have expired unnoticed count. */
export const hlen: CommandDefinition = {
  name: "HLEN",
  group: "hash",
  since: "2.0.0",
  summary: "Returns the number of fields in a hash.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO"])],
  args: [key],
  run(call) {
    const entry = readHash(call);
    if (entry !== REFUSED) call.reply.integer(entry === NIL ? 0 : hashOperations.count(call.dataset, entry));
  },
};

/** The field that argument 2 names. */
function fieldOf(call: Call, entry: number): number {
  return entry === NIL ? NIL : findField(call.dataset, entry, call.input, call.start(2), call.length(2));
}
