/**
 * Fuzzing:  npm run fuzz -- [--target NAME] [--seconds N | --minutes N | --seeds N] [--seed S [--keep STEPS] [--verbose]]
 *
 *           npm run fuzz -- --mutants [--only TEXT | --missing]   the mutation score of the crash harness (mutation/run.ts)
 *
 *           npm run fuzz -- --kills N | --power-cuts N | --flips      on real processes, file systems and files
 *           npm run fuzz -- --report                                  docs/durability-report.md and .html from what is recorded
 *           --record keeps what was run in docs/durability-report.json (report/results.ts), also from several processes at once; --fresh with it
 *           removes first what was recorded at other commits, of the kind that is run. Lives are recorded every RECORD_EVERY seeds.
 *
 * Every case has a seed of its own; a case that fails is printed with the one command that replays it, and the exit code is 1.
 * Without --seed the cases begin at a random seed, printed first; the targets share the time, and each gets --seeds cases. With --seeds
 * and --seed the cases begin at that seed.
 */
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/base/random.ts";
import { crash, crashCounts } from "./crash.ts";
import { type MutantResult, runMutants } from "./mutation/run.ts";
import { packedBytes } from "./packed_bytes.ts";
import { rdbFile } from "./rdb_file.ts";
import { rdbPayload } from "./rdb_payload.ts";
import { writePages } from "./report/pages.ts";
import { circumstances, forgetOtherCommits, type Results, readResults, record, recordLives } from "./report/results.ts";
import { runFlips, runKills, runPowerCuts } from "./report/runs.ts";
import { respParser } from "./resp_parser.ts";
import { respServer } from "./resp_server.ts";
import type { Target } from "./target.ts";

const targets: readonly Target[] = [respParser, respServer, packedBytes, rdbPayload, rdbFile, crash];

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    seconds: { type: "string" },
    minutes: { type: "string" },
    seeds: { type: "string" },
    seed: { type: "string" },
    keep: { type: "string" },
    verbose: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    missing: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
    kills: { type: "string" },
    "power-cuts": { type: "string" },
    flips: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
  },
});
const startedMs = performance.now();
/** The commit that is being proven: as it was when this process began. */
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"]).toString().trim();
const fresh = (kind: keyof Results): void => {
  if (values.record && values.fresh) forgetOtherCommits(commit, [kind]);
};
if (values.mutants) {
  const keepResult = (result: MutantResult): void =>
    record((results) => {
      const others = (results.mutants?.results ?? []).filter(({ name }) => name !== result.name);
      results.mutants = { ...circumstances(startedMs, commit), results: [...others, { ...result, commit }] };
    });
  const before = readResults();
  fresh("mutants");
  const noticed = (before.mutants?.results ?? []).filter(({ red }) => red);
  const good = await runMutants(
    values.only,
    values.missing ? noticed.filter((each) => !values.fresh || each.commit === commit).map(({ name }) => name) : [],
    new Map(noticed.map(({ name, seeds }) => [name, seeds])),
    values.record ? keepResult : () => {},
  );
  process.exit(good ? 0 : 1);
}
const runSeedOf = (): number => (values.seed === undefined ? randomInt(2 ** 30) : Number(values.seed));
const runOf = (rounds: string) => ({
  rounds: Number(rounds),
  seed: runSeedOf(),
  commit,
  record: values.record,
});
if (values.kills !== undefined) {
  fresh("kills");
  process.exit((await runKills(runOf(values.kills))) ? 0 : 1);
}
if (values["power-cuts"] !== undefined) {
  fresh("powerCuts");
  process.exit((await runPowerCuts(runOf(values["power-cuts"]))) ? 0 : 1);
}
if (values.flips) process.exit((await runFlips(commit, values.record)) ? 0 : 1);
if (values.report) {
  writePages();
  process.exit(0);
}
/** After this many failures a target has said enough. */
const FAILURES_MAX = 5;
/** Lives between two records. */
const RECORD_EVERY = 1000;
const PROGRESS_MS = process.stdout.isTTY ? 1000 : 20_000;

// A step list means nothing to a target without steps.
const wanted = values.target ?? (values.keep === undefined ? undefined : "crash");
const chosen = targets.filter((target) => wanted === undefined || target.name === wanted);
if (chosen.length === 0) throw new Error(`no such target: ${wanted} (${targets.map(({ name }) => name).join(", ")})`);
const timed = values.seconds !== undefined || values.minutes !== undefined;
const seeds = Number(values.seeds ?? (values.seed === undefined || timed ? Number.POSITIVE_INFINITY : 1));
const limited = timed || seeds === Number.POSITIVE_INFINITY;
const seconds = limited ? Number(values.seconds ?? 60 * Number(values.minutes ?? 0.5)) : Number.POSITIVE_INFINITY;
const keep =
  values.keep === undefined ? undefined : new Set(values.keep === "none" ? [] : values.keep.split(",").map(Number));
const options = { keep, verbose: values.verbose };
const first = values.seed === undefined ? randomInt(2 ** 30) : Number(values.seed);
console.log(seeds === 1 ? `seed ${first} only` : `seeds from ${first}`);

/** The line that says how far a target is: rewritten in place on a terminal. */
function say(target: Target, cases: number, found: number, beganMs: number): void {
  const took = (performance.now() - beganMs) / 1000;
  const more = target.progress === undefined ? "" : `, ${target.progress()}`;
  const line = `${target.name}: ${cases} cases, ${(cases / took).toFixed(0)}/s${more}, ${found} failed, ${took.toFixed(0)} s`;
  process.stdout.write(process.stdout.isTTY ? `\r${line}\x1b[K` : `${line}\n`);
}

async function runTarget(target: Target): Promise<number> {
  const beganMs = performance.now();
  const endMs = beganMs + (seconds * 1000) / chosen.length;
  let saidMs = beganMs;
  let cases = 0;
  let found = 0;
  while (found < FAILURES_MAX && cases < seeds && (cases === 0 || performance.now() < endMs)) {
    const seed = first + cases++;
    const failure = await target.run(seededRandom(seed), seed, options);
    if (failure !== "") {
      found++;
      const replay = `npm run fuzz -- --target ${target.name} --seed ${seed}`;
      console.log(`\nFAILED ${target.name}, seed ${seed}\n${failure}\nreplay: ${replay}\n`);
    }
    if (values.record && target === crash && cases % RECORD_EVERY === 0) recordCrashes(found);
    if (performance.now() - saidMs < PROGRESS_MS) continue;
    saidMs = performance.now();
    say(target, cases, found, beganMs);
  }
  const end = await target.stop();
  if (end !== "") {
    found++;
    console.log(`\nFAILED ${target.name}: ${end}`);
  }
  say(target, cases, found, beganMs);
  if (process.stdout.isTTY) process.stdout.write("\n");
  return found;
}

/** What the lives of this process have come to so far. */
function recordCrashes(failures: number): void {
  const numbers = Object.fromEntries([...crashCounts.numbers].sort());
  recordLives({ ...circumstances(startedMs, commit), firstSeed: first, numbers, failures });
}

if (chosen.includes(crash)) fresh("simulated");
if (chosen.some((target) => target.counts !== undefined)) fresh("counted");
let failures = 0;
for (const target of chosen) {
  if (!(await target.start())) continue;
  const beganMs = performance.now();
  const found = await runTarget(target);
  failures += found;
  const numbers = target.counts?.();
  if (!values.record || numbers === undefined) continue;
  const part = { target: target.name, ...circumstances(beganMs, commit), firstSeed: first, numbers, failures: found };
  record((results) => (results.counted = [...(results.counted ?? []), part]));
}
if (values.record && chosen.includes(crash)) recordCrashes(failures);
process.exit(failures === 0 ? 0 : 1);
