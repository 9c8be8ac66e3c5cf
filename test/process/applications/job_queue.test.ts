/**
 * A reliable queue of jobs as people build it on lists: producers LPUSH, consumers BLMOVE a job to a list of their own and LREM it when
 * done; what a consumer that died has left is put back. Producers on ioredis, consumers on ioredis and node-redis.
 */
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startEmberlog } from "../../support/emberlog_server.ts";
import { freePort, type ServerProcess } from "../../support/server_process.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const QUEUE = "jobs";

/** What a consumer needs of a client library. */
interface Consumer {
  take(own: string): Promise<string | null>;
  done(own: string, job: string): Promise<unknown>;
  end(): void;
}

function ioredisConsumer(port: number): Consumer {
  const redis = new Redis({ port, host: "127.0.0.1" });
  return {
    take: (own) => redis.blmove(QUEUE, own, "RIGHT", "LEFT", 1),
    done: (own, job) => redis.lrem(own, 1, job),
    end: () => redis.disconnect(),
  };
}

async function nodeRedisConsumer(port: number): Promise<Consumer> {
  const client = createClient({ RESP: 3, socket: { host: "127.0.0.1", port } }).on("error", () => {});
  await client.connect();
  return {
    take: (own) => client.blMove(QUEUE, own, "RIGHT", "LEFT", 1),
    done: (own, job) => client.lRem(own, 1, job),
    end: () => client.destroy(),
  };
}

describe("a queue of jobs", () => {
  const dir = temporaryDirectory("queue");
  let port: number;
  let server: ServerProcess;
  let producer: Redis;
  beforeAll(async () => {
    port = await freePort();
    server = await startEmberlog({ port, dir, args: ["--appendfsync", "always"] });
    producer = new Redis({ port, host: "127.0.0.1", retryStrategy: () => 20 });
    producer.on("error", () => {});
  });
  beforeEach(() => producer.flushall());
  afterAll(async () => {
    producer?.disconnect();
    await server?.stop();
  });

  test("every job is done exactly once by some consumer, in order of arrival for each producer", async () => {
    const consumers = [ioredisConsumer(port), ioredisConsumer(port), await nodeRedisConsumer(port)];
    const jobs = Array.from({ length: 300 }, (_, i) => `job:${i}`);
    const done: string[] = [];
    const work = consumers.map(async (consumer, i) => {
      let last = -1;
      for (;;) {
        const job = await consumer.take(`own:${i}`);
        if (job === null || job === "stop") return;
        const number = Number(job.slice(4));
        expect(number).toBeGreaterThan(last);
        last = number;
        done.push(job);
        expect(await consumer.done(`own:${i}`, job)).toBe(1);
      }
    });
    for (const job of jobs) await producer.lpush(QUEUE, job);
    await producer.lpush(QUEUE, "stop", "stop", "stop");
    await Promise.all(work);
    expect([...done].sort()).toEqual([...jobs].sort());
    for (const consumer of consumers) consumer.end();
  });

  test("consumers that wait are served in the order in which they came", async () => {
    const waiting = [ioredisConsumer(port), ioredisConsumer(port), await nodeRedisConsumer(port)];
    const taken: Promise<string | null>[] = [];
    for (const [i, consumer] of waiting.entries()) {
      taken.push(consumer.take(`own:${i}`));
      await expect.poll(async () => /blocked_clients:(\d+)/.exec(await producer.info("clients"))?.[1]).toBe(`${i + 1}`);
    }
    await producer.lpush(QUEUE, "a", "b", "c");
    expect(await Promise.all(taken)).toEqual(["a", "b", "c"]);
    for (const consumer of waiting) consumer.end();
  });

  test("the job of a consumer that died, and the queue, outlive a crash of the server", async () => {
    const dying = ioredisConsumer(port);
    await producer.lpush(QUEUE, "first", "second", "third");
    expect(await dying.take("own:dying")).toBe("first");
    dying.end();
    await server.kill9();
    server = await startEmberlog({ port, dir, args: ["--appendfsync", "always"] });
    expect(await producer.lrange("own:dying", 0, -1)).toEqual(["first"]);
    expect(await producer.lmove("own:dying", QUEUE, "RIGHT", "RIGHT")).toBe("first");
    const heir = await nodeRedisConsumer(port);
    for (const job of ["first", "second", "third"]) expect(await heir.take("own:heir")).toBe(job);
    expect(await heir.take("own:heir")).toBeNull();
    heir.end();
  });

  test("priorities and delays: several lists in order, and a sorted set of what is due", async () => {
    const redis = new Redis({ port, host: "127.0.0.1" });
    await redis.rpush("low", "l1");
    await redis.rpush("high", "h1", "h2");
    expect(await redis.blpop("high", "low", 1)).toEqual(["high", "h1"]);
    expect(await redis.lmpop(2, "high", "low", "LEFT", "COUNT", 5)).toEqual(["high", ["h2"]]);
    expect(await redis.brpop("high", "low", 1)).toEqual(["low", "l1"]);
    const now = Date.now();
    await redis.zadd("due", now - 1000, "late", now + 100_000, "early");
    expect(await redis.zrangebyscore("due", "-inf", now)).toEqual(["late"]);
    expect(await redis.multi().zrem("due", "late").lpush(QUEUE, "late").exec()).toEqual([
      [null, 1],
      [null, 1],
    ]);
    expect(await redis.bzpopmin("due", 1)).toEqual(["due", "early", String(now + 100_000)]);
    redis.disconnect();
  });
});
