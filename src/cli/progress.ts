/** How far something is, in one line of a terminal that is written anew and anew; elsewhere nothing is written. */
import { systemClock } from "../base/clock.ts";
import { humanBytes } from "../base/memory_size.ts";

const WIDTH = 30;
const EVERY_US = 100_000;

/** Writes to a terminal; undefined where there is none. */
export type Terminal = ((text: string) => void) | undefined;

export class Progress {
  private readonly write: Terminal;
  private readonly what: string;
  private readonly beganUs = systemClock.monotonicUs();
  private shownUs = 0;

  constructor(what: string, write: Terminal) {
    this.what = what;
    this.write = write;
  }

  /** `share` of all is done, 0 … 1; undefined where nobody knows. */
  show(share: number | undefined, keys: number): void {
    this.line(share, keys, (count) => Math.round(count).toLocaleString("en-US"), " keys");
  }

  /** `bytes` are done of `total`; undefined where nobody knows. */
  showBytes(bytes: number, total: number | undefined): void {
    this.line(total === undefined ? undefined : bytes / Math.max(1, total), bytes, humanBytes, "");
  }

  private line(share: number | undefined, amount: number, textOf: (amount: number) => string, unit: string): void {
    if (this.write === undefined) return;
    const nowUs = systemClock.monotonicUs();
    if (nowUs - this.shownUs < EVERY_US) return;
    this.shownUs = nowUs;
    const rate = amount / Math.max(0.001, (nowUs - this.beganUs) / 1e6);
    const filled = Math.round(Math.min(1, share ?? 0) * WIDTH);
    const bar =
      share === undefined ? "" : ` [${"#".repeat(filled)}${".".repeat(WIDTH - filled)}] ${(share * 100).toFixed(0)} %`;
    this.write(`\r${this.what}${bar} ${textOf(amount)}${unit}, ${textOf(rate)}/s\x1b[K`);
  }

  /** Takes the line away. */
  end(): void {
    this.write?.("\r\x1b[K");
  }

  get seconds(): number {
    return (systemClock.monotonicUs() - this.beganUs) / 1e6;
  }
}
