/** A turn ends when its time is up: what one client has sent doesn't keep the others waiting, and nothing of it is lost or out of order. */
import { afterEach, expect, it } from "vitest";
import { type Argument, type RespClient, request } from "../../support/resp_client.ts";
import { TestServer } from "./support.ts";

const servers: TestServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(): Promise<TestServer> {
  const server = await TestServer.start({ "enable-debug-command": "yes" });
  servers.push(server);
  return server;
}

/** Each takes longer than a turn may. */
const LONG: readonly Argument[] = ["DEBUG", "SLEEP", "0.004"];
const ROUNDS = 60;

function longRequests(): Buffer {
  const all: Buffer[] = [];
  for (let i = 0; i < ROUNDS; i++) all.push(request(["INCR", "n"]), request(LONG));
  return Buffer.concat(all);
}

async function expectOrder(client: RespClient, from: number): Promise<void> {
  for (let i = from; i < ROUNDS; i++) {
    expect((await client.reply()).toString()).toBe(`:${i + 1}\r\n`);
    expect((await client.reply()).toString()).toBe("+OK\r\n");
  }
}

it("answers others between the requests of a long pipeline", async () => {
  const server = await serve();
  const [busy, other] = [await server.connect(), await server.connect()];
  busy.write(longRequests());
  expect((await busy.reply()).toString()).toBe(":1\r\n");
  other.write(request(["GET", "n"]));
  const seen = /^\$\d+\r\n(\d+)/.exec((await other.reply()).toString("latin1"))?.[1];
  expect(Number(seen)).toBeLessThan(ROUNDS / 2);
  expect((await busy.reply()).toString()).toBe("+OK\r\n");
  await expectOrder(busy, 1);
});

it("executes all that a client sent before it ended its side", async () => {
  const server = await serve();
  const client = await server.connect();
  client.write(longRequests());
  client.halfClose();
  await expectOrder(client, 0);
  await client.whenClosed(5000);
});

it("goes on with what is sent behind a pipeline that was left", async () => {
  const server = await serve();
  const client = await server.connect();
  client.write(longRequests());
  expect((await client.reply()).toString()).toBe(":1\r\n");
  client.write(request(["GET", "n"]));
  expect((await client.reply()).toString()).toBe("+OK\r\n");
  await expectOrder(client, 1);
  expect((await client.reply()).toString()).toBe(`$2\r\n${ROUNDS}\r\n`);
});
