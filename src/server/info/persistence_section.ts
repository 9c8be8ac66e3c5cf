/**
 * Durability: Redis's names for what its append-only file and ours have in common, and the log's own numbers. The
 * fields of Redis's snapshots are about images (server/saving.ts).
 */

import { everysecBoundMs } from "../../log/sync_schedule.ts";
import type { LogWriter } from "../../log/writer.ts";
import type { Server } from "../server.ts";
import type { Counters } from "./counters.ts";
import { yesNo } from "./format.ts";
import type { Field, InfoContext } from "./sections.ts";
import { storageFields } from "./storage_fields.ts";

export function persistenceSection({ server, counters }: InfoContext): Field[] {
  const { saving } = server;
  const images = server.storage?.images;
  const statistics = images?.statistics;
  const busy = saving.current !== undefined;
  return [
    ["loading", 0],
    ["async_loading", 0],
    ["current_cow_peak", images?.extraBytes ?? 0],
    ["current_cow_size", images?.extraBytes ?? 0],
    ["current_cow_size_age", 0],
    ["current_fork_perc", "0.00"],
    ["current_save_keys_processed", 0],
    ["current_save_keys_total", 0],
    ["rdb_changes_since_last_save", saving.changes],
    ["rdb_bgsave_in_progress", saving.current === "save" ? 1 : 0],
    ["rdb_last_save_time", Math.floor(saving.lastSaveMs / 1000)],
    ["rdb_last_bgsave_status", saving.lastSaveOk ? "ok" : "err"],
    ["rdb_last_bgsave_time_sec", saving.lastSaveSeconds],
    ["rdb_current_bgsave_time_sec", saving.secondsOf("save")],
    ["rdb_saves", saving.saves],
    ["rdb_last_cow_size", statistics?.lastExtraBytes ?? 0],
    ["rdb_last_load_keys_expired", 0],
    ["rdb_last_load_keys_loaded", 0],
    ["aof_enabled", server.storage === undefined ? 0 : 1],
    ["aof_rewrite_in_progress", saving.current === "rewrite" || server.storage?.filling === true ? 1 : 0],
    ["aof_rewrite_scheduled", saving.rewriteScheduled ? 1 : 0],
    ["aof_last_rewrite_time_sec", saving.lastRewriteSeconds],
    ["aof_current_rewrite_time_sec", saving.secondsOf("rewrite")],
    ["aof_last_bgrewrite_status", saving.lastRewriteOk ? "ok" : "err"],
    ["aof_rewrites", saving.rewrites],
    ["aof_rewrites_consecutive_failures", saving.rewriteFailures],
    ["aof_last_write_status", server.storage?.health.trouble?.refusesWrites === true ? "err" : "ok"],
    ["aof_last_cow_size", statistics?.lastExtraBytes ?? 0],
    ["module_fork_in_progress", 0],
    ["module_fork_last_cow_size", 0],
    ...encryptionFields(server),
    ...logFields(server, counters),
    ...imageFields(server, busy),
    ...storageFields(server),
  ];
}

function encryptionFields({ encryption, storage }: Server): Field[] {
  const { newest, ids } = encryption.keys;
  const fields: Field[] = [
    ["encryption", newest === undefined ? "off" : "on"],
    ["encryption_key_id", newest?.id ?? ""],
    ["encryption_key_ids_given", ids.join(",")],
  ];
  if (storage === undefined) return fields;
  const { inUse, plain, encrypted } = storage.encryption;
  return [
    ...fields,
    ["encryption_key_ids_in_use", inUse.join(",")],
    ["encryption_segments_plain", plain],
    ["encryption_segments_encrypted", encrypted],
  ];
}

function logFields(server: Server, counters: Counters): Field[] {
  const { storage } = server;
  if (storage === undefined) return [];
  const { writer, report } = storage;
  const { statistics } = writer;
  const { syncNs, groupCommands } = statistics;
  const { pressure } = server.turns;
  const average = (total: number): number => (statistics.syncs === 0 ? 0 : Math.round(total / statistics.syncs));
  const syncUs = (percent: number): number => Math.round(syncNs.percentile(percent) / 1000);
  return [
    ["aof_current_size", server.saving.sizes.current],
    ["aof_base_size", server.saving.sizes.base],
    ["aof_pending_rewrite", 0],
    ["aof_buffer_length", writer.pendingBytes],
    ["aof_pending_bio_fsync", writer.syncing ? 1 : 0],
    ["aof_delayed_fsync", counters.get("backPressure")],
    ["log_policy", writer.policy],
    ["log_sequence", writer.sequence],
    ["log_written_sequence", writer.writtenSequence],
    ["log_durable_sequence", writer.durableSequence],
    ["log_oldest_unsynced_ms", oldestUnsyncedMs(server)],
    ["log_exposure_bound_ms", exposureBoundMs(writer)],
    ["log_pending_bytes", writer.pendingBytes],
    ["log_parked_reply_bytes", server.turns.queue.parkedBytes],
    ["log_segment", writer.segmentName],
    ["log_segment_bytes", writer.segmentBytes],
    ["log_segments", report.segments + statistics.segments],
    ["log_bytes_written", statistics.bytes],
    ["log_frames", statistics.frames],
    ["log_marks", statistics.marks],
    ["log_writes_on_main_thread", statistics.writesOnCaller],
    ["log_writes_on_write_thread", statistics.writesOnThread],
    ["log_syncs", statistics.syncs],
    ["log_sync_usec_last", Math.round(statistics.syncUsLast)],
    ["log_sync_usec_max", Math.round(statistics.syncUsMax)],
    ["log_sync_usec_average", average(statistics.syncUsTotal)],
    ["log_sync_usec_p50", syncUs(50)],
    ["log_sync_usec_p99", syncUs(99)],
    ["log_sync_usec_p99.9", syncUs(99.9)],
    ["log_group_commands_last", statistics.groupCommandsLast],
    ["log_group_commands_average", average(statistics.groupCommandsTotal)],
    ["log_group_commands_p50", groupCommands.percentile(50)],
    ["log_group_commands_p99", groupCommands.percentile(99)],
    ["log_group_commands_max", groupCommands.percentile(100)],
    ["log_exposure_ms_last", Math.round(statistics.exposureMsLast)],
    ["log_exposure_ms_max", Math.round(statistics.exposureMsMax)],
    ["log_backpressure", yesNo(pressure.active)],
    ["log_backpressure_count", counters.get("backPressure")],
    ["log_backpressure_ms", Math.round(pressure.totalUs / 1000)],
    ["log_failures", statistics.failures],
    ["log_failed", writer.failed === null ? "no" : writer.failed.kind],
    ["log_reserves_space", yesNo(writer.space.supported)],
  ];
}

function imageFields(server: Server, busy: boolean): Field[] {
  const { storage } = server;
  if (storage === undefined) return [];
  const { statistics, extraBytes, settings } = storage.images;
  return [
    ["image_in_progress", yesNo(busy)],
    ["images_taken", statistics.taken],
    ["images_full", statistics.full],
    ["images_delta", statistics.deltas],
    ["images_failed", statistics.failed],
    ["images_found_damaged", statistics.damaged],
    ["image_last_kind", statistics.lastKind],
    ["image_last_sequence", statistics.lastSequence],
    ["image_last_ms", Math.round(statistics.lastMs)],
    ["image_last_bytes", statistics.lastBytes],
    ["image_last_bytes_uncompressed", statistics.lastPlainBytes],
    ["image_last_pages", statistics.lastPages],
    ["image_last_freeze_usec", Math.round(statistics.lastFreezeUs)],
    ["image_freeze_usec_max", Math.round(statistics.freezeUsMax)],
    ["image_pages_copied_last", statistics.lastCopiedPages],
    ["image_memory_limit", settings.memoryBytesMax],
    ["image_memory_now", extraBytes],
    ["image_memory_last", statistics.lastExtraBytes],
    ["image_memory_max", statistics.extraBytesMax],
    ["image_waits", statistics.waits],
    ["image_wait_usec", Math.round(statistics.waitedUs)],
    ["image_wait_usec_max", Math.round(statistics.waitedUsMax)],
    ["image_loaded_sequence", storage.report.imageSequence],
    ["image_loaded_bytes", storage.report.imageBytes],
    ["images_damaged_at_start", storage.report.badImages.length],
    ...server.verifying.fields,
  ];
}

/** Age of the oldest write that no sync has covered yet, ms; 0: there is none. */
function oldestUnsyncedMs(server: Server): number {
  const oldestMs = server.storage?.writer.oldestUnsyncedMs ?? -1;
  return oldestMs < 0 ? 0 : Math.max(0, Math.round(server.clock.monotonicUs() / 1000 - oldestMs));
}

/**
 * How old a write can be, ms, when it becomes durable under `everysec`: as the longest sync so far has it. 0 under `always`, where it is not acknowledged before; -1 under `no`.
 */
function exposureBoundMs({ policy, statistics }: LogWriter): number {
  if (policy === "always") return 0;
  return policy === "no" ? -1 : Math.ceil(everysecBoundMs(statistics.syncUsMax / 1000));
}
