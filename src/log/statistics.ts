/** What INFO and the benches want to know about the log. Plain numbers, updated by the writer, read by anybody. */
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
  /** Commands that the last sync, and all syncs, made durable. */
  groupCommandsLast: number;
  groupCommandsTotal: number;
  /** Age of the oldest write when the sync that covered it ended, ms: what `everysec` really risks. */
  exposureMsLast: number;
  exposureMsMax: number;
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
    syncs: 0,
    syncUsLast: 0,
    syncUsMax: 0,
    syncUsTotal: 0,
    groupCommandsLast: 0,
    groupCommandsTotal: 0,
    exposureMsLast: 0,
    exposureMsMax: 0,
    failures: 0,
  };
}

/** A sync has ended: how long it took, how many commands it covers, and how old the oldest write in it is by now. */
export function countSync(statistics: LogStatistics, tookUs: number, commands: number, exposureUs: number): void {
  statistics.syncs++;
  statistics.syncUsLast = tookUs;
  statistics.syncUsTotal += tookUs;
  statistics.syncUsMax = Math.max(statistics.syncUsMax, tookUs);
  statistics.groupCommandsLast = commands;
  statistics.groupCommandsTotal += commands;
  statistics.exposureMsLast = exposureUs / 1000;
  statistics.exposureMsMax = Math.max(statistics.exposureMsMax, statistics.exposureMsLast);
}
