/** Subscriptions of ioredis and node-redis: messages, patterns, shards, and that they are back by themselves after the server was away. */
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../../support/emberlog_server.ts";
import { freePort, type ServerProcess } from "../../support/server_process.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const dir = temporaryDirectory("resubscribe");
let port: number;
let server: ServerProcess;
beforeAll(async () => {
  port = await freePort();
  server = await startEmberlog({ port, dir });
});
afterAll(() => server?.stop());

/** Ends the server as a crash does and starts it again where it was. */
async function restart(): Promise<void> {
  await server.kill9();
  server = await startEmberlog({ port, dir });
}

/** Publishes until `heard` has it: the other connection may still be on its way back. */
async function untilHeard(publish: (text: string) => Promise<unknown>, heard: readonly string[]): Promise<void> {
  const count = heard.length;
  await expect
    .poll(
      async () => {
        await publish("back").catch(() => undefined);
        return heard.length;
      },
      { timeout: 20_000, interval: 50 },
    )
    .toBeGreaterThan(count);
}

for (const protocol of [2, 3] as const) {
  test(`ioredis, RESP${protocol}`, async () => {
    const options = { port, host: "127.0.0.1", protocol, retryStrategy: () => 20 };
    const subscriber = new Redis(options);
    const publisher = new Redis(options);
    subscriber.on("error", () => {});
    publisher.on("error", () => {});
    const heard: string[] = [];
    const matched: string[] = [];
    subscriber.on("message", (channel: string, text: string) => heard.push(`${channel} ${text}`));
    subscriber.on("pmessage", (pattern: string, channel: string, text: string) =>
      matched.push(`${pattern} ${channel} ${text}`),
    );
    expect(await subscriber.subscribe("news", "sport")).toBe(2);
    expect(await subscriber.psubscribe("w*")).toBe(3);
    expect(await publisher.publish("news", "hello")).toBe(1);
    expect(await publisher.publish("weather", "rain")).toBe(1);
    expect(await publisher.publish("nobody", "x")).toBe(0);
    expect(await publisher.pubsub("NUMSUB", "news", "nobody")).toEqual(["news", 1, "nobody", 0]);
    await expect.poll(() => [heard, matched]).toEqual([["news hello"], ["w* weather rain"]]);
    await restart();
    await untilHeard((text) => publisher.publish("sport", text), heard);
    expect(heard.at(-1)).toBe("sport back");
    await untilHeard((text) => publisher.publish("wind", text), matched);
    expect(matched.at(-1)).toBe("w* wind back");
    expect(await subscriber.unsubscribe("news", "sport")).toBe(1);
    expect(await publisher.publish("news", "gone")).toBe(0);
    subscriber.disconnect();
    publisher.disconnect();
  });

  test(`node-redis, RESP${protocol}`, async () => {
    const open = () =>
      createClient({ RESP: protocol, socket: { host: "127.0.0.1", port, reconnectStrategy: 20 } }).on(
        "error",
        () => {},
      );
    const subscriber = open();
    const publisher = open();
    await Promise.all([subscriber.connect(), publisher.connect()]);
    const heard: string[] = [];
    const matched: string[] = [];
    const sharded: string[] = [];
    await subscriber.subscribe(["news", "sport"], (text, channel) => heard.push(`${channel} ${text}`));
    await subscriber.pSubscribe("w*", (text, channel) => matched.push(`${channel} ${text}`));
    await subscriber.sSubscribe("shard", (text) => sharded.push(text));
    expect(await publisher.publish("news", "hello")).toBe(1);
    expect(await publisher.publish("weather", "rain")).toBe(1);
    expect(await publisher.sPublish("shard", "one")).toBe(1);
    await expect.poll(() => [heard, matched, sharded]).toEqual([["news hello"], ["weather rain"], ["one"]]);
    await restart();
    await untilHeard((text) => publisher.publish("sport", text), heard);
    await untilHeard((text) => publisher.publish("wind", text), matched);
    await untilHeard((text) => publisher.sPublish("shard", text), sharded);
    await subscriber.unsubscribe("news");
    expect(await publisher.publish("news", "gone")).toBe(0);
    subscriber.destroy();
    publisher.destroy();
  });
}

describe("keyspace notifications", () => {
  test("an expired key is told to those who listen", async () => {
    const subscriber = new Redis({ port, host: "127.0.0.1" });
    const redis = new Redis({ port, host: "127.0.0.1" });
    await redis.config("SET", "notify-keyspace-events", "KEA");
    const events: string[] = [];
    subscriber.on("pmessage", (_pattern: string, channel: string, text: string) => events.push(`${channel} ${text}`));
    await subscriber.psubscribe("__key*@0__:*");
    await redis.set("brief", "x", "PX", 20);
    await expect.poll(() => events, { timeout: 10_000 }).toContain("__keyevent@0__:expired brief");
    expect(events).toEqual([
      "__keyspace@0__:brief set",
      "__keyevent@0__:set brief",
      "__keyspace@0__:brief expire",
      "__keyevent@0__:expire brief",
      "__keyspace@0__:brief expired",
      "__keyevent@0__:expired brief",
    ]);
    subscriber.disconnect();
    redis.disconnect();
  });
});
