/**
 * A request may arrive in pieces, cut anywhere: the same bytes cut at every position get the same replies as in one piece, and as
 * redis-server gives. Each cut waits until the first piece has been taken, so that the server really sees two.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisAvailable } from "../support/redis_server.ts";
import { RespClient, request } from "../support/resp_client.ts";
import { Conformance } from "./runner.ts";

const stream = Buffer.concat([
  request(["SET", "key", Buffer.from([0, 13, 10, 36, 42, 255])]),
  request(["GET", "key"]),
  Buffer.from("SET inline 'two words'\r\n"),
  Buffer.from("GET inline\n"),
  request(["MULTI"]),
  request(["INCR", "counter"]),
  request(["APPEND", "key", "x".repeat(70)]),
  request(["EXEC"]),
  Buffer.from("*0\r\n*-1\r\n\r\n"),
  request(["SET", "", ""]),
  request(["MGET", "key", "", "inline", "none"]),
  request(["NOSUCH", "a"]),
  request(["DEL", "counter", "key", "inline", ""]),
]);
const REPLIES = 12;

async function replies(client: RespClient): Promise<string> {
  let all = "";
  for (let i = 0; i < REPLIES; i++) all += (await client.reply()).toString("latin1");
  return all;
}

/** Long enough for the server to have read what was sent: a PING on another connection is answered after it. */
async function taken(other: RespClient): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await other.command("PING");
}

describe.skipIf(!redisAvailable())("requests in pieces", () => {
  let conformance: Conformance;
  let expected: string;
  beforeAll(async () => {
    conformance = await Conformance.start();
    const client = await RespClient.connect(conformance.theirs.port);
    client.write(stream);
    expected = await replies(client);
    client.close();
  });
  afterAll(() => conformance?.stop());

  test("cut in two at every byte", async () => {
    const client = await RespClient.connect(conformance.ours.port);
    const other = await RespClient.connect(conformance.ours.port);
    for (let cut = 0; cut <= stream.length; cut++) {
      client.write(stream.subarray(0, cut));
      await taken(other);
      client.write(stream.subarray(cut));
      expect(await replies(client), `cut at ${cut}`).toBe(expected);
    }
    client.close();
    other.close();
  });

  test("byte by byte", async () => {
    const client = await RespClient.connect(conformance.ours.port);
    const other = await RespClient.connect(conformance.ours.port);
    for (let i = 0; i < stream.length; i++) {
      client.write(stream.subarray(i, i + 1));
      await taken(other);
    }
    expect(await replies(client)).toBe(expected);
    client.close();
    other.close();
  });

  test("a protocol error is noticed however its bytes arrive", async () => {
    const streams = [
      "*1\r\n\r\n",
      "*x\r\n",
      "*1\r\n$x\r\n",
      "*2\r\n$3\r\nGET\r\n:1\r\n",
      '"\r\n',
      "*1\r\n$-1\r\n",
      "*1\r\nPING\r\n",
    ];
    const other = await RespClient.connect(conformance.ours.port);
    for (const text of streams) {
      const answers: string[] = [];
      for (const server of [conformance.ours, conformance.theirs]) {
        const client = await RespClient.connect(server.port);
        for (const character of text) {
          client.write(Buffer.from(character));
          await taken(other);
        }
        answers.push((await client.untilClosed(3000).catch(String)).toString());
      }
      expect(answers[0], JSON.stringify(text)).toBe(answers[1]);
    }
    other.close();
  });

  test("a large value in pieces of odd sizes", async () => {
    const value = Buffer.alloc(3_000_000, "0123456789abcdef");
    const whole = Buffer.concat([
      request(["SET", "large", value]),
      request(["STRLEN", "large"]),
      request(["GET", "large"]),
    ]);
    const client = await RespClient.connect(conformance.ours.port);
    for (let at = 0, size = 1; at < whole.length; at += size, size = (size * 7 + 3) % 131_071) {
      await client.flush(whole.subarray(at, at + size));
    }
    expect((await client.reply()).toString()).toBe("+OK\r\n");
    expect((await client.reply()).toString()).toBe(`:${value.length}\r\n`);
    expect(
      (await client.reply()).equals(Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from("\r\n")])),
    ).toBe(true);
    client.close();
  });

  test("a client that leaves in the middle of a request harms nobody", async () => {
    const other = await RespClient.connect(conformance.ours.port);
    for (let cut = 1; cut < stream.length; cut += 7) {
      const client = await RespClient.connect(conformance.ours.port);
      await client.flush(stream.subarray(0, cut));
      client.close();
    }
    expect((await other.command("PING")).toString()).toBe("+PONG\r\n");
    other.close();
  });
});
