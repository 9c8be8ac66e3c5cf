/**
 * When a sync is due. Decisions only: it starts nothing and reads no clock.
 *
 * `always`: at once, or, while the clients of the last group are expected back, when they are back or 20 % of a sync's time
 * has passed; where syncs are short, it is what answering them and hearing from them takes. Starting at once splits the clients into two
 * cohorts that wait for each other's sync and halves the gain. Where syncs overlap (sync_overlap.ts) nobody waits for another one's, and
 * each begins at once: groups that come one after the other are executed while those before them wait for the disk.
 * `everysec`: so early that the oldest write is on stable storage within a second: a second minus what a sync takes.
 * `no`: never on its own.
 */
import { SyncOverlap } from "./sync_overlap.ts";

export type FsyncPolicy = "always" | "everysec" | "no";

const EXPOSURE_US = 1_000_000;
/** However slow syncs are, there is this much time between two of them under `everysec`. */
const EVERYSEC_GAP_US = 100_000;
const COHORT_SHARE = 0.2;
/** Whatever the disk is like, some fifty clients take so long to be answered and to come back; but no more than two syncs are waited. */
const COHORT_US = 250;
const COHORT_SYNCS_MAX = 2;
/** Of syncs shorter than this, one under way does not keep a write waiting for long. */
const SHORT_SYNC_US = 1000;
/** The writer looks at the clock this often. */
const TICK_US = 100_000;

/**
 * How old a write can be, ms, when the sync that covers it ends, if no sync takes longer than `longestSyncMs`. Either that sync took much
 * longer than those before it: a second, and all of it. Or the write has just missed one, and waits for the next, which begins after the
 * gap, a tick of the clock later at most. Where syncs take about as long as they did lately, and less than 400 ms, it is a second.
 */
export function everysecBoundMs(longestSyncMs: number): number {
  return Math.max(EXPOSURE_US / 1000 + longestSyncMs, 2 * longestSyncMs + (EVERYSEC_GAP_US + TICK_US) / 1000);
}

export class SyncSchedule {
  policy: FsyncPolicy;
  private cohortExpected = 0;
  private cohortReturned = 0;
  private lastEndUs = Number.NEGATIVE_INFINITY;
  /** A moving average. */
  private syncUs = 0;
  private readonly overlap = new SyncOverlap();
  private readonly lanes: number;

  /** `lanes`: syncs that can be under way at the same time. */
  constructor(policy: FsyncPolicy, lanes: number) {
    this.policy = policy;
    this.lanes = lanes;
  }

  /** Of `expected` clients whose replies the last sync released, `returned` have sent their next request. */
  cohort(returned: number, expected: number): void {
    this.cohortReturned = returned;
    this.cohortExpected = expected;
  }

  /** May a sync begin while others are under way? */
  get overlaps(): boolean {
    return this.policy === "always" && this.lanes > 1 && this.overlap.active;
  }

  /** A sync counts that took `tookUs`: it has made `writes` durable, of which the oldest has waited for `waitedUs`. */
  counted(nowUs: number, tookUs: number, waitedUs: number, writes: number): void {
    if (this.policy === "always" && this.lanes > 1) this.overlap.counted(nowUs, tookUs, waitedUs, writes);
  }

  /**
   * May this thread write while a sync is under way that began `agoUs` ago? Negative: none is. Under the other policies one can take 300 ms at
   * any time, and nobody waits for it.
   */
  writesBeside(agoUs: number): boolean {
    return agoUs < 0 || (this.policy === "always" && this.syncUs < SHORT_SYNC_US && agoUs < SHORT_SYNC_US);
  }

  ended(nowUs: number, tookUs: number): void {
    this.cohortExpected = 0;
    this.cohortReturned = 0;
    this.lastEndUs = nowUs;
    this.syncUs = this.syncUs === 0 ? tookUs : this.syncUs * 0.8 + tookUs * 0.2;
  }

  /**
   * Microseconds until a sync is due for writes of which the oldest was made at `oldestUs`; zero or less: now; Infinity:
   * not by time.
   */
  dueInUs(nowUs: number, oldestUs: number): number {
    if (this.policy === "no") return Number.POSITIVE_INFINITY;
    if (this.policy === "always") {
      if (this.overlaps || this.cohortReturned >= this.cohortExpected) return 0;
      return this.lastEndUs + this.cohortUs() - nowUs;
    }
    const due = oldestUs + EXPOSURE_US - this.syncUs - TICK_US;
    return Math.max(due, this.lastEndUs + EVERYSEC_GAP_US) - nowUs;
  }

  private cohortUs(): number {
    return Math.max(COHORT_SHARE * this.syncUs, Math.min(COHORT_US, COHORT_SYNCS_MAX * this.syncUs));
  }
}
