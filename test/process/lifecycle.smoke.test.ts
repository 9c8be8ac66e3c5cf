/** Start, stop, start again: signals, exit codes, what is kept, and who may open a data directory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import type { ServerProcess } from "../support/server_process.ts";

let dir: string;
const started: ServerProcess[] = [];

async function start(...args: string[]): Promise<ServerProcess> {
  const server = await startEmberlog({ dir, args });
  started.push(server);
  return server;
}

async function ask(server: ServerProcess, ...args: string[]): Promise<string> {
  const client = await server.connect();
  const reply = await client.command(...args);
  client.close();
  return reply.toString("latin1");
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "emberlog-lifecycle-"));
});
afterEach(async () => {
  for (const server of started.splice(0)) if (server.running) await server.kill9();
  rmSync(dir, { recursive: true, force: true });
});

describe("signals", () => {
  test("SIGTERM stops gracefully with exit code 0, and everything is there afterwards", async () => {
    const first = await start();
    const client = await first.connect();
    await client.pipeline(Array.from({ length: 5000 }, (_, i) => ["SET", `k${i}`, `value ${i}`]));
    await client.pipeline([
      ["SELECT", "9"],
      ["SET", "volatile", "v", "EX", "1000"],
      ["SETRANGE", "hole", "100", "x"],
      ["SET", "", "empty"],
    ]);
    const digest = (await client.command("DEBUG", "DIGEST")).toString();
    expect(await first.stop()).toBe(0);
    expect(client.closed).toBe(true);
    const second = await start();
    expect(await ask(second, "DEBUG", "DIGEST")).toBe(digest);
    expect(await ask(second, "DBSIZE")).toBe(":5000\r\n");
    expect(second.output).toMatch(/5,?003/);
  });

  test("one SIGINT stops gracefully, a second one within a second is ignored", async () => {
    const server = await start();
    await ask(server, "SET", "k", "v");
    server.signal("SIGINT");
    server.signal("SIGINT");
    expect(await server.exit()).toEqual({ code: 0, signal: null });
    expect(await ask(await start(), "GET", "k")).toBe("$1\r\nv\r\n");
  });

  test("replies that were under way when SIGTERM came are not cut", async () => {
    const server = await start("--appendfsync", "always");
    const client = await server.connect();
    const replies = client.pipeline(Array.from({ length: 2000 }, (_, i) => ["SET", `k${i}`, "v"]));
    await client.flush(Buffer.alloc(0));
    server.signal("SIGTERM");
    const settled = await replies.then(
      (list) => list.length,
      () => -1,
    );
    await server.exit();
    const second = await start();
    const count = Number((await ask(second, "DBSIZE")).slice(1));
    // Either all were answered, or the connection ended early and only what was executed is there.
    if (settled === 2000) expect(count).toBe(2000);
    else expect(count).toBeLessThanOrEqual(2000);
  });
});

describe("SHUTDOWN", () => {
  for (const args of [["SHUTDOWN"], ["SHUTDOWN", "NOSAVE"], ["SHUTDOWN", "NOW"], ["SHUTDOWN", "SAVE"]]) {
    test(`${args.join(" ")} ends the process and keeps what was acknowledged`, async () => {
      const server = await start();
      const client = await server.connect();
      await client.command("SET", "k", "v");
      client.command(...args).catch(() => {});
      expect((await server.exit()).code).toBe(0);
      expect(await ask(await start(), "GET", "k")).toBe("$1\r\nv\r\n");
    });
  }
});

describe("restart", () => {
  test("every kind of write is replayed to the same state", async () => {
    const server = await start("--appendfsync", "always");
    const client = await server.connect();
    const replies = await client.pipeline([
      ["SET", "a", "1", "PX", "10000000"],
      ["INCRBYFLOAT", "a", "0.1"],
      ["APPEND", "b", "x".repeat(100_000)],
      ["SETRANGE", "b", "50", "yyy"],
      ["BITFIELD", "c", "SET", "u8", "0", "200", "INCRBY", "i5", "9", "3"],
      ["BITOP", "NOT", "d", "b"],
      ["MSET", "e", "1", "f", "2", "g", "3"],
      ["GETDEL", "e"],
      ["GETEX", "f", "EXAT", "4102444800"],
      ["COPY", "f", "h", "DB", "4"],
      ["MOVE", "g", "5"],
      ["RENAME", "a", "z"],
      ["EXPIRE", "b", "100000", "NX"],
      ["PERSIST", "f"],
      ["SET", "gone", "v", "PX", "1"],
      ["MULTI"],
      ["INCR", "n"],
      ["INCR", "n"],
      ["EXEC"],
      ["SWAPDB", "4", "6"],
      ["SELECT", "7"],
      ["SET", "x", "y"],
      ["FLUSHDB"],
      ["SET", "after", "flush"],
      ["DEBUG", "POPULATE", "100", "pop", "50"],
    ]);
    expect(replies.filter((reply) => reply[0] === 45).map(String)).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const digest = (await client.command("DEBUG", "DIGEST")).toString();
    await server.kill9();
    const second = await start();
    expect(await ask(second, "DEBUG", "DIGEST")).toBe(digest);
    expect(await second.stop()).toBe(0);
    expect(await ask(await start(), "DEBUG", "DIGEST")).toBe(digest);
  });

  test("what expired while the server was down is gone, what did not is there", async () => {
    const server = await start("--appendfsync", "always");
    await ask(server, "SET", "short", "v", "PX", "400");
    await ask(server, "SET", "long", "v", "PX", "400000");
    await server.kill9();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const second = await start();
    expect(await ask(second, "GET", "short")).toBe("$-1\r\n");
    expect(await ask(second, "GET", "long")).toBe("$1\r\nv\r\n");
    expect(Number((await ask(second, "PTTL", "long")).slice(1))).toBeLessThan(400_000);
  });

  test("ten starts in a row change nothing", async () => {
    let server = await start();
    await ask(server, "SET", "k", "v");
    const digest = await ask(server, "DEBUG", "DIGEST");
    for (let i = 0; i < 10; i++) {
      if (i % 2 === 0) await server.stop();
      else await server.kill9();
      server = await start();
      expect(await ask(server, "DEBUG", "DIGEST")).toBe(digest);
    }
  });
});

describe("the data directory", () => {
  test("belongs to one process (D15)", async () => {
    const server = await start();
    await expect(start()).rejects.toThrow(/did not become ready/);
    expect(await ask(server, "PING")).toBe("+PONG\r\n");
    await server.kill9();
    expect(await ask(await start(), "PING")).toBe("+PONG\r\n");
  });

  test("that holds data is refused with appendonly no", async () => {
    const server = await start();
    await ask(server, "SET", "k", "v");
    await server.stop();
    await expect(start("--appendonly", "no")).rejects.toThrow(/appendonly/);
    expect(await ask(await start(), "GET", "k")).toBe("$1\r\nv\r\n");
  });

  test("appendonly can be switched on while running, and what was there is kept", async () => {
    const server = await start("--appendonly", "no");
    const client = await server.connect();
    await client.pipeline(Array.from({ length: 1000 }, (_, i) => ["SET", `k${i}`, "v"]));
    expect((await client.command("CONFIG", "SET", "appendonly", "yes")).toString()).toBe("+OK\r\n");
    await client.pipeline([
      ["SET", "k0", "changed"],
      ["SET", "new", "v"],
    ]);
    const deadline = performance.now() + 20_000;
    const rewriting = async (): Promise<boolean> =>
      /aof_rewrite_(in_progress|scheduled):1/.test((await client.command("INFO", "persistence")).toString());
    while ((await rewriting()) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    const digest = (await client.command("DEBUG", "DIGEST")).toString();
    await server.kill9();
    const second = await start("--appendonly", "yes");
    expect(await ask(second, "DEBUG", "DIGEST")).toBe(digest);
  });
});
