import type { Dataset } from "../../dataset/dataset.ts";
import { PayloadWriter } from "../../rdb/payload.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";

/** One a dataset, with its buffer. */
const writers = new WeakMap<Dataset, PayloadWriter>();

/** DUMP key */
export const dump: CommandDefinition = {
  name: "DUMP",
  group: "generic",
  since: "2.6.0",
  summary: "Returns a serialized representation of the value stored at a key.",
  complexity:
    "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
  arity: 2,
  flags: ["readonly"],
  categories: ["keyspace"],
  tips: ["nondeterministic_output"],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 })],
  run(call) {
    const { dataset, reply } = call;
    const entry = call.read(1);
    if (entry === 0) return reply.nil();
    let writer = writers.get(dataset);
    if (writer === undefined) {
      writer = new PayloadWriter(dataset);
      writers.set(dataset, writer);
    }
    writer.write(entry, dataset.rdbCompression);
    reply.bulk(writer.out.bytes, 0, writer.out.position);
  },
};
