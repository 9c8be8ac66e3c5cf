/**
 * The server's log for people, in Redis's format, so that what reads Redis's logs reads these:
 *
 *   4711:M 21 Nov 2026 10:00:00.123 * Ready to accept connections
 *   pid  role                       level: . debug, - verbose, * notice, # warning
 *
 * A line goes to a sink, given at start (standard output, a file, a test's array); a sink must not throw.
 * Never on the hot path, and never the place for data: values of keys do not appear in it.
 */
import type { Clock } from "../base/clock.ts";

export const LOG_LEVELS = ["debug", "verbose", "notice", "warning"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const MARKS: Readonly<Record<LogLevel, string>> = { debug: ".", verbose: "-", notice: "*", warning: "#" };
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export class Logger {
  /** Lines below this level are dropped. */
  level: LogLevel;
  readonly #sink: (line: string) => void;
  readonly #clock: Clock;

  constructor(level: LogLevel, clock: Clock, sink: (line: string) => void) {
    this.level = level;
    this.#clock = clock;
    this.#sink = sink;
  }

  debug(message: string): void {
    this.#write("debug", message);
  }

  verbose(message: string): void {
    this.#write("verbose", message);
  }

  notice(message: string): void {
    this.#write("notice", message);
  }

  warning(message: string): void {
    this.#write("warning", message);
  }

  #write(level: LogLevel, message: string): void {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.level)) return;
    // One line stays one line, whatever a client or the system put into the message.
    const text = message.replaceAll("\n", " ").replaceAll("\r", " ");
    this.#sink(`${process.pid}:M ${timeText(this.#clock.wallMs())} ${MARKS[level]} ${text}\n`);
  }
}

/** Local time: 21 Nov 2026 10:00:00.123 */
function timeText(wallMs: number): string {
  const time = new Date(wallMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${two(time.getDate())} ${MONTHS[time.getMonth()]} ${time.getFullYear()}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${day} ${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
