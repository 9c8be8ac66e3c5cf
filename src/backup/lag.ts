/**
 * How old is the oldest acknowledged write that is not in the store? Samples of (sequence, time) tell: what came after a sample is younger than
 * it. The answer errs on the safe side, by the distance of two samples.
 */

/** Samples kept; when there are more, every second one goes. */
const SAMPLES_MAX = 4096;

export class LagClock {
  private sequences: number[] = [];
  private times: number[] = [];

  /** `sequence` is that of the last write at `us`, on the monotonic clock. */
  sample(sequence: number, us: number): void {
    const last = this.sequences.length - 1;
    // Nothing has been written since: the next write is younger than now.
    if (last >= 0 && this.sequences[last] === sequence) {
      this.times[last] = us;
      return;
    }
    this.sequences.push(sequence);
    this.times.push(us);
    if (this.sequences.length <= SAMPLES_MAX) return;
    this.sequences = this.sequences.filter((_, i) => i % 2 === 0);
    this.times = this.times.filter((_, i) => i % 2 === 0);
  }

  /** What came before the first sample: the write behind `sequence` is younger than `us`. */
  seed(sequence: number, us: number): void {
    if (this.sequences.length > 0 && this.sequences[0]! <= sequence) return;
    this.sequences.unshift(sequence);
    this.times.unshift(us);
  }

  /** Everything up to `sequence` is in the store. */
  shipped(sequence: number): void {
    let known = 0;
    while (known + 1 < this.sequences.length && this.sequences[known + 1]! <= sequence) known++;
    if (known > 0) {
      this.sequences.splice(0, known);
      this.times.splice(0, known);
    }
  }

  /** Age in µs of the oldest write behind `sequence`, at most; 0: there is none. `last` is the newest write. */
  lagUs(sequence: number, last: number, us: number): number {
    if (sequence >= last) return 0;
    return this.times.length === 0 ? 0 : Math.max(0, us - this.times[0]!);
  }
}
