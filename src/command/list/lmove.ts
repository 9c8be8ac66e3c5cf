import { equalBytes } from "../../base/bytes.ts";
import { EVENT_LIST } from "../../dataset/key_events.ts";
import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { readBlob } from "../../structure/blob.ts";
import { entryType } from "../../structure/entry.ts";
import { copyElementText, elementTextLength, isIntegerElement } from "../../structure/listpack.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { OUT_OF_MEMORY, SYNTAX_ERROR } from "../messages.ts";
import { removeOpened } from "./values.ts";

/** As an end: neither LEFT nor RIGHT. */
export const NO_END = -1;
export const LEFT = 0;
export const RIGHT = 1;

/** The element on its way; for longer ones a buffer of their own. */
const usual = new Uint8Array(4096);

export const moveKeys = [keysAt(["RW", "access", "delete"]), keysAt(["RW", "insert"], 2)];
const ends = [token("LEFT"), token("RIGHT")];
export const moveArguments = [
  argument("source", "key", { keySpec: 0 }),
  argument("destination", "key", { keySpec: 1 }),
  oneOf("wherefrom", ends),
  oneOf("whereto", ends),
];

/** LMOVE source destination LEFT | RIGHT LEFT | RIGHT */
export const lmove: CommandDefinition = {
  name: "LMOVE",
  group: "list",
  since: "6.2.0",
  summary:
    "Returns an element after popping it from one list and pushing it to another. Deletes the list if the last element was moved.",
  complexity: "O(1)",
  arity: 5,
  flags: ["write", "denyoom"],
  keys: moveKeys,
  args: moveArguments,
  run(call) {
    const from = readEnd(call, 3);
    const to = from === NO_END ? NO_END : readEnd(call, 4);
    if (to === NO_END) return call.reply.error(SYNTAX_ERROR);
    moveNow(call, from === LEFT, to === LEFT);
  },
  runAlike: rotateAlike,
};

/** RPOPLPUSH source destination */
export const rpoplpush: CommandDefinition = {
  name: "RPOPLPUSH",
  group: "list",
  since: "1.2.0",
  summary:
    "Returns the last element of a list after removing and pushing it to another list. Deletes the list if the last element was popped.",
  complexity: "O(1)",
  arity: 3,
  flags: ["write", "denyoom"],
  deprecated: { since: "6.2.0", replacedBy: "`LMOVE` with the `RIGHT` and `LEFT` arguments" },
  keys: moveKeys,
  args: [argument("source", "key", { keySpec: 0 }), argument("destination", "key", { keySpec: 1 })],
  run: (call) => moveNow(call, false, true),
};

/** Argument i as LEFT or RIGHT, otherwise NO_END. */
export function readEnd(call: Call, i: number): number {
  if (call.is(i, "LEFT")) return LEFT;
  return call.is(i, "RIGHT") ? RIGHT : NO_END;
}

function moveNow(call: Call, fromFront: boolean, toFront: boolean): void {
  const entry = call.write(1);
  if (entry === NIL) return call.reply.nil();
  if (!refuseOtherType(call, entry, TYPE_LIST)) moveElement(call, entry, fromFront, toFront);
}

/** Moves an element from the list of key argument 1 to that of key argument 2 and replies with it. False: nothing changed, an error was replied. */
export function moveElement(call: Call, entry: number, fromFront: boolean, toFront: boolean): boolean {
  const { reply, db, input } = call;
  const { lists } = call.dataset;
  const destination = call.write(2);
  if (refuseOtherType(call, destination, TYPE_LIST)) return false;
  if (!lists.openEnd(entry, fromFront)) return outOfMemory(call);
  const length = lists.plain ? lists.blob.length : elementTextLength(lists.bytes, lists.at);
  const integer = !lists.plain && isIntegerElement(lists.bytes, lists.at);
  const text = length <= usual.length ? usual : new Uint8Array(length);
  if (lists.plain) readBlob(call.dataset.arena, lists.blob, 0, text, 0, length);
  else copyElementText(lists.bytes, lists.at, text, 0);
  const pushed = toFront ? "lpush" : "rpush";
  if (sameKey(call)) {
    if (lists.rotate(db, entry, call.hash(1), fromFront, toFront, text, length, integer) === NIL)
      return outOfMemory(call);
    call.changed(1);
    call.notify(EVENT_LIST, pushed, 1);
    call.notify(EVENT_LIST, fromFront ? "lpop" : "rpop", 1);
    reply.bulk(text, 0, length);
    return true;
  }
  const grown = lists.pushOne(
    db,
    destination,
    input,
    call.start(2),
    call.length(2),
    call.hash(2),
    toFront,
    text,
    length,
    integer,
  );
  if (grown === NIL) return outOfMemory(call);
  call.changed(2);
  call.notify(EVENT_LIST, pushed, 2);
  reply.bulk(text, 0, length);
  // It was opened before, and pushing to another list has not closed it.
  lists.openEnd(entry, fromFront);
  removeOpened(call, 1, entry, fromFront);
  return true;
}

/** Requests that send elements of one list from one end to the other: what a pipeline that goes round a list is. */
function rotateAlike(call: Call, count: number): number {
  const { argc, dataset, reply } = call;
  if (argc !== 5 || !sameKey(call)) return 0;
  const from = readEnd(call, 3);
  if (from === NO_END) return 0;
  const to = from === LEFT ? RIGHT : LEFT;
  let wanted = 0;
  while (wanted < count && readEnd(call, wanted * argc + 4) === to) wanted++;
  if (wanted < 2) return 0;
  const entry = call.write(1);
  if (entry === NIL || entryType(dataset.arena, entry) !== TYPE_LIST) return 0;
  const { rotated, rotatedTexts } = dataset.lists;
  const moved = dataset.lists.rotateRun(entry, from === LEFT, wanted);
  if (moved === 0) return 0;
  for (let i = 0; i < moved; i++) reply.bulk(rotated, rotatedTexts[i << 1]!, rotatedTexts[(i << 1) + 1]!);
  call.changedTimes(moved);
  return moved;
}

function outOfMemory(call: Call): false {
  call.reply.error(OUT_OF_MEMORY);
  return false;
}

/** Are source and destination the same key? */
function sameKey(call: Call): boolean {
  const length = call.length(1);
  return length === call.length(2) && equalBytes(call.input, call.start(1), call.input, call.start(2), length);
}
