/**
 * What messages may show under `appendfsync always`. Syncs are held back by the portable log threads, whose calls a test can replace; the
 * transport is the portable one, too. // D12
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

vi.hoisted(() => {
  process.env["EMBERLOG_NATIVE"] = "0";
});

import { seededRandom } from "../../../src/base/random.ts";
import { nodeFiles } from "../../../src/disk/node_disk.ts";
import { type RespClient, request } from "../../support/resp_client.ts";
import { runPubSub } from "./pubsub_model.ts";
import { ask, TestServer } from "./support.ts";

const SEED = Number(process.env["EMBERLOG_SEED"] ?? Date.now() % 1_000_000);
const { fdatasync } = nodeFiles;
let dir = "";
let server: TestServer;
const held: (() => void)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "emberlog-pubsub-"));
  server = await TestServer.start({
    ...{ dir, appendonly: "yes", appendfsync: "always" },
    ...{ "notify-keyspace-events": "AKE", "client-output-buffer-limit": "pubsub 1mb 0 0" },
  });
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

async function subscriber(...lines: string[]): Promise<RespClient> {
  const client = await server.connect();
  for (const line of lines) await ask(client, line);
  return client;
}

/** Time enough for what must not leave to leave. */
async function quiet(...clients: RespClient[]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(clients.map((client) => client.unread)).toEqual(clients.map(() => 0));
}

async function next(client: RespClient): Promise<string> {
  return (await client.reply()).toString("latin1").replaceAll("\r\n", " ").trim();
}

const message = (channel: string, payload: string): string =>
  `*3 $7 message $${channel.length} ${channel} $${payload.length} ${payload}`;

it("a notification waits for what it tells of, in order, at all of its subscribers", async () => {
  const listeners = [
    await subscriber("SUBSCRIBE __keyevent@0__:set"),
    await subscriber("SUBSCRIBE __keyevent@0__:set"),
  ];
  const writer = await server.connect();
  holdSyncs();
  writer.write(Buffer.concat([request(["SET", "a", "1"]), request(["SET", "b", "1"])]));
  await quiet(...listeners, writer);
  letGo();
  for (const listener of listeners) {
    expect(await next(listener)).toBe(message("__keyevent@0__:set", "a"));
    expect(await next(listener)).toBe(message("__keyevent@0__:set", "b"));
  }
});

it("a key that expires by itself is told of when its removal is durable", async () => {
  const listener = await subscriber("SUBSCRIBE __keyevent@0__:expired");
  await ask(await server.connect(), "SET a 1 PX 20");
  holdSyncs();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await quiet(listener);
  letGo();
  expect(await next(listener)).toBe(message("__keyevent@0__:expired", "a"));
});

it("PUBLISH does not wait for the writes of others", async () => {
  const listener = await subscriber("SUBSCRIBE a");
  const [writer, publisher] = [await server.connect(), await server.connect()];
  holdSyncs();
  writer.write(request(["SET", "k", "1"]));
  await quiet(writer);
  publisher.write(Buffer.concat([request(["PUBLISH", "a", "one"]), request(["PUBLISH", "a", "two"])]));
  expect(await next(listener)).toBe(message("a", "one"));
  expect(await next(listener)).toBe(message("a", "two"));
  expect(await next(publisher)).toBe(":1");
  expect(await next(publisher)).toBe(":1");
});

it("PUBLISH waits for what its own connection has written before, in the same pipeline or not", async () => {
  const listener = await subscriber("SUBSCRIBE a");
  const publisher = await server.connect();
  holdSyncs();
  publisher.write(Buffer.concat([request(["SET", "k", "1"]), request(["PUBLISH", "a", "one"])]));
  await quiet(listener, publisher);
  publisher.write(request(["PUBLISH", "a", "two"]));
  await quiet(listener, publisher);
  // What another publishes now stands behind it for this listener, and for nobody else.
  const other = await subscriber("SUBSCRIBE b");
  await server.connect().then((client) => ask(client, "PUBLISH b now"));
  expect(await next(other)).toBe(message("b", "now"));
  await server.connect().then((client) => ask(client, "PUBLISH a three"));
  await quiet(listener, publisher);
  letGo();
  for (const payload of ["one", "two", "three"]) expect(await next(listener)).toBe(message("a", payload));
  for (const reply of ["+OK", ":1", ":1"]) expect(await next(publisher)).toBe(reply);
});

it("PUBLISH waits for what its own connection has read before", async () => {
  const listener = await subscriber("SUBSCRIBE a");
  const [writer, publisher] = [await server.connect(), await server.connect()];
  holdSyncs();
  writer.write(request(["SET", "k", "1"]));
  await quiet(writer);
  publisher.write(Buffer.concat([request(["GET", "k"]), request(["PUBLISH", "a", "m"])]));
  await quiet(listener, publisher);
  letGo();
  expect(await next(listener)).toBe(message("a", "m"));
});

it("a message within a transaction waits for the transaction, also where it stands before the write", async () => {
  const listener = await subscriber("SUBSCRIBE a");
  const publisher = await server.connect();
  holdSyncs();
  publisher.write(Buffer.concat([["MULTI"], ["PUBLISH", "a", "m"], ["SET", "k", "1"], ["EXEC"]].map(request)));
  await quiet(listener, publisher);
  letGo();
  expect(await next(listener)).toBe(message("a", "m"));
  for (let i = 0; i < 3; i++) await publisher.reply();
  expect(await next(publisher)).toBe("*2 :1 +OK");
});

it("a subscriber for whom more waits than its limit is cut, the others are not", async () => {
  const listener = await subscriber("SUBSCRIBE a");
  const small = await subscriber("SUBSCRIBE b");
  const publisher = await server.connect();
  holdSyncs();
  publisher.write(request(["SET", "k", "1"]));
  for (let i = 0; i < 8; i++) publisher.write(request(["PUBLISH", "a", "x".repeat(200_000)]));
  publisher.write(request(["PUBLISH", "b", "still here"]));
  await listener.whenClosed();
  letGo();
  expect(await next(small)).toBe(message("b", "still here"));
  expect(await ask(await server.connect(), "PUBLISH a m")).toBe(":0\r\n");
});

it(`random publishers and subscribers over the portable transport, EMBERLOG_SEED=${SEED}`, async () => {
  await (await server.connect()).command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0");
  await runPubSub(server, seededRandom(SEED), 3);
});
