/**
 * What becomes of clients when the log can't keep up: they are not read from until it has. Counted for INFO, and told in the log, but not
 * more often than every ten seconds.
 *
 * A disk that is slow for a moment fills the queue in front of the write thread; only when that is full (LOG_PENDING_BYTES_MAX) does this
 * begin. No turn ever waits for the disk.
 */
const LINE_EVERY_US = 10_000_000;

export class BackPressure {
  /** How often it has begun. */
  count = 0;
  /** How long it has lasted, those times that have ended, µs. */
  endedUs = 0;
  private beganUs = -1;
  private toldCount = 0;
  private toldUs = Number.NEGATIVE_INFINITY;
  private readonly nowUs: () => number;

  /** `nowUs` is the monotonic clock. */
  constructor(nowUs: () => number) {
    this.nowUs = nowUs;
  }

  get active(): boolean {
    return this.beganUs >= 0;
  }

  /** How long it has lasted in all, µs. */
  get totalUs(): number {
    return this.endedUs + (this.active ? this.nowUs() - this.beganUs : 0);
  }

  begin(): void {
    if (this.active) return;
    this.count++;
    this.beganUs = this.nowUs();
  }

  end(): void {
    if (!this.active) return;
    this.endedUs += this.nowUs() - this.beganUs;
    this.beganUs = -1;
  }

  /** A line for the log, when there is news to tell and it is time; `pendingBytes` is what waits to be written. */
  news(pendingBytes: number): string | undefined {
    const nowUs = this.nowUs();
    if (this.count === this.toldCount || nowUs - this.toldUs < LINE_EVERY_US) return undefined;
    const times = this.count - this.toldCount;
    this.toldCount = this.count;
    this.toldUs = nowUs;
    const megabytes = Math.round(pendingBytes / 1024 / 1024);
    return (
      `The disk can't keep up with the log: clients were not read from ${times === 1 ? "for a while" : `${times} times`}, ` +
      `${Math.round(this.totalUs / 1000)} ms in all since start; ${megabytes} MiB wait to be written`
    );
  }
}
