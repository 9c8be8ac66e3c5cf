import { randomRef, sampleRefs } from "../../dataset/set/random.ts";
import { collectRefs, SetView } from "../../dataset/set/view.ts";
import { NIL } from "../../memory/layout.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../messages.ts";
import { readSet, replyRef } from "./open.ts";

const COUNT_MAX = 9223372036854775807n;

const view = new SetView();
const drawn = new EntryList(256);

/** SRANDMEMBER key [count]; with a negative count members may come more than once. */
export const srandmember: CommandDefinition = {
  name: "SRANDMEMBER",
  group: "set",
  since: "1.0.0",
  summary: "Get one or multiple random members from a set",
  complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
  arity: -2,
  flags: ["readonly"],
  history: [["2.6.0", "Added the optional `count` argument."]],
  tips: ["nondeterministic_output"],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("count", "integer", { since: "2.6.0", optional: true })],
  run(call) {
    const { dataset, random, reply } = call;
    if (call.argc === 3) return replySome(call);
    if (call.argc > 3) return reply.error(SYNTAX_ERROR);
    if (!readSet(call, 1, view)) return;
    if (view.entry === NIL) reply.nil();
    else replyRef(call, view, randomRef(dataset, view, random));
  },
};

function replySome(call: Call): void {
  const { dataset, random, reply } = call;
  const given = call.integer64(2);
  if (given === undefined) return reply.error(NOT_AN_INTEGER);
  if (given < -COUNT_MAX) {
    return reply.error(`ERR value is out of range, value must between ${-COUNT_MAX} and ${COUNT_MAX}`);
  }
  if (!readSet(call, 1, view)) return;
  if (view.entry === NIL || given === 0n) return reply.array(0);
  if (given < 0n) {
    const count = Number(-given);
    reply.array(count);
    // A count without bounds ends when the connection does.
    for (let i = 0; i < count && !call.session.closing; i++) replyRef(call, view, randomRef(dataset, view, random));
    return;
  }
  drawn.clear();
  if (given >= BigInt(view.count)) collectRefs(dataset, view, drawn);
  else sampleRefs(dataset, view, random, Number(given), drawn);
  reply.array(drawn.count);
  for (let i = 0; i < drawn.count; i++) replyRef(call, view, drawn.items[i]!);
  if (drawn.items.length > 4096) drawn.items = new Int32Array(256);
}
