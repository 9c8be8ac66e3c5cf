/** INFO: which names there are, what they count, and what CONFIG RESETSTAT sets aside. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSION } from "../../../src/base/version.ts";
import { redisAvailable, startRedis } from "../../support/redis_server.ts";
import type { RespClient } from "../../support/resp_client.ts";
import { infoFields, TestServer } from "./support.ts";

/** Names that redis-server's INFO has and Emberlog's lacks, each with the reason. */
const LACKING: Readonly<Record<string, string>> = {
  gcc_version: "no compiler made the server",
  atomicvar_api: "there are no shared counters to protect",
};

/** What redis_exporter and RedisInsight read of a primary without replicas, cluster or modules. */
const READ_BY_TOOLS =
  "redis_version redis_build_id redis_mode os uptime_in_seconds uptime_in_days process_id tcp_port run_id config_file executable " +
  "io_threads_active connected_clients maxclients blocked_clients tracking_clients clients_in_timeout_table cluster_connections " +
  "pubsub_clients watching_clients total_watched_keys total_blocking_keys total_blocking_keys_on_nokey " +
  "client_recent_max_input_buffer client_recent_max_output_buffer used_memory used_memory_human used_memory_rss used_memory_peak " +
  "used_memory_peak_human used_memory_lua used_memory_vm_eval used_memory_scripts_eval used_memory_overhead used_memory_startup " +
  "used_memory_dataset number_of_cached_scripts number_of_functions number_of_libraries used_memory_vm_functions " +
  "used_memory_scripts used_memory_functions used_memory_vm_total maxmemory maxmemory_policy mem_fragmentation_ratio " +
  "mem_fragmentation_bytes mem_clients_slaves mem_clients_normal mem_cluster_links mem_aof_buffer mem_replication_backlog " +
  "mem_allocator mem_not_counted_for_evict mem_total_replication_buffers total_system_memory allocator_active allocator_allocated " +
  "allocator_resident allocator_frag_ratio allocator_frag_bytes allocator_rss_ratio allocator_rss_bytes rss_overhead_ratio " +
  "rss_overhead_bytes active_defrag_running lazyfree_pending_objects loading async_loading rdb_changes_since_last_save " +
  "rdb_bgsave_in_progress rdb_last_save_time rdb_last_bgsave_status rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec rdb_saves " +
  "rdb_last_cow_size rdb_last_load_keys_expired rdb_last_load_keys_loaded aof_enabled aof_rewrite_in_progress " +
  "aof_rewrite_scheduled aof_last_rewrite_time_sec aof_current_rewrite_time_sec aof_last_cow_size aof_current_size aof_base_size " +
  "aof_pending_rewrite aof_buffer_length aof_pending_bio_fsync aof_delayed_fsync aof_last_bgrewrite_status aof_last_write_status " +
  "module_fork_in_progress module_fork_last_cow_size total_connections_received total_commands_processed " +
  "instantaneous_ops_per_sec instantaneous_input_kbps instantaneous_output_kbps total_net_input_bytes total_net_output_bytes " +
  "total_net_repl_input_bytes total_net_repl_output_bytes rejected_connections sync_full sync_partial_ok sync_partial_err " +
  "expired_keys expired_stale_perc expired_time_cap_reached_count expire_cycle_cpu_milliseconds evicted_keys evicted_clients " +
  "total_eviction_exceeded_time current_eviction_exceeded_time keyspace_hits keyspace_misses pubsub_channels pubsub_patterns " +
  "pubsubshard_channels latest_fork_usec total_forks migrate_cached_sockets slave_expires_tracked_keys active_defrag_hits " +
  "active_defrag_misses active_defrag_key_hits active_defrag_key_misses total_active_defrag_time current_active_defrag_time " +
  "tracking_total_keys tracking_total_items tracking_total_prefixes unexpected_error_replies total_error_replies " +
  "dump_payload_sanitizations total_reads_processed total_writes_processed io_threaded_reads_processed " +
  "io_threaded_writes_processed role connected_slaves master_replid master_repl_offset second_repl_offset repl_backlog_active " +
  "repl_backlog_size repl_backlog_first_byte_offset repl_backlog_histlen used_cpu_sys used_cpu_user used_cpu_sys_children " +
  "used_cpu_user_children used_cpu_sys_main_thread used_cpu_user_main_thread cluster_enabled db0";

/** Names that stand for what happened, not for what there is: they come and go. */
const CHANGING = /^(cmdstat_|errorstat_|latency_percentiles_usec_|listener\d|db\d)/;

let directory: string;
let server: TestServer;
let client: RespClient;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "emberlog-test-info-"));
  server = await TestServer.start({ appendonly: "yes", dir: join(directory, "data") });
  client = await server.connect();
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

test("every name that tools read is there", async () => {
  await client.command("SET", "k", "v");
  const fields = await infoFields(client, "all");
  expect(READ_BY_TOOLS.split(" ").filter((name) => !fields.has(name))).toEqual([]);
});

describe.skipIf(!redisAvailable())("against redis-server", () => {
  test("what redis-server has and Emberlog lacks stands in the table, and nothing else does", async () => {
    const redis = await startRedis({ args: ["--appendonly", "yes"] });
    try {
      const theirs = await infoFields(await redis.connect(), "everything");
      const ours = await infoFields(client, "everything");
      const lacking = [...theirs.keys()].filter((name) => !ours.has(name) && !CHANGING.test(name));
      expect(lacking.sort()).toEqual(Object.keys(LACKING).sort());
    } finally {
      await redis.stop();
    }
  });
});

test("sections by name, in one order, each once, and unknown ones left out", async () => {
  const titles = async (...sections: string[]): Promise<string> => {
    const text = String(await client.call("INFO", ...sections));
    return [...text.matchAll(/^# (\w+)\r\n/gm)].map((match) => match[1]).join(" ");
  };
  const usual = "Server Clients Memory Persistence Backup Stats Replication CPU Modules Errorstats Cluster Keyspace";
  const all =
    "Server Clients Memory Persistence Backup Stats Replication CPU Modules Commandstats Errorstats Latencystats Cluster Keyspace";
  expect(await titles()).toBe(usual);
  expect(await titles("default")).toBe(usual);
  expect(await titles("all")).toBe(all);
  expect(await titles("everything")).toBe(all);
  expect(await titles("keyspace", "SERVER", "nosuch", "server")).toBe("Server Keyspace");
  expect(await titles("default", "commandstats")).toContain("Modules Commandstats Errorstats");
  expect(await titles("nosuch")).toBe("");
});

test("it says what it is", async () => {
  const fields = await infoFields(client, "server");
  expect(fields.get("redis_version")).toBe("7.2.4");
  expect(fields.get("server_name")).toBe("emberlog");
  expect(fields.get("emberlog_version")).toBe(VERSION);
  expect(fields.get("tcp_port")).toBe(String(server.running.port));
  const native = fields.get("native") === "yes";
  expect(fields.get("transport")).toBe(native ? "epoll" : "net");
  const missing = [...fields.keys()].filter((name) => /^missing_(?!guarantees)/.test(name));
  expect(missing).toHaveLength(Number(fields.get("missing_guarantees")));
  if (!native) expect(missing.length).toBeGreaterThan(0);
});

test("counters count, and RESETSTAT sets them aside", async () => {
  await client.command("CONFIG", "RESETSTAT");
  const before = await infoFields(client, "all");
  expect(before.get("keyspace_hits")).toBe("0");
  expect(before.get("total_error_replies")).toBe("0");
  expect([...before.keys()].filter((name) => name.startsWith("errorstat_"))).toEqual([]);
  await client.command("SET", "counted", "v");
  await client.command("GET", "counted");
  await client.command("GET", "missing");
  await client.command("INCR", "counted");
  await client.command("GET");
  await client.command("CLIENT", "NOSUCH");
  await client.command("CLIENT", "ID");
  const fields = await infoFields(client, "all");
  expect(fields.get("keyspace_hits")).toBe("1");
  expect(fields.get("keyspace_misses")).toBe("1");
  expect(fields.get("total_error_replies")).toBe("3");
  expect(fields.get("errorstat_ERR")).toBe("count=3");
  expect(fields.get("cmdstat_get")).toMatch(
    /^calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0$/,
  );
  expect(fields.get("cmdstat_incr")).toMatch(/^calls=1,.*,rejected_calls=0,failed_calls=1$/);
  expect(fields.get("cmdstat_client|id")).toMatch(/^calls=1,/);
  // What is executed and not refused: two INFO, SET, two GET, INCR, CLIENT ID, CONFIG RESETSTAT itself not.
  expect(Number(fields.get("total_commands_processed"))).toBe(7);
  expect(Number(fields.get("total_net_input_bytes"))).toBeGreaterThan(100);
  expect(Number(fields.get("total_reads_processed"))).toBeGreaterThanOrEqual(7);
  await client.command("CONFIG", "RESETSTAT");
  const after = await infoFields(client, "all");
  expect(after.get("keyspace_hits")).toBe("0");
  expect(after.has("cmdstat_get")).toBe(false);
  expect(after.has("errorstat_ERR")).toBe(false);
});

test("memory follows the data", async () => {
  const before = await infoFields(client, "memory");
  await client.command("SET", "large", "x".repeat(3_000_000));
  const during = await infoFields(client, "memory", "keyspace");
  const grown = Number(during.get("used_memory")) - Number(before.get("used_memory"));
  expect(grown).toBeGreaterThan(3_000_000);
  expect(grown).toBeLessThan(3_600_000);
  expect(Number(during.get("used_memory_rss"))).toBeGreaterThan(Number(during.get("used_memory")));
  expect(Number(during.get("used_memory_dataset"))).toBeGreaterThan(3_000_000);
  await client.command("DEL", "large");
  const after = await infoFields(client, "memory");
  expect(Number(after.get("used_memory"))).toBeLessThan(Number(during.get("used_memory")) - 3_000_000);
  expect(Number(after.get("used_memory_peak"))).toBeGreaterThanOrEqual(Number(during.get("allocator_allocated")));
});

test("keyspace lists the databases that hold keys", async () => {
  await client.command("FLUSHALL");
  await client.pipeline([
    ["SELECT", 3],
    ["SET", "a", "1"],
    ["SET", "b", "1", "EX", 1000],
    ["SELECT", 0],
  ]);
  const fields = await infoFields(client, "keyspace");
  expect([...fields.keys()]).toEqual(["db3"]);
  expect(fields.get("db3")).toMatch(/^keys=2,expires=1,avg_ttl=\d+$/);
});

test("the log's position, and how far it is written and durable", async () => {
  const before = Number((await infoFields(client, "persistence")).get("log_sequence"));
  await client.command("SET", "logged", "1");
  const fields = await infoFields(client, "persistence");
  expect(Number(fields.get("log_sequence"))).toBeGreaterThan(before);
  expect(Number(fields.get("log_written_sequence"))).toBeGreaterThanOrEqual(before);
  expect(Number(fields.get("log_durable_sequence"))).toBeLessThanOrEqual(Number(fields.get("log_written_sequence")));
  expect(fields.get("aof_enabled")).toBe("1");
  expect(fields.get("log_policy")).toBe("everysec");
  expect(fields.get("log_segment")).toMatch(/\.seg$/);
});

test("without a log there are no fields about one", async () => {
  const volatile = await TestServer.start();
  const fields = await infoFields(await volatile.connect(), "persistence");
  expect(fields.get("aof_enabled")).toBe("0");
  expect([...fields.keys()].filter((name) => name.startsWith("log_"))).toEqual([]);
  await volatile.stop();
});

test("turns are counted and timed on the processor", async () => {
  await client.command("PING");
  const fields = await infoFields(client, "stats");
  expect(Number(fields.get("turns"))).toBeGreaterThan(0);
  expect(Number(fields.get("turn_cpu_us_max"))).toBeGreaterThan(0);
  expect(fields.get("turns_over_5ms")).toMatch(/^\d+$/);
});
