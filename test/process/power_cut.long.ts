/** Real power cuts on real file systems. Root only; elsewhere it says that it was skipped. */
import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { crashRounds } from "./crash_rounds.ts";
import { powerCutsPossible, powerGround } from "./power_ground.ts";

const rounds = Number(process.env["EMBERLOG_ROUNDS"] ?? 6);
const seed = Number(process.env["EMBERLOG_SEED"] ?? randomInt(1 << 30));

for (const kind of ["ext4", "xfs"] as const) {
  describe.runIf(powerCutsPossible(kind))(`power cuts on ${kind}`, () => {
    test.each(["always", "everysec"] as const)(`appendfsync %s, ${rounds} rounds, seed ${seed}`, async (policy) => {
      const result = await crashRounds(policy, rounds, seed, powerGround(kind));
      console.log(`${kind}, ${policy}: ${JSON.stringify(result)}`);
      expect(result.failure).toBe("");
      expect(result.acknowledged).toBeGreaterThan(rounds * 50);
      if (policy === "always") expect(result.lost).toBe(0);
    });
  });
}
