/**
 * Behind a start from an image every structure is looked at while the server serves (dataset/verification.ts): counted in INFO, told in the log when it is
 * over, and at once where something is wrong. It takes a small share of the thread.
 */
import type { Clock } from "../base/clock.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { Verification } from "../dataset/verification.ts";
import type { Field } from "./info/sections.ts";
import type { Logger } from "./logger.ts";

/** Of each slice of housekeeping, µs: with the pause between two of them less than a tenth of the thread. */
const SLICE_US = 250;

export class Verifying {
  private readonly clock: Clock;
  private readonly logger: Logger;
  private verification: Verification | undefined;
  private beganUs = 0;
  private tookMs = -1;
  private told = false;

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock;
    this.logger = logger;
  }

  /** The dataset has just come out of an image. */
  begin(dataset: Dataset): void {
    this.verification = new Verification(dataset);
    this.beganUs = this.clock.monotonicUs();
  }

  /** A slice of it; true while there is more. */
  step(): boolean {
    const { verification, clock } = this;
    if (verification === undefined || verification.done) return false;
    const untilUs = clock.monotonicUs() + SLICE_US;
    verification.step(() => clock.monotonicUs() < untilUs);
    if (verification.problems > 0 && !this.told) {
      this.told = true;
      this.logger.warning(
        `A structure that came out of an image is damaged (${verification.firstProblem}); INFO persistence counts them (verification_problems). ` +
          "To go on: export what can be read (emberlog export), or restore a backup; BGREWRITEAOF would keep the damage",
      );
    }
    if (!verification.done) return true;
    this.tookMs = Math.round((clock.monotonicUs() - this.beganUs) / 1000);
    const { keys, problems } = verification;
    const result = problems === 0 ? "nothing is wrong" : `${problems} problems`;
    this.logger.notice(
      `Looked at the structures of ${keys} keys that came out of an image: ${result} (${this.tookMs} ms)`,
    );
    return false;
  }

  get fields(): Field[] {
    const { verification } = this;
    const state = verification === undefined ? "none" : verification.done ? "done" : "running";
    return [
      ["verification_state", state],
      ["verification_keys", verification?.keys ?? 0],
      ["verification_problems", verification?.problems ?? 0],
      ["verification_first_problem", verification?.firstProblem ?? ""],
      ["verification_ms", this.tookMs],
    ];
  }
}
