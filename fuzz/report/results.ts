/**
 * What the proofs have given so far, in docs/durability-report.json: each runner records its own part with --record, and the pages beside it
 * are written from the whole (pages.ts).
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
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

/** Changes the recorded results. */
export function record(change: (results: Results) => void): void {
  const results = readResults();
  change(results);
  writeFileSync(RESULTS_FILE, `${JSON.stringify(results, null, 1)}\n`);
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
