/** Seeds of the random tests: a fresh one each run, or the one given to replay; a failure prints how. */
import { systemRandom } from "../../src/base/random.ts";

const SEED_VARIABLE = "EMBERLOG_SEED";

/** The seed of this run, for tests that tell by themselves how to replay it. */
export function drawSeed(): number {
  const given = process.env[SEED_VARIABLE];
  return given === undefined ? systemRandom().int32() & 0x7fffffff : Number(given);
}

/** Runs a random test and, when it fails, adds the command that replays it to the error. */
export function withSeed(file: string, run: (seed: number) => void): void {
  const seed = drawSeed();
  try {
    run(seed);
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`replay: ${SEED_VARIABLE}=${seed} npx vitest run ${file}\n${message}`, { cause: error });
  }
}
