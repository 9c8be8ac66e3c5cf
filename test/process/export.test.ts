/** `emberlog export` of a server that goes on writing: the data of one moment, from its directory or its address; of other servers key by key. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { open } from "../../src/index.ts";
import { startEmberlog, subjectIsRedis } from "../support/emberlog_server.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { emberlog } from "./redis_files_run.ts";

const KEYS = 2000;

/** Until it is told to stop: two counters in one transaction, one up and one down, and a number that only grows before and behind. */
async function write(server: ServerProcess, stop: { asked: boolean }): Promise<number> {
  const client = await server.connect();
  let n = 0;
  while (!stop.asked) {
    const requests = Array.from({ length: 20 }, () => {
      n++;
      const [up, down] = [n % KEYS, (n * 7 + 1) % KEYS];
      return [
        ["SET", "before", String(n)],
        ["MULTI"],
        ["INCRBY", `counter:${up}`, String(n % 5)],
        ["DECRBY", `counter:${down}`, String(n % 5)],
        ["EXEC"],
        ["SET", "behind", String(n)],
      ];
    }).flat();
    await client.pipeline(requests);
  }
  client.close();
  return n;
}

interface Found {
  readonly sum: number;
  readonly before: number;
  readonly behind: number;
}

async function found(file: string): Promise<Found> {
  const dir = `${file}.data`;
  mkdirSync(dir);
  copyFileSync(file, join(dir, "dump.rdb"));
  const db = await open({ dir });
  let sum = 0;
  for (const key of db.scan("counter:*")) sum += Number(db.getText(key));
  const [before, behind] = [Number(db.getText("before")), Number(db.getText("behind"))];
  await db.close();
  return { sum, before, behind };
}

describe.skipIf(subjectIsRedis)("export of a server that is written to", () => {
  const root = mkdtempSync(join(tmpdir(), "emberlog-export-"));
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startEmberlog({
      args: ["--auto-aof-rewrite-min-size", "1mb", "--auto-aof-rewrite-percentage", "50"],
    });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(root, { recursive: true, force: true });
  });

  test("is of one moment, also while images are taken and segments go", async () => {
    const stop = { asked: false };
    const writing = write(server, stop);
    const client = await server.connect();
    await client.call("BGSAVE");
    const file = join(root, "whole.rdb");
    const from = `redis://127.0.0.1:${server.port}`;
    const told = JSON.parse(await emberlog(["export", "--from", from, "--rdb", file, "--json"])) as object;
    expect(told).toMatchObject({ path: file, rdbVersion: 10, asOf: "one moment" });
    const { sum, before, behind } = await found(file);
    expect(sum).toBe(0);
    expect([0, 1]).toContain(before - behind);
    expect(behind).toBeGreaterThan(0);
    client.close();
    stop.asked = true;
    expect(await writing).toBeGreaterThanOrEqual(behind);
  });

  test("takes one database where the address names one, and says why not", async () => {
    const client = await server.connect();
    await client.call("SELECT", "4");
    await client.call("SET", "four", "4");
    client.close();
    const file = join(root, "four.rdb");
    const args = ["export", "--from", `redis://127.0.0.1:${server.port}/4`, "--rdb", file];
    expect(await emberlog(args)).toMatch(
      /^exported +1 keys to .*four\.rdb: \d+ bytes, RDB version 10, in .* s\nas of +one moment\n$/,
    );
    expect(await emberlog(args, 1)).toMatch(/four\.rdb exists already; --replace writes over it/);
    expect(await emberlog([...args, "--replace"])).toMatch(/^exported +1 keys/);
    expect(await emberlog(["export", "--rdb", file], 1)).toMatch(/one of --from and --dir/);
    expect(await emberlog(["export", "--from", "redis://127.0.0.1:1", "--rdb", file, "--json"], 1)).toMatch(
      /"code":"COMMAND_FAILED","message":"can't connect/,
    );
  });
});

test.skipIf(subjectIsRedis)(
  "a server without a log is read key by key; fields that expire make it a later version",
  async () => {
    const server = await startEmberlog({ args: ["--appendonly", "no"] });
    const file = join(server.dir, "keys.rdb");
    const from = ["--from", `redis://127.0.0.1:${server.port}`];
    const client = await server.connect();
    const at = Date.now() + 1e9;
    await client.call("SET", "k", "v", "PXAT", String(at));
    const text = await emberlog(["export", ...from, "--rdb", file]);
    expect(text).toMatch(/^exported +1 keys.*RDB version 10.*\nas of +the moment at which each key was read\n$/);
    await client.call("HSET", "h", "a", "1", "b", "2");
    await client.call("HPEXPIREAT", "h", String(at), "FIELDS", "1", "a");
    const told = JSON.parse(await emberlog(["export", ...from, "--rdb", file, "--replace", "--json"])) as object;
    expect(told).toMatchObject({ keys: 2, rdbVersion: 12, asOf: "each key" });
    client.close();
    const dir = mkdtempSync(join(tmpdir(), "emberlog-export-"));
    await emberlog(["import", "--from", file, "--dir", dir]);
    const db = await open({ dir });
    expect([db.run("PEXPIRETIME", "k"), db.run("HPEXPIRETIME", "h", "FIELDS", "2", "a", "b")]).toEqual([at, [at, -1]]);
    await db.export({ rdb: join(dir, "again.rdb") }).then((again) => expect(again.rdbVersion).toBe(12));
    await db.close();
    rmSync(dir, { recursive: true });
    await server.stop();
  },
);
