/** A leaderboard on a sorted set, its players in hashes, as both client libraries write it, in RESP2 and RESP3. */
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startEmberlog } from "../../support/emberlog_server.ts";
import type { ServerProcess } from "../../support/server_process.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await startEmberlog();
});
afterAll(() => server?.stop());

const PLAYERS = 2000;
const player = (i: number): string => `player:${String(i).padStart(4, "0")}`;
/** Scores that several share, to be ranked by name then. */
const score = (i: number): number => Math.floor(((i * 7919) % PLAYERS) / 3) + 0.5;
const ranking = Array.from({ length: PLAYERS }, (_, i) => i).sort(
  (a, b) => score(b) - score(a) || (player(a) < player(b) ? 1 : -1),
);

for (const protocol of [2, 3] as const) {
  describe(`ioredis, RESP${protocol}`, () => {
    let redis: Redis;
    beforeAll(() => {
      redis = new Redis({ port: server.port, host: "127.0.0.1", protocol });
    });
    beforeEach(async () => {
      await redis.flushall();
      const pipeline = redis.pipeline();
      for (let i = 0; i < PLAYERS; i++)
        pipeline.zadd("board", score(i), player(i)).hset(player(i), { name: `Name ${i}`, country: i % 7, games: 0 });
      await pipeline.exec();
    });
    afterAll(() => redis.disconnect());

    test("the best, a page in the middle, and those around a player", async () => {
      expect(await redis.zrange("board", "0", "9", "REV")).toEqual(ranking.slice(0, 10).map(player));
      expect(await redis.zrevrange("board", 1000, 1009)).toEqual(ranking.slice(1000, 1010).map(player));
      const rank = (await redis.zrevrank("board", player(123)))!;
      expect(ranking[rank]).toBe(123);
      const around = await redis.zrange("board", `${Math.max(0, rank - 5)}`, `${rank + 5}`, "REV");
      expect(around).toEqual(ranking.slice(Math.max(0, rank - 5), rank + 6).map(player));
    });

    test("a game changes scores and players at once", async () => {
      const results = await redis
        .multi()
        .zincrby("board", 10_000.25, player(7))
        .hincrby(player(7), "games", 1)
        .hgetall(player(7))
        .zrevrank("board", player(7))
        .exec();
      expect(Number(results?.[0]?.[1])).toBe(score(7) + 10_000.25);
      expect(results?.[1]?.[1]).toBe(1);
      expect(results?.[2]?.[1]).toEqual({ name: "Name 7", country: "0", games: "1" });
      expect(results?.[3]?.[1]).toBe(0);
    });

    test("counts, cuts and joins", async () => {
      const above = ranking.filter((i) => score(i) >= 600).length;
      expect(await redis.zcount("board", 600, "+inf")).toBe(above);
      expect(await redis.zremrangebyrank("board", 0, -101)).toBe(PLAYERS - 100);
      expect(await redis.zcard("board")).toBe(100);
      await redis.zadd("week", "GT", "CH", 5, player(ranking[0]!), 3, player(ranking[1]!));
      expect(await redis.zunionstore("sum", 2, "board", "week", "WEIGHTS", 1, 2)).toBe(100);
      expect(Number(await redis.zscore("sum", player(ranking[0]!)))).toBe(score(ranking[0]!) + 10);
      expect((await redis.zinter(2, "board", "week")).sort()).toEqual(
        [player(ranking[0]!), player(ranking[1]!)].sort(),
      );
    });
  });

  test(`node-redis, RESP${protocol}: scores as numbers`, async () => {
    const client = createClient({ RESP: protocol, socket: { host: "127.0.0.1", port: server.port } }).on(
      "error",
      () => {},
    );
    await client.connect();
    await client.flushAll();
    await client.zAdd(
      "board",
      Array.from({ length: PLAYERS }, (_, i) => ({ score: score(i), value: player(i) })),
    );
    expect(await client.zRangeWithScores("board", 0, 2, { REV: true })).toEqual(
      ranking.slice(0, 3).map((i) => ({ value: player(i), score: score(i) })),
    );
    expect(await client.zScore("board", player(5))).toBe(score(5));
    expect(await client.zIncrBy("board", 1.5, player(5))).toBe(score(5) + 1.5);
    expect(await client.zmScore("board", [player(6), "nobody"])).toEqual([score(6), null]);
    expect(await client.zPopMax("board")).toEqual({ value: player(ranking[0]!), score: score(ranking[0]!) });
    let found = 0;
    for await (const members of client.zScanIterator("board", { COUNT: 100 })) found += members.length;
    expect(found).toBe(PLAYERS - 1);
    await client.hSet("p", { name: "Ada", games: "3" });
    expect(await client.hGetAll("p")).toEqual(Object.assign(Object.create(null), { name: "Ada", games: "3" }));
    client.destroy();
  });
}
