/** Files between Emberlog and redis-server 7.0 for several seeds, one of which changes every day. EMBERLOG_SEED=n repeats one. */
import { describe, test } from "vitest";
import { subjectIsRedis } from "../support/emberlog_server.ts";
import { redisAvailable } from "../support/redis_server.ts";
import { emberlogToRedis, redisToEmberlog } from "./redis_files_run.ts";

const given = process.env["EMBERLOG_SEED"];
const seeds = given === undefined ? [11, 12, Math.floor(Date.now() / 86_400_000)] : [Number(given)];

describe.skipIf(!redisAvailable() || subjectIsRedis)("whole files", () => {
  for (const seed of seeds) {
    const again = `EMBERLOG_SEED=${seed} npx vitest run --config vitest.long.config.ts test/process/redis_files.long.ts`;
    test(`Emberlog to redis-server: ${again}`, () => emberlogToRedis(seed, 400));
    test(`redis-server to Emberlog: ${again}`, () => redisToEmberlog(seed, 400));
  }
});
