/**
 * What the proofs have given so far, in docs/durability-report.json: each runner records its own part with --record, and the pages beside it
 * are written from the whole (pages.ts). Several processes may record at once.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import type { FlipResult } from "../bit_flips.ts";
import type { ImageFlipResult } from "../image_flips.ts";
import type { MutantResult } from "../mutation/run.ts";
import type { RedisFlips } from "../redis_flips.ts";

/** When and on what a part was run. */
export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly commit: string;
  readonly seconds: number;
}

export interface SimulatedPart extends Circumstances {
  readonly firstSeed: number;
  readonly numbers: Readonly<Record<string, number>>;
  readonly failures: number;
}

/** Runs of a target that counts what it tried (Target.counts). */
export interface CountedPart extends SimulatedPart {
  readonly target: string;
}

/** Rounds of one kind on real processes and file systems. */
export interface RealPart extends Circumstances {
  readonly what: string;
  readonly policy: string;
  readonly rounds: number;
  readonly acknowledged: number;
  readonly lost: number;
  /** Starts that began with images; absent where none were taken. */
  readonly imageStarts?: number;
  readonly failures: number;
}

/** Bits of images and of the manifest that lists them. */
export interface ImageFlips extends ImageFlipResult {
  readonly kind: "plain" | "encrypted";
}

export interface Results {
  simulated?: SimulatedPart[];
  counted?: CountedPart[];
  mutants?: Circumstances & { readonly results: readonly MutantResult[] };
  flips?: Circumstances & {
    readonly results: readonly FlipResult[];
    readonly images?: readonly ImageFlips[];
    readonly redis: RedisFlips | null;
  };
  kills?: RealPart[];
  powerCuts?: RealPart[];
}

export const RESULTS_FILE = "docs/durability-report.json";

export function readResults(): Results {
  return existsSync(RESULTS_FILE) ? (JSON.parse(readFileSync(RESULTS_FILE, "utf8")) as Results) : {};
}

/** Whoever changes the results has this directory; one that is so old is of a process that was killed meanwhile. */
const LOCK = `${RESULTS_FILE}.lock`;
const LOCK_STALE_MS = 10_000;
const SLEEPER = new Int32Array(new SharedArrayBuffer(4));

/** Changes the recorded results, one process after the other: several may record at once. */
export function record(change: (results: Results) => void): void {
  lock();
  try {
    const results = readResults();
    change(results);
    const temporary = `${RESULTS_FILE}.${process.pid}.tmp`;
    writeFileSync(temporary, `${JSON.stringify(results, null, 1)}\n`);
    renameSync(temporary, RESULTS_FILE);
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

function lock(): void {
  for (;;) {
    try {
      mkdirSync(LOCK);
      return;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
    }
    const made = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs;
    if (made !== undefined && Date.now() - made > LOCK_STALE_MS) rmSync(LOCK, { recursive: true, force: true });
    else Atomics.wait(SLEEPER, 0, 0, 20);
  }
}

/** `--fresh`: what was recorded at other commits goes, of the kinds that are about to be run. Processes at the same commit keep each other's. */
export function forgetOtherCommits(commit: string, kinds: readonly (keyof Results)[]): void {
  record((results) => {
    const isOurs = (part: Circumstances): boolean => part.commit === commit;
    for (const kind of kinds) {
      if (kind === "simulated") results.simulated = results.simulated?.filter(isOurs) ?? [];
      else if (kind === "counted") results.counted = results.counted?.filter(isOurs) ?? [];
      else if (kind === "kills") results.kills = results.kills?.filter(isOurs) ?? [];
      else if (kind === "powerCuts") results.powerCuts = results.powerCuts?.filter(isOurs) ?? [];
      else if (kind === "flips" && results.flips?.commit !== commit) delete results.flips;
      else if (kind === "mutants" && results.mutants !== undefined) {
        const { results: all } = results.mutants;
        results.mutants = { ...results.mutants, results: all.filter((each) => each.commit === commit) };
      }
    }
  });
}

/** Lives at one commit: replaces what the same run has recorded so far. Throws where other runs have recorded these seeds already. */
export function recordLives(part: SimulatedPart): void {
  record((results) => {
    const others = (results.simulated ?? []).filter(
      ({ commit, firstSeed }) => commit !== part.commit || firstSeed !== part.firstSeed,
    );
    const end = ({ firstSeed, numbers }: SimulatedPart): number => firstSeed + (numbers["seeds"] ?? 0);
    for (const other of others) {
      if (other.commit === part.commit && other.firstSeed < end(part) && part.firstSeed < end(other))
        throw new Error(`seeds from ${other.firstSeed} to ${end(other) - 1} are recorded already at ${other.commit}`);
    }
    results.simulated = [...others, part];
  });
}

export function circumstances(beganMs: number, commit: string): Circumstances {
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}, Linux ${release()}`,
    node: process.version,
    commit,
    seconds: Math.round((performance.now() - beganMs) / 1000),
  };
}
