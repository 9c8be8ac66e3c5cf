/** What a fuzz target is: something that is given a seed and either finds nothing or says what it found. */
import type { Random } from "../src/base/random.ts";

export interface RunOptions {
  /** Steps that take place, of a target that has steps; all when not given. */
  readonly keep: ReadonlySet<number> | undefined;
  /** Say what happens. */
  readonly verbose: boolean;
}

export interface Target {
  readonly name: string;
  /** Makes ready; false when something that the target needs is absent, which it has printed. */
  start(): Promise<boolean>;
  /** One case; the text says what is wrong, "" when nothing is. */
  run(random: Random, seed: number, options: RunOptions): Promise<string>;
  /** Ends what `start` began; the text says what is wrong with the run as a whole, "" when nothing is. */
  stop(): Promise<string>;
  /** What was tried so far, to be recorded. */
  counts?(): Readonly<Record<string, number>>;
  /** More for the progress line. */
  progress?(): string;
}
