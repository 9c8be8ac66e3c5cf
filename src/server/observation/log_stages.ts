/** The stages of a commit as the latency monitor knows them, under Redis's names: see latency_events.ts. */

import type { LogObserver } from "../../log/statistics.ts";
import type { FsyncPolicy } from "../../log/sync_schedule.ts";
import type { LatencyEvents } from "./latency_events.ts";

export class LogStages implements LogObserver {
  private readonly latency: LatencyEvents;
  private readonly log: { readonly policy: FsyncPolicy };

  constructor(latency: LatencyEvents, log: { readonly policy: FsyncPolicy }) {
    this.latency = latency;
    this.log = log;
  }

  wrote(us: number, besideSync: boolean): void {
    this.latency.sample("aof-write", us);
    this.latency.sample(besideSync ? "aof-write-pending-fsync" : "aof-write-alone", us);
  }

  synced(us: number): void {
    // Otherwise nobody waits for it.
    if (this.log.policy === "always") this.latency.sample("aof-fsync-always", us);
  }
}
