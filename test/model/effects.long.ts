/**
 * Effects of all write commands, replayed, at length: fresh seeds for 40 s, and up to three minutes more on a slow machine, in which every write
 * command must have changed something.
 */
import { describe, expect, test } from "vitest";
import { EffectsRun } from "./effects_run.ts";
import { withSeed } from "./memory_seed.ts";

const SECONDS = Number(process.env["EMBERLOG_SECONDS"] ?? 40);
const COMMANDS = 20_000;

describe("effects of random commands, replayed, at length", () => {
  test(`${SECONDS} seconds of fresh seeds`, () => {
    const startMs = performance.now();
    const end = startMs + SECONDS * 1000;
    const last = startMs + 4 * SECONDS * 1000;
    let never: string[] | undefined;
    let runs = 0;
    let evicted = 0;
    let refused = 0;
    const unseen = (): boolean => never === undefined || never.length > 0 || evicted === 0 || refused === 0;
    while (performance.now() < end || (unseen() && performance.now() < last)) {
      withSeed(`test/model/effects.test.ts (with EMBERLOG_COMMANDS=${COMMANDS})`, (seed) => {
        const run = new EffectsRun({ seed, commands: COMMANDS, firstSegment: runs % 2 === 0 ? 0 : 255 });
        const report = run.run();
        never = never === undefined ? run.neverChanged() : never.filter((name) => !report.changed.has(name));
        evicted += report.evicted;
        refused += report.refused;
      });
      runs++;
    }
    console.log(
      `${runs} runs of ${COMMANDS} commands: ${evicted} keys evicted, ${refused} commands refused for memory`,
    );
    expect(evicted).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
    expect(never, "write commands that never changed anything").toEqual([]);
  });
});
