/**
 * What fork() takes, a GiB of data: a second database in this process with everything of the first.
 *
 *   npm run bench:fork [-- --rounds 5] [--gib 1] [--smoke]
 *
 * The copy goes into memory that the process has not had before. Where the machine is a virtual one whose host supplies memory when it is touched for
 * the first time, that alone can take longer than the copy, by a multiple. So the first round is told apart: the later ones get the memory that the
 * fork before them has given back. The target is 0.6 s a GiB, of those. Results go to bench/results/, except those of --smoke.
 */
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Embedded, open } from "../src/engine/embedded.ts";
import type { Engine } from "../src/engine/engine.ts";
import { keep } from "./results_file.ts";
import { verdict } from "./verdict.ts";
import { describeMachine } from "./versus_machine.ts";
import { median } from "./versus_report.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    gib: { type: "string" },
    smoke: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds ?? (values.smoke ? 1 : 5));
const gib = Number(values.gib ?? (values.smoke ? 0.05 : 1));
const TARGET = 0.6;
const GIB = 2 ** 30;
const VALUE_BYTES = 400;

const allocated = (db: Embedded): number => (Reflect.get(db, "engine") as Engine).dataset.allocator.allocatedBytes;

setFlagsFromString("--expose-gc");
/** Gives the memory of forks that are closed back to the system. */
const collect = runInNewContext("gc") as () => void;

const db = await open();
const bytes = randomBytes(2 ** 20);
for (let i = 0; allocated(db) < gib * GIB; i++) {
  const start = (i * 7919) % (bytes.length - VALUE_BYTES);
  db.set(`key:${i}`, bytes.subarray(start, start + VALUE_BYTES));
}
const secondsPerGib: number[] = [];
const lines: string[] = [];
const say = (line: string): void => {
  lines.push(line);
  console.log(line);
};
for (let round = 0; round <= rounds; round++) {
  const startMs = performance.now();
  const fork = await db.fork();
  const ms = performance.now() - startMs;
  if (fork.size !== db.size) throw new Error(`the fork has ${fork.size} keys of ${db.size}`);
  await fork.close();
  collect();
  if (round > 0) secondsPerGib.push(ms / 1000 / (allocated(db) / GIB));
  const what = round === 0 ? "into memory that is new to the process" : `round ${round}`;
  say(`${what}: ${db.size} keys, ${(allocated(db) / GIB).toFixed(2)} GiB: ${ms.toFixed(0)} ms`);
}
await db.close();
const middle = median(secondsPerGib);
say(`fork(): ${middle.toFixed(2)} s a GiB, median of ${rounds} (${verdict(middle, { most: TARGET }, values.smoke)})`);
if (!values.smoke) {
  keep("fork", new Date().toISOString(), describeMachine(tmpdir()), lines.join("\n"), { rounds, gib, secondsPerGib });
}
