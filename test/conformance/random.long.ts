/** Random sequences on both servers, many: a minute of fresh seeds. */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisAvailable } from "../support/redis_server.ts";
import { runRandom } from "./random_run.ts";
import { Conformance } from "./runner.ts";

const SECONDS = Number(process.env["EMBERLOG_SECONDS"] ?? 40);

describe.skipIf(!redisAvailable())("random commands answer as redis-server does, at length", () => {
  let conformance: Conformance;
  beforeAll(async () => {
    conformance = await Conformance.start();
  });
  afterAll(() => conformance?.stop());

  test(`${SECONDS} seconds of random sequences`, async () => {
    const end = performance.now() + SECONDS * 1000;
    const failures: string[] = [];
    while (performance.now() < end && failures.length < 3) {
      const report = await runRandom(conformance, randomInt(1 << 30), 10_000);
      if (report !== "") failures.push(report);
    }
    console.log(`${conformance.steps} random steps compared`);
    expect(failures.join("\n\n")).toBe("");
  });
});
