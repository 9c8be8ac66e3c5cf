/**
 * Whether syncs overlap: whether the next one begins while others are under way.
 *
 * It pays where a sync is mostly waiting (a volume in a network, a disk with a slow path to its cache): several waits then
 * pass at the same time, and nobody waits for the others of his group to come back. It costs where a disk takes one sync after
 * the other: each takes up to twice as long then, and clients are better off sharing one. Which it is depends on the disk, on what
 * else is done to it, and on the load, and shows in one number: how long a write waits until it is durable. So both are tried, for a
 * moment each, and the better one is kept; from time to time, ever more rarely while it stays the same, the other one is tried again.
 *
 * Decisions only: it reads no clock.
 */

/** Shorter syncs are shared: their cost is the processor's, and the more writes share one the less it is. */
const WORTH_US = 1000;
/** So long, and so many syncs, is looked at each of the two. */
const WINDOW_US = 100_000;
const WINDOW_SYNCS = 24;
/** Syncs at the beginning of a trial that began before it, or waited for such. */
const SETTLING_SYNCS = 8;
/** What is tried must be better by so much. */
const BETTER = 0.95;
const TRIAL_EVERY_US_MIN = 2_000_000;
const TRIAL_EVERY_US_MAX = 32_000_000;

export class SyncOverlap {
  active = false;
  /** Of the window: what the syncs took, what the writes waited, and how many of each. */
  private tookUs = 0;
  private waitedUs = 0;
  private writes = 0;
  private syncs = 0;
  private beganUs = Number.NaN;
  /** While the other one is tried: what a write waited before; else NaN. */
  private beforeUs = Number.NaN;
  private trialUs = Number.NEGATIVE_INFINITY;
  private everyUs = TRIAL_EVERY_US_MIN;

  /** A sync that took `tookUs` has made `writes` durable, of which the oldest has waited for `waitedUs`. */
  counted(nowUs: number, tookUs: number, waitedUs: number, writes: number): void {
    if (Number.isNaN(this.beganUs)) this.beganUs = nowUs;
    this.syncs++;
    if (this.syncs <= 0) return;
    this.tookUs += tookUs;
    this.waitedUs += waitedUs * writes;
    this.writes += writes;
    if (this.syncs < WINDOW_SYNCS || nowUs - this.beganUs < WINDOW_US || this.writes === 0) return;
    this.decide(nowUs, this.tookUs / this.syncs, this.waitedUs / this.writes);
  }

  private decide(nowUs: number, tookUs: number, waitedUs: number): void {
    const trial = !Number.isNaN(this.beforeUs);
    if (trial) {
      const better = waitedUs < BETTER * this.beforeUs;
      this.beforeUs = Number.NaN;
      this.everyUs = better ? TRIAL_EVERY_US_MIN : Math.min(2 * this.everyUs, TRIAL_EVERY_US_MAX);
      this.trialUs = nowUs + this.everyUs;
      if (!better) this.active = !this.active;
    } else if (tookUs < (this.active ? WORTH_US / 2 : WORTH_US)) {
      this.active = false;
    } else if (nowUs >= this.trialUs) {
      this.beforeUs = waitedUs;
      this.active = !this.active;
    }
    this.tookUs = 0;
    this.waitedUs = 0;
    this.writes = 0;
    this.syncs = -SETTLING_SYNCS;
    this.beganUs = Number.NaN;
  }
}
