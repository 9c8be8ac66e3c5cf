/** MEMORY: what a key costs, what the dataset costs, and giving free memory back to the system. */
import { databaseMemory, entryMemoryBytes } from "../../dataset/memory_usage.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { replyHelp } from "../help.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../messages.ts";
import { diagnoseMemory } from "./memory_doctor.ts";

/** Chunks of 2 MiB that MEMORY PURGE gives back at most: the rest follows from the server's timer. */
const PURGE_CHUNKS_MAX = 4096;

const HELP = [
  "DOCTOR",
  "    Return memory problems reports.",
  "MALLOC-STATS",
  "    Return internal statistics report from the memory allocator.",
  "PURGE",
  "    Attempt to purge dirty pages for reclamation by the allocator.",
  "STATS",
  "    Return information about the memory usage of the server.",
  "USAGE <key> [SAMPLES <count>]",
  "    Return memory in bytes used by <key> and its value. Nested values are",
  "    sampled up to <count> times (default: 5, 0 means sample all).",
];

const usage: CommandDefinition = {
  name: "USAGE",
  group: "server",
  since: "4.0.0",
  summary: "Estimates the memory usage of a key.",
  complexity: "O(N) where N is the number of samples.",
  arity: -3,
  flags: ["readonly"],
  keys: [keysAt(["RO"], 2)],
  args: [argument("key", "key", { keySpec: 0 }), argument("count", "integer", { token: "SAMPLES", optional: true })],
  run(call) {
    for (let i = 3; i < call.argc; i++) {
      if (!call.is(i, "SAMPLES") || i + 1 === call.argc) return call.reply.error(SYNTAX_ERROR);
      const samples = call.integer64(++i);
      if (samples === undefined) return call.reply.error(NOT_AN_INTEGER);
      if (samples < 0) return call.reply.error(SYNTAX_ERROR);
    }
    // Looked up past the clock, as Redis does: a key that has expired still takes its memory.
    const entry = call.db.find(call.input, call.start(2), call.length(2), call.hash(2));
    if (entry === 0) call.reply.nil();
    else call.reply.integer(entryMemoryBytes(call.dataset, entry));
  },
};

const stats: CommandDefinition = {
  name: "STATS",
  group: "server",
  since: "4.0.0",
  summary: "Returns details about memory usage.",
  complexity: "O(1)",
  arity: 2,
  flags: [],
  tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
  run: replyStatistics,
};

const purge: CommandDefinition = {
  name: "PURGE",
  group: "server",
  since: "4.0.0",
  summary: "Asks the allocator to release memory.",
  complexity: "Depends on how much memory is allocated, could be slow",
  arity: 2,
  flags: [],
  tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
  run(call) {
    call.dataset.allocator.releaseFreeMemory(PURGE_CHUNKS_MAX);
    call.reply.ok();
  },
};

const mallocStats: CommandDefinition = {
  name: "MALLOC-STATS",
  group: "server",
  since: "4.0.0",
  summary: "Returns the allocator statistics.",
  complexity: "Depends on how much memory is allocated, could be slow",
  arity: 2,
  flags: [],
  tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
  run: (call) => call.reply.verbatim(allocatorReport(call)),
};

const doctor: CommandDefinition = {
  name: "DOCTOR",
  group: "server",
  since: "4.0.0",
  summary: "Outputs a memory problems report.",
  complexity: "O(1)",
  arity: 2,
  flags: [],
  tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
  run: (call) => call.reply.verbatim(diagnoseMemory(call.dataset)),
};

const help: CommandDefinition = {
  name: "HELP",
  group: "server",
  since: "4.0.0",
  summary: "Returns helpful text about the different subcommands.",
  complexity: "O(1)",
  arity: 2,
  flags: ["loading", "stale"],
  run: (call) => replyHelp(call, "MEMORY", HELP),
};

export const memory: CommandDefinition = {
  name: "MEMORY",
  group: "server",
  since: "4.0.0",
  summary: "A container for memory diagnostics commands.",
  complexity: "Depends on subcommand.",
  arity: -2,
  flags: [],
  subcommands: [doctor, help, mallocStats, purge, stats, usage],
};

/**
 * Redis's fields that have an equivalent here. The dataset's overhead are its tables; "active" is what the arena's chunks take at most, "resident"
 * what the process does.
 */
function replyStatistics(call: Call): void {
  const { dataset, reply } = call;
  const { allocator } = dataset;
  const arena = allocator.statistics();
  const databases = databaseMemory(dataset);
  const allocated = arena.allocatedBytes;
  const peak = Math.max(dataset.memory.peakBytes, allocated);
  const resident = arena.residentBytes < 0 ? arena.chunkBytesInUse : arena.residentBytes;
  const overhead = databases.reduce((sum, each) => sum + each.keysTableBytes + each.expiresTableBytes, 0);
  const keys = dataset.keyCount;
  const fields: [string, number, "integer" | "double"][] = [
    ["peak.allocated", peak, "integer"],
    ["total.allocated", allocated, "integer"],
  ];
  const further: [string, number, "integer" | "double"][] = [
    ["overhead.total", overhead, "integer"],
    ["keys.count", keys, "integer"],
    ["keys.bytes-per-key", keys === 0 ? 0 : Math.floor(allocated / keys), "integer"],
    ["dataset.bytes", allocated - overhead, "integer"],
    ["dataset.percentage", allocated === 0 ? 0 : ((allocated - overhead) * 100) / allocated, "double"],
    ["peak.percentage", peak === 0 ? 0 : (allocated * 100) / peak, "double"],
    ["allocator.allocated", allocated, "integer"],
    ["allocator.active", arena.chunkBytesInUse, "integer"],
    ["allocator.resident", arena.chunkBytesInUse, "integer"],
    ["allocator-fragmentation.ratio", arena.fragmentationRatio, "double"],
    ["allocator-fragmentation.bytes", arena.chunkBytesInUse - allocated, "integer"],
    ["rss-overhead.ratio", arena.chunkBytesInUse === 0 ? 1 : resident / arena.chunkBytesInUse, "double"],
    ["rss-overhead.bytes", resident - arena.chunkBytesInUse, "integer"],
    ["fragmentation", allocated === 0 ? 1 : resident / allocated, "double"],
    ["fragmentation.bytes", resident - allocated, "integer"],
  ];
  reply.map(fields.length + databases.length + further.length);
  for (const field of fields) replyField(call, field);
  for (const each of databases) {
    reply.text(`db.${each.index}`);
    reply.map(2);
    replyField(call, ["overhead.hashtable.main", each.keysTableBytes, "integer"]);
    replyField(call, ["overhead.hashtable.expires", each.expiresTableBytes, "integer"]);
  }
  for (const field of further) replyField(call, field);
}

function replyField(call: Call, [name, value, kind]: [string, number, "integer" | "double"]): void {
  call.reply.text(name);
  if (kind === "integer") call.reply.integer(value);
  else call.reply.double(value.toPrecision(17).replace(/\.?0+$/, ""));
}

/** The allocator's classes, a line each, for people. */
function allocatorReport(call: Call): string {
  const statistics = call.dataset.allocator.statistics();
  const lines = [
    "emberlog allocator",
    `allocated ${statistics.allocatedBytes}, address space ${statistics.addressSpaceBytes}, free pages ${statistics.freePageBytes}, overhead ${statistics.overheadBytes}`,
    `chunks in use ${statistics.chunkBytesInUse}, fragmentation ${statistics.fragmentationRatio.toFixed(3)}`,
    `runs ${statistics.runs} of ${statistics.runBytes} bytes`,
    "class   blocks in use      bytes",
  ];
  for (const { blockBytes, usedBlocks } of statistics.classes) {
    if (usedBlocks === 0) continue;
    const bytes = String(blockBytes * usedBlocks);
    lines.push(`${String(blockBytes).padStart(5)} ${String(usedBlocks).padStart(15)} ${bytes.padStart(10)}`);
  }
  return `${lines.join("\n")}\n`;
}
