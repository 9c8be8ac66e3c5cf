/**
 * Every case table, sent to Emberlog and to redis-server 7.0.15 in RESP2 and RESP3, replies compared byte by byte.
 * Where the two may differ stands in differences.ts and nowhere else.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { subjectIsRedis } from "../support/emberlog_server.ts";
import { redisAvailable } from "../support/redis_server.ts";
import { shown } from "../support/resp_client.ts";
import { caseGroups } from "./cases/index.ts";
import { appliedRewrites, newerCases, rewrites } from "./differences.ts";
import { Conformance } from "./runner.ts";
import { words } from "./step.ts";

describe.skipIf(!redisAvailable())("conformance with redis-server", () => {
  let conformance: Conformance;
  beforeAll(async () => {
    conformance = await Conformance.start();
  });
  afterAll(() => conformance?.stop());

  for (const [group, cases] of Object.entries(caseGroups)) {
    describe(group, () => {
      for (const each of cases) {
        for (const protocol of each.protocols ?? ([2, 3] as const)) {
          test(`${each.name} (RESP${protocol})`, async () => {
            expect(await conformance.run(each, protocol)).toBe("");
          });
        }
      }
    });
  }

  test.skipIf(subjectIsRedis)("every accepted difference was met", () => {
    expect(rewrites.map((rewrite) => rewrite.id).filter((id) => !appliedRewrites.has(id))).toEqual([]);
  });

  describe.skipIf(subjectIsRedis)("what only later versions know", () => {
    for (const each of newerCases) {
      for (const protocol of [2, 3] as const) {
        test(`${each.id}, ${each.version} (RESP${protocol})`, async () => {
          const client = await conformance.ours.connect();
          await client.command("FLUSHALL");
          if (protocol === 3) await client.command("HELLO", "3");
          const failures: string[] = [];
          for (const [command, reply] of each.steps) {
            const got = await client.command(...words(command));
            const expected = typeof reply === "string" || reply instanceof RegExp ? reply : reply[protocol];
            const text = got.toString("latin1");
            if (typeof expected === "string" ? text !== expected : !expected.test(text)) {
              failures.push(`${command}: got ${shown(got)}, expected ${expected}`);
            }
          }
          client.close();
          expect(failures).toEqual([]);
        });
      }
    }
  });
});
