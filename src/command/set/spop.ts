import { EVENT_GENERIC, EVENT_SET } from "../../dataset/key_events.ts";
import { Piece } from "../../dataset/piece.ts";
import { repackSet } from "../../dataset/set/build.ts";
import { removeRef } from "../../dataset/set/change.ts";
import { randomRef, sampleRefs } from "../../dataset/set/random.ts";
import { collectRefs, refPiece, SetView } from "../../dataset/set/view.ts";
import { ENCODING_BIG, ENCODING_LISTPACK } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { readPositive } from "../keyspace/numbers.ts";
import { replyRef, writeSet } from "./open.ts";

/** Members named in one SREM of the log. */
const EFFECT_MEMBERS_MAX = 256;
/** As Redis: when fewer than one in so many of the members stay, it is those that are moved to a new set. */
const FEW_STAY = 5;

const view = new SetView();
const piece = new Piece();
const popped = new EntryList(256);

/** SPOP key [count]; logged as what it popped. */
export const spop: CommandDefinition = {
  name: "SPOP",
  group: "set",
  since: "1.0.0",
  summary:
    "Returns one or more random members from a set after removing them. Deletes the set if the last member was popped.",
  complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
  arity: -2,
  flags: ["write", "fast"],
  history: [["3.2.0", "Added the `count` argument."]],
  tips: ["nondeterministic_output"],
  keys: [keysAt(["RW", "access", "delete"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("count", "integer", { since: "3.2.0", optional: true })],
  run(call) {
    if (call.argc === 2) popOne(call);
    else if (call.argc === 3) popSome(call);
    else call.reply.error("ERR syntax error");
  },
};

function popOne(call: Call): void {
  const { dataset, db, reply } = call;
  if (!writeSet(call, 1, view)) return;
  if (view.entry === NIL) return reply.nil();
  const ref = randomRef(dataset, view, call.random);
  replyRef(call, view, ref);
  call.changed(1);
  call.notify(EVENT_SET, "spop", 1);
  if (view.count === 1) {
    removeSet(call);
    return;
  }
  // Where nothing is recorded nobody would read it.
  if (call.journal.recording) logOne(call, ref);
  removeRef(db, view, call.hash(1), ref);
}

function logOne(call: Call, ref: number): void {
  refPiece(call.dataset, view, ref, piece);
  const effect = call.effect(3);
  effect.text("SREM");
  effect.argument(call.input, call.start(1), call.length(1));
  effect.argument(piece.bytes, piece.offset, piece.length);
}

function popSome(call: Call): void {
  const { dataset, reply } = call;
  const count = readPositive(call, 2);
  if (count === undefined || !writeSet(call, 1, view)) return;
  if (view.entry === NIL || count === 0) return reply.set(0);
  popped.clear();
  const all = count >= view.count;
  if (all) collectRefs(dataset, view, popped);
  else sampleRefs(dataset, view, call.random, count, popped);
  reply.set(popped.count);
  for (let i = 0; i < popped.count; i++) replyRef(call, view, popped.items[i]!);
  call.changed(1);
  call.notify(EVENT_SET, "spop", 1);
  if (all) removeSet(call);
  else removePopped(call);
  if (popped.items.length > 4096) popped.items = new Int32Array(256);
}

/** Logs and removes what stands in `popped`, from the end on: so the refs of those before it stay right in a packed set, too. */
function removePopped(call: Call): void {
  const { dataset, db, input } = call;
  const hash = call.hash(1);
  const { items, count } = popped;
  const big = view.encoding === ENCODING_BIG;
  const fewStay = (view.count - count) * FEW_STAY <= count;
  for (let end = count; end > 0; ) {
    const first = Math.max(0, end - EFFECT_MEMBERS_MAX);
    const effect = call.effect(2 + end - first);
    effect.text("SREM");
    effect.argument(input, call.start(1), call.length(1));
    for (let i = first; i < end; i++) {
      refPiece(dataset, view, items[i]!, piece);
      effect.argument(piece.bytes, piece.offset, piece.length);
    }
    end = first;
  }
  // A listpack may move when it shrinks, and the offsets of its elements with it.
  const { offset } = view.pack;
  for (let i = count - 1; i >= 0; i--) {
    const ref = view.encoding === ENCODING_LISTPACK ? items[i]! + view.pack.offset - offset : items[i]!;
    removeRef(db, view, hash, ref);
  }
  if (big && fewStay) repackSet(db, view, hash);
}

/** Removes the whole set: logged as DEL. */
function removeSet(call: Call): void {
  const effect = call.effect(2);
  effect.text("DEL");
  effect.argument(call.input, call.start(1), call.length(1));
  call.db.remove(view.entry, call.hash(1));
  call.notify(EVENT_GENERIC, "del", 1);
}
