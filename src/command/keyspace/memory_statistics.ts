/**
 * MEMORY STATS: Redis's fields in its order. What is in use are the arena's blocks and the clients' buffers, as maxmemory counts them; the dataset's
 * overhead are its tables; "active" is what the arena's chunks take at most, "resident" what the process does. What does not exist here
 * (replicas, cluster links, scripts) takes nothing.
 */
import { databaseMemory } from "../../dataset/memory_usage.ts";
import type { Call } from "../call.ts";

type Field = readonly [name: string, value: number, kind?: "double"];

export function replyStatistics(call: Call): void {
  const { dataset, reply } = call;
  const { memory } = dataset;
  const arena = dataset.allocator.statistics();
  const databases = databaseMemory(dataset);
  const total = memory.usedBytes;
  const active = arena.chunkBytesInUse;
  const resident = arena.residentBytes < 0 ? active : arena.residentBytes;
  const tables = databases.reduce((sum, each) => sum + each.keysTableBytes + each.expiresTableBytes, 0);
  const overhead = memory.startBytes + memory.clientBytes + tables;
  const data = Math.max(0, total - memory.startBytes);
  const keys = dataset.keyCount;
  const before: readonly Field[] = [
    ["peak.allocated", memory.peakBytes],
    ["total.allocated", total],
    ["startup.allocated", memory.startBytes],
    ["replication.backlog", 0],
    ["clients.slaves", 0],
    ["clients.normal", memory.clientBytes],
    ["cluster.links", 0],
    ["aof.buffer", memory.logBytes],
    ["lua.caches", 0],
    ["functions.caches", 0],
  ];
  const after: readonly Field[] = [
    ["overhead.total", overhead],
    ["keys.count", keys],
    ["keys.bytes-per-key", keys === 0 ? 0 : Math.floor(data / keys)],
    ["dataset.bytes", Math.max(0, total - overhead)],
    ["dataset.percentage", data === 0 ? 0 : (Math.max(0, total - overhead) * 100) / data, "double"],
    ["peak.percentage", memory.peakBytes === 0 ? 0 : (total * 100) / memory.peakBytes, "double"],
    ["allocator.allocated", arena.allocatedBytes],
    ["allocator.active", active],
    ["allocator.resident", active],
    ["allocator-fragmentation.ratio", arena.fragmentationRatio, "double"],
    ["allocator-fragmentation.bytes", active - arena.allocatedBytes],
    ["allocator-rss.ratio", 1, "double"],
    ["allocator-rss.bytes", 0],
    ["rss-overhead.ratio", active === 0 ? 1 : resident / active, "double"],
    ["rss-overhead.bytes", resident - active],
    ["fragmentation", total === 0 ? 1 : resident / total, "double"],
    ["fragmentation.bytes", resident - total],
  ];
  reply.map(before.length + databases.length + after.length);
  for (const field of before) replyField(call, field);
  for (const { index, keysTableBytes, expiresTableBytes } of databases) {
    reply.text(`db.${index}`);
    reply.map(3);
    replyField(call, ["overhead.hashtable.main", keysTableBytes]);
    replyField(call, ["overhead.hashtable.expires", expiresTableBytes]);
    replyField(call, ["overhead.hashtable.slot-to-keys", 0]);
  }
  for (const field of after) replyField(call, field);
}

function replyField(call: Call, [name, value, kind]: Field): void {
  call.reply.text(name);
  if (kind === undefined) call.reply.integer(value);
  else call.reply.double(value.toPrecision(17).replace(/\.?0+$/, ""));
}
