import { TYPE_LIST } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../messages.ts";

const found = new EntryList(64);
/** What the options say; set anew by each call. */
const options = { rank: 1, count: -1, lengthMax: 0 };

/** LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len] */
export const lpos: CommandDefinition = {
  name: "LPOS",
  group: "list",
  since: "6.0.6",
  summary: "Returns the index of matching elements in a list.",
  complexity:
    "O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.",
  arity: -3,
  flags: ["readonly"],
  keys: [keysAt(["RO", "access"])],
  args: [
    argument("key", "key", { keySpec: 0 }),
    argument("element", "string"),
    argument("rank", "integer", { token: "RANK", optional: true }),
    argument("num-matches", "integer", { token: "COUNT", optional: true }),
    argument("len", "integer", { token: "MAXLEN", optional: true }),
  ],
  run(call) {
    const { reply } = call;
    if (!readOptions(call)) return;
    const entry = call.read(1);
    const many = options.count !== -1;
    if (entry === NIL) {
      if (many) reply.array(0);
      else reply.nil();
      return;
    }
    if (refuseOtherType(call, entry, TYPE_LIST)) return;
    search(call, entry);
    if (many) {
      reply.array(found.count);
      for (let i = 0; i < found.count; i++) reply.integer(found.items[i]!);
    } else if (found.count > 0) reply.integer(found.items[0]!);
    else reply.nil();
  },
};

/** False: the error has been replied. */
function readOptions(call: Call): boolean {
  const { reply } = call;
  options.rank = 1;
  options.count = -1;
  options.lengthMax = 0;
  for (let i = 3; i < call.argc; i += 2) {
    const rank = call.is(i, "RANK");
    const count = call.is(i, "COUNT");
    if ((!rank && !count && !call.is(i, "MAXLEN")) || i + 1 === call.argc) {
      reply.error(SYNTAX_ERROR);
      return false;
    }
    const value = call.integer64(i + 1);
    if (rank && value === undefined) {
      reply.error(NOT_AN_INTEGER);
      return false;
    }
    if (rank && value === -9223372036854775808n) {
      reply.error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
      return false;
    }
    if (rank && value === 0n) {
      reply.error(
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
      );
      return false;
    }
    if (value === undefined || (!rank && value < 0n)) {
      reply.error(`ERR ${count ? "COUNT" : "MAXLEN"} can't be negative`);
      return false;
    }
    if (rank) options.rank = Number(value);
    else if (count) options.count = Number(value);
    else options.lengthMax = Number(value);
  }
  return true;
}

/** Gathers in `found` the indices that the options ask for. */
function search(call: Call, entry: number): void {
  const { cursor } = call.dataset.lists;
  const { rank, count } = options;
  const backwards = rank < 0;
  found.clear();
  cursor.open(entry);
  const { length } = cursor;
  const compared = options.lengthMax === 0 ? length : Math.min(options.lengthMax, length);
  const wanted = count === -1 ? 1 : count === 0 ? length : count;
  const start = call.start(2);
  const bytes = call.length(2);
  let toSkip = Math.abs(rank) - 1;
  let standing = cursor.seek(backwards ? length - 1 : 0);
  for (let i = 0; standing && i < compared; i++) {
    if (cursor.equals(call.input, start, bytes) && toSkip-- <= 0) {
      found.push(backwards ? length - 1 - i : i);
      if (found.count >= wanted) return;
    }
    standing = backwards ? cursor.previous() : cursor.next();
  }
}
