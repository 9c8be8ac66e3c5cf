/**
 * The log's end and its policy while clients wait for it. Syncs are held back by the portable log threads, whose calls a test can
 * replace, so that what must not leave before a sync has time to leave too early.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

vi.hoisted(() => {
  process.env["EMBERLOG_NATIVE"] = "0";
});

import { nodeFiles } from "../../../src/disk/node_disk.ts";
import { RespClient, request } from "../../support/resp_client.ts";
import { ask, TestServer } from "./support.ts";

const { fdatasync, write } = nodeFiles;
const EIO = Object.assign(new Error("EIO"), { errno: -5 });
let dir = "";
let server: TestServer | undefined;
/** Syncs that have been asked for and held back. */
let held: (() => void)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "emberlog-log-switch-"));
  held = [];
});

afterEach(async () => {
  nodeFiles.fdatasync = fdatasync;
  nodeFiles.write = write;
  for (const sync of held.splice(0)) sync();
  await server?.stop();
  server = undefined;
  rmSync(dir, { recursive: true, force: true });
});

async function serve(appendfsync: string): Promise<RespClient> {
  server = await TestServer.start({ dir, appendonly: "yes", appendfsync });
  return await server.connect();
}

/** From here on syncs end when they are told to. */
function holdSyncs(): void {
  nodeFiles.fdatasync = (fd, done) => held.push(() => fdatasync(fd, done));
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function untilHeld(): Promise<void> {
  for (let tries = 0; tries < 200 && held.length === 0; tries++) await wait(5);
  expect(held).toHaveLength(1);
}

/** Lets the sync that is held go on, while further ones are held. */
async function letOneSync(): Promise<void> {
  await untilHeld();
  held.shift()!();
}

it("keeps replies back until what they show is durable, though the log is turned off meanwhile (D12)", async () => {
  const client = await serve("always");
  const other = await server!.connect();
  holdSyncs();
  client.write(request(["SET", "a", "1"]));
  await untilHeld();
  // The sync that is under way does not cover this.
  other.write(Buffer.concat([request(["SET", "b", "2"]), request(["CONFIG", "SET", "appendonly", "no"])]));
  await wait(50);
  expect([client.unread, other.unread]).toEqual([0, 0]);
  await letOneSync();
  expect((await client.reply()).toString()).toBe("+OK\r\n");
  await wait(50);
  expect(other.unread).toBe(0);
  nodeFiles.fdatasync = fdatasync;
  await letOneSync();
  expect((await other.reply()).toString()).toBe("+OK\r\n");
  expect((await other.reply()).toString()).toBe("+OK\r\n");
  expect(await ask(client, "SET c 3")).toBe("+OK\r\n");
});

it("keeps replies back until what they show is durable while the server stops (D12)", async () => {
  const client = await serve("always");
  const other = await server!.connect();
  holdSyncs();
  client.write(request(["SET", "a", "1"]));
  await untilHeld();
  other.write(request(["SET", "b", "2"]));
  await wait(50);
  const stopped = server!.running.close();
  await letOneSync();
  expect((await client.reply()).toString()).toBe("+OK\r\n");
  await wait(50);
  expect(other.unread).toBe(0);
  nodeFiles.fdatasync = fdatasync;
  await letOneSync();
  expect((await other.reply()).toString()).toBe("+OK\r\n");
  await stopped;
});

it("waits for the log that is being closed before it stops", async () => {
  const client = await serve("everysec");
  holdSyncs();
  client.write(Buffer.concat([request(["SET", "a", "1"]), request(["CONFIG", "SET", "appendonly", "no"])]));
  await untilHeld();
  let stopped = false;
  const closing = server!.running.close().then(() => {
    stopped = true;
  });
  await wait(100);
  expect(stopped).toBe(false);
  nodeFiles.fdatasync = fdatasync;
  await letOneSync();
  await closing;
});

it("refuses appendfsync always once a sync has failed, and goes on answering (D9)", async () => {
  const client = await serve("everysec");
  // No image can be written, which would end this state.
  mkdirSync(join(dir, "image.tmp", "x"), { recursive: true });
  nodeFiles.fdatasync = (_fd, done) => setImmediate(() => done(EIO));
  expect(await ask(client, "SET a 1")).toBe("+OK\r\n");
  await wait(1300);
  expect(await ask(client, "SET b 2")).toMatch(/^-MISCONF/);
  expect(await ask(client, "CONFIG SET appendfsync always")).toMatch(
    /^-ERR CONFIG SET failed .*a sync of the log has failed/,
  );
  expect(await ask(client, "CONFIG GET appendfsync")).toContain("everysec");
  expect(await ask(client, "GET a")).toBe("$1\r\n1\r\n");
});

it("ends the connections unanswered when a sync fails under always, and executes nothing more (D9)", async () => {
  const client = await serve("always");
  const other = await server!.connect();
  expect(await ask(client, "SET a 1")).toBe("+OK\r\n");
  let fail = (): void => {};
  nodeFiles.fdatasync = (_fd, done) => {
    fail = () => done(EIO);
  };
  client.write(request(["SET", "a", "2"]));
  await wait(50);
  other.write(request(["GET", "a"]));
  await wait(50);
  fail();
  // In the same turn as the news of the failure.
  const late = RespClient.connect(server!.running.port).catch(() => undefined);
  other.write(request(["PING"]));
  expect((await client.untilClosed()).toString()).toBe("");
  expect((await other.untilClosed()).toString()).toBe("");
  (await late)?.close();
});

it("shows no write of a turn before it is durable when the turn itself turns always on", async () => {
  const client = await serve("everysec");
  holdSyncs();
  expect(await ask(client, "SET a 1")).toBe("+OK\r\n");
  client.write(Buffer.concat([request(["CONFIG", "SET", "appendfsync", "always"]), request(["GET", "a"])]));
  await wait(50);
  expect(client.unread).toBe(0);
  nodeFiles.fdatasync = fdatasync;
  await letOneSync();
  expect((await client.reply()).toString()).toBe("+OK\r\n");
  expect((await client.reply()).toString()).toBe("$1\r\n1\r\n");
});

it("executes what waited for a log that could not keep up, also of a client that has ended its side", async () => {
  const client = await serve("always");
  holdSyncs();
  client.write(request(["SET", "a", "1"]));
  await untilHeld();
  // While a sync runs, writes are the write thread's: it does not come round to them.
  const writes: (() => void)[] = [];
  nodeFiles.write = (...call) => writes.push(() => write(...call));
  const large = request(["SET", "large", "v".repeat(1_000_000)]);
  const count = 90;
  const writer = await server!.connect();
  for (let i = 0; i < count; i++) writer.write(large);
  await wait(500);
  const socket = connect({ port: server!.running.port, host: "127.0.0.1", allowHalfOpen: true });
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString();
  });
  const ended = new Promise<void>((resolve) => socket.on("end", resolve));
  socket.end(request(["GET", "a"]));
  await wait(200);
  expect([received, writer.unread, writes.length]).toEqual(["", 0, 1]);
  nodeFiles.write = write;
  nodeFiles.fdatasync = fdatasync;
  for (const begin of [...writes, ...held.splice(0)]) begin();
  await ended;
  expect(received).toBe("$1\r\n1\r\n");
  for (let i = 0; i < count; i++) expect((await writer.reply()).toString()).toBe("+OK\r\n");
  expect((await client.reply()).toString()).toBe("+OK\r\n");
}, 20_000);
