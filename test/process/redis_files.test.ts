/** Files between Emberlog and redis-server 7.0, one dataset each way; redis_files.long.ts takes more, and larger ones. */
import { describe, test } from "vitest";
import { subjectIsRedis } from "../support/emberlog_server.ts";
import { redisAvailable } from "../support/redis_server.ts";
import { emberlogToRedis, redisToEmberlog } from "./redis_files_run.ts";

describe.skipIf(!redisAvailable() || subjectIsRedis)("whole files", () => {
  test("what Emberlog writes, redis-server loads", () => emberlogToRedis(1, 80, ["rdb"]));
  test("what redis-server writes, Emberlog loads", () => redisToEmberlog(2, 80, ["aof"]));
});
