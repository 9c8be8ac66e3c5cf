/**
 * Whole files between Emberlog and redis-server: one random dataset, written by one of them and loaded by the other, whose DEBUG DIGEST over all
 * databases, key counts and expiries must be the same.
 */
import { spawn } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { emberlogMain, startEmberlog } from "../support/emberlog_server.ts";
import { randomDataset } from "../support/random_dataset.ts";
import { startRedis } from "../support/redis_server.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";

/** From the directory of a running server as an RDB file and as appendonlydir; from the server as RDB file, and into another Emberlog. */
type Export = "rdb" | "aof" | "live" | "copy";
const EXPORTS: readonly Export[] = ["rdb", "aof", "live", "copy"];
/** dump.rdb; appendonlydir with base and increments; one append-only file, as before Redis 7; from the running server. */
type Import = "rdb" | "aof" | "old" | "live";
const IMPORTS: readonly Import[] = ["rdb", "aof", "old", "live"];

/** Requests that are on their way at once. */
const BATCH = 50;

/** What is compared: the digest, and each database's keys and those that expire. */
export interface Whole {
  readonly digest: string;
  readonly keyspace: readonly string[];
  /** Each key with its time and its own digest, so that a failure names what differs. */
  readonly values: readonly string[];
}

export async function wholeOf(server: ServerProcess): Promise<Whole> {
  const client = await server.connect();
  try {
    const digest = String(await client.call("DEBUG", "DIGEST"));
    const info = String(await client.call("INFO", "keyspace"));
    const keyspace = [...info.matchAll(/^(db\d+:keys=\d+,expires=\d+)/gm)].map(([, line]) => line!).sort();
    const values: string[] = [];
    for (const line of keyspace) {
      const database = /^db(\d+)/.exec(line)![1]!;
      await client.call("SELECT", database);
      const keys = (await client.call("KEYS", "*")) as readonly string[];
      const times = await client.pipeline(keys.map((key) => ["PEXPIRETIME", key]));
      const digests = await client.pipeline(keys.map((key) => ["DEBUG", "DIGEST-VALUE", key]));
      for (const [i, key] of keys.entries()) {
        const replies = `${times[i]!.toString()}${digests[i]!.toString()}`.replaceAll("\r\n", " ");
        values.push(`${database} ${Buffer.from(key, "latin1").toString("hex")} ${replies}`);
      }
    }
    return { digest, keyspace, values: values.sort() };
  } finally {
    client.close();
  }
}

async function fill(server: ServerProcess, seed: number, keys: number, prefix: string): Promise<void> {
  const client: RespClient = await server.connect();
  const requests = [...randomDataset(seededRandom(seed), keys, Date.now(), prefix)];
  for (let at = 0; at < requests.length; at += BATCH) {
    const batch = requests.slice(at, at + BATCH);
    const replies = await client.pipeline(batch);
    for (const [i, reply] of replies.entries()) {
      if (reply[0] === 45) throw new Error(`${batch[i]!.slice(0, 2).join(" ")} was answered with ${reply.toString()}`);
    }
  }
  client.close();
}

/** Runs the command line; resolves to what it printed, and throws where it did not exit with `code`. */
export function emberlog(args: readonly string[], code = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [emberlogMain, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (piece: Buffer) => {
      text += piece.toString();
    });
    child.stderr.on("data", (piece: Buffer) => {
      text += piece.toString();
    });
    child.once("error", reject);
    child.once("exit", (exit) => {
      if (exit === code) resolve(text);
      else reject(new Error(`emberlog ${args.join(" ")} exited with ${exit} and printed ${text}`));
    });
  });
}

async function loaded(server: ServerProcess): Promise<Whole> {
  try {
    return await wholeOf(server);
  } finally {
    await server.stop();
  }
}

/** A server of the two on a directory of its own that holds what `prepare` puts there. */
async function redisOn(dir: string, args: readonly string[]): Promise<Whole> {
  return loaded(await startRedis({ dir, args }));
}

/** Started twice: imported, and then served from Emberlog's own log. */
async function emberlogOn(dir: string): Promise<Whole> {
  const first = await startEmberlog({ dir });
  expect(first.output).toMatch(/Imported \d+ keys from/);
  const whole = await loaded(first);
  const second = await startEmberlog({ dir });
  expect(second.output).not.toContain("Imported");
  expect(await loaded(second)).toEqual(whole);
  return whole;
}

/** Emberlog's data is the same to redis-server. */
export async function emberlogToRedis(seed: number, keys: number, forms: readonly Export[] = EXPORTS): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "emberlog-to-redis-"));
  const under = (name: string): string => {
    const path = join(root, name);
    mkdirSync(path);
    return path;
  };
  const server = await startEmberlog({ dir: under("emberlog"), args: ["--appendfsync", "everysec"] });
  try {
    await fill(server, seed, keys, "key");
    // Some of it from an image, the rest from the log behind it.
    const client = await server.connect();
    expect((await client.command("SAVE")).toString()).toBe("+OK\r\n");
    client.close();
    await fill(server, seed + 1, keys >> 2, "later");
    const whole = await wholeOf(server);
    const address = `redis://127.0.0.1:${server.port}`;
    for (const form of forms) {
      const dir = under(form);
      if (form === "copy") {
        await emberlog(["import", "--from", address, "--dir", dir]);
        expect(await loaded(await startEmberlog({ dir }))).toEqual(whole);
        continue;
      }
      const from = form === "live" ? ["--from", address] : ["--dir", server.dir];
      const to = form === "aof" ? ["--aof", join(dir, "appendonlydir")] : ["--rdb", join(dir, "dump.rdb")];
      await emberlog(["export", ...from, ...to]);
      expect(await redisOn(dir, form === "aof" ? ["--appendonly", "yes"] : [])).toEqual(whole);
    }
  } finally {
    await server.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

/** redis-server's data is the same here. */
export async function redisToEmberlog(seed: number, keys: number, forms: readonly Import[] = IMPORTS): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "redis-to-emberlog-"));
  const random = seededRandom(seed);
  const dir = join(root, "redis");
  mkdirSync(dir);
  const choose = (...values: string[]): string => values[uniform(random, values.length)]!;
  const server = await startRedis({
    dir,
    args: [
      ...["--appendonly", "yes", "--appendfsync", "no", "--aof-timestamp-enabled", choose("yes", "no")],
      ...["--rdbcompression", choose("yes", "no"), "--rdbchecksum", choose("yes", "yes", "no")],
      ...["--aof-use-rdb-preamble", choose("yes", "yes", "no")],
      ...["--list-max-listpack-size", choose("-2", "-1", "5", "128"), "--list-compress-depth", choose("0", "1")],
      ...["--hash-max-listpack-entries", choose("128", "512"), "--zset-max-listpack-entries", choose("128", "1")],
      ...["--maxmemory-policy", choose("noeviction", "allkeys-lru", "allkeys-lfu"), "--maxmemory", "1gb"],
    ],
  });
  try {
    await fill(server, seed, keys, "key");
    const client = await server.connect();
    await rewritten(client);
    await fill(server, seed + 1, keys >> 1, "later");
    await client.call("SAVE");
    const whole = await wholeOf(server);
    client.close();

    const log = join(server.dir, "appendonlydir");
    for (const form of forms) {
      const dir = join(root, form);
      mkdirSync(dir);
      if (form === "live") {
        await emberlog(["import", "--from", `redis://127.0.0.1:${server.port}`, "--dir", dir]);
        expect(await loaded(await startEmberlog({ dir }))).toEqual(whole);
        continue;
      }
      if (form === "rdb") copyFileSync(join(server.dir, "dump.rdb"), join(dir, "dump.rdb"));
      else if (form === "aof") cpSync(log, join(dir, "appendonlydir"), { recursive: true });
      else writeFileSync(join(dir, "appendonly.aof"), olderLog(log));
      expect(await emberlogOn(dir)).toEqual(whole);
    }
  } finally {
    await server.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

/** What Redis 4 to 6 keep in one file: the base, commands or an RDB file, and the commands behind it. */
function olderLog(log: string): Buffer {
  const names = readdirSync(log).sort();
  const base = names.find((name) => name.includes(".base."))!;
  const increments = names.filter((name) => name.includes(".incr."));
  return Buffer.concat([base, ...increments].map((name) => readFileSync(join(log, name))));
}

async function rewritten(client: RespClient): Promise<void> {
  await client.call("BGREWRITEAOF");
  for (;;) {
    const info = String(await client.call("INFO", "persistence"));
    if (info.includes("aof_rewrite_in_progress:0") && info.includes("aof_rewrite_scheduled:0")) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
