/**
 * The mutation score:  npm run fuzz -- --mutants [--only TEXT | --missing] [--record]
 *
 * Each mutant is applied to a copy of the sources in a temporary folder, and the crash harness runs there until it goes red: first the seed
 * that noticed it when it was last recorded, then flipped bits, then seeds from 1 on. A mutant that it does not notice is a hole in the proof. Two
 * controls, the copy without a change and the one with small frames, must stay green.
 *
 * Nothing is built, and each worker has one copy for all its mutants, so that one that is noticed at once costs the start of a process.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { runSeed } from "../sim/run.ts";
import type { Edit, Mutant } from "./mutant.ts";
import { MUTANTS, SMALL_FRAMES } from "./mutants.ts";

/** Processor time that the harness has to notice a mutant, and what a control takes. */
const CPU_SECONDS_MAX = 90;
const SEEDS_MAX = 6000;
const CONTROL_SEEDS = 400;
/** A mutant that makes a server wait for ever is noticed by this. */
const WALL_MS_MAX = 60 * 60_000;

export interface MutantResult {
  readonly name: string;
  readonly rule: string;
  readonly red: boolean;
  /** The seed that went red, or how many did not. */
  readonly seeds: number;
  readonly failure: string;
  /** Of the sources that it was applied to; absent in records of old. */
  readonly commit?: string;
}

interface Outcome {
  readonly seeds: number;
  readonly failure: string;
}

/**
 * Runs all mutants whose name contains `only`, but not those named in `without`; true when the harness noticed each, and nothing else.
 * `noticedAt`: the seed that is tried first, by the mutant's name.
 */
export async function runMutants(
  only: string,
  without: readonly string[],
  noticedAt: ReadonlyMap<string, number>,
  finished: (result: MutantResult) => void,
): Promise<boolean> {
  const results: MutantResult[] = [];
  const chosen = MUTANTS.filter(({ name, rule }) => (name.includes(only) || rule === only) && !without.includes(name));
  let wrong = 0;
  const controls: { name: string; edits: readonly Edit[] }[] = [
    { name: "control: no change", edits: [] },
    { name: "control: small frames", edits: [SMALL_FRAMES] },
  ];
  const beganMs = performance.now();
  const controlQueue = only === "" ? controls : [];
  const queue = [...chosen];
  const work = async (): Promise<void> => {
    const copy = new SourceCopy();
    try {
      for (let next = controlQueue.shift(); next !== undefined; next = controlQueue.shift()) {
        const { name, edits } = next;
        const { failure, seeds } = await copy.run(edits, CONTROL_SEEDS, 1, undefined);
        if (failure !== "") wrong++;
        console.log(failure === "" ? `green  ${name}, ${seeds} seeds` : `WRONG  ${name} is red: ${failure}`);
      }
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const result = await runMutant(copy, next, noticedAt.get(next.name) ?? next.seed);
        results.push(result);
        finished(result);
        const { red, rule, name, seeds, failure } = result;
        const what = red
          ? `red    ${rule} ${name}: seed ${seeds}: ${failure.split("\n")[0]!.slice(0, 110)}`
          : `GREEN  ${rule} ${name}: not noticed in ${seeds} seeds`;
        const seconds = Math.round((performance.now() - beganMs) / 1000);
        console.log(`${what} (${results.length} of ${chosen.length}, ${seconds} s)`);
      }
    } finally {
      copy.remove();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(4, cpus().length)) }, work));
  const red = results.filter((result) => result.red).length;
  console.log(
    `mutation score: ${red} of ${results.length} noticed (${((100 * red) / Math.max(1, results.length)).toFixed(0)} %)`,
  );
  return wrong === 0 && red === results.length && results.length > 0;
}

async function runMutant(
  copy: SourceCopy,
  { name, rule, edits }: Mutant,
  noticedAt: number | undefined,
): Promise<MutantResult> {
  let { seeds, failure } = await copy.run(edits, SEEDS_MAX, 1, noticedAt);
  // A seed that fails without the mutant, too, has noticed something else.
  while (failure !== "" && seeds > 0 && (await runSeed(seeds)).failure !== "") {
    console.log(`WRONG  seed ${seeds} fails without any mutant`);
    ({ seeds, failure } = await copy.run(edits, SEEDS_MAX, seeds === noticedAt ? 1 : seeds + 1, undefined));
  }
  return { name, rule, red: failure !== "", seeds, failure };
}

/** The sources in a folder of their own, where they are changed and put back. */
class SourceCopy {
  private readonly folder = mkdtempSync(join(tmpdir(), "emberlog-mutant-"));

  constructor() {
    const { folder } = this;
    for (const part of ["src", "fuzz", "test/support"]) cpSync(part, join(folder, part), { recursive: true });
    for (const file of ["package.json", "tsconfig.json"]) cpSync(file, join(folder, file));
    symlinkSync(join(process.cwd(), "node_modules"), join(folder, "node_modules"));
    mkdirSync(join(folder, "tmp"));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs until red with these edits: `first`, flipped bits (`from` 1 only), then `seeds` seeds from `from` on. */
  async run(edits: readonly Edit[], seeds: number, from: number, first: number | undefined): Promise<Outcome> {
    const before = new Map<string, string>();
    try {
      for (const { file, find, replace } of edits) {
        const path = join(this.folder, file);
        const text = readFileSync(path, "utf8");
        if (!before.has(path)) before.set(path, text);
        const parts = text.split(find);
        if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${find}`);
        writeFileSync(path, parts.join(replace));
      }
      return await untilRed(this.folder, seeds, from, first);
    } finally {
      for (const [path, text] of before) writeFileSync(path, text);
    }
  }
}

function untilRed(folder: string, seeds: number, from: number, first: number | undefined): Promise<Outcome> {
  const args = [
    "--import",
    "tsx",
    "fuzz/mutation/until_red.ts",
    "--from",
    String(from),
    "--seeds",
    String(seeds),
    "--cpu-seconds",
    String(CPU_SECONDS_MAX),
    ...(first === undefined ? [] : ["--first", String(first)]),
  ];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let error = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
    const timer = setTimeout(() => child.kill("SIGKILL"), WALL_MS_MAX);
    child.once("close", (code) => {
      clearTimeout(timer);
      const last = out.trim().split("\n").at(-1) ?? "";
      if (code === 0) resolve(JSON.parse(last) as Outcome);
      else
        resolve({
          seeds: 0,
          failure: code === null ? "it never ended" : `it ended with ${code}: ${error.slice(-300)}`,
        });
    });
  });
}
