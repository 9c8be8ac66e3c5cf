/**
 * Memory as Redis names it, of a store whose data lies in an arena: "allocated" are the arena's blocks, "active" its chunks that were
 * ever written and not returned, and `used_memory` is what data and clients take. What Node.js itself needs shows in the resident
 * size and in `node_heap_used`.
 */
import os from "node:os";
import v8 from "node:v8";
import { humanBytes } from "../../base/memory_size.ts";
import { databaseMemory } from "../../dataset/memory_usage.ts";
import { residentBytes } from "../../platform/memory_calls.ts";
import { allConnectionsBytes } from "./connection_bytes.ts";
import { percent, ratio } from "./format.ts";
import type { Field, InfoContext } from "./sections.ts";

export function memorySection({ server, counters }: InfoContext): Field[] {
  const { dataset } = server.engine;
  const allocatedAtStart = dataset.memory.startBytes;
  const statistics = dataset.allocator.statistics();
  const clients = allConnectionsBytes(server);
  const logBytes = server.storage?.writer.pendingBytes ?? 0;
  // What maxmemory is compared with.
  const used = statistics.allocatedBytes + clients;
  const resident = residentBytes();
  const peak = Math.max(dataset.memory.peakBytes, used);
  const tables = databaseMemory(dataset).reduce((sum, each) => sum + each.keysTableBytes + each.expiresTableBytes, 0);
  const overhead = allocatedAtStart + clients + tables;
  const data = Math.max(0, used - overhead);
  const active = statistics.chunkBytesInUse;
  const maxMemory = server.config.integer("maxmemory");
  return [
    ["used_memory", used],
    ["used_memory_human", humanBytes(used)],
    ["used_memory_rss", resident],
    ["used_memory_rss_human", humanBytes(resident)],
    ["used_memory_peak", peak],
    ["used_memory_peak_human", humanBytes(peak)],
    ["used_memory_peak_perc", percent(used, peak)],
    ["used_memory_overhead", overhead],
    ["used_memory_startup", allocatedAtStart],
    ["used_memory_dataset", data],
    ["used_memory_dataset_perc", percent(data, used - allocatedAtStart)],
    ["allocator_allocated", statistics.allocatedBytes],
    ["allocator_active", active],
    ["allocator_resident", active],
    ["total_system_memory", os.totalmem()],
    ["total_system_memory_human", humanBytes(os.totalmem())],
    ...scriptFields(),
    ["maxmemory", maxMemory],
    ["maxmemory_human", humanBytes(maxMemory)],
    ["maxmemory_policy", server.config.text("maxmemory-policy")],
    ["allocator_frag_ratio", statistics.fragmentationRatio.toFixed(2)],
    ["allocator_frag_bytes", active - statistics.allocatedBytes],
    ["allocator_rss_ratio", ratio(active, active)],
    ["allocator_rss_bytes", 0],
    ["rss_overhead_ratio", ratio(resident, active)],
    ["rss_overhead_bytes", resident - active],
    ["mem_fragmentation_ratio", ratio(resident, used)],
    ["mem_fragmentation_bytes", resident - used],
    ["mem_not_counted_for_evict", logBytes],
    ["mem_replication_backlog", 0],
    ["mem_total_replication_buffers", 0],
    ["mem_clients_slaves", 0],
    ["mem_clients_normal", clients],
    ["mem_cluster_links", 0],
    ["mem_aof_buffer", logBytes],
    ["mem_allocator", "emberlog-arena"],
    ["active_defrag_running", 0],
    ["lazyfree_pending_objects", dataset.releasingCount],
    ["lazyfreed_objects", counters.get("lazyFreed")],
    ["arena_address_space", statistics.addressSpaceBytes],
    ["arena_free_pages", statistics.freePageBytes],
    ["arena_overhead", statistics.overheadBytes],
    ["arena_runs", statistics.runs],
    ["arena_run_bytes", statistics.runBytes],
    ["arena_used_blocks", usedBlocks(statistics.classes)],
    ["node_heap_used", v8.getHeapStatistics().used_heap_size],
  ];
}

/** There are no scripts and no functions, so nothing is kept for them. */
function scriptFields(): Field[] {
  return [
    ["used_memory_lua", 0],
    ["used_memory_vm_eval", 0],
    ["used_memory_lua_human", "0B"],
    ["used_memory_scripts_eval", 0],
    ["number_of_cached_scripts", 0],
    ["number_of_functions", 0],
    ["number_of_libraries", 0],
    ["used_memory_vm_functions", 0],
    ["used_memory_vm_total", 0],
    ["used_memory_vm_total_human", "0B"],
    ["used_memory_functions", 0],
    ["used_memory_scripts", 0],
    ["used_memory_scripts_human", "0B"],
  ];
}

/** Blocks in use by their size in bytes: "64=1000,128=3". */
function usedBlocks(classes: readonly { readonly blockBytes: number; readonly usedBlocks: number }[]): string {
  const inUse = classes.filter((each) => each.usedBlocks > 0);
  return inUse.map((each) => `${each.blockBytes}=${each.usedBlocks}`).join(",");
}
