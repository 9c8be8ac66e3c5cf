/** How far something is, in one line of a terminal that is written anew and anew; elsewhere nothing is written. */
import { systemClock } from "../base/clock.ts";

const WIDTH = 30;
const EVERY_US = 100_000;

export class Progress {
  private readonly write: ((text: string) => void) | undefined;
  private readonly what: string;
  private readonly beganUs = systemClock.monotonicUs();
  private shownUs = 0;

  /** `write`: to the terminal; undefined where there is none. */
  constructor(what: string, write: ((text: string) => void) | undefined) {
    this.what = what;
    this.write = write;
  }

  /** `share` of all is done, 0 … 1; undefined where nobody knows. */
  show(share: number | undefined, keys: number): void {
    if (this.write === undefined) return;
    const nowUs = systemClock.monotonicUs();
    if (nowUs - this.shownUs < EVERY_US) return;
    this.shownUs = nowUs;
    const rate = keys / Math.max(0.001, (nowUs - this.beganUs) / 1e6);
    const filled = Math.round(Math.min(1, share ?? 0) * WIDTH);
    const bar =
      share === undefined ? "" : ` [${"#".repeat(filled)}${".".repeat(WIDTH - filled)}] ${(share * 100).toFixed(0)} %`;
    this.write(
      `\r${this.what}${bar} ${keys.toLocaleString("en-US")} keys, ${Math.round(rate).toLocaleString("en-US")}/s\x1b[K`,
    );
  }

  /** Takes the line away. */
  end(): void {
    this.write?.("\r\x1b[K");
  }

  get seconds(): number {
    return (systemClock.monotonicUs() - this.beganUs) / 1e6;
  }
}
