/** How long a turn goes on: what has not been executed when its time is up leads the next one, so that nobody waits for long. */
import { TURN_WORK_US } from "../base/limits.ts";
import type { Call } from "../command/call.ts";
import type { Executor } from "../command/executor.ts";

/** The clock is read after so many requests (a power of two), and after each that is longer than so many bytes. */
export const REQUESTS_A_LOOK = 16;
export const LOOK_AFTER_BYTES = 512;

export class TurnTime {
  /** The turn's time is up, as far as that is known. */
  isUp = false;
  private endUs = 0;

  /** `nowUs` is the monotonic clock. */
  begin(nowUs: number): void {
    this.isUp = false;
    this.endUs = nowUs + TURN_WORK_US;
  }

  /** Request `i` of a batch, so many bytes long, has been executed: is the time up? */
  look(executor: Executor, call: Call, i: number, bytes: number): boolean {
    if (executor.turnUs > this.endUs) this.isUp = true;
    else if ((i & (REQUESTS_A_LOOK - 1)) === REQUESTS_A_LOOK - 1 || bytes > LOOK_AFTER_BYTES) {
      this.isUp = call.clock.monotonicUs() > this.endUs;
    }
    return this.isUp;
  }
}
