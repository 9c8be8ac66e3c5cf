/**
 * The directives that the dataset and the engine act on: they ask plain fields, never the configuration, so each change is copied over
 * here, at the start and after every CONFIG SET.
 *
 * Encodings are set before the log is replayed: a value is built up with the same thresholds as when it was written, so that a
 * restart changes no encoding. The memory limit is set when the dataset is complete.
 */
import type { Dataset } from "../dataset/dataset.ts";
import type { EvictionPolicy } from "../dataset/eviction.ts";
import type { Engine } from "../engine/engine.ts";
import type { Config } from "./config/config.ts";

/** A change of any of these calls for `applyDatasetSettings`. */
export const DATASET_DIRECTIVES: readonly string[] = [
  "lazyfree-lazy-user-flush",
  "active-expire-effort",
  "lfu-decay-time",
  "lfu-log-factor",
  "rdbcompression",
  "hash-max-listpack-entries",
  "hash-max-listpack-value",
  "zset-max-listpack-entries",
  "zset-max-listpack-value",
  "set-max-intset-entries",
  "set-max-listpack-entries",
  "set-max-listpack-value",
  "list-max-listpack-size",
  "list-compress-depth",
];

/** A change of any of these calls for `applyMemoryLimit`. */
export const MEMORY_DIRECTIVES: readonly string[] = [
  "maxmemory",
  "maxmemory-policy",
  "maxmemory-samples",
  "maxmemory-eviction-tenacity",
];

export function applyDatasetSettings(dataset: Dataset, config: Config): void {
  dataset.lazyUserFlush = config.flag("lazyfree-lazy-user-flush");
  dataset.expireEffort = config.integer("active-expire-effort");
  dataset.frequencyDecayMinutes = config.integer("lfu-decay-time");
  dataset.frequencyLogFactor = config.integer("lfu-log-factor");
  dataset.rdbCompression = config.flag("rdbcompression");
  const { limits } = dataset;
  limits.hashListpackEntries = config.integer("hash-max-listpack-entries");
  limits.hashListpackValueBytes = config.integer("hash-max-listpack-value");
  limits.zsetListpackEntries = config.integer("zset-max-listpack-entries");
  limits.zsetListpackValueBytes = config.integer("zset-max-listpack-value");
  limits.setIntsetEntries = config.integer("set-max-intset-entries");
  limits.setListpackEntries = config.integer("set-max-listpack-entries");
  limits.setListpackValueBytes = config.integer("set-max-listpack-value");
  limits.listListpackSize = config.integer("list-max-listpack-size");
  limits.listCompressDepth = config.integer("list-compress-depth");
}

export function applyMemoryLimit(engine: Engine, config: Config): void {
  const policy = config.text("maxmemory-policy") as EvictionPolicy;
  const limitBytes = config.integer("maxmemory");
  engine.dataset.sharesIntegers = limitBytes === 0 || !/(lru|lfu)$/.test(policy);
  engine.limitMemory({
    limitBytes,
    policy,
    samples: config.integer("maxmemory-samples"),
    tenacity: config.integer("maxmemory-eviction-tenacity"),
  });
}
