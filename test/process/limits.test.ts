/** Limits of connections and buffers: who is refused, who is cut off, and that nobody else notices. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import { RespClient, request } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await startEmberlog({ args: ["--appendonly", "no"] });
});
afterAll(() => server?.stop());

const MEGABYTE = 1024 * 1024;

/** Runs `use` on a server of its own. */
async function withServer(args: readonly string[], use: (server: ServerProcess) => Promise<void>): Promise<void> {
  const own = await startEmberlog({ args: ["--appendonly", "no", ...args] });
  try {
    await use(own);
  } finally {
    await own.stop();
  }
}

describe("large replies", () => {
  test("100 MB in one reply, and 100 MB in a thousand, while others are served", async () => {
    const client = await server.connect();
    const other = await server.connect();
    const value = Buffer.alloc(20 * MEGABYTE, "0123456789");
    expect((await client.command("SET", "large", value)).toString()).toBe("+OK\r\n");
    const start = performance.now();
    client.write(request(["MGET", "large", "large", "large", "large", "large"]));
    const pings: number[] = [];
    const reply = client.reply();
    for (let i = 0; i < 20; i++) {
      const before = performance.now();
      await other.command("PING");
      pings.push(performance.now() - before);
    }
    expect((await reply).length).toBeGreaterThan(100 * MEGABYTE);
    expect(performance.now() - start).toBeLessThan(20_000);
    await client.command("SET", "medium", Buffer.alloc(100_000, "m"));
    const replies = await client.pipeline(Array.from({ length: 1000 }, () => ["GET", "medium"]));
    expect(replies.every((each) => each.length === replies[0]!.length && each[1] === 49)).toBe(true);
    client.close();
    other.close();
  });

  test("a client that does not read holds up nobody, and gets everything when it reads", async () => {
    const slow = await server.connect();
    const other = await server.connect();
    await other.command("SET", "value", Buffer.alloc(50_000, "v"));
    slow.pause();
    slow.write(Buffer.concat(Array.from({ length: 800 }, () => request(["GET", "value"]))));
    for (let i = 0; i < 200; i++) {
      const before = performance.now();
      expect((await other.command("PING")).toString()).toBe("+PONG\r\n");
      expect(performance.now() - before).toBeLessThan(5000);
    }
    slow.resume();
    for (let i = 0; i < 800; i++) expect((await slow.reply()).length).toBe(50_000 + "$50000\r\n\r\n".length);
    slow.close();
    other.close();
  });
});

describe("client-output-buffer-limit", () => {
  test("a client beyond the hard limit is closed, and its memory is given back", async () => {
    await withServer(["--client-output-buffer-limit", "normal 4mb 0 0"], async (own) => {
      const other = await own.connect();
      await other.command("SET", "value", Buffer.alloc(MEGABYTE, "v"));
      const slow = await own.connect();
      slow.pause();
      slow.write(Buffer.concat(Array.from({ length: 200 }, () => request(["GET", "value"]))));
      const deadline = performance.now() + 10_000;
      const clients = async (): Promise<number> =>
        ((await other.command("CLIENT", "LIST")).toString().match(/ addr=/g) ?? []).length;
      while ((await clients()) > 1 && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await clients()).toBe(1);
      slow.close();
      other.close();
    });
  });

  test("a client beyond the soft limit for too long is closed", async () => {
    await withServer(["--client-output-buffer-limit", "normal 0 2mb 1"], async (own) => {
      const other = await own.connect();
      await other.command("SET", "value", Buffer.alloc(MEGABYTE, "v"));
      const slow = await own.connect();
      slow.pause();
      slow.write(Buffer.concat(Array.from({ length: 30 }, () => request(["GET", "value"]))));
      const list = async (): Promise<number> =>
        ((await other.command("CLIENT", "LIST")).toString().match(/ addr=/g) ?? []).length;
      await other.command("PING");
      expect(await list()).toBe(2);
      const deadline = performance.now() + 10_000;
      while ((await list()) > 1 && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await list()).toBe(1);
      slow.close();
      other.close();
    });
  });
});

describe("maxclients", () => {
  test("one too many is refused with Redis's error, and a place freed is taken again", async () => {
    await withServer(["--maxclients", "5"], async (own) => {
      const clients = await Promise.all(Array.from({ length: 5 }, () => own.connect()));
      for (const client of clients) expect((await client.command("PING")).toString()).toBe("+PONG\r\n");
      const refused = await own.connect();
      expect((await refused.untilClosed()).toString()).toBe("-ERR max number of clients reached\r\n");
      clients.pop()!.close();
      let answer = "";
      for (let attempt = 0; attempt < 100 && answer !== "+PONG\r\n"; attempt++) {
        const next = await own.connect();
        answer = await next.command("PING").then(String, () => "");
        next.close();
        if (answer !== "+PONG\r\n") await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(answer).toBe("+PONG\r\n");
      for (const client of clients) client.close();
    });
  });
});

describe("many connections", () => {
  test("a thousand clients are served side by side", async () => {
    const clients = await Promise.all(Array.from({ length: 1000 }, () => server.connect()));
    const replies = await Promise.all(
      clients.map((client, i) =>
        client.pipeline([
          ["SET", `c${i}`, `${i}`],
          ["GET", `c${i}`],
        ]),
      ),
    );
    expect(replies.map((pair) => pair[1]!.toString().split("\r\n")[1])).toEqual(clients.map((_, i) => `${i}`));
    for (const client of clients) client.close();
  });

  test("five hundred connections that come and go leave none behind", async () => {
    for (let i = 0; i < 500; i++) {
      const client = await server.connect();
      if (i % 3 === 0) await client.command("PING");
      client.close();
    }
    const observer = await server.connect();
    const deadline = performance.now() + 5000;
    const connected = async (): Promise<number> =>
      Number(/connected_clients:(\d+)/.exec((await observer.command("INFO", "clients")).toString())?.[1]);
    while ((await connected()) > 1 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await connected()).toBe(1);
    observer.close();
  });
});

describe("timeout", () => {
  test("an idle client is closed, a busy one is not", async () => {
    await withServer(["--timeout", "1"], async (own) => {
      const idle = await own.connect();
      const busy = await own.connect();
      for (let i = 0; i < 30 && !idle.closed; i++) {
        await busy.command("PING");
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await idle.whenClosed(2000);
      expect((await busy.command("PING")).toString()).toBe("+PONG\r\n");
      busy.close();
    });
  });
});

describe("unix socket", () => {
  test("serves with the permissions asked for", async () => {
    const folder = mkdtempSync(join(tmpdir(), "emberlog-socket-"));
    const path = join(folder, "emberlog.sock");
    await withServer(["--unixsocket", path, "--unixsocketperm", "700"], async (own) => {
      const client = await RespClient.connect(path);
      expect((await client.command("SET", "k", "v")).toString()).toBe("+OK\r\n");
      expect(statSync(path).mode & 0o777).toBe(0o700);
      const tcp = await own.connect();
      expect((await tcp.command("GET", "k")).toString()).toBe("$1\r\nv\r\n");
      expect((await client.command("CLIENT", "INFO")).toString()).toMatch(new RegExp(` addr=${path}:0 `));
      client.close();
      tcp.close();
    });
    rmSync(folder, { recursive: true, force: true });
  });
});

describe("protected mode", () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && !address.internal && address.family === "IPv4")?.address;
  if (outside === undefined) console.log("skipped: this machine has no address but the loopback's");

  const first = (host: string, port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, host);
      let text = "";
      socket.on("connect", () => socket.write("PING\r\n"));
      socket.on("data", (chunk) => {
        text += chunk.toString();
        if (text.endsWith("\r\n") && !text.startsWith("-DENIED")) {
          socket.destroy();
          resolve(text);
        }
      });
      socket.on("error", (error) => (text === "" ? reject(error) : resolve(text)));
      socket.on("close", () => resolve(text));
    });

  test.skipIf(outside === undefined)("refuses other machines while there is no password, and only then", async () => {
    await withServer(["--bind", "0.0.0.0"], async (own) => {
      expect(await first(outside!, own.port)).toMatch(/^-DENIED .*\r\n$/);
      expect(await first("127.0.0.1", own.port)).toBe("+PONG\r\n");
      const client = await own.connect();
      await client.command("CONFIG", "SET", "protected-mode", "no");
      expect(await first(outside!, own.port)).toBe("+PONG\r\n");
      await client.command("CONFIG", "SET", "protected-mode", "yes");
      await client.command("CONFIG", "SET", "requirepass", "secret");
      expect(await first(outside!, own.port)).toBe("-NOAUTH Authentication required.\r\n");
      client.close();
    });
  });

  test("by default only the loopback is listened on", async () => {
    if (outside === undefined) return;
    await expect(first(outside, server.port)).rejects.toThrow(/ECONNREFUSED/);
  });
});
