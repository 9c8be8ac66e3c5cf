/**
 * Subscribers that do not read: they are cut when client-output-buffer-limit says so, the server's memory comes back, and everybody else gets
 * every message. The same is done to redis-server, so that it is certain to be what is asked for.
 */
import { afterEach, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import { redisAvailable, startRedis } from "../support/redis_server.ts";
import { type RespClient, request } from "../support/resp_client.ts";
import type { ServerOptions, ServerProcess } from "../support/server_process.ts";

const MESSAGE = Buffer.alloc(20_000, "m");
/** Far more than the kernel keeps for a connection. */
const MESSAGES = 1500;
/** Requests on their way at once, so that those who read keep up. */
const PIPELINE = 10;

const REDIS = "redis-server";
const PORTABLE = "emberlog without the addon";
const contenders: Readonly<Record<string, (options: ServerOptions) => Promise<ServerProcess>>> = {
  emberlog: startEmberlog,
  [PORTABLE]: (options) => startEmberlog({ ...options, env: { EMBERLOG_NATIVE: "0" } }),
  ...(redisAvailable() ? { [REDIS]: startRedis } : {}),
};

let server: ServerProcess | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function infoField(client: RespClient, name: string): Promise<number> {
  return Number(new RegExp(`${name}:(\\d+)`).exec(String(await client.call("INFO", "everything")))![1]);
}

async function publish(client: RespClient, channel: string, messages: number): Promise<void> {
  const requests = Array.from({ length: PIPELINE }, () => ["PUBLISH", channel, MESSAGE]);
  for (let sent = 0; sent < messages; sent += PIPELINE) await client.pipeline(requests);
}

/** Reads messages until `count` have come. */
async function hear(client: RespClient, count: number): Promise<number> {
  let heard = 0;
  while (heard < count) heard += (await client.reply()).length > MESSAGE.length ? 1 : 0;
  return heard;
}

async function subscribed(target: ServerProcess, channel: string, paused = false): Promise<RespClient> {
  const client = await target.connect();
  await client.command("SUBSCRIBE", channel);
  if (paused) client.pause();
  return client;
}

for (const [name, start] of Object.entries(contenders)) {
  describe(name, () => {
    test("the hard limit cuts one subscriber and harms nobody else", async () => {
      server = await start({ args: ["--client-output-buffer-limit", "pubsub 1mb 0 0"] });
      const slow = await subscribed(server, "news", true);
      const readers = [await subscribed(server, "news"), await subscribed(server, "news")];
      const publisher = await server.connect();
      const before = await infoField(publisher, "used_memory");
      const [heard] = await Promise.all([
        Promise.all(readers.map((reader) => hear(reader, MESSAGES))),
        publish(publisher, "news", MESSAGES),
      ]);
      expect(heard).toEqual([MESSAGES, MESSAGES]);
      expect(await publisher.call("PUBSUB", "NUMSUB", "news")).toEqual(["news", 2]);
      expect(await infoField(publisher, "connected_clients")).toBe(3);
      // Newer than redis-server 7.0.15.
      if (name !== REDIS) expect(await infoField(publisher, "client_output_buffer_limit_disconnections")).toBe(1);
      expect((await infoField(publisher, "used_memory")) - before).toBeLessThan(1024 * 1024);
      slow.resume();
      await slow.whenClosed();
      expect(slow.unread).toBeLessThan(MESSAGES * MESSAGE.length);
    });

    test("each class of clients has limits of its own", async () => {
      server = await start({ args: ["--client-output-buffer-limit", "normal 1mb 0 0", "--appendonly", "no"] });
      const [reader, writer] = [await server.connect(), await server.connect()];
      await writer.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0");
      for (let i = 0; i < 100; i++) await writer.command("APPEND", "big", MESSAGE);
      const slow = await subscribed(server, "news", true);
      await publish(writer, "news", MESSAGES);
      expect(await writer.call("PUBSUB", "NUMSUB", "news")).toEqual(["news", 1]);
      reader.pause();
      reader.write(Buffer.concat(Array.from({ length: 20 }, () => request(["GET", "big"]))));
      for (let i = 0; i < 200 && (await infoField(writer, "connected_clients")) > 2; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(await infoField(writer, "connected_clients")).toBe(2);
      slow.resume();
      expect(await hear(slow, MESSAGES)).toBe(MESSAGES);
      reader.resume();
      await reader.whenClosed();
    });

    // Timed by the server's own clock, whatever the transport: once is enough.
    if (name === PORTABLE || name === REDIS) return;

    test("the soft limit cuts whoever stays above it for its time", async () => {
      server = await start({ args: ["--client-output-buffer-limit", "pubsub 0 100kb 2"] });
      const slow = await subscribed(server, "news", true);
      const late = await subscribed(server, "news", true);
      const publisher = await server.connect();
      await publish(publisher, "news", MESSAGES);
      expect(await publisher.call("PUBSUB", "NUMSUB", "news")).toEqual(["news", 2]);
      late.resume();
      expect(await hear(late, MESSAGES)).toBe(MESSAGES);
      const began = performance.now();
      for (;;) {
        const [, left] = (await publisher.call("PUBSUB", "NUMSUB", "news")) as [string, number];
        if (left === 1) break;
        expect(performance.now() - began).toBeLessThan(8000);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      slow.resume();
      await slow.whenClosed();
      // Whoever caught up in time has a clean slate.
      await publish(publisher, "news", PIPELINE);
      expect(await hear(late, PIPELINE)).toBe(PIPELINE);
    });
  });
}
