/** What applications do: ioredis and node-redis with pipelines, transactions, scans, RESP3 and a password. */
import { Redis } from "ioredis";
import { createClient, createClientPool } from "redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import type { ServerProcess } from "../support/server_process.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await startEmberlog();
});
afterAll(() => server?.stop());

for (const protocol of [2, 3] as const) {
  describe(`ioredis, RESP${protocol}`, () => {
    let redis: Redis;
    beforeAll(() => {
      redis = new Redis({ port: server.port, protocol });
    });
    beforeEach(() => redis.flushall());
    afterAll(() => redis.quit());

    test("commands and their replies as values", async () => {
      expect(await redis.set("k", "v", "EX", 100, "NX")).toBe("OK");
      expect(await redis.set("k", "w", "NX")).toBeNull();
      expect(await redis.getBuffer("k")).toEqual(Buffer.from("v"));
      expect(await redis.ttl("k")).toBeGreaterThan(90);
      expect(await redis.incrbyfloat("f", 1.5)).toBe("1.5");
      expect(await redis.mget("k", "none", "f")).toEqual(["v", null, "1.5"]);
      expect(await redis.setbit("bits", 7, 1)).toBe(0);
      expect(await redis.bitcount("bits")).toBe(1);
      await expect(redis.incr("k")).rejects.toThrow("value is not an integer or out of range");
      expect(await redis.call("OBJECT", "ENCODING", "k")).toBe("embstr");
      const binary = Buffer.from([0, 255, 13, 10]);
      await redis.set(binary, binary);
      expect(await redis.getBuffer(binary)).toEqual(binary);
    });

    test("a pipeline of ten thousand", async () => {
      const pipeline = redis.pipeline();
      for (let i = 0; i < 5000; i++) pipeline.set(`k${i}`, i).get(`k${i}`);
      const results = (await pipeline.exec())!;
      expect(results).toHaveLength(10_000);
      expect(results[9999]).toEqual([null, "4999"]);
      expect(results.every(([error]) => error === null)).toBe(true);
      expect(await redis.dbsize()).toBe(5000);
    });

    test("automatic pipelining", async () => {
      const auto = new Redis({ port: server.port, protocol, enableAutoPipelining: true });
      await Promise.all(Array.from({ length: 500 }, (_, i) => auto.set(`a${i}`, i)));
      const values = await Promise.all(Array.from({ length: 500 }, (_, i) => auto.get(`a${i}`)));
      expect(values).toEqual(Array.from({ length: 500 }, (_, i) => String(i)));
      await auto.quit();
    });

    test("transactions, also when a watched key changes", async () => {
      expect(await redis.multi().set("a", 1).incr("a").get("a").exec()).toEqual([
        [null, "OK"],
        [null, 2],
        [null, "2"],
      ]);
      const other = new Redis({ port: server.port, protocol });
      await redis.watch("a");
      await other.set("a", 9);
      expect(await redis.multi().incr("a").exec()).toBeNull();
      expect(await redis.get("a")).toBe("9");
      const failing = await redis.multi().set("a", "text").incr("a").exec();
      expect(failing?.[1]?.[0]).toBeInstanceOf(Error);
      await other.quit();
    });

    test("a scan stream finds every key once or more", async () => {
      await redis.mset(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`scan:${i}`, i])));
      const found = new Set<string>();
      for await (const keys of redis.scanStream({ match: "scan:*", count: 100 }))
        for (const key of keys as string[]) found.add(key);
      expect(found.size).toBe(3000);
    });

    test("databases and names", async () => {
      const other = new Redis({ port: server.port, protocol, db: 5, connectionName: "worker" });
      await other.set("only", "five");
      expect(await redis.get("only")).toBeNull();
      expect(await other.client("GETNAME")).toBe("worker");
      expect(String(await redis.client("LIST"))).toContain("name=worker");
      await other.quit();
    });

    test("INFO as ioredis' ready check reads it", async () => {
      expect(await redis.info()).toMatch(/^redis_version:7\.2\.4\r$/m);
      expect(redis.status).toBe("ready");
    });
  });

  describe(`node-redis, RESP${protocol}`, () => {
    const open = (options: object = {}) =>
      createClient({ RESP: protocol, socket: { port: server.port, host: "127.0.0.1" }, ...options }).on(
        "error",
        () => {},
      );
    let client: ReturnType<typeof open>;
    beforeAll(async () => {
      client = open();
      await client.connect();
    });
    beforeEach(async () => {
      await client.flushAll();
    });
    afterAll(() => client.close());

    test("commands and their replies as values", async () => {
      expect(await client.set("k", "v", { expiration: { type: "PX", value: 100_000 }, condition: "NX" })).toBe("OK");
      expect(await client.set("k", "w", { condition: "NX" })).toBeNull();
      expect(await client.get("k")).toBe("v");
      expect(await client.pTTL("k")).toBeGreaterThan(90_000);
      expect(await client.getDel("k")).toBe("v");
      expect(await client.exists("k")).toBe(0);
      expect(await client.mSet({ a: "1", b: "2" })).toBe("OK");
      expect(await client.mGet(["a", "none", "b"])).toEqual(["1", null, "2"]);
      await expect(client.incrBy("text", Number.NaN)).rejects.toThrow();
      expect(await client.configGet("appendonly")).toMatchObject({ appendonly: "yes" });
      expect(await client.ping()).toBe("PONG");
      expect(await client.copy("a", "c")).toBe(1);
      expect(await client.lcs("a", "c")).toBe("1");
    });

    test("implicit pipelining keeps the order", async () => {
      const replies = await Promise.all(Array.from({ length: 5000 }, () => client.incr("n")));
      expect(replies).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
    });

    test("transactions, also when a watched key changes", async () => {
      expect(await client.multi().set("a", "1").incr("a").get("a").exec()).toEqual(["OK", 2, "2"]);
      const other = open();
      await other.connect();
      await client.watch("a");
      await other.set("a", "9");
      await expect(client.multi().incr("a").exec()).rejects.toThrow(/watch/i);
      await other.close();
    });

    test("a scan iterator finds every key", async () => {
      await client.mSet(Array.from({ length: 2000 }, (_, i): [string, string] => [`it:${i}`, "x"]));
      const found = new Set<string>();
      for await (const keys of client.scanIterator({ MATCH: "it:*", COUNT: 50 }))
        for (const key of keys) found.add(key);
      expect(found.size).toBe(2000);
    });

    test("a pool of connections", async () => {
      const pool = createClientPool(
        { RESP: protocol, socket: { port: server.port, host: "127.0.0.1" } },
        { minimum: 1, maximum: 20 },
      );
      await pool.connect();
      await Promise.all(Array.from({ length: 1000 }, (_, i) => pool.set(`p${i}`, String(i))));
      expect(await pool.dbSize()).toBe(1000);
      await pool.close();
    });

    test("the library names itself", async () => {
      expect(await client.sendCommand(["CLIENT", "INFO"])).toMatch(/lib-name=node-redis/);
    });
  });
}

describe("a password", () => {
  test("both libraries authenticate, and are refused with a wrong one", async () => {
    const locked = await startEmberlog({ args: ["--requirepass", "s3cret"] });
    try {
      const redis = new Redis({ port: locked.port, password: "s3cret" });
      expect(await redis.ping()).toBe("PONG");
      await redis.quit();
      const named = new Redis({ port: locked.port, username: "default", password: "s3cret" });
      expect(await named.set("k", "v")).toBe("OK");
      await named.quit();
      const client = createClient({ RESP: 3, password: "s3cret", socket: { port: locked.port, host: "127.0.0.1" } }).on(
        "error",
        () => {},
      );
      await client.connect();
      expect(await client.get("k")).toBe("v");
      await client.close();
      const wrong = createClient({
        password: "guess",
        socket: { port: locked.port, host: "127.0.0.1", reconnectStrategy: false },
      }).on("error", () => {});
      await expect(wrong.connect()).rejects.toThrow(/WRONGPASS/);
      const raw = await locked.connect();
      expect((await raw.command("GET", "k")).toString()).toBe("-NOAUTH Authentication required.\r\n");
      raw.close();
    } finally {
      await locked.stop();
    }
  });
});
