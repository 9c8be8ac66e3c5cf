import { argument, type CommandDefinition } from "../definition.ts";
import { DATABASE_OUT_OF_RANGE, readDatabase, readInt32 } from "./numbers.ts";

/** SELECT index */
export const select: CommandDefinition = {
  name: "SELECT",
  group: "connection",
  since: "1.0.0",
  summary: "Changes the selected database.",
  complexity: "O(1)",
  arity: 2,
  flags: ["loading", "stale", "fast"],
  categories: ["connection"],
  args: [argument("index", "integer")],
  run(call) {
    const index = readDatabase(call, 1);
    if (index === undefined) return;
    call.session.database = index;
    call.db = call.dataset.database(index);
    call.reply.ok();
  },
};

/** SWAPDB index1 index2: every client that has selected one of them sees the other's keys from now on. */
export const swapdb: CommandDefinition = {
  name: "SWAPDB",
  group: "server",
  since: "4.0.0",
  summary: "Swaps two databases.",
  complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases.",
  arity: 3,
  flags: ["write", "fast"],
  categories: ["keyspace", "dangerous"],
  args: [argument("index1", "integer"), argument("index2", "integer")],
  run(call) {
    const { dataset, reply } = call;
    const first = readInt32(call, 1, "ERR invalid first DB index");
    if (first === undefined) return;
    const second = readInt32(call, 2, "ERR invalid second DB index");
    if (second === undefined) return;
    const count = dataset.databaseCount;
    if (first < 0 || first >= count || second < 0 || second >= count) return reply.error(DATABASE_OUT_OF_RANGE);
    const one = dataset.database(first);
    const other = dataset.database(second);
    if (one !== other && one.count + other.count > 0) {
      call.journal.changedDatabase(first, 1, second);
      one.swap(other);
    }
    reply.ok();
  },
};
