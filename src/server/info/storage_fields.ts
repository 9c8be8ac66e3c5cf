/** INFO persistence: what is wrong with the disk or the clock, since when, the way out, and how full the disk is. Times are seconds since 1970. */
import type { Server } from "../server.ts";
import { yesNo } from "./format.ts";
import type { Field } from "./sections.ts";

export function storageFields(server: Server): Field[] {
  const { storage, clockWatch } = server;
  const clock: Field[] = [
    ["clock_steps_back", clockWatch.stepsBack],
    ["clock_last_step_ms", clockWatch.lastStepMs],
    ["clock_last_step_time", Math.floor(clockWatch.lastStepAtMs / 1000)],
  ];
  if (storage === undefined) return clock;
  const { health, space, resumption } = storage;
  return [
    ["storage_state", health.state],
    ["storage_state_since", Math.floor(health.sinceMs / 1000)],
    ["storage_refuses_writes", yesNo(health.trouble?.refusesWrites === true)],
    ["storage_error", health.trouble?.error ?? ""],
    ["storage_remedy", health.trouble?.remedy ?? ""],
    ["storage_last_error", health.lastError],
    ["storage_last_error_time", Math.floor(health.lastErrorMs / 1000)],
    ["storage_resumptions", resumption.resumed],
    ["storage_resumption_attempts", resumption.attempts],
    ["storage_resumption_error", resumption.failure],
    ["storage_last_resumption_time", Math.floor(resumption.lastMs / 1000)],
    ["disk_free_bytes", space.freeBytes],
    ["disk_total_bytes", space.totalBytes],
    ["disk_low_watermark_bytes", space.lowBytes],
    ["disk_stop_watermark_bytes", space.stopBytes],
    ["disk_full_in_seconds", space.secondsLeft],
    ...clock,
  ];
}
