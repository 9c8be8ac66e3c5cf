import { EVENT_LIST } from "../../dataset/key_events.ts";
import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { entryType } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { OUT_OF_MEMORY } from "../messages.ts";

/** LPUSH, RPUSH, LPUSHX, RPUSHX key element [element …] */
function pushCommand(
  name: string,
  since: string,
  summary: string,
  manySince: string,
  run: (call: Call) => void,
  runAlike: (call: Call, count: number) => number,
): CommandDefinition {
  return {
    name,
    group: "list",
    since,
    summary,
    complexity:
      "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    history: [[manySince, "Accepts multiple `element` arguments."]],
    keys: [keysAt(["RW", "insert"])],
    args: [argument("key", "key", { keySpec: 0 }), argument("element", "string", { multiple: true })],
    run,
    runAlike,
  };
}

export const lpush = pushCommand(
  "LPUSH",
  "1.0.0",
  "Prepends one or more elements to a list. Creates the key if it doesn't exist.",
  "2.4.0",
  (call) => push(call, true, false),
  (call, count) => pushAlike(call, count, true),
);

export const rpush = pushCommand(
  "RPUSH",
  "1.0.0",
  "Appends one or more elements to a list. Creates the key if it doesn't exist.",
  "2.4.0",
  (call) => push(call, false, false),
  (call, count) => pushAlike(call, count, false),
);

export const lpushx = pushCommand(
  "LPUSHX",
  "2.2.0",
  "Prepends one or more elements to a list only when the list exists.",
  "4.0.0",
  (call) => push(call, true, true),
  (call, count) => pushAlike(call, count, true),
);

export const rpushx = pushCommand(
  "RPUSHX",
  "2.2.0",
  "Appends an element to a list only when the list exists.",
  "4.0.0",
  (call) => push(call, false, true),
  (call, count) => pushAlike(call, count, false),
);

function push(call: Call, atFront: boolean, onlyExisting: boolean): void {
  const { dataset, reply } = call;
  const entry = call.write(1);
  if (refuseOtherType(call, entry, TYPE_LIST)) return;
  if (entry === NIL && onlyExisting) return reply.integer(0);
  const pushed = dataset.lists.push(
    call.db,
    entry,
    call.input,
    call.start(1),
    call.length(1),
    call.hash(1),
    atFront,
    call.input,
    call.args,
    call.first + 2,
    call.argc - 2,
    1,
  );
  if (pushed === NIL) return reply.error(OUT_OF_MEMORY);
  call.changed(1);
  call.notify(EVENT_LIST, atFront ? "lpush" : "rpush", 1);
  reply.integer(dataset.lists.pushedLength);
}

/** Requests of one element each to one list that there is: what a producer's pipeline is. */
function pushAlike(call: Call, count: number, atFront: boolean): number {
  if (call.argc !== 3) return 0;
  const { dataset, reply, db, input, args } = call;
  const { lists } = dataset;
  const entry = call.write(1);
  if (entry === NIL || entryType(dataset.arena, entry) !== TYPE_LIST) return 0;
  const first = call.first + 2;
  if (!lists.takesTogether(entry, input, args, first, count, 3)) return 0;
  const key = call.start(1);
  const pushed = lists.push(db, entry, input, key, call.length(1), call.hash(1), atFront, input, args, first, count, 3);
  if (pushed === NIL) return 0;
  call.changedTimes(count);
  const length = lists.pushedLength - count;
  for (let i = 1; i <= count; i++) reply.integer(length + i);
  return count;
}
