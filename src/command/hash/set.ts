/** HSET, HMSET, HSETNX: setting fields. A field that is set loses its expiry. */
import { findField } from "../../dataset/hash/field.ts";
import { NEVER, NO_MEMORY, setField, setFields } from "../../dataset/hash/set_fields.ts";
import { EVENT_HASH } from "../../dataset/key_events.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, block, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY, wrongArity } from "../messages.ts";
import { openForWrite, target } from "./access.ts";

const data = block("data", [argument("field", "string"), argument("value", "string")], { multiple: true });
const args = [argument("key", "key", { keySpec: 0 }), data];

/** HSET key field value [field value ...] */
export const hset: CommandDefinition = {
  name: "HSET",
  group: "hash",
  since: "2.0.0",
  summary: "Creates or modifies the value of a field in a hash.",
  complexity:
    "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.",
  arity: -4,
  flags: ["write", "denyoom", "fast"],
  history: [["4.0.0", "Accepts multiple `field` and `value` arguments."]],
  keys: [keysAt(["RW", "update"])],
  args,
  run(call) {
    if ((call.argc & 1) !== 0) return call.reply.error(wrongArity("hset"));
    const added = setPairs(call);
    if (added >= 0) call.reply.integer(added);
  },
};

/** HMSET key field value [field value ...] */
export const hmset: CommandDefinition = {
  name: "HMSET",
  group: "hash",
  since: "2.0.0",
  summary: "Sets the values of multiple fields.",
  complexity: "O(N) where N is the number of fields being set.",
  arity: -4,
  flags: ["write", "denyoom", "fast"],
  deprecated: { since: "4.0.0", replacedBy: "`HSET` with multiple field-value pairs" },
  keys: [keysAt(["RW", "update"])],
  args,
  run(call) {
    if ((call.argc & 1) !== 0) return call.reply.error(wrongArity("hmset"));
    if (setPairs(call) >= 0) call.reply.ok();
  },
};

/** HSETNX key field value */
export const hsetnx: CommandDefinition = {
  name: "HSETNX",
  group: "hash",
  since: "2.0.0",
  summary: "Sets the value of a field in a hash only when the field doesn't exist.",
  complexity: "O(1)",
  arity: 4,
  flags: ["write", "denyoom", "fast"],
  keys: [keysAt(["RW", "insert"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("field", "string"), argument("value", "string")],
  run(call) {
    if (!openForWrite(call, 2, 1, 1)) return;
    const { input } = call;
    const { entry } = target;
    if (entry !== NIL && findField(call.dataset, entry, input, call.start(2), call.length(2)) !== NIL) {
      return call.reply.integer(0);
    }
    if (setPairsOfTarget(call) >= 0) call.reply.integer(1);
  },
};

/** Sets the pairs from argument 2 on; how many are new, negative after an error. */
function setPairs(call: Call): number {
  if (!openForWrite(call, 2, (call.argc - 2) >>> 1, 2)) return NO_MEMORY;
  return setPairsOfTarget(call);
}

function setPairsOfTarget(call: Call): number {
  const { input } = call;
  const added =
    call.argc === 4
      ? setField(target, input, call.start(2), call.length(2), input, call.start(3), call.length(3), NEVER)
      : setFields(target, input, call.args, call.first + 2, (call.argc - 2) >>> 1, NEVER);
  if (added === NO_MEMORY) {
    call.reply.error(OUT_OF_MEMORY);
    return added;
  }
  call.changed(1);
  call.notify(EVENT_HASH, "hset", 1);
  return added;
}
