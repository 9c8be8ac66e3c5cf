/** The wall clock in microseconds: the milliseconds of the one clock, refined by the other, which has finer steps. */
import type { Clock } from "../base/clock.ts";

export class MicrosecondClock {
  private readonly clock: Clock;
  /** Microseconds since 1970 at the monotonic clock's zero, as last agreed. */
  private originUs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Microseconds since 1970. Within a millisecond of the wall clock, and steady as long as that is. */
  nowUs(): number {
    const wallUs = this.clock.wallMs() * 1000;
    const monotonicUs = this.clock.monotonicUs();
    const refined = this.originUs + monotonicUs;
    if (refined >= wallUs && refined < wallUs + 1000) return Math.floor(refined);
    this.originUs = wallUs - monotonicUs;
    return wallUs;
  }
}
