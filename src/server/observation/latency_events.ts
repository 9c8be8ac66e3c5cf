/**
 * The latency monitor: for each kind of event the times at which it took longer than latency-monitor-threshold, the worst of each second, 160
 * seconds at most. The kinds are Redis's, as far as there is such a thing here:
 *
 *   command             a command that is not marked fast, or a transaction as a whole
 *   fast-command        a command that is marked fast
 *   expire-cycle        a slice of expiry by the timer
 *   eviction-cycle      making room before a command
 *   aof-write           a write to the log; also as one of the next two
 *   aof-write-alone     on the thread that executes commands, with nothing else going on
 *   aof-write-pending-fsync  on the write thread, because a sync was under way or there was much to write: replies waited, no turn did
 *   aof-fsync-always    a sync that replies wait for
 *
 * There is no aof-write-active-child: nothing here is done by child processes.
 *
 * Off (a threshold of 0) it costs one comparison where something is measured.
 */

/** Seconds remembered of each kind of event. */
const SAMPLES = 160;

export type LatencyEvent =
  | "command"
  | "fast-command"
  | "expire-cycle"
  | "eviction-cycle"
  | "eviction-del"
  | "aof-write"
  | "aof-write-alone"
  | "aof-write-pending-fsync"
  | "aof-fsync-always";

export interface LatencySample {
  /** Seconds since 1970. */
  readonly time: number;
  readonly milliseconds: number;
}

export class LatencySeries {
  /** The worst since the series began, ms. */
  max = 0;
  /** The oldest first. */
  readonly samples: LatencySample[] = [];

  add(time: number, milliseconds: number): void {
    if (milliseconds > this.max) this.max = milliseconds;
    const last = this.samples.at(-1);
    if (last !== undefined && last.time === time) {
      if (milliseconds > last.milliseconds) this.samples[this.samples.length - 1] = { time, milliseconds };
      return;
    }
    this.samples.push({ time, milliseconds });
    if (this.samples.length > SAMPLES) this.samples.shift();
  }
}

export class LatencyEvents {
  /** latency-monitor-threshold, ms; 0 for off. */
  thresholdMs = 0;
  /** By kind of event, in the order in which they first occurred. */
  readonly series = new Map<string, LatencySeries>();
  private readonly nowMs: () => number;

  /** `nowMs` is the wall clock. */
  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  get on(): boolean {
    return this.thresholdMs > 0;
  }

  /** Something took so many µs: remembered when that is long. */
  sample(event: LatencyEvent, us: number): void {
    const milliseconds = Math.floor(us / 1000);
    if (this.thresholdMs === 0 || milliseconds < this.thresholdMs) return;
    let series = this.series.get(event);
    if (series === undefined) {
      series = new LatencySeries();
      this.series.set(event, series);
    }
    series.add(Math.floor(this.nowMs() / 1000), milliseconds);
  }

  /** Forgets the events with these names, all of them when none is named; says how many there were. */
  reset(names: readonly string[]): number {
    if (names.length > 0) return names.filter((name) => this.series.delete(name)).length;
    const count = this.series.size;
    this.series.clear();
    return count;
  }
}
