/** Runs of the real kinds for the report: kills, power cuts, flipped bits. Each prints a line a row and records what it found. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crashRounds, type Ground, killGround } from "../../test/process/crash_rounds.ts";
import { killPointGround } from "../../test/process/kill_point_ground.ts";
import { powerCutsPossible, powerGround } from "../../test/process/power_ground.ts";
import { redisAvailable } from "../../test/support/redis_server.ts";
import { ENDINGS, type FlipResult, flipBits } from "../bit_flips.ts";
import { flipRedis } from "../redis_flips.ts";
import { circumstances, type RealPart, record } from "./results.ts";

const REDIS_FLIPS = 100;

type Row = RealPart["rows"][number];

async function rowOf(
  what: string,
  policy: "always" | "everysec" | "no",
  rounds: number,
  seed: number,
  ground: Ground,
): Promise<Row> {
  const { acknowledged, lost, failure } = await crashRounds(policy, rounds, seed, ground);
  console.log(
    `${what}, ${policy}: ${rounds} rounds, ${acknowledged} acknowledged, ${lost} gone${failure === "" ? "" : `, FAILED: ${failure}`}`,
  );
  return { what, policy, rounds, acknowledged, lost, failures: failure === "" ? 0 : 1 };
}

/** True when nothing failed. */
export async function runKills(rounds: number, seed: number, commit: string): Promise<boolean> {
  const beganMs = performance.now();
  const rows: Row[] = [];
  for (const policy of ["always", "everysec", "no"] as const)
    rows.push(await rowOf("at a random moment", policy, rounds, seed, killGround));
  for (const native of [true, false]) {
    const what = `at a named call, ${native ? "native threads" : "without the addon"}`;
    rows.push(await rowOf(what, "always", rounds, seed, killPointGround(native, new Map())));
  }
  record((results) => (results.kills = { ...circumstances(beganMs, commit), rows }));
  return rows.every(({ failures }) => failures === 0);
}

export async function runPowerCuts(rounds: number, seed: number, commit: string): Promise<boolean> {
  const beganMs = performance.now();
  const rows: Row[] = [];
  for (const kind of ["ext4", "xfs"] as const) {
    if (!powerCutsPossible(kind)) continue;
    for (const policy of ["always", "everysec"] as const)
      rows.push(await rowOf(kind, policy, rounds, seed, powerGround(kind)));
  }
  if (rows.length > 0) record((results) => (results.powerCuts = { ...circumstances(beganMs, commit), rows }));
  return rows.every(({ failures }) => failures === 0);
}

export async function runFlips(commit: string): Promise<boolean> {
  const beganMs = performance.now();
  const found: FlipResult[] = [];
  for (const ending of ENDINGS) {
    const result = await flipBits(ending, 1);
    console.log(`${ending}: ${result.flips} flips, ${result.refused} refused, ${result.wrong.length} served wrong`);
    found.push(result);
  }
  const dir = mkdtempSync(join(tmpdir(), "emberlog-flips-"));
  const redis = redisAvailable() ? await flipRedis(dir, REDIS_FLIPS, 1) : null;
  rmSync(dir, { recursive: true, force: true });
  record((results) => (results.flips = { ...circumstances(beganMs, commit), results: found, redis }));
  return found.every(({ wrong }) => wrong.length === 0);
}
