/**
 * The crash harness as a target: each seed is a whole life of a server on a simulated disk (sim/run.ts). Every 64th seed is run
 * twice and must be the same to the byte. A seed that fails is shrunk to the steps that it needs.
 */
import { Counts } from "./sim/counts.ts";
import { planOf } from "./sim/plan.ts";
import { runSeed } from "./sim/run.ts";
import { shrink } from "./sim/shrink.ts";
import type { Target } from "./target.ts";

const TWICE_EVERY = 64;
const SHRINK_ATTEMPTS_MAX = 400;

/** Of all seeds of this process, for the report. */
export const crashCounts = new Counts();

export const crash: Target = {
  name: "crash",
  start: async () => true,
  stop: async () => "",
  async run(_random, seed, options) {
    const { keep, verbose } = options;
    const { failure, hash, counts } = await runSeed(seed, keep, verbose ? (line) => console.log(line) : undefined);
    crashCounts.addAll(counts);
    if (failure !== "") return keep === undefined ? await shrunk(seed, failure) : failure;
    if (seed % TWICE_EVERY !== 0) return "";
    const again = await runSeed(seed, keep);
    crashCounts.add("seeds run twice");
    return again.hash === hash ? "" : "two runs of this seed differ";
  },
  progress: () => `${crashCounts.get("recoveries")} recoveries`,
};

async function shrunk(seed: number, failure: string): Promise<string> {
  const all = Array.from({ length: planOf(seed).steps }, (_, index) => index);
  const kept = await shrink(
    all,
    async (steps) => (await runSeed(seed, new Set(steps))).failure !== "",
    SHRINK_ATTEMPTS_MAX,
  );
  const small = (await runSeed(seed, new Set(kept))).failure;
  return [
    failure,
    `shrunk from ${all.length} to ${kept.length} steps: ${small.split("\n")[0]}`,
    `shrunk replay: npm run fuzz -- --target crash --seed ${seed} --keep ${kept.length === 0 ? "none" : kept.join(",")} --verbose`,
  ].join("\n");
}
