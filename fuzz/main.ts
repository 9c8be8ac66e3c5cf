/**
 * Fuzzing:  npm run fuzz -- [--seconds N] [--target NAME] [--seed S]
 *
 * Every case has a seed of its own; a case that fails is printed with the one command that replays it, and the exit code is 1.
 * Without --seed the cases begin at a random seed, printed first; the targets share the time.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/base/random.ts";
import { packedBytes } from "./packed_bytes.ts";
import { respParser } from "./resp_parser.ts";
import { respServer } from "./resp_server.ts";
import type { Target } from "./target.ts";

const targets: readonly Target[] = [respParser, packedBytes, respServer];

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "30" }, seed: { type: "string" }, target: { type: "string" } },
});
const chosen = targets.filter((target) => values.target === undefined || target.name === values.target);
if (chosen.length === 0)
  throw new Error(`no such target: ${values.target} (${targets.map((target) => target.name).join(", ")})`);
/** After this many failures a target has said enough. */
const FAILURES_MAX = 5;

let failures = 0;
const first = values.seed === undefined ? randomInt(2 ** 30) : Number(values.seed);
console.log(values.seed === undefined ? `seeds from ${first}` : `seed ${first} only`);

for (const target of chosen) {
  const endMs = performance.now() + (Number(values.seconds) * 1000) / chosen.length;
  if (!(await target.start())) continue;
  let cases = 0;
  let found = 0;
  for (let seed = first; found < FAILURES_MAX; seed++) {
    const failure = await target.run(seededRandom(seed));
    cases++;
    if (failure !== "") {
      found++;
      console.log(
        `\nFAILED ${target.name}, seed ${seed}\n${failure}\nreplay: npm run fuzz -- --target ${target.name} --seed ${seed}\n`,
      );
    }
    if (values.seed !== undefined || performance.now() > endMs) break;
  }
  const end = await target.stop();
  if (end !== "") {
    found++;
    console.log(`\nFAILED ${target.name}: ${end}`);
  }
  failures += found;
  console.log(`${target.name}: ${cases} cases, ${found} failed`);
}
process.exit(failures === 0 ? 0 : 1);
