/**
 * BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP: what their namesakes do, once there is something to pop (command/blocking.ts). Logged as the
 * namesakes, never as themselves.
 */
import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { firstWaiting, lastWaiting, readTimeout, waitForKeys } from "../blocking.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { OUT_OF_MEMORY, SYNTAX_ERROR } from "../messages.ts";
import { LEFT, moveArguments, moveElement, moveKeys, NO_END, readEnd } from "./lmove.ts";
import { mpopArguments, mpopKeys, popFirst, readMpop, wanted } from "./lmpop.ts";
import { popOne } from "./values.ts";

const timeout = argument("timeout", "double");
const TIMEOUT_HISTORY = [["6.0.0", "`timeout` is interpreted as a double instead of an integer."]] as const;

/** BLPOP, BRPOP key [key …] timeout */
function popCommand(name: string, summary: string, atFront: boolean): CommandDefinition {
  return {
    name,
    group: "list",
    since: "2.0.0",
    summary,
    complexity: "O(N) where N is the number of provided keys.",
    arity: -3,
    flags: ["write", "blocking"],
    history: TIMEOUT_HISTORY,
    keys: [keysAt(["RW", "access", "delete"], 1, -2)],
    args: [argument("key", "key", { keySpec: 0, multiple: true }), timeout],
    run: (call) => pop(call, atFront),
  };
}

export const blpop = popCommand(
  "BLPOP",
  "Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
  true,
);

export const brpop = popCommand(
  "BRPOP",
  "Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
  false,
);

function pop(call: Call, atFront: boolean): void {
  const timeoutMs = readTimeout(call, call.argc - 1);
  if (timeoutMs < 0) return;
  const last = call.argc - 2;
  for (let i = firstWaiting(call, 1); i <= lastWaiting(call, last); i++) {
    const entry = call.write(i);
    if (entry === NIL) continue;
    if (!refuseOtherType(call, entry, TYPE_LIST)) popWithKey(call, i, entry, atFront);
    return;
  }
  waitForKeys(call, 1, last, TYPE_LIST, timeoutMs, true);
}

function popWithKey(call: Call, i: number, entry: number, atFront: boolean): void {
  const { reply, dataset } = call;
  if (!dataset.lists.openEnd(entry, atFront)) return reply.error(OUT_OF_MEMORY);
  reply.array(2);
  reply.bulk(call.input, call.start(i), call.length(i));
  popOne(call, i, entry, atFront);
  const effect = call.effect(2);
  effect.text(atFront ? "LPOP" : "RPOP");
  effect.argument(call.input, call.start(i), call.length(i));
}

/** BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout */
export const blmove: CommandDefinition = {
  name: "BLMOVE",
  group: "list",
  since: "6.2.0",
  summary:
    "Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was moved.",
  complexity: "O(1)",
  arity: 6,
  flags: ["write", "denyoom", "blocking"],
  keys: moveKeys,
  args: [...moveArguments, timeout],
  run(call) {
    const from = readEnd(call, 3);
    const to = from === NO_END ? NO_END : readEnd(call, 4);
    if (to === NO_END) return call.reply.error(SYNTAX_ERROR);
    const timeoutMs = readTimeout(call, 5);
    if (timeoutMs < 0 || !move(call, from === LEFT, to === LEFT, timeoutMs)) return;
    const effect = call.effect(5);
    effect.text("LMOVE");
    for (let i = 1; i < 5; i++) effect.argument(call.input, call.start(i), call.length(i));
  },
};

/** BRPOPLPUSH source destination timeout */
export const brpoplpush: CommandDefinition = {
  name: "BRPOPLPUSH",
  group: "list",
  since: "2.2.0",
  summary:
    "Pops an element from a list, pushes it to another list and returns it. Block until an element is available otherwise. Deletes the list if the last element was popped.",
  complexity: "O(1)",
  arity: 4,
  flags: ["write", "denyoom", "blocking"],
  history: TIMEOUT_HISTORY,
  deprecated: { since: "6.2.0", replacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments" },
  keys: moveKeys,
  args: [argument("source", "key", { keySpec: 0 }), argument("destination", "key", { keySpec: 1 }), timeout],
  run(call) {
    const timeoutMs = readTimeout(call, 3);
    if (timeoutMs < 0 || !move(call, false, true, timeoutMs)) return;
    const effect = call.effect(3);
    effect.text("RPOPLPUSH");
    for (let i = 1; i < 3; i++) effect.argument(call.input, call.start(i), call.length(i));
  },
};

/** False: nothing has been moved (yet). */
function move(call: Call, fromFront: boolean, toFront: boolean, timeoutMs: number): boolean {
  const entry = call.write(1);
  if (entry === NIL) {
    waitForKeys(call, 1, 1, TYPE_LIST, timeoutMs, false);
    return false;
  }
  return !refuseOtherType(call, entry, TYPE_LIST) && moveElement(call, entry, fromFront, toFront);
}

/** BLMPOP timeout numkeys key [key …] LEFT | RIGHT [COUNT count] */
export const blmpop: CommandDefinition = {
  name: "BLMPOP",
  group: "list",
  since: "7.0.0",
  summary:
    "Pops the first element from one of multiple lists. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
  complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
  arity: -5,
  flags: ["write", "blocking"],
  keys: [mpopKeys(2)],
  args: [timeout, ...mpopArguments],
  run(call) {
    if (!readMpop(call, 2)) return;
    const timeoutMs = readTimeout(call, 1);
    if (timeoutMs < 0) return;
    const { first, last } = wanted;
    if (popFirst(call, firstWaiting(call, first), lastWaiting(call, last))) return;
    waitForKeys(call, first, last - first + 1, TYPE_LIST, timeoutMs, true);
  },
};
