/**
 * The way back after a failed sync under `everysec` and `no` (D9): the kernel may have dropped what it was to store and call it stored, so nothing
 * that was written to that segment is trusted any more. But this process still has all of it in memory. An image of that, in a new file, and a new
 * empty segment in a new epoch take the place of the log; then writes are taken again.
 *
 * Writes are refused until then, so an attempt that fails costs time only. It is made again, at growing intervals, for as long as the process lives.
 * A process that ends before leaves what any crash leaves.
 *
 * Not under `always`, where the server ends (server.ts): nobody there was told of a write that may be lost. Not where the directory is gone: what is
 * found in its place may be somebody else's.
 */
import type { Engine } from "./engine.ts";
import type { Images } from "./images.ts";

/** Between attempts, µs: doubled after each one that failed. */
const PAUSE_US_MIN = 1_000_000;
const PAUSE_US_MAX = 60_000_000;

export class Resumption {
  /** Attempts since start, and those that writes were taken again after. */
  attempts = 0;
  resumed = 0;
  /** Wall clock of the last one that succeeded, ms; 0: none has. */
  lastMs = 0;
  /** Name of the image that the log begins with since then. */
  lastImage = "";
  /** What the last attempt came to; empty: it succeeded, or none was made since the sync failed. */
  failure = "";
  /** Told when the log has begun anew. */
  onResumed: () => void = () => {};
  private readonly engine: Engine;
  private readonly images: Images;
  private nextUs = 0;
  private pauseUs = PAUSE_US_MIN;
  private underWay = false;

  constructor(engine: Engine, images: Images) {
    this.engine = engine;
    this.images = images;
  }

  /** Seconds until the next attempt; 0: it is due or under way. */
  get secondsLeft(): number {
    return Math.max(0, Math.ceil((this.nextUs - this.engine.clock.monotonicUs()) / 1e6));
  }

  /** To be called regularly while a sync has failed and nothing is on its way to the disk. */
  tick(): void {
    const { engine, images } = this;
    if (this.underWay || images.busy || engine.clock.monotonicUs() < this.nextUs) return;
    this.begin();
  }

  /** Before an orderly end, while no image is being taken: an attempt is made at once. Resolves when it has ended. */
  async now(): Promise<void> {
    this.begin();
    await this.images.idle();
  }

  private begin(): void {
    const { engine, images } = this;
    this.underWay = true;
    this.attempts++;
    images.beginInsteadOfLog((error, result) => {
      this.underWay = false;
      if (error === undefined && result !== undefined) {
        this.resumed++;
        this.lastMs = engine.clock.wallMs();
        this.lastImage = result.image.name;
        this.failure = "";
        this.nextUs = 0;
        this.pauseUs = PAUSE_US_MIN;
        this.onResumed();
        return;
      }
      this.failure = error?.message ?? "";
      this.nextUs = engine.clock.monotonicUs() + this.pauseUs;
      this.pauseUs = Math.min(PAUSE_US_MAX, this.pauseUs * 2);
    });
  }
}
