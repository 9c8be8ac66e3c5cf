import type { Call } from "../call.ts";
import { argument, block, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY, wrongArity } from "../messages.ts";
import { SetMany } from "./set_many.ts";

const setMany = new SetMany();

/** MSET key value [key value …] */
export const mset: CommandDefinition = {
  name: "MSET",
  group: "string",
  since: "1.0.1",
  summary: "Atomically creates or modifies the string values of one or more keys.",
  complexity: "O(N) where N is the number of keys to set.",
  arity: -3,
  flags: ["write", "denyoom"],
  tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
  keys: [keysAt(["OW", "update"], 1, -1, 2)],
  args: [block("data", [argument("key", "key", { keySpec: 0 }), argument("value", "string")], { multiple: true })],
  run(call) {
    if (call.argc % 2 === 0) return call.reply.error(wrongArity("mset"));
    if (store(call)) call.reply.ok();
  },
};

/** MSETNX key value [key value …] */
export const msetnx: CommandDefinition = {
  name: "MSETNX",
  group: "string",
  since: "1.0.1",
  summary: "Atomically modifies the string values of one or more keys only when all keys don't exist.",
  complexity: "O(N) where N is the number of keys to set.",
  arity: -3,
  flags: ["write", "denyoom"],
  keys: [keysAt(["OW", "insert"], 1, -1, 2)],
  args: [block("data", [argument("key", "key", { keySpec: 0 }), argument("value", "string")], { multiple: true })],
  run(call) {
    if (call.argc % 2 === 0) return call.reply.error(wrongArity("msetnx"));
    for (let i = 1; i < call.argc; i += 2) {
      if (call.write(i) !== 0) return call.reply.integer(0);
    }
    if (store(call)) call.reply.integer(1);
  },
};

function store(call: Call): boolean {
  if (setMany.store(call)) return true;
  call.reply.error(OUT_OF_MEMORY);
  return false;
}
