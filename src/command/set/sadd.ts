import { EVENT_SET } from "../../dataset/key_events.ts";
import { ADDED, addMember, createSet, expectMembers, NO_MEMORY, removeMember } from "../../dataset/set/change.ts";
import { SetView } from "../../dataset/set/view.ts";
import { NIL } from "../../memory/layout.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { writeSet } from "./open.ts";

const view = new SetView();
/** Arguments that were added so far: to be taken out again when there is no memory for a later one. */
const added = new EntryList(64);

/** SADD key member [member …] */
export const sadd: CommandDefinition = {
  name: "SADD",
  group: "set",
  since: "1.0.0",
  summary: "Adds one or more members to a set. Creates the key if it doesn't exist.",
  complexity:
    "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
  arity: -3,
  flags: ["write", "denyoom", "fast"],
  history: [["2.4.0", "Accepts multiple `member` arguments."]],
  keys: [keysAt(["RW", "insert"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("member", "string", { multiple: true })],
  run(call) {
    if (!writeSet(call, 1, view)) return;
    const count = addArguments(call);
    if (count < 0) return call.reply.error(OUT_OF_MEMORY);
    if (count > 0) {
      call.changed(1);
      call.notify(EVENT_SET, "sadd", 1);
    }
    call.reply.integer(count);
  },
};

/** How many of the arguments were no members yet; NO_MEMORY: nothing has changed. */
function addArguments(call: Call): number {
  const { argc, db, input } = call;
  const hash = call.hash(1);
  const creates = view.entry === NIL;
  added.clear();
  if (creates) {
    const made = createSet(
      db,
      view,
      input,
      call.start(1),
      call.length(1),
      hash,
      input,
      call.start(2),
      call.length(2),
      argc - 2,
    );
    if (!made) return NO_MEMORY;
    added.push(2);
  } else if (!expectMembers(db, view, hash, argc - 2)) return NO_MEMORY;
  for (let i = creates ? 3 : 2; i < argc; i++) {
    const result = addMember(db, view, hash, input, call.start(i), call.length(i));
    if (result === ADDED) added.push(i);
    else if (result === NO_MEMORY) {
      if (creates) db.remove(view.entry, hash);
      else takeBack(call);
      return NO_MEMORY;
    }
  }
  return added.count;
}

function takeBack(call: Call): void {
  const hash = call.hash(1);
  for (let k = 0; k < added.count; k++) {
    const i = added.items[k]!;
    removeMember(call.db, view, hash, call.input, call.start(i), call.length(i));
  }
}
