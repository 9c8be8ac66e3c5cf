/** SISMEMBER, SMISMEMBER, SMEMBERS, SCARD: looking at one set. */

import { membersOf } from "../../dataset/members.ts";
import { collectRefs, SetView, setHas } from "../../dataset/set/view.ts";
import { ENCODING_BIG } from "../../dataset/types.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { replyMembers } from "../member_run.ts";
import { readSet, replyRef } from "./open.ts";

const view = new SetView();
const refs = new EntryList(512);

/** SISMEMBER key member */
export const sismember: CommandDefinition = {
  name: "SISMEMBER",
  group: "set",
  since: "1.0.0",
  summary: "Determines whether a member belongs to a set.",
  complexity: "O(1)",
  arity: 3,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("member", "string")],
  run(call) {
    if (!readSet(call, 1, view)) return;
    call.reply.integer(setHas(call.dataset, view, call.input, call.start(2), call.length(2)) ? 1 : 0);
  },
};

/** SMISMEMBER key member [member …] */
export const smismember: CommandDefinition = {
  name: "SMISMEMBER",
  group: "set",
  since: "6.2.0",
  summary: "Determines whether multiple members belong to a set.",
  complexity: "O(N) where N is the number of elements being checked for membership",
  arity: -3,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("member", "string", { multiple: true })],
  run(call) {
    if (!readSet(call, 1, view)) return;
    const { argc, dataset, input, reply } = call;
    reply.array(argc - 2);
    for (let i = 2; i < argc; i++) {
      reply.integer(setHas(dataset, view, input, call.start(i), call.length(i)) ? 1 : 0);
    }
  },
};

/** SMEMBERS key */
export const smembers: CommandDefinition = {
  name: "SMEMBERS",
  group: "set",
  since: "1.0.0",
  summary: "Returns all members of a set.",
  complexity: "O(N) where N is the set cardinality.",
  arity: 2,
  flags: ["readonly"],
  tips: ["nondeterministic_output_order"],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 })],
  run(call) {
    if (!readSet(call, 1, view)) return;
    call.reply.set(view.count);
    if (view.encoding !== ENCODING_BIG) {
      refs.clear();
      collectRefs(call.dataset, view, refs);
      for (let i = 0; i < refs.count; i++) replyRef(call, view, refs.items[i]!);
      return;
    }
    // A few buckets at a time, so that millions of members need no list of all.
    const table = membersOf(call.dataset, view.root);
    let cursor = 0;
    do {
      refs.clear();
      do cursor = table.scanInto(cursor, refs);
      while (cursor !== 0 && refs.count < 256);
      replyMembers(call.reply, call.dataset.arena, refs.items, 0, refs.count);
    } while (cursor !== 0);
  },
};

/** SCARD key */
export const scard: CommandDefinition = {
  name: "SCARD",
  group: "set",
  since: "1.0.0",
  summary: "Returns the number of members in a set.",
  complexity: "O(1)",
  arity: 2,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO"])],
  args: [argument("key", "key", { keySpec: 0 })],
  run(call) {
    if (readSet(call, 1, view)) call.reply.integer(view.count);
  },
};
