/**
 * Continuous backup under load to a real S3 server: how old is what the store does not have, shown by restoring; a store that is away for a minute. And the
 * state at random times of a run with stops and kills, against an oracle of (time, digest).
 */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { ObjectStore } from "../../src/backup/object_store.ts";
import { openStore } from "../../src/backup/open_store.ts";
import { verifyBackup } from "../../src/backup/verify.ts";
import { systemClock } from "../../src/base/clock.ts";
import { seededRandom, systemRandom, uniform } from "../../src/base/random.ts";
import { open } from "../../src/engine/embedded.ts";
import { crc32c } from "../../src/platform/checksum.ts";
import { drawSeed } from "../model/memory_seed.ts";
import { CutProxy } from "../support/cut_proxy.ts";
import { emberlogMain, startEmberlog } from "../support/emberlog_server.ts";
import {
  ACCESS_KEY,
  createBucket,
  gatewayEnvironment,
  radosgwAvailable,
  SECRET_KEY,
  startRadosgw,
} from "../support/radosgw.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { digestOf, restoreFrom } from "../unit/backup/support.ts";

const root = temporaryDirectory("shipping-long");
const seed = drawSeed();
const run = promisify(execFile);

/** What a busy machine may owe of the rate, requests: the rest is not made up for. */
const DEBT_MAX = 2000;

/** Writes at a steady rate; knows which count was acknowledged when. */
class Writer {
  readonly acknowledged: { readonly count: number; readonly ms: number }[] = [];
  private readonly server: ServerProcess;
  private stopped = false;
  private work: Promise<void> | undefined;
  count = 0;

  constructor(server: ServerProcess) {
    this.server = server;
  }

  begin(perSecond: number): void {
    this.work = this.run(perSecond);
  }

  async end(): Promise<void> {
    this.stopped = true;
    await this.work;
  }

  /** The newest count that was acknowledged before. */
  before(ms: number): number {
    return this.acknowledged.filter((each) => each.ms < ms).at(-1)?.count ?? 0;
  }

  private async run(perSecond: number): Promise<void> {
    const client = await this.server.connect();
    const value = "v".repeat(100);
    const beganMs = Date.now();
    let sent = 0;
    while (!this.stopped) {
      const due = Math.floor(((Date.now() - beganMs) * perSecond) / 1000);
      sent = Math.max(sent, due - DEBT_MAX);
      const replies: Promise<unknown>[] = [];
      for (; sent < due; sent++) {
        replies.push(client.command("SET", `k${sent % 20_000}`, value));
      }
      const count = ++this.count;
      await Promise.all([...replies, client.command("SET", "count", String(count))]);
      this.acknowledged.push({ count, ms: Date.now() });
      await sleep(10);
    }
    client.close();
  }
}

async function countIn(store: ObjectStore, name: string): Promise<number> {
  const directory = join(root, name);
  await restoreFrom(store, { kind: "latest" }, directory);
  const database = await open({ dir: directory });
  const count = Number(database.getText("count"));
  await database.close();
  return count;
}

async function infoOf(server: ServerProcess, field: string): Promise<string> {
  const client = await server.connect();
  const reply = String(await client.command("INFO", "backup"));
  client.close();
  return new RegExp(`${field}:(.*)\r\n`).exec(reply)?.[1] ?? "";
}

describe.skipIf(!radosgwAvailable())("a real S3 server", () => {
  test("under 20,000 writes a second what is older than 15 s is restorable; a store that is away for a minute loses nothing", async () => {
    const gateway = await startRadosgw(join(root, "gateway"));
    const proxy = await CutProxy.start(Number(new URL(gateway.endpoint).port));
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY });
    let server: ServerProcess | undefined;
    try {
      await createBucket(gateway, "backups");
      const store = await openStore(`s3://backups/load?endpoint=${gateway.endpoint}`, systemRandom(), systemClock);
      const dir = join(root, "load");
      mkdirSync(dir);
      const args = ["--save", "", "--backup-target", "s3://backups/load", "--backup-unencrypted", "yes"];
      server = await startEmberlog({ dir, args, env: gatewayEnvironment(proxy.endpoint) });
      const writer = new Writer(server);
      writer.begin(20_000);
      for (let look = 0; look < 3; look++) {
        await sleep(9000);
        const nowMs = Date.now();
        const wanted = writer.before(nowMs - 15_000);
        const found = await countIn(store, `look-${look}`);
        expect(found, `at look ${look}`).toBeGreaterThanOrEqual(wanted);
      }
      proxy.cut();
      await sleep(60_000);
      expect(Number(await infoOf(server, "backup_lag_seconds"))).toBeGreaterThan(50);
      expect(await infoOf(server, "backup_state")).toBe("failing");
      const segments = readdirSync(dir).filter((name) => name.endsWith(".seg")).length;
      proxy.mend();
      const mendedMs = Date.now();
      while (Number(await infoOf(server, "backup_lag_seconds")) > 15) {
        expect(Date.now() - mendedMs, "it catches up").toBeLessThan(60_000);
        await sleep(500);
      }
      // The log was kept as a whole, and beside it there are only images.
      expect(segments).toBeGreaterThan(1);
      const others = readdirSync(dir).filter((name) => !/\.(seg|img|tmp)$|^(MANIFEST|LOCK|backup\.json)$/.test(name));
      expect(others).toEqual([]);
      await writer.end();
      expect(await server.stop()).toBe(0);
      server = undefined;
      expect(await countIn(store, "end")).toBe(writer.count);
      expect(await digestOf(join(root, "end"))).toBe(await digestOf(dir));
      store.close();
    } finally {
      await server?.kill9();
      proxy.close();
      gateway.stop();
    }
  }, 400_000);
});

interface Moment {
  readonly sentMs: number;
  readonly acknowledgedMs: number;
  readonly digest: string;
}

test(`the state at 50 random times: EMBERLOG_SEED=${seed} npx vitest run --config vitest.long.config.ts test/process/shipping.long.ts`, async () => {
  const random = seededRandom(seed);
  const dir = join(root, "times");
  mkdirSync(dir);
  const url = `file://${join(root, "times-store")}`;
  const args = ["--backup-target", url, "--backup-interval", "1 64kb", "--log-segment-bytes", "1mb", "--save", ""];
  const moments: Moment[] = [];
  for (let run = 0; run < 4; run++) {
    const server = await startEmberlog({ dir, args });
    const client = await server.connect();
    for (let i = 0; i < 120; i++) {
      await sleep(uniform(random, 12));
      const key = `k${uniform(random, 40)}`;
      const words = [
        ["SET", key, "v".repeat(uniform(random, 5000))],
        ["RPUSH", `l${uniform(random, 5)}`, key],
        ["DEL", key],
        ["INCR", "n"],
      ][uniform(random, 4)]!;
      const sentMs = Date.now();
      await client.command(...(words as [string, ...string[]]));
      const acknowledgedMs = Date.now();
      const digest = String(await client.command("DEBUG", "DIGEST"))
        .trim()
        .replace("+", "");
      moments.push({ sentMs, acknowledgedMs, digest });
      if (i % 50 === 30) await client.command("BACKUP", "NOW", ...(uniform(random, 2) === 0 ? ["FULL"] : []));
    }
    client.close();
    // What a killed server has acknowledged and not shipped is shipped by the next one; the last one stops orderly.
    if (run % 2 === 0) await server.kill9();
    else expect(await server.stop()).toBe(0);
  }
  const store = await openStore(url, systemRandom(), systemClock);
  const first = moments[0]!.sentMs;
  const span = moments.at(-1)!.acknowledgedMs - first;
  for (let i = 0; i < 50; i++) {
    const ms = first + uniform(random, span + 20);
    const least = moments.filter(({ acknowledgedMs }) => acknowledgedMs <= ms).length;
    const most = moments.filter(({ sentMs }) => sentMs <= ms).length;
    const right = moments.slice(Math.max(0, least - 1), most).map(({ digest }) => digest);
    if (least === 0) right.push("0".repeat(40));
    const target = join(root, `time-${i}`);
    await restoreFrom(store, { kind: "time", ms }, target);
    expect(right, `at ${ms - first} ms of ${span}`).toContain(await digestOf(target));
  }
  store.close();
}, 300_000);

test("a store that is away for too long: writes are refused, or the log is let go and an image stands behind the hole", async () => {
  for (const action of ["refuse", "hole"] as const) {
    const dir = join(root, action);
    mkdirSync(dir);
    const folder = join(root, `${action}-store`);
    const server = await startEmberlog({
      dir,
      args: [
        ...["--backup-target", `file://${folder}`, "--backup-interval", "1", "--backup-lag-max", "4mb", action],
        ...["--log-segment-bytes", "1mb", "--save", "", "--auto-aof-rewrite-percentage", "0"],
      ],
    });
    const client = await server.connect();
    await client.command("SET", "first", "1");
    await client.command("BACKUP", "NOW", "FULL");
    // A folder in whose place a file stands can be neither read nor written.
    renameSync(folder, `${folder}-aside`);
    writeFileSync(folder, "");
    let refusal = "";
    for (let i = 0; i < 120 && refusal === ""; i++) {
      const reply = String(await client.command("SET", `k${i % 10}`, "v".repeat(100_000)));
      if (!reply.startsWith("+OK")) refusal = reply;
      await sleep(30);
    }
    const segments = (): number => readdirSync(dir).filter((name) => name.endsWith(".seg")).length;
    if (action === "refuse") {
      expect(refusal).toMatch(/^-MISCONF The backup lags behind by /);
      expect(String(await client.command("GET", "first"))).toBe("$1\r\n1\r\n");
    } else {
      expect(refusal).toBe("");
      const before = segments();
      // The second full image lets the log before the first go.
      for (let image = 0; image < 2; image++) {
        await client.command("SET", "image", String(image));
        await client.command("BGREWRITEAOF");
        while (String(await client.command("INFO", "persistence")).includes("aof_rewrite_in_progress:1"))
          await sleep(50);
      }
      expect(segments()).toBeLessThan(before);
    }
    unlinkSync(folder);
    renameSync(`${folder}-aside`, folder);
    await until(async () => (await infoOf(server, "backup_state")) === "shipping");
    await until(async () => !String(await client.command("SET", "last", "1")).startsWith("-"));
    await until(async () => (await infoOf(server, "backup_lag_seconds")) === "0.0");
    expect(await infoOf(server, "backup_holes")).toBe(action === "hole" ? "1" : "0");
    const digest = String(await client.command("DEBUG", "DIGEST"))
      .trim()
      .replace("+", "");
    client.close();
    expect(await server.stop()).toBe(0);
    const store = await openStore(`file://${folder}`, systemRandom(), systemClock);
    const target = join(root, `${action}-restored`);
    await restoreFrom(store, { kind: "latest" }, target);
    expect(await digestOf(target)).toBe(digest);
    const report = await verifyBackup({ store, identities: null }, crc32c);
    expect(report.wrong).toEqual([]);
    expect(report.gaps.length).toBe(action === "hole" ? 1 : 0);
  }
}, 120_000);

test("a log that is turned off and on again is a new beginning, without what was removed meanwhile", async () => {
  const dir = join(root, "switched");
  mkdirSync(dir);
  const url = `file://${join(root, "switched-store")}`;
  const server = await startEmberlog({ dir, args: ["--backup-target", url, "--backup-interval", "1", "--save", ""] });
  const client = await server.connect();
  for (const key of ["a", "b"]) await client.command("SET", key, "1");
  expect(String(await client.command("BACKUP", "NOW"))).toMatch(/^\*6/);
  // Another one that ships the same directory to the same place would take the backup over.
  const now = await run(process.execPath, [emberlogMain, "backup", "now", dir, "--to", url]).catch(
    (thrown: unknown) => thrown,
  );
  expect(now).toMatchObject({ code: 2, stdout: expect.stringContaining("BACKUP NOW") });
  await client.command("CONFIG", "SET", "appendonly", "no");
  await client.command("DEL", "b");
  await client.command("SET", "c", "1");
  // Refused until the log that was turned off is closed.
  await until(async () => String(await client.command("CONFIG", "SET", "appendonly", "yes")).startsWith("+OK"));
  await until(async () => String(await client.command("INFO", "persistence")).includes("aof_rewrite_in_progress:0"));
  await client.command("SET", "d", "1");
  await until(async () => String(await client.command("BACKUP", "NOW")).startsWith("*"));
  const digest = String(await client.command("DEBUG", "DIGEST"))
    .trim()
    .replace("+", "");
  client.close();
  expect(await server.stop()).toBe(0);
  const store = await openStore(url, systemRandom(), systemClock);
  const target = join(root, "switched-restored");
  await restoreFrom(store, { kind: "latest" }, target);
  expect(await digestOf(target)).toBe(digest);
}, 60_000);

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await condition()) return;
    await sleep(100);
  }
  throw new Error("it has not become so within 30 s");
}
