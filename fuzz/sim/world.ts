/**
 * What a simulated process stands on: a clock that only moves when told to, the completions that are on their way, and the
 * log's two threads. Nothing here looks at the machine, so a seed replays a run exactly.
 *
 * Each completion gets its latency when it is begun, drawn from the seed: that orders the threads and the file operations
 * among each other.
 */
import { check } from "../../src/base/check.ts";
import type { Clock } from "../../src/base/clock.ts";
import { type Random, uniform } from "../../src/base/random.ts";
import type { Disk } from "../../src/disk/disk.ts";
import type { LogIo } from "../../src/platform/log_io.ts";

/** The longest that a simulated operation takes, µs. */
export const LATENCY_US_MAX = 300_000;

export class SimClock implements Clock {
  /** Wall clock minus monotonic clock, ms: changes when the wall clock is set. */
  offsetMs = 1_700_000_000_000;
  nowUs = 1_000_000;

  wallMs(): number {
    return this.offsetMs + Math.floor(this.nowUs / 1000);
  }

  monotonicUs(): number {
    return this.nowUs;
  }
}

interface Pending {
  readonly dueUs: number;
  readonly run: () => void;
  /** What it may have done when the process died before it was told. */
  readonly unseen: (() => void) | undefined;
}

/** Completions by the time they are due. */
export class Schedule {
  private readonly clock: SimClock;
  private readonly random: Random;
  private readonly pending: Pending[] = [];

  constructor(clock: SimClock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  get length(): number {
    return this.pending.length;
  }

  /** When the first is due, µs; Infinity without one. */
  get dueUs(): number {
    return this.pending[0]?.dueUs ?? Number.POSITIVE_INFINITY;
  }

  /** To be run after some time that the seed decides. */
  readonly later = (run: () => void, unseen?: () => void): void => this.within(3000, run, unseen);

  /** The same; `usuallyUs` is the most that it takes in most cases. */
  within(usuallyUs: number, run: () => void, unseen?: () => void): void {
    const dice = uniform(this.random, 16);
    const latencyUs =
      dice < 12 ? 50 + uniform(this.random, usuallyUs) : dice < 15 ? uniform(this.random, 30_000) : LATENCY_US_MAX;
    this.after(latencyUs, run, unseen);
  }

  /** The same, at a time that the caller decides. */
  after(latencyUs: number, run: () => void, unseen?: () => void): void {
    const dueUs = this.clock.nowUs + latencyUs;
    let at = this.pending.length;
    while (at > 0 && this.pending[at - 1]!.dueUs > dueUs) at--;
    this.pending.splice(at, 0, { dueUs, run, unseen });
  }

  /** Runs the first, at its time. */
  runFirst(): void {
    const first = this.pending.shift();
    check(first !== undefined, "something is on its way");
    this.clock.nowUs = Math.max(this.clock.nowUs, first.dueUs);
    first.run();
  }

  /** The process has died: nothing of it goes on, but some of what was on its way has happened. */
  clear(): void {
    for (const { unseen } of this.pending.splice(0))
      if (unseen !== undefined && uniform(this.random, 2) === 0) unseen();
  }
}

/** The log's threads over a simulated disk; how many of them sync, the seed decides. */
export class SimLogIo implements LogIo {
  readonly kind = "portable";
  readonly native = undefined;
  onWritten: (result: number) => void = () => {};
  onSynced: (result: number, lane: number) => void = () => {};
  readonly lanes: number;
  onComplete: (() => void) | undefined = undefined;
  private readonly disk: Disk;
  private readonly schedule: Schedule;
  private writing = false;
  private readonly syncing = new Set<number>();

  constructor(disk: Disk, schedule: Schedule, lanes: number) {
    this.lanes = lanes;
    this.disk = disk;
    this.schedule = schedule;
  }

  write(fd: number, bytes: Uint8Array, start: number, length: number, position: number): void {
    check(!this.writing, "one write at a time");
    this.writing = true;
    const put = (): number => this.disk.pwrite(fd, bytes, start, length, position);
    // Into the page cache: faster than a sync, as a rule.
    this.schedule.within(
      100,
      () => {
        const result = put();
        this.writing = false;
        this.onWritten(result);
      },
      put,
    );
  }

  writeNow(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number {
    return this.disk.pwrite(fd, bytes, start, length, position);
  }

  sync(fd: number, lane: number): void {
    check(lane < this.lanes && !this.syncing.has(lane), "one sync at a time on a lane");
    this.syncing.add(lane);
    this.disk.fdatasyncLater(fd, (result) => {
      this.syncing.delete(lane);
      this.onSynced(result, lane);
    });
  }

  deliver(): boolean {
    return false;
  }

  lastWriteUs(): number {
    return 0;
  }

  lastSyncUs(): number {
    return 0;
  }

  async close(): Promise<void> {}
}
