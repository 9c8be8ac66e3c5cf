/** DEBUG subcommands that look at keys: OBJECT, DIGEST, DIGEST-VALUE, HTSTATS. They see expired keys too, and touch nothing. */
import { idleSeconds } from "../../dataset/access.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { datasetDigest, valueDigest } from "../../dataset/digest.ts";
import { listShape } from "../../dataset/list/shape.ts";
import { isBig, TYPE_LIST } from "../../dataset/types.ts";
import { entryAccess, entryEncoding, entryType } from "../../structure/entry.ts";
import type { Table } from "../../structure/table.ts";
import type { Call } from "../call.ts";
import { readInt32 } from "../keyspace/numbers.ts";
import { encodingName, referenceCount } from "../keyspace/object.ts";
import { NO_SUCH_KEY } from "../messages.ts";
import { serializedBytes } from "./serialized.ts";

/** Buckets whose chains DEBUG HTSTATS measures: enough for the shape, and no pause on a large table. */
const CHAINS_BUCKETS_MAX = 1 << 20;

function find(call: Call, i: number): number {
  return call.db.find(call.input, call.start(i), call.length(i), call.hash(i));
}

/** DEBUG OBJECT key. The length is that of the value in an RDB file, but for LZF compression: it counts long strings as they are. */
export function replyObject(call: Call): void {
  const { dataset, reply } = call;
  const entry = find(call, 2);
  if (entry === 0) return reply.error(NO_SUCH_KEY);
  const access = entryAccess(dataset.arena, entry);
  const idle = dataset.byFrequency ? 0 : idleSeconds(access, dataset.accessClock);
  const references = Math.min(referenceCount(call, entry), 2147483647);
  reply.status(
    `Value at:0x${(entry >>> 0).toString(16)} refcount:${references} encoding:${encodingName(call, entry)} ` +
      `serializedlength:${serializedBytes(dataset, entry)} lru:${access} lru_seconds_idle:${idle}${nodesText(dataset, entry)}`,
  );
}

/** What DEBUG OBJECT adds about a big list. */
function nodesText(dataset: Dataset, entry: number): string {
  const { arena, limits } = dataset;
  if (entryType(arena, entry) !== TYPE_LIST || !isBig(TYPE_LIST, entryEncoding(arena, entry))) return "";
  const { nodeBytes } = listShape(dataset, entry);
  const average = dataset.lists.length(entry) / nodeBytes.length;
  return (
    ` ql_nodes:${nodeBytes.length} ql_avg_node:${average.toFixed(2)} ql_listpack_max:${limits.listListpackSize}` +
    ` ql_compressed:${limits.listCompressDepth === 0 ? 0 : 1} ql_uncompressed_size:${nodeBytes.reduce((a, b) => a + b, 0)}`
  );
}

export function replyDigest(call: Call): void {
  call.reply.status(datasetDigest(call.dataset));
}

export function replyValueDigests(call: Call): void {
  call.reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++) call.reply.status(valueDigest(call.dataset, find(call, i)));
}

/** DEBUG HTSTATS dbid [full]: the shape of a database's two tables. */
export function replyTables(call: Call): void {
  const index = readInt32(call, 2);
  if (index === undefined) return;
  if (index < 0 || index >= call.dataset.databaseCount) return call.reply.error("ERR Out of range database");
  const database = call.dataset.database(index);
  call.reply.verbatim(`[Dictionary HT]\n${tableText(database.keys)}[Expires HT]\n${tableText(database.expires)}`);
}

/** A table in the words of HTSTATS. */
export function tableText(table: Table): string {
  const { entries, buckets, overflowBuckets, bytes, chains } = table.statistics(CHAINS_BUCKETS_MAX);
  if (entries === 0) return "Hash table 0 stats (main hash table):\nNo stats available for empty dictionaries\n";
  const measured = Math.min(buckets, CHAINS_BUCKETS_MAX);
  const longest = chains.reduce((longest, count, length) => (count > 0 ? length : longest), 0);
  const lines = [
    "Hash table 0 stats (main hash table):",
    ` table size: ${buckets}`,
    ` number of elements: ${entries}`,
    ` overflow buckets: ${overflowBuckets}`,
    ` bytes: ${bytes}`,
    ` max chain length: ${longest}`,
    ` avg chain length (computed): ${(entries / buckets).toFixed(2)}`,
    " Chain length distribution:",
  ];
  chains.forEach((count, length) => {
    if (count > 0) lines.push(`   ${length}: ${count} (${((count * 100) / measured).toFixed(2)}%)`);
  });
  return `${lines.join("\n")}\n`;
}
