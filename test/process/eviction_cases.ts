/**
 * The built server under `maxmemory`, for a limit of any size (eviction.test.ts, eviction.long.ts): it takes far more data than fits and stays below the limit, each policy removes what it may and
 * nothing else, writes are refused where nothing may go, and what is left is what a restart gives back.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";

const MEGABYTE = 1024 * 1024;
/** What one turn may add before the next makes room again. */
const SLACK = 512 * 1024;
const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const VALUE = "v".repeat(1000);

export function evictionTests(megabytes: number): void {
  const limit = megabytes * MEGABYTE;
  let directory: string;
  let server: ServerProcess;
  let client: RespClient;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "emberlog-test-eviction-"));
    mkdirSync(join(directory, "data"));
    writeFileSync(
      join(directory, "emberlog.conf"),
      `maxmemory ${megabytes}mb\nmaxmemory-policy allkeys-lru\nmaxmemory-samples 7\n`,
    );
    await start();
  });
  afterAll(async () => {
    client?.close();
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    // The file comes first on the command line, before the flags that the harness adds.
    server = await startEmberlog({
      dir: join(directory, "data"),
      args: ["--include", join(directory, "emberlog.conf")],
    });
    client = await server.connect();
  }

  async function restart(): Promise<void> {
    client.close();
    await server.stop();
    await start();
  }

  async function info(name: string): Promise<number> {
    const text = String(await client.call("INFO", "everything"));
    return Number(new RegExp(`^${name}:(.*)\r$`, "m").exec(text)?.[1]);
  }

  async function ask(line: string): Promise<string> {
    return (await client.command(...line.split(" "))).toString("latin1");
  }

  /** Writes `size` times the limit of strings in pipelines; returns the replies that were no +OK, each once. */
  async function fill(prefix: string, size: number, ...more: string[]): Promise<string[]> {
    const refused = new Set<string>();
    const keys = Math.round(size * megabytes) * 1000;
    for (let at = 0; at < keys; at += 2000) {
      const requests = Array.from({ length: 2000 }, (_, i) => ["SET", `${prefix}${at + i}`, VALUE, ...more]);
      for (const reply of await client.pipeline(requests)) {
        if (reply[0] !== 43) refused.add(reply.toString("latin1"));
      }
      expect(await info("used_memory")).toBeLessThanOrEqual(limit + SLACK);
    }
    return [...refused];
  }

  /** Lowers the limit to a share of itself, and waits until nothing exceeds it. */
  async function lower(share: number): Promise<void> {
    await ask(`CONFIG SET maxmemory ${Math.floor(limit * share)}`);
    for (let waited = 0; (await info("used_memory")) > limit * share; waited++) {
      expect(waited).toBeLessThan(500);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async function begin(policy: string): Promise<void> {
    expect(await ask("FLUSHALL")).toBe("+OK\r\n");
    expect(await ask("CONFIG RESETSTAT")).toBe("+OK\r\n");
    expect(await ask(`CONFIG SET maxmemory ${limit} maxmemory-policy ${policy}`)).toBe("+OK\r\n");
  }

  test("the limit is honoured from the file", async () => {
    expect(await ask("CONFIG GET maxmemory-samples")).toBe("*2\r\n$17\r\nmaxmemory-samples\r\n$1\r\n7\r\n");
    expect(await info("maxmemory")).toBe(limit);
    expect(await fill("k", 2.5)).toEqual([]);
    expect(await info("evicted_keys")).toBeGreaterThan(megabytes * 1200);
  });

  test("each eviction is told as an event", async () => {
    await ask("CONFIG SET notify-keyspace-events Ee");
    const listener = await server.connect();
    await listener.command("SUBSCRIBE", "__keyevent@0__:evicted");
    const before = await info("evicted_keys");
    await client.pipeline(Array.from({ length: 2000 }, (_, i) => ["SET", `told${i}`, VALUE]));
    const evicted = (await info("evicted_keys")) - before;
    expect(evicted).toBeGreaterThan(0);
    for (let i = 0; i < evicted; i++) {
      expect((await listener.reply()).toString()).toMatch(
        /^\*3\r\n\$7\r\nmessage\r\n\$22\r\n__keyevent@0__:evicted\r\n/,
      );
    }
    listener.close();
    await client.command("CONFIG", "SET", "notify-keyspace-events", "");
  });

  describe("policies", () => {
    for (const policy of ["allkeys-lfu", "allkeys-random"]) {
      test(`${policy} takes all data${policy === "allkeys-lfu" ? ", and a restart gives back what was left" : ""}`, async () => {
        await begin(policy);
        expect(await fill("k", 1.5)).toEqual([]);
        // What a restart builds anew may take a little more.
        await lower(0.9);
        const keys = await client.call("DBSIZE");
        expect(await info("evicted_keys")).toBe(Math.round(megabytes * 1.5) * 1000 - Number(keys));
        const digest = await ask("DEBUG DIGEST");
        await restart();
        expect([await client.call("DBSIZE"), await ask("DEBUG DIGEST")]).toEqual([keys, digest]);
      });
    }

    for (const policy of ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"]) {
      test(`${policy} removes keys that expire only, and refuses writes where there are none`, async () => {
        await begin(policy);
        expect(await fill("lasting", 0.4)).toEqual([]);
        expect(await fill("volatile", 1, "EX", "10000")).toEqual([]);
        expect(await info("evicted_keys")).toBeGreaterThan(megabytes * 250);
        const lasting = await client.pipeline(
          Array.from({ length: Math.round(0.4 * megabytes) * 1000 }, (_, i) => ["EXISTS", `lasting${i}`]),
        );
        expect(lasting.every((reply) => reply.toString() === ":1\r\n")).toBe(true);
        expect(await fill("more", 0.8)).toEqual([OOM]);
        expect(Number((await ask("INFO keyspace")).match(/expires=(\d+)/)![1])).toBe(0);
      });
    }

    test("noeviction refuses what takes memory, and nothing else", async () => {
      await begin("noeviction");
      expect(await fill("k", 1.2)).toEqual([OOM]);
      expect(await info("evicted_keys")).toBe(0);
      // The pipelines' own bytes are gone again, and with them what was too much.
      await ask(`CONFIG SET maxmemory ${Math.floor(megabytes / 2)}mb`);
      for (const line of [
        "SET a 1",
        "APPEND k1 x",
        "INCR n",
        "SETRANGE k1 1 x",
        "LPUSH l 1",
        "SADD s 1",
        "HSET h a 1",
      ]) {
        expect([line, await ask(line)]).toEqual([line, OOM]);
      }
      for (const line of [
        "GET nosuch",
        "EXPIRE k1 1000",
        "TTL k1",
        "PERSIST k1",
        "PING",
        "RENAME k1 k2",
        "CONFIG GET port",
      ])
        expect([line, (await ask(line)).startsWith("-")]).toEqual([line, false]);
      expect(await ask("MULTI")).toBe("+OK\r\n");
      expect(await ask("GET k3")).toBe(OOM);
      expect(await ask("EXEC")).toBe("-EXECABORT Transaction discarded because of previous errors.\r\n");
      expect(await info("current_eviction_exceeded_time")).toBeGreaterThanOrEqual(0);
      expect(await ask("DEL k3")).toBe(":1\r\n");
      expect(await ask("FLUSHALL")).toBe("+OK\r\n");
      expect(await ask("SET a 1")).toBe("+OK\r\n");
    });
  });

  describe("big collections", () => {
    const MEMBERS = 10_000 * megabytes;

    async function grow(command: string, key: string, count: number): Promise<void> {
      const prefix = command === "ZADD" ? ["0"] : [];
      for (let at = 0; at < count; at += 500) {
        const args = Array.from({ length: 500 }, (_, i) => {
          const member = `member:${at + i}:${key}`;
          return command === "HSET" ? [member, "value"] : [...prefix, member];
        });
        expect((await client.command(command, key, ...args.flat()))[0]).toBe(58);
      }
    }

    test("are evicted in bounded steps, logged as one DEL each, and a restart gives the same", async () => {
      await begin("allkeys-lru");
      await ask("CONFIG SET maxmemory 0");
      await grow("SADD", "set", MEMBERS);
      await grow("HSET", "hash", MEMBERS);
      await grow("ZADD", "zset", MEMBERS / 2);
      await ask("SET kept here");
      const used = await info("used_memory");
      expect(used).toBeGreaterThan(limit);
      const values = await Promise.all(["set", "hash", "zset"].map((key) => client.call("EXISTS", key)));
      expect(values).toEqual([1, 1, 1]);
      await ask("CONFIG RESETSTAT");
      await lower(0.5);
      expect(await info("evicted_keys")).toBeGreaterThanOrEqual(2);
      expect(await info("lazyfreed_objects")).toBeGreaterThanOrEqual(1);
      expect(await info("turn_cpu_us_max")).toBeLessThan(50_000);
      const before = [await client.call("DBSIZE"), await ask("DEBUG DIGEST")];
      await restart();
      expect([await client.call("DBSIZE"), await ask("DEBUG DIGEST")]).toEqual(before);
    });
  });

  test("while clients are paused nothing is evicted, and afterwards it is", async () => {
    await begin("allkeys-random");
    await ask("CONFIG SET maxmemory 0");
    for (let at = 0; at < 8; at++) {
      await client.pipeline(Array.from({ length: 1000 }, (_, i) => ["SET", `k${at}:${i}`, VALUE]));
    }
    await ask("CLIENT PAUSE 150 WRITE");
    await ask("CONFIG SET maxmemory 5mb");
    expect(await client.call("DBSIZE")).toBe(8000);
    const deadline = performance.now() + 10_000;
    let left = 8000;
    while (left >= 6000 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      left = Number(await client.call("DBSIZE"));
    }
    expect(left).toBeLessThan(6000);
  });

  test("what clients have unread counts", async () => {
    await begin("allkeys-random");
    await ask("CONFIG SET maxmemory 0");
    await ask("FLUSHALL");
    const before = await info("used_memory");
    await client.command("SET", "large", Buffer.alloc(4 * MEGABYTE, "x"));
    const slow = await server.connect();
    slow.pause();
    slow.write(Buffer.from("*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n".repeat(5)));
    for (let waited = 0; (await info("used_memory")) < before + 15 * MEGABYTE; waited++) {
      expect(waited).toBeLessThan(200);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await info("mem_clients_normal")).toBeGreaterThan(10 * MEGABYTE);
    slow.close();
  });
}
