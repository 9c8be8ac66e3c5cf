/** Time comes in as a parameter everywhere else: this is the only place that reads the machine's clocks. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May step back. */
  wallMs(): number;
  /** Monotonic clock, microseconds from an arbitrary origin, with a fraction. */
  monotonicUs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicUs: () => performance.now() * 1000,
};
