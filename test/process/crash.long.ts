/** kill -9 under load, 30 rounds with each policy, the three side by side. */
import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { crashRounds } from "./crash_rounds.ts";

const rounds = Number(process.env["EMBERLOG_ROUNDS"] ?? 30);
const seed = Number(process.env["EMBERLOG_SEED"] ?? randomInt(1 << 30));

describe.concurrent("nothing acknowledged is lost by kill -9, at length", () => {
  for (const policy of ["always", "everysec", "no"] as const) {
    test(`appendfsync ${policy}, ${rounds} rounds, seed ${seed}`, { timeout: 600_000 }, async () => {
      const result = await crashRounds(policy, rounds, seed);
      console.log(
        `${policy}: ${rounds} rounds, ${result.acknowledged} operations acknowledged, ${result.survivors} more survived`,
      );
      expect(result.failure).toBe("");
    });
  }
});
