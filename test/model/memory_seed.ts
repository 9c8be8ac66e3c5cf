/** Seeds of the random tests: a fresh one each run, or the one given to replay; a failure prints how. */
import { systemRandom } from "../../src/base/random.ts";

const SEED_VARIABLE = "EMBERLOG_SEED";

/** Runs a random test and, when it fails, adds the command that replays it to the error. */
export function withSeed(file: string, run: (seed: number) => void): void {
  const given = process.env[SEED_VARIABLE];
  const seed = given === undefined ? systemRandom().int32() & 0x7fffffff : Number(given);
  try {
    run(seed);
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`replay: ${SEED_VARIABLE}=${seed} npx vitest run ${file}\n${message}`, { cause: error });
  }
}
