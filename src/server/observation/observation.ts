/**
 * What the server makes of the time that commands took: the slow log, the latency monitor, a histogram for each command.
 *
 * The executor measures runs of the same command as one where each alone is too short to matter (see its switchTimer); such a run counts as so
 * many executions of its average. With a threshold that low that a run could hide what is asked for, every command is measured alone.
 *
 * Invariant: with all three off the executor has no observer.
 */

import { Histogram } from "../../base/histogram.ts";
import type { Executor } from "../../command/executor.ts";
import type { CommandObserver } from "../../command/observer.ts";
import type { Session } from "../../command/session.ts";
import { RequestParser } from "../../protocol/request_parser.ts";
import type { Connection } from "../connection.ts";
import { LatencyEvents } from "./latency_events.ts";
import { secretsOf } from "./secrets.ts";
import { SlowLog, shortened } from "./slow_log.ts";

/** Below this slowlog-log-slower-than every command is measured alone, µs: the longest run of short commands takes about as long. */
const ALONE_BELOW_US = 1000;

export class Observation implements CommandObserver {
  readonly slowLog = new SlowLog();
  readonly latency: LatencyEvents;
  /** latency-tracking. */
  tracking = false;

  private readonly executor: Executor;
  private readonly nowMs: () => number;
  /** By command id; undefined where nothing was recorded. */
  private readonly histograms: (Histogram | undefined)[];
  private readonly fast: boolean[];
  private readonly skipSlowLog: boolean[];
  private readonly parser = new RequestParser(64);

  /** `nowMs` is the wall clock. */
  constructor(executor: Executor, nowMs: () => number) {
    const { definitions } = executor.table;
    this.executor = executor;
    this.nowMs = nowMs;
    this.latency = new LatencyEvents(nowMs);
    this.histograms = new Array(definitions.length).fill(undefined);
    this.fast = definitions.map(({ flags }) => flags.includes("fast"));
    this.skipSlowLog = definitions.map(({ flags }) => flags.includes("skip_slowlog"));
  }

  /** slowlog-log-slower-than (µs, negative for never), slowlog-max-len, latency-monitor-threshold (ms, 0 for off), latency-tracking. */
  configure(slowerThanUs: number, slowLogEntries: number, thresholdMs: number, tracking: boolean): void {
    const { slowLog, latency, executor } = this;
    slowLog.slowerThanUs = slowerThanUs;
    slowLog.setLengthMax(slowLogEntries);
    latency.thresholdMs = thresholdMs;
    this.tracking = tracking;
    executor.observer = slowerThanUs >= 0 || thresholdMs > 0 || tracking ? this : undefined;
    executor.measureAlone(thresholdMs > 0 || (slowerThanUs >= 0 && slowerThanUs < ALONE_BELOW_US));
  }

  measured(id: number, count: number, us: number, input: Uint8Array, start: number, session: Session): void {
    const each = count > 1 ? us / count : us;
    if (this.tracking) this.histogramOf(id).add(each * 1000, count > 1 ? count : 1);
    if (this.latency.on) this.latency.sample(this.fast[id]! ? "fast-command" : "command", each);
    if (this.slowLog.wants(each) && !this.skipSlowLog[id]!) this.logSlow(id, each, input, start, session);
  }

  /** The histogram of a command, undefined while there is none. */
  histogram(id: number): Histogram | undefined {
    return this.histograms[id];
  }

  /** CONFIG RESETSTAT. */
  resetHistograms(): void {
    this.histograms.fill(undefined);
  }

  private histogramOf(id: number): Histogram {
    let histogram = this.histograms[id];
    if (histogram === undefined) {
      histogram = new Histogram();
      this.histograms[id] = histogram;
    }
    return histogram;
  }

  private logSlow(id: number, us: number, input: Uint8Array, start: number, session: Session): void {
    const { parser } = this;
    parser.reset();
    parser.next(input, start, input.length);
    const secrets = secretsOf(this.executor.table.definitions[id]!, input, parser.args, 0, parser.argc);
    const { peerAddress } = session as Connection;
    this.slowLog.add({
      time: Math.floor(this.nowMs() / 1000),
      microseconds: Math.floor(us),
      args: shortened(input, parser.args, parser.argc, secrets),
      address: peerAddress,
      name: session.name,
    });
  }
}
