/**
 * Notices that the machine's clock was set: what it says is compared with how much time has really passed.
 *
 * What that changes: expiry follows the wall clock, as in Redis, so keys live longer or shorter by the step. What it does not change: syncs,
 * time-outs of clients and the age of writes follow the monotonic clock, and a frame's commit time never goes back.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "./logger.ts";

/** Less is how clocks are disciplined, and how late a timer may be. */
const STEP_MS_MIN = 1000;

export class ClockWatch {
  stepsBack = 0;
  /** Of the last step in either direction, ms: below zero when the clock went back; 0: there has been none. */
  lastStepMs = 0;
  /** When that was, by the clock as it was set, ms. */
  lastStepAtMs = 0;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private offsetMs: number;

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock;
    this.logger = logger;
    this.offsetMs = this.offset();
  }

  /** At the start: a log that was written by a later clock. `commitMs`: the last frame's time, 0 when there is none. */
  compareWithLog(commitMs: number): void {
    const behindMs = commitMs - this.clock.wallMs();
    if (behindMs < STEP_MS_MIN) return;
    this.logger.warning(
      `The clock is ${seconds(behindMs)} behind the last write in the log: keys with an expiry live that much longer, unless the clock is set. ` +
        "To go on: check the time of this machine (timedatectl)",
    );
  }

  look(): void {
    const offsetMs = this.offset();
    const stepMs = offsetMs - this.offsetMs;
    // A clock that is disciplined drifts away from the monotonic one by a little at each look.
    this.offsetMs = offsetMs;
    if (Math.abs(stepMs) < STEP_MS_MIN) return;
    this.lastStepMs = Math.round(stepMs);
    this.lastStepAtMs = this.clock.wallMs();
    if (stepMs < 0) {
      this.stepsBack++;
      this.logger.warning(
        `The clock went back by ${seconds(-stepMs)}: keys with an expiry live that much longer. Nothing is lost, and the times in the log ` +
          "don't go back. To go on: check the time of this machine (timedatectl)",
      );
    } else {
      this.logger.notice(`The clock went forward by ${seconds(stepMs)}: keys with an expiry go that much earlier`);
    }
  }

  private offset(): number {
    return this.clock.wallMs() - this.clock.monotonicUs() / 1000;
  }
}

function seconds(ms: number): string {
  const value = Math.round(ms / 1000);
  return value === 1 ? "1 second" : `${value} seconds`;
}
