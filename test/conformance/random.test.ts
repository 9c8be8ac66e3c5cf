/** Random sequences of commands on both servers; EMBERLOG_SEED and EMBERLOG_STEPS replay one. The long run draws many more. */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisAvailable } from "../support/redis_server.ts";
import { runRandom } from "./random_run.ts";
import { Conformance } from "./runner.ts";

const steps = Number(process.env["EMBERLOG_STEPS"] ?? 4000);
const given = process.env["EMBERLOG_SEED"];
const seeds = given === undefined ? [1, 2, randomInt(1 << 30), randomInt(1 << 30)] : [Number(given)];

describe.skipIf(!redisAvailable())("random commands answer as redis-server does", () => {
  let conformance: Conformance;
  beforeAll(async () => {
    conformance = await Conformance.start();
  });
  afterAll(() => conformance?.stop());

  for (const seed of seeds) {
    test(`${steps} steps, seed ${seed}`, async () => {
      expect(await runRandom(conformance, seed, steps)).toBe("");
    });
  }
});
