/** SIGKILL at named calls of node:fs, with the addon and without it: nothing acknowledged is lost. */
import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { crashRounds } from "./crash_rounds.ts";
import { killPointGround } from "./kill_point_ground.ts";

const rounds = Number(process.env["EMBERLOG_ROUNDS"] ?? 8);
const seed = Number(process.env["EMBERLOG_SEED"] ?? randomInt(1 << 30));

describe.each([true, false])("killed at named points (native threads: %s)", (native) => {
  test.each(["always", "everysec"] as const)(`appendfsync %s, ${rounds} rounds, seed ${seed}`, async (policy) => {
    const points = new Map<string, number>();
    const result = await crashRounds(policy, rounds, seed, killPointGround(native, points));
    expect(result.failure).toBe("");
    expect(points.size).toBeGreaterThan(Math.min(4, rounds / 3));
  });
});
