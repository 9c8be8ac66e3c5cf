/** MEMORY: what a key costs, what the dataset costs, and giving free memory back to the system. */
import { entryMemoryBytes } from "../../dataset/memory_usage.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { replyHelp } from "../help.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../messages.ts";
import { diagnoseMemory } from "./memory_doctor.ts";
import { replyStatistics } from "./memory_statistics.ts";

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
