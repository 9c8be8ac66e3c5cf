/** Directives of the data: memory, persistence, encodings, expiry, observation. The last group is Emberlog's own. */
import { IMAGE_MEMORY_BYTES_DEFAULT, LOG_SEGMENT_BYTES_DEFAULT } from "../../base/limits.ts";
import { EVICTION_POLICIES } from "../../dataset/eviction.ts";
import { honoured, inertBecause, PROTECTED, START } from "./directive.ts";
import { diskWatermark, eventClasses, percentiles, savePoints, timesOfDay } from "./special_values.ts";
import { directoryPath, integer, MEMORY_BYTES_MAX, memory, oneOf, text, yesNo } from "./values.ts";

const INT_MAX = 2147483647;

const ownImages = inertBecause("images have a format and names of their own, compressed and checksummed always");
const ownLog = inertBecause("the log has a format and names of its own, and is not rewritten by a child process");
const noDefrag = inertBecause("the arena's allocator returns memory without moving values");
const noStreams = inertBecause("streams and HyperLogLogs do not exist yet");
const boundedFrees = inertBecause("every deletion is freed in bounded steps");
const noScripts = inertBecause("scripts do not exist yet");

export const dataDirectives = [
  honoured("dir", directoryPath, "data", PROTECTED),
  honoured("appendonly", yesNo, "yes"),
  honoured("appendfsync", oneOf(["everysec", "always", "no"]), "everysec"),
  honoured("log-segment-bytes", memory(1024 * 1024, 1024 * 1024 * 1024), String(LOG_SEGMENT_BYTES_DEFAULT), START),
  honoured("disk-low-watermark", diskWatermark, "5%"),
  honoured("disk-stop-watermark", diskWatermark, "auto"),
  honoured("encryption-key-file", text(), "", START),
  honoured("encryption-key-env", text(), "", START),
  honoured("encryption-key-command", text(), "", START),
  honoured("encryption-key-permissions", oneOf(["strict", "any"]), "strict", START),
  honoured("active-expire-effort", integer(1, 10), "1"),
  honoured("lazyfree-lazy-user-flush", yesNo, "no"),

  honoured("maxmemory", memory(0, MEMORY_BYTES_MAX), "0"),
  honoured("maxmemory-policy", oneOf(EVICTION_POLICIES), "noeviction"),
  honoured("maxmemory-samples", integer(1, INT_MAX), "5"),
  honoured("maxmemory-eviction-tenacity", integer(0, 100), "10"),
  honoured("lfu-log-factor", integer(0, INT_MAX), "10"),
  honoured("lfu-decay-time", integer(0, INT_MAX), "1"),

  honoured("save", savePoints, "3600 1 300 100 60 10000"),
  honoured("snapshot-schedule", timesOfDay, ""),
  honoured("snapshot-memory", memory(1024 * 1024, 4294967296), String(IMAGE_MEMORY_BYTES_DEFAULT)),
  honoured("log-retention-time", integer(0, INT_MAX), "0"),
  honoured("log-retention-size", memory(), "0"),
  inertBecause("the log holds every write, whether an image could be written or not")(
    "stop-writes-on-bgsave-error",
    yesNo,
    "yes",
  ),
  ownImages("dbfilename", text(fileNameProblem("dbfilename", "filename")), "dump.rdb", PROTECTED),
  honoured("rdbcompression", yesNo, "yes"),
  ownImages("rdbchecksum", yesNo, "yes", START),
  ownImages("rdb-del-sync-files", yesNo, "no"),
  ownImages("rdb-save-incremental-fsync", yesNo, "yes"),
  inertBecause("every payload and file is looked at in full, whatever it says")(
    "sanitize-dump-payload",
    oneOf(["no", "yes", "clients"]),
    "no",
  ),

  ownLog("appendfilename", text(fileNameProblem("appendfilename", "filename")), "appendonly.aof", START),
  ownLog("appenddirname", text(fileNameProblem("appenddirname", "dirname")), "appendonlydir", START),
  ownLog("no-appendfsync-on-rewrite", yesNo, "no"),
  honoured("auto-aof-rewrite-percentage", integer(0, INT_MAX), "100"),
  honoured("auto-aof-rewrite-min-size", memory(), "67108864"),
  ownLog("aof-rewrite-incremental-fsync", yesNo, "yes"),
  ownLog("aof-use-rdb-preamble", yesNo, "yes"),
  ownLog("aof-timestamp-enabled", yesNo, "no"),
  ownLog("aof-disable-auto-gc", yesNo, "no"),
  inertBecause("a torn tail is cut and reported, with a copy kept aside; rot always refuses to start")(
    "aof-load-truncated",
    yesNo,
    "yes",
  ),

  noDefrag("activedefrag", yesNo, "no"),
  noDefrag("active-defrag-ignore-bytes", memory(1), "104857600"),
  noDefrag("active-defrag-threshold-lower", integer(0, 1000), "10"),
  noDefrag("active-defrag-threshold-upper", integer(0, 1000), "100"),
  noDefrag("active-defrag-cycle-min", integer(1, 99), "1"),
  noDefrag("active-defrag-cycle-max", integer(1, 99), "25"),
  noDefrag("active-defrag-max-scan-fields", integer(1), "1000"),
  noDefrag("jemalloc-bg-thread", yesNo, "yes"),
  inertBecause("tables grow and shrink a little at a time whatever this says")("activerehashing", yesNo, "yes"),

  boundedFrees("lazyfree-lazy-user-del", yesNo, "no"),
  boundedFrees("lazyfree-lazy-eviction", yesNo, "no"),
  boundedFrees("lazyfree-lazy-expire", yesNo, "no"),
  boundedFrees("lazyfree-lazy-server-del", yesNo, "no"),

  honoured("hash-max-listpack-entries", integer(0), "512", { aliases: ["hash-max-ziplist-entries"] }),
  honoured("hash-max-listpack-value", memory(), "64", { aliases: ["hash-max-ziplist-value"] }),
  honoured("list-max-listpack-size", integer(-INT_MAX - 1, INT_MAX), "-2", { aliases: ["list-max-ziplist-size"] }),
  honoured("list-compress-depth", integer(0, INT_MAX), "0"),
  honoured("set-max-intset-entries", integer(0), "512"),
  honoured("set-max-listpack-entries", integer(0), "128"),
  honoured("set-max-listpack-value", memory(), "64"),
  honoured("zset-max-listpack-entries", integer(0), "128", { aliases: ["zset-max-ziplist-entries"] }),
  honoured("zset-max-listpack-value", memory(), "64", { aliases: ["zset-max-ziplist-value"] }),
  noStreams("hll-sparse-max-bytes", memory(), "3000"),
  noStreams("stream-node-max-bytes", memory(), "4096"),
  noStreams("stream-node-max-entries", integer(0), "100"),

  noScripts("busy-reply-threshold", integer(0), "5000", { aliases: ["lua-time-limit"] }),
  honoured("slowlog-log-slower-than", integer(-1), "10000"),
  honoured("slowlog-max-len", integer(0), "128"),
  honoured("latency-monitor-threshold", integer(0), "0"),
  honoured("latency-tracking", yesNo, "yes"),
  honoured("latency-tracking-info-percentiles", percentiles, "50 99 99.9"),
  honoured("notify-keyspace-events", eventClasses, ""),
];

function fileNameProblem(name: string, what: string) {
  return (value: string): string | undefined => {
    if (value === "") return name.startsWith("append") ? `${name} can't be empty` : undefined;
    return /[/\\]/.test(value) ? `${name} can't be a path, just a ${what}` : undefined;
  };
}
