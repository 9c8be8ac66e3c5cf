/** Runs of the real kinds for the report: kills, power cuts, flipped bits. Each prints a line a row and records what it found. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KEY_BYTES, KeyRing, MasterKey, NO_KEYS } from "../../src/base/key_ring.ts";
import { crashRounds, type Ground, killGround } from "../../test/process/crash_rounds.ts";
import { killPointGround } from "../../test/process/kill_point_ground.ts";
import { powerCutsPossible, powerGround } from "../../test/process/power_ground.ts";
import { redisAvailable } from "../../test/support/redis_server.ts";
import { ENDINGS, type FlipResult, flipBits } from "../bit_flips.ts";
import { flipImageBits } from "../image_flips.ts";
import { flipRedis } from "../redis_flips.ts";
import { circumstances, type ImageFlips, record } from "./results.ts";

const REDIS_FLIPS = 100;

interface Run {
  readonly rounds: number;
  readonly seed: number;
  readonly commit: string;
  /** Keep what was found. */
  readonly record: boolean;
}

/** Rounds of one kind; true when nothing failed. */
async function runKind(
  part: "kills" | "powerCuts",
  what: string,
  policy: "always" | "everysec" | "no",
  ground: Ground,
  { rounds, seed, commit, record: keep }: Run,
): Promise<boolean> {
  const beganMs = performance.now();
  const { acknowledged, lost, imageStarts, failure } = await crashRounds(policy, rounds, seed, ground);
  console.log(
    `${what}, ${policy}: ${rounds} rounds, ${acknowledged} acknowledged, ${lost} gone, ${imageStarts} starts from images${failure === "" ? "" : `, FAILED: ${failure}`}`,
  );
  const found = { what, policy, rounds, acknowledged, lost, imageStarts, failures: failure === "" ? 0 : 1 };
  if (keep) record((results) => (results[part] ??= []).push({ ...circumstances(beganMs, commit), ...found }));
  return failure === "";
}

/** True when nothing failed. */
export async function runKills(run: Run): Promise<boolean> {
  let good = true;
  for (const policy of ["always", "everysec", "no"] as const)
    good = (await runKind("kills", "at a random moment", policy, killGround, run)) && good;
  for (const native of [true, false]) {
    const what = `at a named call, ${native ? "native threads" : "without the addon"}`;
    for (const policy of ["always", "everysec"] as const)
      good = (await runKind("kills", what, policy, killPointGround(native, new Map()), run)) && good;
  }
  return good;
}

/** True when nothing failed. */
export async function runPowerCuts(run: Run): Promise<boolean> {
  let good = true;
  for (const kind of ["ext4", "xfs"] as const) {
    if (!powerCutsPossible(kind)) continue;
    for (const policy of ["always", "everysec"] as const)
      good = (await runKind("powerCuts", kind, policy, powerGround(kind), run)) && good;
  }
  return good;
}

export async function runFlips(commit: string, keep: boolean): Promise<boolean> {
  const beganMs = performance.now();
  const found: FlipResult[] = [];
  for (const ending of ENDINGS) {
    const result = await flipBits(ending, 1);
    console.log(`${ending}: ${result.flips} flips, ${result.refused} refused, ${result.wrong.length} served wrong`);
    found.push(result);
  }
  const images: ImageFlips[] = [];
  for (const [kind, keys] of [
    ["plain", NO_KEYS],
    ["encrypted", new KeyRing([new MasterKey(new Uint8Array(KEY_BYTES).fill(1))])],
  ] as const) {
    const result = await flipImageBits(1, keys);
    console.log(
      `images, ${kind}: ${result.flips} flips, ${result.refused} refused, ${result.passedOver} passed over and reported, ` +
        `${result.foundByCheck} found by check, ${result.wrong.length} wrong`,
    );
    images.push({ kind, ...result });
  }
  const dir = mkdtempSync(join(tmpdir(), "emberlog-flips-"));
  const redis = redisAvailable() ? await flipRedis(dir, REDIS_FLIPS, 1) : null;
  rmSync(dir, { recursive: true, force: true });
  if (keep) record((results) => (results.flips = { ...circumstances(beganMs, commit), results: found, images, redis }));
  return [...found, ...images].every(({ wrong }) => wrong.length === 0);
}
