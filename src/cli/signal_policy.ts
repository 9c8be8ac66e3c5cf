/**
 * What a signal to stop means. One Ctrl-C in a terminal reaches the process twice when npm stands between (the
 * terminal signals the whole group, npm passes its own on), so a second SIGINT within a second of the first is the
 * same wish; a later one is impatience. SIGTERM is a wish however often it comes.
 */
import type { Clock } from "../base/clock.ts";

export type SignalAction = "stop" | "ignore" | "force";

const SAME_WISH_MS = 1000;

export class SignalPolicy {
  readonly #clock: Clock;
  #firstAtMs: number | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The stop came to nothing, and the next signal is a new wish. */
  forget(): void {
    this.#firstAtMs = undefined;
  }

  decide(name: string): SignalAction {
    const nowMs = this.#clock.monotonicUs() / 1000;
    if (this.#firstAtMs === undefined) {
      this.#firstAtMs = nowMs;
      return "stop";
    }
    return name === "SIGINT" && nowMs - this.#firstAtMs > SAME_WISH_MS ? "force" : "ignore";
  }
}
