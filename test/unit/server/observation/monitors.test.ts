/** MONITOR over connections: what each monitor sees and when, and that nobody else pays. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RespClient } from "../../../support/resp_client.ts";
import { ask, clientFields, TestServer } from "../support.ts";

let server: TestServer;
let client: RespClient;
beforeEach(async () => {
  server = await TestServer.start();
  client = await server.connect();
});
afterEach(() => server.stop());

/** The next line that a monitor sees, without its time and port. */
async function line(monitor: RespClient): Promise<string> {
  return (await monitor.reply()).toString("latin1").replace(/^\+\d{10}\.\d{6} \[(\d+) [^\]]+\]/, "[$1]");
}

async function monitoring(): Promise<RespClient> {
  const monitor = await server.connect();
  expect(await ask(monitor, "MONITOR")).toBe("+OK\r\n");
  return monitor;
}

test("several monitors see the same, in order, across pipelines and clients", async () => {
  const monitors = [await monitoring(), await monitoring()];
  const other = await server.connect();
  await client.pipeline(Array.from({ length: 600 }, (_, i) => ["SET", `k${i}`, "v"]));
  await other.pipeline([
    ["SELECT", "3"],
    ["GET", "k1"],
  ]);
  for (const monitor of monitors) {
    for (let i = 0; i < 600; i++) expect(await line(monitor)).toBe(`[0] "SET" "k${i}" "v"\r\n`);
    expect([await line(monitor), await line(monitor)]).toEqual(['[3] "SELECT" "3"\r\n', '[3] "GET" "k1"\r\n']);
  }
});

test("a monitor's own commands: each reply, then its line, in a pipeline too; others' stay in order around them", async () => {
  const monitor = await monitoring();
  await ask(client, "SET a 1");
  monitor.write(Buffer.from("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n"));
  expect(await line(monitor)).toBe('[0] "SET" "a" "1"\r\n');
  expect((await monitor.reply()).toString()).toBe("+PONG\r\n");
  expect(await line(monitor)).toBe('[0] "PING"\r\n');
  expect((await monitor.reply()).toString()).toBe("$1\r\nx\r\n");
  expect(await line(monitor)).toBe('[0] "ECHO" "x"\r\n');
  await ask(client, "SET a 2");
  expect(await line(monitor)).toBe('[0] "SET" "a" "2"\r\n');
});

test("RESET ends it, a closed one is forgotten, CLIENT LIST marks it", async () => {
  const [first, second] = [await monitoring(), await monitoring()];
  const flags = async (): Promise<string[]> => {
    const list = String(await client.call("CLIENT", "LIST"));
    return list
      .trim()
      .split("\n")
      .map((each) => clientFields(each).get("flags")!);
  };
  expect((await flags()).sort()).toEqual(["N", "O", "O"]);
  expect(await ask(first, "RESET")).toBe("+RESET\r\n");
  expect(await line(second)).toBe('[0] "RESET"\r\n');
  second.close();
  for (let tries = 0; (await flags()).length > 2; tries++) expect(tries).toBeLessThan(100);
  expect(await flags()).toEqual(["N", "N"]);
  await ask(client, "SET a 1");
  expect(await ask(first, "GET a")).toBe("$1\r\n1\r\n");
});

test("with CLIENT REPLY OFF the lines still come, and a transaction shows its commands before EXEC", async () => {
  const monitor = await monitoring();
  client.write(Buffer.from("CLIENT REPLY OFF\r\nSET a 1\r\nCLIENT REPLY ON\r\n"));
  expect((await client.reply()).toString()).toBe("+OK\r\n");
  expect(await line(monitor)).toBe('[0] "CLIENT" "REPLY" "OFF"\r\n');
  expect(await line(monitor)).toBe('[0] "SET" "a" "1"\r\n');
  expect(await line(monitor)).toBe('[0] "CLIENT" "REPLY" "ON"\r\n');
  await client.pipeline([["MULTI"], ["SELECT", "2"], ["SET", "a", "2"], ["EXEC"]]);
  const seen = [await line(monitor), await line(monitor), await line(monitor), await line(monitor)];
  expect(seen).toEqual(['[0] "MULTI"\r\n', '[2] "SELECT" "2"\r\n', '[2] "SET" "a" "2"\r\n', '[2] "EXEC"\r\n']);
});

test("a monitor that wants no replies sees no lines either, until it does again", async () => {
  const monitor = await monitoring();
  monitor.write(Buffer.from("CLIENT REPLY OFF\r\nCLIENT SETNAME silent\r\n"));
  while (!(await ask(client, "CLIENT LIST")).includes("name=silent"));
  await ask(client, "SET unseen 1");
  expect(await ask(monitor, "CLIENT REPLY ON")).toBe("+OK\r\n");
  expect(await line(monitor)).toBe('[0] "CLIENT" "REPLY" "ON"\r\n');
  await ask(client, "SET seen 1");
  expect(await line(monitor)).toBe('[0] "SET" "seen" "1"\r\n');
});

test("the idle time-out spares monitors", async () => {
  const monitor = await monitoring();
  const idle = await server.connect();
  await ask(client, "CONFIG SET timeout 1");
  await idle.whenClosed(5000);
  await ask(await server.connect(), "PING");
  expect(monitor.closed).toBe(false);
});

test("a request that waits is shown once, when it comes", async () => {
  const monitor = await monitoring();
  const other = await server.connect();
  client.write(Buffer.from("BLPOP q 5\r\n"));
  expect(await line(monitor)).toBe('[0] "BLPOP" "q" "5"\r\n');
  await ask(other, "RPUSH q x");
  expect((await client.reply()).toString()).toBe("*2\r\n$1\r\nq\r\n$1\r\nx\r\n");
  expect(await line(monitor)).toBe('[0] "RPUSH" "q" "x"\r\n');
  await ask(other, "PING");
  expect(await line(monitor)).toBe('[0] "PING"\r\n');
});

test("under appendfsync always a line leaves with the write that it shows", async () => {
  const directory = mkdtempSync(join(tmpdir(), "emberlog-test-monitor-"));
  const durable = await TestServer.start({ appendonly: "yes", appendfsync: "always", dir: join(directory, "data") });
  try {
    const [monitor, writer] = [await durable.connect(), await durable.connect()];
    await ask(monitor, "MONITOR");
    for (let i = 0; i < 20; i++) {
      const reply = writer.command("SET", "k", String(i));
      expect(await line(monitor)).toBe(`[0] "SET" "k" "${i}"\r\n`);
      expect((await reply).toString()).toBe("+OK\r\n");
    }
    await ask(writer, "CONFIG SET latency-monitor-threshold 1");
    await ask(writer, "SET k v");
    expect(await ask(writer, "LATENCY HISTORY aof-write")).toMatch(/^\*\d+\r\n/);
  } finally {
    await durable.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});

test("one that subscribes too gets messages and lines in the order of what happened", async () => {
  const monitor = await monitoring();
  expect(await ask(monitor, "SUBSCRIBE news")).toBe("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
  expect(await line(monitor)).toBe('[0] "SUBSCRIBE" "news"\r\n');
  await client.pipeline([
    ["SET", "a", "1"],
    ["PUBLISH", "news", "one"],
    ["SET", "a", "2"],
    ["PUBLISH", "news", "two"],
  ]);
  for (const [value, message] of [
    ["1", "one"],
    ["2", "two"],
  ] as const) {
    expect(await line(monitor)).toBe(`[0] "SET" "a" "${value}"\r\n`);
    expect((await monitor.reply()).toString()).toBe(`*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$3\r\n${message}\r\n`);
    expect(await line(monitor)).toBe(`[0] "PUBLISH" "news" "${message}"\r\n`);
  }
});
