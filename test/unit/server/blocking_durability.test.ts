/**
 * What requests that wait may show under `appendfsync always`, and their end with the server's. Syncs are held back by the portable log
 * threads, whose calls a test can replace; the transport is the portable one, too. // D12
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

vi.hoisted(() => {
  process.env["EMBERLOG_NATIVE"] = "0";
});

import { EFFECT_BYTES_RESERVED, TURN_INPUT_BYTES } from "../../../src/base/limits.ts";
import { nodeFiles } from "../../../src/disk/node_disk.ts";
import { LogWriter } from "../../../src/log/writer.ts";
import { type RespClient, request } from "../../support/resp_client.ts";
import { ask, infoFields, TestServer } from "./support.ts";

const { fdatasync } = nodeFiles;
let dir = "";
let server: TestServer;
const held: (() => void)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "emberlog-blocking-"));
  server = await TestServer.start({ dir, appendonly: "yes", appendfsync: "always" });
});

afterEach(async () => {
  letGo();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

function holdSyncs(): void {
  nodeFiles.fdatasync = (fd, done) => held.push(() => fdatasync(fd, done));
}

function letGo(): void {
  nodeFiles.fdatasync = fdatasync;
  for (const sync of held.splice(0)) sync();
}

function send(client: RespClient, ...lines: string[]): void {
  client.write(Buffer.concat(lines.map((line) => request(line.split(" ")))));
}

/** Clients that wait, each with a PING behind its request. */
async function waiting(...lines: string[]): Promise<RespClient[]> {
  const observer = await server.connect();
  const clients: RespClient[] = [];
  for (const line of lines) {
    const client = await server.connect();
    clients.push(client);
    send(client, line, "PING");
    while (Number((await infoFields(observer, "clients")).get("blocked_clients")) < clients.length);
  }
  return clients;
}

/** Time enough for what must not leave to leave. */
async function quiet(...clients: RespClient[]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(clients.map((client) => client.unread)).toEqual(clients.map(() => 0));
}

async function next(client: RespClient): Promise<string> {
  return (await client.reply()).toString("latin1").replaceAll("\r\n", " ").trim();
}

it("who is woken is answered when the removal is durable, and what stands behind it not before", async () => {
  const waiters = await waiting("BLPOP l 0", "BLMOVE l m LEFT RIGHT 0", "BZPOPMIN z 0");
  const [pusher, monitor, reader] = [await server.connect(), await server.connect(), await server.connect()];
  await ask(monitor, "MONITOR");
  holdSyncs();
  send(pusher, "RPUSH l a b", "ZADD z 1 x");
  await quiet(...waiters, pusher, monitor);
  send(reader, "EXISTS l z");
  await quiet(...waiters, pusher, monitor, reader);
  letGo();
  expect(await next(waiters[0]!)).toBe("*2 $1 l $1 a");
  expect(await next(waiters[1]!)).toBe("$1 b");
  expect(await next(waiters[2]!)).toBe("*3 $1 z $1 x $1 1");
  for (const waiter of waiters) expect(await next(waiter)).toBe("+PONG");
  expect([await next(pusher), await next(pusher)]).toEqual([":2", ":1"]);
  expect(await next(reader)).toBe(":0");
  expect(await next(monitor)).toMatch(/"RPUSH" "l" "a" "b"$/);
});

it("a waiter that a transaction wakes is answered when all of it is durable", async () => {
  const [waiter] = await waiting("BLPOP l 0");
  const pusher = await server.connect();
  holdSyncs();
  send(pusher, "MULTI", "RPUSH l a", "SET k 1", "EXEC");
  await quiet(waiter!);
  letGo();
  expect(await next(waiter!)).toBe("*2 $1 l $1 a");
  for (let i = 0; i < 3; i++) await pusher.reply();
  expect(await next(pusher)).toBe("*2 :1 +OK");
});

it("nothing to be had is told when what took it away is durable", async () => {
  const [waiter] = await waiting("BLPOP l 0.2");
  const other = await server.connect();
  await ask(other, "SET l text");
  holdSyncs();
  send(other, "DEL l");
  await new Promise((resolve) => setTimeout(resolve, 250));
  await quiet(waiter!, other);
  letGo();
  expect(await next(waiter!)).toBe("*-1");
  expect(await next(waiter!)).toBe("+PONG");
});

it("of those whom one request wakes, whoever's removal the log has no space for is refused, and takes nothing", async () => {
  const key = "k".repeat(60_000);
  const waiters = await waiting(...new Array<string>(10).fill(`BLPOP ${key} 0`));
  const pusher = await server.connect();
  const turnBytes = TURN_INPUT_BYTES * 2 + EFFECT_BYTES_RESERVED;
  const reserve = vi.spyOn(LogWriter.prototype, "reserve").mockImplementation((bytes) => bytes <= turnBytes);
  send(pusher, `RPUSH ${key} 0 1 2 3 4 5 6 7 8 9`);
  expect(await next(pusher)).toBe(":10");
  const replies: string[] = [];
  for (const waiter of waiters) replies.push(await next(waiter));
  reserve.mockRestore();
  const served = replies.findIndex((reply) => reply.startsWith("-MISCONF "));
  expect(served).toBeGreaterThan(0);
  expect(replies.slice(0, served)).toEqual(replies.slice(0, served).map((_, i) => `*2 $60000 ${key} $1 ${i}`));
  expect(replies.slice(served).every((reply) => reply.startsWith("-MISCONF "))).toBe(true);
  expect(await ask(pusher, `LLEN ${key}`)).toBe(`:${10 - served}\r\n`);
});

it("a server that stops while requests wait answers none of them, takes nothing for them, and is gone", async () => {
  const waiters = await waiting("BLPOP l 0", "BLPOP l 0.3");
  const pusher = await server.connect();
  await ask(pusher, "SET l text");
  holdSyncs();
  send(pusher, "DEL l", "RPUSH m a");
  await quiet(...waiters, pusher);
  const stopped = server.running.close();
  send(pusher, "RPUSH l late");
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(waiters.map((waiter) => waiter.unread)).toEqual([0, 0]);
  letGo();
  await stopped;
  for (const waiter of waiters) expect((await waiter.untilClosed()).length).toBe(0);
  server = await TestServer.start({ dir, appendonly: "yes", appendfsync: "always" });
  const client = await server.connect();
  expect(await ask(client, "EXISTS l")).toBe(":0\r\n");
  expect(await ask(client, "LRANGE m 0 -1")).toBe("*1\r\n$1\r\na\r\n");
});
