import { equalBytes } from "../../base/bytes.ts";
import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { entryType } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType, replyElementIn } from "../elements.ts";
import { wrongArity } from "../messages.ts";
import { popMany, popOne } from "./values.ts";

/** LPOP, RPOP key [count] */
function popCommand(name: string, summary: string, atFront: boolean): CommandDefinition {
  return {
    name,
    group: "list",
    since: "1.0.0",
    summary,
    complexity: "O(N) where N is the number of elements returned",
    arity: -2,
    flags: ["write", "fast"],
    history: [["6.2.0", "Added the `count` argument."]],
    keys: [keysAt(["RW", "access", "delete"])],
    args: [argument("key", "key", { keySpec: 0 }), argument("count", "integer", { optional: true, since: "6.2.0" })],
    run: (call) => pop(call, atFront, name),
    runAlike: (call, count) => popAlike(call, count, atFront),
  };
}

export const lpop = popCommand(
  "LPOP",
  "Returns the first elements in a list after removing it. Deletes the list if the last element was popped.",
  true,
);

export const rpop = popCommand(
  "RPOP",
  "Returns and removes the last elements of a list. Deletes the list if the last element was popped.",
  false,
);

function pop(call: Call, atFront: boolean, name: string): void {
  const { reply } = call;
  if (call.argc === 2) {
    const entry = call.write(1);
    if (entry === NIL) return reply.nil();
    if (!refuseOtherType(call, entry, TYPE_LIST)) popOne(call, 1, entry, atFront);
    return;
  }
  if (call.argc > 3) return reply.error(wrongArity(name));
  const count = call.integer64(2);
  if (count === undefined || count < 0n) return reply.error("ERR value is out of range, must be positive");
  const entry = call.write(1);
  if (entry === NIL) return reply.nilArray();
  if (refuseOtherType(call, entry, TYPE_LIST)) return;
  if (count === 0n) return reply.array(0);
  popMany(call, 1, entry, atFront, Number(count));
}

/** Requests of one element each from one list: what a consumer's pipeline is. */
function popAlike(call: Call, count: number, atFront: boolean): number {
  if (call.argc !== 2) return 0;
  const { dataset, reply, input } = call;
  const { lists } = dataset;
  const start = call.start(1);
  const length = call.length(1);
  let wanted = 1;
  while (
    wanted < count &&
    call.length(wanted * 2 + 1) === length &&
    equalBytes(input, start, input, call.start(wanted * 2 + 1), length)
  )
    wanted++;
  if (wanted === 1) return 0;
  const entry = call.write(1);
  if (entry === NIL || entryType(dataset.arena, entry) !== TYPE_LIST) return 0;
  const popped = lists.openRun(entry, atFront, wanted);
  if (popped < 2) return 0;
  const { view } = lists;
  let { at } = lists;
  for (let left = popped; ; ) {
    replyElementIn(reply, lists.bytes, view, at);
    if (--left === 0) break;
    at = lists.beside(at, atFront);
  }
  lists.popRun(atFront, at, popped);
  call.changedTimes(popped);
  return popped;
}
