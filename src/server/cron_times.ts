/** Times of a cron expression by the machine's clock: due once each, also where the clock steps. */
import { Cron } from "croner";

/** A clock that steps back farther than this begins anew, ms. */
const STEP_BACK_MS = 60_000;

export class CronTimes {
  readonly expression: string;
  private readonly cron: Cron;
  private next: number | undefined;
  private seenMs = 0;

  constructor(expression: string) {
    this.expression = expression;
    this.cron = new Cron(expression, { paused: true });
  }

  /** Wall clock in ms; true when a time has been reached since the last call. */
  due(nowMs: number): boolean {
    const reached = this.next !== undefined && nowMs >= this.next;
    if (this.next === undefined || reached || nowMs < this.seenMs - STEP_BACK_MS) {
      // Undefined where the expression names no time any more.
      this.next = this.cron.nextRun(new Date(nowMs))?.getTime() ?? Number.POSITIVE_INFINITY;
    }
    this.seenMs = nowMs;
    return reached;
  }
}
