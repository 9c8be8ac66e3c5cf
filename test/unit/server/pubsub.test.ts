/** Publish and subscribe where redis-server 7.0.15 can't be the judge: the order of what a client publishes to itself, limits, and ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { RespClient, request } from "../../support/resp_client.ts";
import { runPubSub } from "./pubsub_model.ts";
import { ask, clientFields, infoFields, TestServer } from "./support.ts";

const SEED = Number(process.env["EMBERLOG_SEED"] ?? Date.now() % 1_000_000);
const servers: TestServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(options: Record<string, string> = {}): Promise<TestServer> {
  const server = await TestServer.start(options);
  servers.push(server);
  return server;
}

async function next(client: RespClient): Promise<string> {
  return (await client.reply()).toString("latin1").replaceAll("\r\n", " ").trim();
}

async function send(client: RespClient, ...lines: string[]): Promise<void> {
  client.write(Buffer.concat(lines.map((line) => request(line.split(" ")))));
}

it("a client that publishes to itself is answered first (as since Redis 7.2)", async () => {
  const client = await (await serve()).connect();
  await send(client, "HELLO 3", "SUBSCRIBE a", "PSUBSCRIBE a*", "PUBLISH a m", "PING");
  await client.reply();
  expect(await next(client)).toBe(">3 $9 subscribe $1 a :1");
  expect(await next(client)).toBe(">3 $10 psubscribe $2 a* :2");
  expect(await next(client)).toBe(":2");
  expect(await next(client)).toBe(">3 $7 message $1 a $1 m");
  expect(await next(client)).toBe(">4 $8 pmessage $2 a* $1 a $1 m");
  expect(await next(client)).toBe("+PONG");
});

it("what is published within a transaction to the client itself comes behind all of it", async () => {
  const client = await (await serve()).connect();
  await send(client, "MULTI", "SUBSCRIBE a", "PUBLISH a one", "PUBLISH a two", "UNSUBSCRIBE a", "EXEC", "PING");
  for (let i = 0; i < 5; i++) await client.reply();
  expect(await next(client)).toBe("*4 *3 $9 subscribe $1 a :1 :1 :1 *3 $11 unsubscribe $1 a :0");
  expect(await next(client)).toBe("*3 $7 message $1 a $3 one");
  expect(await next(client)).toBe("*3 $7 message $1 a $3 two");
  expect(await next(client)).toBe("+PONG");
});

it("a silenced client hears itself all the same", async () => {
  const client = await (await serve()).connect();
  await send(client, "HELLO 3", "SUBSCRIBE a", "CLIENT REPLY OFF", "PUBLISH a m", "PING", "CLIENT REPLY ON");
  await client.reply();
  await client.reply();
  expect(await next(client)).toBe(">3 $7 message $1 a $1 m");
  expect(await next(client)).toBe("+OK");
});

it("INFO and CLIENT INFO count subscriptions, and forget whoever leaves", async () => {
  const server = await serve();
  const [client, other] = [await server.connect(), await server.connect()];
  await send(client, "HELLO 3", "SUBSCRIBE a b", "PSUBSCRIBE p", "SSUBSCRIBE s");
  for (let i = 0; i < 5; i++) await client.reply();
  const fields = clientFields(String(await client.call("CLIENT", "INFO")));
  expect([fields.get("flags"), fields.get("sub"), fields.get("psub"), fields.get("ssub")]).toEqual([
    "P",
    "2",
    "1",
    "1",
  ]);
  const counted = async (): Promise<(string | undefined)[]> => {
    const info = await infoFields(other, "stats", "clients");
    return ["pubsub_channels", "pubsub_patterns", "pubsubshard_channels", "pubsub_clients"].map((name) =>
      info.get(name),
    );
  };
  expect(await counted()).toEqual(["2", "1", "1", "1"]);
  client.close();
  for (let i = 0; i < 100 && (await counted())[3] !== "0"; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await counted()).toEqual(["0", "0", "0", "0"]);
  expect(await ask(other, "PUBLISH a m")).toBe(":0\r\n");
});

it("publishing waits for CLIENT PAUSE WRITE to end, queueing it for a transaction as well", async () => {
  const server = await serve();
  const [client, other] = [await server.connect(), await server.connect()];
  for (const lines of [["PUBLISH a m"], ["SPUBLISH a m"], ["MULTI", "PUBLISH a m", "EXEC"]]) {
    await ask(other, "CLIENT PAUSE 10000 WRITE");
    await send(client, ...lines);
    if (lines.length > 1) await client.reply();
    expect(await ask(other, "PING")).toBe("+PONG\r\n");
    expect(client.unread).toBe(0);
    await ask(other, "CLIENT UNPAUSE");
    if (lines.length > 1) expect(await next(client)).toBe("+QUEUED");
    expect(await next(client)).toMatch(/:0$/);
  }
});

it("the idle time-out spares subscribers", async () => {
  const server = await serve({ timeout: "1" });
  const [idle, subscriber] = [await server.connect(), await server.connect()];
  await ask(idle, "PING");
  await ask(subscriber, "SUBSCRIBE a");
  await idle.whenClosed(5000);
  expect(await ask(await server.connect(), "PUBLISH a m")).toBe(":1\r\n");
  expect(await next(subscriber)).toBe("*3 $7 message $1 a $1 m");
});

it("a slow subscriber on a unix socket gets everything in the end", async () => {
  const dir = mkdtempSync(join(tmpdir(), "emberlog-pubsub-"));
  try {
    const server = await serve({ unixsocket: join(dir, "socket") });
    const [subscriber, publisher] = [await RespClient.connect(join(dir, "socket")), await server.connect()];
    await ask(subscriber, "SUBSCRIBE a");
    subscriber.pause();
    const payload = "x".repeat(50_000);
    for (let i = 0; i < 200; i++) expect(await ask(publisher, `PUBLISH a ${i}-${payload}`)).toBe(":1\r\n");
    expect(subscriber.unread).toBeLessThan(5_000_000);
    subscriber.resume();
    for (let i = 0; i < 200; i++) {
      const message = await next(subscriber);
      expect(message.slice(0, 40)).toBe(`*3 $7 message $1 a $${`${i}-${payload}`.length} ${i}-${payload}`.slice(0, 40));
    }
    subscriber.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

it(`random publishers and subscribers, EMBERLOG_SEED=${SEED}`, async () => {
  await runPubSub(await serve(), seededRandom(SEED), 6);
});
