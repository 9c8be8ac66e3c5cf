/**
 * BGSAVE, SAVE, BGREWRITEAOF, LASTSAVE and the rdb_ and aof_ fields of INFO beside redis-server: every reply byte for byte, also while another save
 * runs and inside of MULTI. Each list is one pipeline, so that in both servers it arrives while what its first command began is under way.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import { redisAvailable, startRedis } from "../support/redis_server.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";

/** A fifth of a second a key, of which there is one or none: nothing ends before a pipeline does. */
const ARGS = [
  "--appendonly",
  "yes",
  "--save",
  "",
  "--auto-aof-rewrite-percentage",
  "0",
  "--rdb-key-save-delay",
  "200000",
];
/** What each server measures for itself; that the field is there, and is a number or -1, must be the same. */
const MEASURED =
  /^(?:rdb_last_save_time|rdb_last_cow_size|aof_last_cow_size|aof_current_size|aof_base_size|aof_buffer_length|aof_pending_bio_fsync|\w+_time_sec)$/;

describe.runIf(redisAvailable())("beside redis-server", () => {
  let servers: ServerProcess[] = [];
  let clients: RespClient[] = [];

  beforeAll(async () => {
    servers = await Promise.all([startEmberlog({ args: ARGS }), startRedis({ args: ARGS })]);
    clients = await Promise.all(servers.map((server) => server.connect()));
  });
  afterAll(() => {
    for (const client of clients) client.close();
    for (const server of servers) server.dispose();
  });

  /** The rdb_ and aof_ fields in their order. */
  async function fields(client: RespClient): Promise<string[]> {
    const text = String(await client.call("INFO", "persistence"));
    return [...text.matchAll(/^((?:rdb|aof)_\w+):(.*)\r$/gm)].map(([, name, value]) =>
      MEASURED.test(name!) ? `${name}:${/^\d+$/.test(value!) ? "a number" : value}` : `${name}:${value}`,
    );
  }

  async function idle(): Promise<void> {
    for (const client of clients) {
      await expect
        .poll(async () => (await fields(client)).filter((each) => /(in_progress|scheduled):1/.test(each)), {
          timeout: 20_000,
          interval: 30,
        })
        .toEqual([]);
    }
  }

  /** One pipeline to both. */
  async function both(...lines: string[]): Promise<void> {
    const requests = lines.map((line) => line.split(" "));
    const [ours, theirs] = await Promise.all(
      clients.map(async (client) => (await client.pipeline(requests)).map((reply) => String(reply))),
    );
    expect(lines.map((line, i) => [line, ours![i]])).toEqual(lines.map((line, i) => [line, theirs![i]]));
  }

  /** In the end: a BGSAVE that was scheduled shows nowhere until its time comes. */
  async function sameFields(): Promise<void> {
    const deadline = performance.now() + 5000;
    for (;;) {
      const [ours, theirs] = await Promise.all(clients.map(fields));
      const same = JSON.stringify(ours) === JSON.stringify(theirs);
      if (same || performance.now() > deadline) return expect(ours).toEqual(theirs);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  test("at the start, and with the wrong arguments", async () => {
    await sameFields();
    await both("BGSAVE x", "BGSAVE SCHEDULE x", "BGSAVE bogus", "SAVE x", "BGREWRITEAOF x", "LASTSAVE x");
    await sameFields();
  });

  test("while a BGSAVE runs", async () => {
    await both("SET a 1", "SET b 2", "DEL b");
    await sameFields();
    await both("BGSAVE", "BGSAVE", "BGSAVE SCHEDULE", "SAVE", "MULTI", "BGSAVE", "EXEC");
    await idle();
    await sameFields();
  });

  test("a BGREWRITEAOF behind a BGSAVE is scheduled, and done", async () => {
    await both("SET a 2", "BGSAVE", "BGREWRITEAOF", "BGREWRITEAOF");
    await idle();
    await sameFields();
  });

  test("while a BGREWRITEAOF runs", async () => {
    await both("SET a 3", "BGREWRITEAOF", "BGREWRITEAOF", "BGSAVE", "BGSAVE SCHEDULE");
    await idle();
    await sameFields();
    await both("SET a 4", "BGREWRITEAOF", "SAVE");
    await idle();
    await sameFields();
  });

  test("SAVE, and what can't be saved from within a transaction", async () => {
    await both("SET a 5", "SAVE");
    await sameFields();
    await both("MULTI", "SAVE", "EXEC", "MULTI", "SET a 6", "BGSAVE", "BGREWRITEAOF", "LASTSAVE x", "EXEC", "DISCARD");
    await idle();
    await sameFields();
  });

  test("LASTSAVE tells the second of the last success", async () => {
    await both("SET a 7", "SAVE");
    const before = Math.floor(Date.now() / 1000);
    for (const client of clients) {
      const seconds = Number(String(await client.command("LASTSAVE")).slice(1));
      expect(Math.abs(seconds - before)).toBeLessThanOrEqual(2);
    }
  });

  test("with nothing to save", async () => {
    await both("SAVE", "SAVE", "FLUSHALL", "SAVE");
    await both("BGSAVE");
    await idle();
    await both("BGREWRITEAOF");
    await idle();
    await sameFields();
  });
});
