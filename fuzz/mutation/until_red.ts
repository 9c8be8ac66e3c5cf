/**
 * Run in a copy of the sources, changed by a mutant or not: bits flipped here and there, then seeds from --from on until one fails. The last
 * line is the outcome as JSON; seed 0 means the flipped bits.
 */
import { parseArgs } from "node:util";
import { ENDINGS, flipBits } from "../bit_flips.ts";
import { flipImageBits } from "../image_flips.ts";
import { runSeed } from "../sim/run.ts";

const { values } = parseArgs({
  options: { from: { type: "string" }, seeds: { type: "string" }, "cpu-seconds": { type: "string" } },
});
const seedsMax = Number(values.seeds);
const FLIP_STRIDE = 499;
const cpuUsMax = Number(values["cpu-seconds"]) * 1e6;

let seeds = Number(values.from) - 1;
let failure = "";
for (const ending of seeds === 0 ? ENDINGS : []) {
  const { wrong, harmless } = await flipBits(ending, FLIP_STRIDE);
  failure ||= wrong[0] ?? (harmless > 0 ? `${harmless} flipped bits were not noticed` : "");
}
if (seeds === 0 && failure === "") failure = (await flipImageBits(FLIP_STRIDE)).wrong[0] ?? "";
while (failure === "" && seeds < seedsMax && process.cpuUsage().user < cpuUsMax)
  failure = (await runSeed(++seeds)).failure;
console.log(JSON.stringify({ seeds, failure: failure.slice(0, 300) }));
