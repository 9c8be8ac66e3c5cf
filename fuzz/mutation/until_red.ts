/**
 * Run in a copy of the sources, changed by a mutant or not: the seed --first, if there is one, then bits flipped here and there, then seeds
 * from --from on until one fails. The last line is the outcome as JSON; seed 0 means the flipped bits.
 */
import { parseArgs } from "node:util";
import { ENDINGS, flipBits } from "../bit_flips.ts";
import { flipImageBits } from "../image_flips.ts";
import { runSeed } from "../sim/run.ts";

const { values } = parseArgs({
  options: {
    from: { type: "string" },
    seeds: { type: "string" },
    first: { type: "string" },
    "cpu-seconds": { type: "string" },
  },
});
const seedsMax = Number(values.seeds);
const FLIP_STRIDE = 499;
const cpuUsMax = Number(values["cpu-seconds"]) * 1e6;

async function flipped(): Promise<string> {
  for (const ending of ENDINGS) {
    const { wrong, harmless } = await flipBits(ending, FLIP_STRIDE);
    if (wrong.length > 0) return wrong[0]!;
    if (harmless > 0) return `${harmless} flipped bits were not noticed`;
  }
  return (await flipImageBits(FLIP_STRIDE)).wrong[0] ?? "";
}

let seeds = Number(values.first ?? 0);
let failure = seeds > 0 ? (await runSeed(seeds)).failure : "";
if (failure === "") {
  seeds = Number(values.from) - 1;
  if (seeds === 0) failure = await flipped();
}
while (failure === "" && seeds < seedsMax && process.cpuUsage().user < cpuUsMax)
  failure = (await runSeed(++seeds)).failure;
console.log(JSON.stringify({ seeds, failure: failure.slice(0, 300) }));
