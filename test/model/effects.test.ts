/** Effects of all write commands: replayed into an empty dataset they give the same one. effects.long.ts does it at length. */
import { describe, test } from "vitest";
import { EffectsRun } from "./effects_run.ts";
import { withSeed } from "./memory_seed.ts";

const COMMANDS = Number(process.env["EMBERLOG_COMMANDS"] ?? 4000);
/** What a failure prints behind the seed. */
const FILE = `test/model/effects.test.ts (with EMBERLOG_COMMANDS=${COMMANDS})`;

describe(`effects of ${COMMANDS} random commands, replayed`, () => {
  for (const firstSegment of [0, 255]) {
    test(`give the same dataset, first segment ${firstSegment}`, () =>
      withSeed(FILE, (seed) => {
        new EffectsRun({ seed, commands: COMMANDS, firstSegment }).run();
      }));
  }
});
