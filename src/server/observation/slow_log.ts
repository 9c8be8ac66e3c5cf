/**
 * The slow log: the last commands that took longer than slowlog-log-slower-than, with their arguments cut to what a person wants to see.
 * It is kept in memory only and forgets the oldest entry for a new one.
 */
import { latin1, latin1Bytes } from "../../base/bytes.ts";
import { SLOW_LOG_ARGUMENT_BYTES_MAX, SLOW_LOG_ARGUMENTS_MAX } from "../../base/limits.ts";
import { REDACTED } from "./secrets.ts";

export interface SlowLogEntry {
  readonly id: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly microseconds: number;
  readonly args: readonly Uint8Array[];
  readonly address: string;
  readonly name: string;
}

export class SlowLog {
  /** slowlog-log-slower-than, µs; negative for never. */
  slowerThanUs = -1;
  private lengthMax = 0;
  private nextId = 0;
  /** The oldest first. */
  private entries: SlowLogEntry[] = [];

  get length(): number {
    return this.entries.length;
  }

  /** Does an execution of so many µs belong here? */
  wants(us: number): boolean {
    return this.slowerThanUs >= 0 && us >= this.slowerThanUs && this.lengthMax > 0;
  }

  add(entry: Omit<SlowLogEntry, "id">): void {
    this.entries.push({ id: this.nextId++, ...entry });
    this.shorten();
  }

  /** The newest entries, `count` at most, the newest first. */
  newest(count: number): SlowLogEntry[] {
    return count === 0 ? [] : this.entries.slice(-count).reverse();
  }

  /** slowlog-max-len. */
  setLengthMax(entries: number): void {
    this.lengthMax = entries;
    this.shorten();
  }

  clear(): void {
    this.entries = [];
  }

  private shorten(): void {
    const tooMany = this.entries.length - this.lengthMax;
    if (tooMany === 1) this.entries.shift();
    else if (tooMany > 1) this.entries.splice(0, tooMany);
  }
}

/**
 * A request's arguments as the log keeps them: so many at most, the last place telling how many more there were, and so many bytes of each.
 * `secrets` are the indices not to be shown.
 */
export function shortened(input: Uint8Array, args: Int32Array, argc: number, secrets: readonly number[]): Uint8Array[] {
  const shown: Uint8Array[] = [];
  for (let i = 0; i < argc; i++) {
    if (i === SLOW_LOG_ARGUMENTS_MAX - 1 && argc > SLOW_LOG_ARGUMENTS_MAX) {
      shown.push(latin1Bytes(`... (${argc - i} more arguments)`));
      break;
    }
    const start = args[i << 1]!;
    const length = args[(i << 1) + 1]!;
    if (secrets.includes(i)) shown.push(latin1Bytes(REDACTED));
    else if (length <= SLOW_LOG_ARGUMENT_BYTES_MAX) shown.push(input.slice(start, start + length));
    else {
      const beginning = latin1(input, start, start + SLOW_LOG_ARGUMENT_BYTES_MAX);
      shown.push(latin1Bytes(`${beginning}... (${length - SLOW_LOG_ARGUMENT_BYTES_MAX} more bytes)`));
    }
  }
  return shown;
}
