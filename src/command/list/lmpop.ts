import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, type KeySpec, oneOf, token } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { OUT_OF_MEMORY, SYNTAX_ERROR } from "../messages.ts";
import { LEFT, NO_END, readEnd } from "./lmove.ts";
import { popMany } from "./values.ts";

/** What the arguments say from numkeys on; set anew by each call. */
export const wanted = {
  /** Key arguments. */
  first: 0,
  last: 0,
  atFront: true,
  count: 1,
};

export function mpopKeys(index: number): KeySpec {
  return {
    flags: ["RW", "access", "delete"],
    begin: { index },
    find: { keyCountIndex: 0, firstKey: 1, step: 1 },
  };
}

export const mpopArguments = [
  argument("numkeys", "integer"),
  argument("key", "key", { keySpec: 0, multiple: true }),
  oneOf("where", [token("LEFT"), token("RIGHT")]),
  argument("count", "integer", { token: "COUNT", optional: true }),
];

/** LMPOP numkeys key [key …] LEFT | RIGHT [COUNT count] */
export const lmpop: CommandDefinition = {
  name: "LMPOP",
  group: "list",
  since: "7.0.0",
  summary:
    "Returns multiple elements from a list after removing them. Deletes the list if the last element was popped.",
  complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
  arity: -4,
  flags: ["write"],
  keys: [mpopKeys(1)],
  args: mpopArguments,
  run(call) {
    if (!readMpop(call, 1)) return;
    if (!popFirst(call, wanted.first, wanted.last)) call.reply.nilArray();
  },
};

/** Reads the arguments from numkeys at `i` on; false: the error has been replied. */
export function readMpop(call: Call, i: number): boolean {
  const { reply } = call;
  const keys = call.integer64(i);
  if (keys === undefined || keys < 1n) {
    reply.error("ERR numkeys should be greater than 0");
    return false;
  }
  const where = i + 1 + Number(keys);
  const end = where < call.argc ? readEnd(call, where) : NO_END;
  const options = call.argc - where - 1;
  if (end === NO_END || (options !== 0 && (options === 1 || !call.is(where + 1, "COUNT")))) {
    reply.error(SYNTAX_ERROR);
    return false;
  }
  wanted.first = i + 1;
  wanted.last = where - 1;
  wanted.atFront = end === LEFT;
  wanted.count = 1;
  if (options === 0) return true;
  const count = call.integer64(where + 2);
  if (count === undefined || count < 1n) {
    reply.error("ERR count should be greater than 0");
    return false;
  }
  if (options > 2) {
    reply.error(SYNTAX_ERROR);
    return false;
  }
  wanted.count = Number(count);
  return true;
}

/** Pops from the first of the key arguments that holds a list, logged as LPOP or RPOP. False: there is none, and nothing has been replied. */
export function popFirst(call: Call, first: number, last: number): boolean {
  for (let i = first; i <= last; i++) {
    const entry = call.write(i);
    if (entry === NIL) continue;
    if (!refuseOtherType(call, entry, TYPE_LIST)) popWithKey(call, i, entry);
    return true;
  }
  return false;
}

function popWithKey(call: Call, i: number, entry: number): void {
  const { reply, dataset } = call;
  const { atFront } = wanted;
  const length = dataset.lists.length(entry);
  const count = Math.min(wanted.count, length);
  if (count < length && !dataset.lists.prepareRemoval(entry, atFront ? 0 : length - count, count)) {
    reply.error(OUT_OF_MEMORY);
    return;
  }
  reply.array(2);
  reply.bulk(call.input, call.start(i), call.length(i));
  popMany(call, i, entry, atFront, count);
  const effect = call.effect(3);
  effect.text(atFront ? "LPOP" : "RPOP");
  effect.argument(call.input, call.start(i), call.length(i));
  effect.integer(count);
}
