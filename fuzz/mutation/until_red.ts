/** Run in a copy of the sources, changed by a mutant or not: seeds from 1 on until one fails. The last line is the outcome as JSON. */
import { parseArgs } from "node:util";
import { runSeed } from "../sim/run.ts";

const { values } = parseArgs({ options: { seeds: { type: "string" }, "cpu-seconds": { type: "string" } } });
const seedsMax = Number(values.seeds);
const cpuUsMax = Number(values["cpu-seconds"]) * 1e6;

let seeds = 0;
let failure = "";
while (failure === "" && seeds < seedsMax && process.cpuUsage().user < cpuUsMax)
  failure = (await runSeed(++seeds)).failure;
console.log(JSON.stringify({ seeds, failure: failure.slice(0, 300) }));
