/** What a turn must get right where requests meet: pauses, ends and limits in the middle of what clients have sent at once. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { Connection } from "../../../src/server/connection.ts";
import { type Argument, RespClient, request } from "../../support/resp_client.ts";
import { ask, TestServer } from "./support.ts";

const servers: TestServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(options: Record<string, string> = {}): Promise<TestServer> {
  const server = await TestServer.start(options);
  servers.push(server);
  return server;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function bytesOf(...commands: Argument[][]): Buffer {
  return Buffer.concat(commands.map(request));
}

async function replies(client: RespClient, count: number): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < count; i++) found.push((await client.reply()).toString("latin1"));
  return found;
}

it("holds what stands behind CLIENT PAUSE in the same batch, and executes it afterwards in order", async () => {
  const server = await serve();
  const client = await server.connect();
  const half = request(["GET", "a"]);
  const began = Date.now();
  client.write(
    Buffer.concat([
      bytesOf(["SET", "a", "1"], ["CLIENT", "PAUSE", "300"], ["INCR", "a"], ["INCR", "a"]),
      half.subarray(0, 9),
    ]),
  );
  expect(await replies(client, 2)).toEqual(["+OK\r\n", "+OK\r\n"]);
  client.write(Buffer.concat([half.subarray(9), bytesOf(["INCR", "a"])]));
  await wait(100);
  expect(client.unread).toBe(0);
  expect(await replies(client, 4)).toEqual([":2\r\n", ":3\r\n", "$1\r\n3\r\n", ":4\r\n"]);
  expect(Date.now() - began).toBeGreaterThanOrEqual(290);
});

it("holds what other clients sent in the batch of CLIENT PAUSE WRITE, and nothing but writes", async () => {
  const server = await serve();
  const [pauser, other] = [await server.connect(), await server.connect()];
  for (let round = 0; round < 20; round++) {
    // Together in one turn more often than not.
    pauser.write(bytesOf(["CLIENT", "PAUSE", "5000", "WRITE"], ["GET", "n"], ["CLIENT", "UNPAUSE"], ["PING"]));
    other.write(bytesOf(["GET", "n"], ["INCR", "n"], ["GET", "n"]));
    const expected = round === 0 ? "$-1\r\n" : `$${String(round).length}\r\n${round}\r\n`;
    const next = `$${String(round + 1).length}\r\n${round + 1}\r\n`;
    const [first, read] = await replies(pauser, 4);
    expect(first).toBe("+OK\r\n");
    expect([expected, next]).toContain(read);
    expect(await replies(other, 3)).toEqual([expected, `:${round + 1}\r\n`, next]);
  }
});

it("holds inline writes under CLIENT PAUSE WRITE, and lets a transaction that only reads through", async () => {
  const server = await serve();
  const client = await server.connect();
  expect(await ask(client, "CLIENT PAUSE 300 WRITE")).toBe("+OK\r\n");
  client.write(bytesOf(["MULTI"], ["GET", "a"], ["EXEC"]));
  expect(await replies(client, 3)).toEqual(["+OK\r\n", "+QUEUED\r\n", "*1\r\n$-1\r\n"]);
  const began = Date.now();
  client.write(Buffer.from("SET a 1\r\n"));
  await wait(50);
  expect(client.unread).toBe(0);
  expect(await replies(client, 1)).toEqual(["+OK\r\n"]);
  expect(Date.now() - began).toBeGreaterThanOrEqual(150);
});

it("drops what stands behind SHUTDOWN in the same batch", async () => {
  const server = await serve();
  const client = await server.connect();
  client.write(bytesOf(["SET", "a", "1"], ["SHUTDOWN"], ["GET", "a"]));
  expect((await client.untilClosed()).toString("latin1")).toBe("+OK\r\n");
});

it("closes an idle client although nobody else sends anything", async () => {
  const server = await serve({ timeout: "1" });
  const client = await server.connect();
  expect(await ask(client, "PING")).toBe("+PONG\r\n");
  await client.whenClosed(4000);
});

it("answers whom it turns away for maxclients, and serves the others", async () => {
  const server = await serve({ maxclients: "2" });
  const [first, second] = [await server.connect(), await server.connect()];
  await ask(first, "PING");
  await ask(second, "PING");
  for (let i = 0; i < 5; i++) {
    const refused = await server.connect();
    refused.write(bytesOf(["SET", "a", "b"], ["PING"]));
    expect((await refused.untilClosed()).toString("latin1")).toBe("-ERR max number of clients reached\r\n");
  }
  expect(await ask(first, "DBSIZE")).toBe(":0\r\n");
  second.close();
  await wait(50);
  expect(await ask(await server.connect(), "PING")).toBe("+PONG\r\n");
});

it("moves nothing for each request that has waited", () => {
  const peer = { peerAddress: "", localAddress: "", descriptor: -1, local: true };
  const connection = new Connection(1, 1, peer, 0);
  const bytes = Uint8Array.from({ length: 4 * 1024 * 1024 }, (_, i) => i % 251);
  connection.append(bytes, 0, bytes.length);
  const began = performance.now();
  for (let i = 0; i < 200_000; i++) connection.consume(16);
  connection.compact();
  expect(performance.now() - began).toBeLessThan(1000);
  const left = connection.pending?.subarray(0, connection.pendingLength);
  expect(left === undefined ? -1 : Buffer.compare(left, bytes.subarray(3_200_000))).toBe(0);
});

it("counts what MULTI has queued towards client-query-buffer-limit", async () => {
  const server = await serve({ "client-query-buffer-limit": "1mb" });
  const client = await server.connect();
  expect(await ask(client, "MULTI")).toBe("+OK\r\n");
  const value = "v".repeat(10_000);
  for (let i = 0; i < 300 && !client.closed; i++) {
    await client.flush(request(["SET", "k", value])).catch(() => {});
    await wait(1);
  }
  await client.whenClosed();
});

it("answers everything before it closes to a client that has ended its side", async () => {
  const server = await serve();
  const count = 5000;
  const received = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port: server.running.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("end", () => resolve(Buffer.concat(chunks)));
    socket.on("error", reject);
    socket.end(Buffer.concat(new Array<Buffer>(count).fill(request(["INCR", "n"]))));
  });
  expect(received.toString().split("\r\n").length).toBe(count + 1);
  expect(received.toString().endsWith(`:${count}\r\n`)).toBe(true);
});

it("sends all of a reply that the output region could not hold, and what stands behind it, before it closes", async () => {
  const dir = mkdtempSync(join(tmpdir(), "emberlog-turn-"));
  const server = await serve({ dir, appendonly: "yes" });
  const writer = await server.connect();
  await writer.command("SET", "large", "v".repeat(3_000_000));
  await writer.command("SET", "small", "1");
  const large = Buffer.from(`$3000000\r\n${"v".repeat(3_000_000)}\r\n`);
  const get = request(["GET", "large"]);
  const endings: [sent: Buffer, answer: string][] = [
    [request(["QUIT"]), "+OK\r\n"],
    [Buffer.from("*1\r\nx\r\n"), "-ERR Protocol error: expected '$', got 'x'\r\n"],
    [bytesOf(["SET", "small", "2"], ["QUIT"]), "+OK\r\n+OK\r\n"],
    [Buffer.alloc(0), ""],
  ];
  for (const [sent, answer] of endings) {
    const client = await server.connect();
    client.write(Buffer.concat([get, get, sent]));
    if (sent.length === 0) client.halfClose();
    const received = await client.untilClosed();
    expect(received.length).toBe(large.length * 2 + answer.length);
    expect(received.equals(Buffer.concat([large, large, Buffer.from(answer)]))).toBe(true);
  }
  rmSync(dir, { recursive: true, force: true });
});

it("keeps large replies to a client that wants none away from everybody", async () => {
  const server = await serve();
  const [silent, other] = [await server.connect(), await server.connect()];
  await silent.command("SET", "large", "v".repeat(3_000_000));
  for (let round = 0; round < 10; round++) {
    silent.write(
      bytesOf(
        ["GET", "large"],
        ["CLIENT", "REPLY", "OFF"],
        ["GET", "large"],
        ["GET", "large"],
        ["CLIENT", "REPLY", "ON"],
      ),
    );
    other.write(bytesOf(["STRLEN", "large"], ["GET", "large"], ["PING"]));
    const [large, on] = [await silent.reply(), await silent.reply()];
    expect([large.length, on.toString()]).toEqual([3_000_012, "+OK\r\n"]);
    const [length, value, pong] = [await other.reply(), await other.reply(), await other.reply()];
    expect([length.toString(), value.length, pong.toString()]).toEqual([":3000000\r\n", 3_000_012, "+PONG\r\n"]);
  }
});

it("executes nothing behind QUIT", async () => {
  const server = await serve();
  const client = await server.connect();
  client.write(bytesOf(["SET", "a", "1"], ["QUIT"], ["SET", "a", "2"]));
  expect((await client.untilClosed()).toString()).toBe("+OK\r\n+OK\r\n");
  expect(await ask(await RespClient.connect(server.running.port), "GET a")).toBe("$1\r\n1\r\n");
});

it("executes what it is asked where members of large collections are touched before", async () => {
  const server = await serve();
  const client = await server.connect();
  const names = Array.from({ length: 9000 }, (_, i) => `m${i}`);
  client.write(
    bytesOf(
      ["SADD", "s", ...names],
      ["HSET", "h", ...names.flatMap((name) => [name, name])],
      ["ZADD", "z", ...names.flatMap((name, i) => [`${i}`, name])],
      ["HPEXPIRE", "h", "100000", "FIELDS", "1", "m5"],
      ["SET", "string", "1"],
    ),
  );
  expect(await replies(client, 5)).toEqual([":9000\r\n", ":9000\r\n", ":9000\r\n", "*1\r\n:1\r\n", "+OK\r\n"]);
  const wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
  const asked: [Argument[], string][] = [
    [["SISMEMBER", "s", "m1"], ":1\r\n"],
    [["SREM", "s", "m2"], ":1\r\n"],
    [["SADD", "s", "m2", "m3"], ":1\r\n"],
    [["SISMEMBER", "s"], "-ERR wrong number of arguments for 'sismember' command\r\n"],
    [["HGET", "s", "m2"], wrong],
    [["HGET", "h", "m5"], "$2\r\nm5\r\n"],
    [["HGET", "h", "none"], "$-1\r\n"],
    [["HDEL", "h", "m6", "m6"], ":1\r\n"],
    [["ZSCORE", "z", "m7"], "$1\r\n7\r\n"],
    [["ZINCRBY", "z", "2", "m7"], "$1\r\n9\r\n"],
    [["ZADD", "z", "XX", "CH", "5", "m7"], ":1\r\n"],
    [["ZADD", "z", "1", "m8999"], ":0\r\n"],
    [["ZRANK", "z", "m8999"], ":2\r\n"],
    [["SADD", "string", "1"], wrong],
    [["SADD", "string", "1"], wrong],
    [["SADD", "none", "1"], ":1\r\n"],
    [["SISMEMBER", "none", "1"], ":1\r\n"],
    [["DEL", "s"], ":1\r\n"],
    [["SISMEMBER", "s", "m1"], ":0\r\n"],
    [["SELECT", "1"], "+OK\r\n"],
    [["SISMEMBER", "s", "m1"], ":0\r\n"],
    [["ZSCORE", "z", "m1"], "$-1\r\n"],
  ];
  client.write(bytesOf(...asked.map(([command]) => command)));
  expect(await replies(client, asked.length)).toEqual(asked.map(([, reply]) => reply));
});
