/** What INFO and the benches want to know about the log. Plain numbers, updated by the writer, read by anybody. */
import { Histogram } from "../base/histogram.ts";

export interface LogStatistics {
  frames: number;
  marks: number;
  segments: number;
  /** Bytes handed to the file, headers included. */
  bytes: number;
  writesOnCaller: number;
  writesOnThread: number;
  syncs: number;
  syncUsLast: number;
  syncUsMax: number;
  syncUsTotal: number;
  /** How long syncs took, ns; longer than a second counts as that. */
  syncNs: Histogram;
  /** Commands that the last sync, and all syncs, made durable; the last by how often. */
  groupCommandsLast: number;
  groupCommandsTotal: number;
  groupCommands: Histogram;
  /** Age of the oldest write when the sync that covered it ended, ms, since the policy is in force: what `everysec` really risks. */
  exposureMsLast: number;
  exposureMsMax: number;
  /** What was written before, under another policy, is not charged to this one. */
  exposureSinceUs: number;
  failures: number;
}

export function emptyLogStatistics(): LogStatistics {
  return {
    frames: 0,
    marks: 0,
    segments: 0,
    bytes: 0,
    writesOnCaller: 0,
    writesOnThread: 0,
    failures: 0,
    exposureSinceUs: Number.NEGATIVE_INFINITY,
    ...emptySyncStatistics(),
  };
}

function emptySyncStatistics() {
  return {
    syncs: 0,
    syncUsLast: 0,
    syncUsMax: 0,
    syncUsTotal: 0,
    syncNs: new Histogram(),
    groupCommandsLast: 0,
    groupCommandsTotal: 0,
    groupCommands: new Histogram(),
    exposureMsLast: 0,
    exposureMsMax: 0,
  };
}

/** CONFIG RESETSTAT: syncs are counted anew. What tells how much the log holds goes on. */
export function resetSyncStatistics(statistics: LogStatistics): void {
  Object.assign(statistics, emptySyncStatistics());
}

/** Another policy is in force: what was at risk under the one before says nothing about it. */
export function forgetExposure(statistics: LogStatistics, nowUs: number): void {
  statistics.exposureSinceUs = nowUs;
  statistics.exposureMsLast = 0;
  statistics.exposureMsMax = 0;
}

/** A sync has ended: how long it took, how many commands it covers, and when the oldest of them was written. */
export function countSync(
  statistics: LogStatistics,
  tookUs: number,
  commands: number,
  oldestUs: number,
  nowUs: number,
): void {
  statistics.syncs++;
  statistics.syncUsLast = tookUs;
  statistics.syncUsTotal += tookUs;
  statistics.syncUsMax = Math.max(statistics.syncUsMax, tookUs);
  statistics.syncNs.add(tookUs * 1000, 1);
  statistics.groupCommandsLast = commands;
  statistics.groupCommandsTotal += commands;
  // The end of a segment, or a mark: nobody's write.
  if (commands === 0) return;
  statistics.groupCommands.add(commands, 1);
  statistics.exposureMsLast = (nowUs - Math.max(oldestUs, statistics.exposureSinceUs)) / 1000;
  statistics.exposureMsMax = Math.max(statistics.exposureMsMax, statistics.exposureMsLast);
}

/** Who wants to know how long each stage took, µs. */
export interface LogObserver {
  /** A write, alone, or beside a sync or something else that kept it from being made at once. */
  wrote(us: number, besideSync: boolean): void;
  synced(us: number): void;
}
