/**
 * Who watches commands being executed: how long they take (the server's slow log, latency monitor and histograms), and what they are
 * (MONITOR). The executor knows these two faces only; without them it measures for INFO commandstats and nothing more.
 */
import type { Call } from "./call.ts";
import type { Session } from "./session.ts";

export interface CommandObserver {
  /**
   * `count` executions of command `id` in a row took `us` in all; `count` is 1 for what is measured alone (see the executor). The last
   * of them is the request that begins at `input[start]`, in array form, of `session`. What runs others (EXEC) takes the time of all of
   * them, each of which was measured, too.
   */
  measured(id: number, count: number, us: number, input: Uint8Array, start: number, session: Session): void;
}

export interface CommandMonitor {
  /** Command `id` has just been executed; `call` still holds its request. */
  executed(call: Call, id: number): void;
}
