/** A running server that ships: killed at any moment, started again, restored; and starts that are refused. */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { drawSeed } from "../model/memory_seed.ts";
import { emberlogMain, startEmberlog } from "../support/emberlog_server.ts";
import { exchangeContent } from "../support/other_image.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const root = temporaryDirectory("shipping-process");
const store = `file://${join(root, "store")}`;
const seed = drawSeed();
const run = promisify(execFile);

/** Runs a server that is expected to refuse; returns what it said. */
async function refused(...words: string[]): Promise<string> {
  try {
    await run(process.execPath, [emberlogMain, "--port", "0", ...words], {
      timeout: 30_000,
      env: { ...process.env, AWS_ACCESS_KEY_ID: "someone", AWS_SECRET_ACCESS_KEY: "something" },
    });
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    expect(code).toBe(1);
    return stdout + stderr;
  }
  throw new Error("it started");
}

test(`killed while it ships, and started again: EMBERLOG_SEED=${seed} npx vitest run test/process/shipping.test.ts`, async () => {
  const random = seededRandom(seed);
  const dir = join(root, "data");
  mkdirSync(dir);
  const options = { "backup-target": store, "backup-interval": "1 64kb", "log-segment-bytes": "1mb" };
  let last = 0;
  for (let round = 0; round < 3; round++) {
    const server = await startEmberlog({
      dir,
      args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    });
    const client = await server.connect();
    expect(String(await client.command("GET", "n"))).toBe(
      last === 0 ? "$-1\r\n" : `$${String(last).length}\r\n${last}\r\n`,
    );
    const until = Date.now() + 100 + uniform(random, 700);
    while (Date.now() < until) {
      last++;
      await client.command("MSET", "n", String(last), `k${last % 100}`, "v".repeat(uniform(random, 4000)));
    }
    client.close();
    if (round < 2) await server.kill9();
    else expect(await server.stop()).toBe(0);
  }
  const verify = await run(process.execPath, [emberlogMain, "backup", "verify", "--from", store]);
  expect(verify.stdout).toContain("sound");
  // The directory is lost: a server begins with what the store has, which is everything, since the last one stopped orderly.
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
  const again = await startEmberlog({ dir, args: ["--restore-on-empty", store] });
  const client = await again.connect();
  expect(String(await client.command("GET", "n"))).toBe(`$${String(last).length}\r\n${last}\r\n`);
  client.close();
  expect(await again.stop()).toBe(0);
  expect(readdirSync(dir)).not.toContain("restoring");
}, 60_000);

test("BACKUP NOW, STATUS, LIST and VERIFY answer when it is so", async () => {
  const dir = join(root, "commands");
  mkdirSync(dir);
  const target = `file://${join(root, "commands-store")}`;
  const server = await startEmberlog({ dir, args: ["--backup-target", target, "--backup-interval", "3600"] });
  const client = await server.connect();
  await client.command("SET", "a", "1");
  expect(String(await client.command("BACKUP", "NOW", "FULL"))).toContain("$14\r\nimage-sequence\r\n:2\r\n");
  await client.command("SET", "a", "2");
  expect(String(await client.command("BACKUP", "NOW"))).toContain("$16\r\nshipped-sequence\r\n:3\r\n");
  expect(String(await client.command("BACKUP", "LIST"))).toContain(
    "$13\r\nfrom-sequence\r\n:0\r\n$11\r\nto-sequence\r\n:3\r\n",
  );
  expect(String(await client.command("BACKUP", "VERIFY"))).toContain("$2\r\nok\r\n");
  const drill = String(await client.command("BACKUP", "DRILL"));
  expect(drill).toContain("$6\r\nstatus\r\n$2\r\nok\r\n");
  expect(drill).toContain("$4\r\nkeys\r\n:1\r\n");
  expect(drill).toContain("*2\r\n$37\r\nthe digest recorded when it was taken\r\n$7\r\nthe log\r\n");
  expect(String(await client.command("BACKUP", "PRUNE"))).toContain("backup-retention");
  expect(String(await client.command("CONFIG", "SET", "backup-retention", "7d daily 3"))).toBe("+OK\r\n");
  expect(String(await client.command("BACKUP", "PRUNE"))).toContain("$7\r\nremoved\r\n:0\r\n");
  const status = String(await client.command("BACKUP", "STATUS"));
  expect(status).toContain("$8\r\nshipping\r\n");
  const info = String(await client.command("INFO", "backup"));
  for (const line of [
    "backup_lag_seconds:0.0",
    "backup_shipped_sequence:3",
    "backup_last_verified_status:ok",
    "backup_last_drill_status:ok",
    "backup_errors:0",
  ]) {
    expect(info).toContain(`${line}\r\n`);
  }
  expect(String(await client.command("BACKUP", "NOW", "PARTLY"))).toBe("-ERR syntax error\r\n");
  expect(String(await client.command("CONFIG", "SET", "backup-interval", "5 1mb"))).toBe("+OK\r\n");
  expect(String(await client.command("CONFIG", "GET", "backup-interval"))).toContain("5 1048576");
  client.close();
  expect(await server.stop()).toBe(0);
});

test("BACKUP DRILL notices an image that is not what was frozen, though every checksum of it is right", async () => {
  const dir = join(root, "exchanged");
  mkdirSync(dir);
  const folder = join(root, "exchanged-store");
  const server = await startEmberlog({ dir, args: ["--backup-target", `file://${folder}`] });
  const client = await server.connect();
  await client.command("SET", "key", "value-17");
  await client.command("BACKUP", "NOW", "FULL");
  exchangeContent(folder, (plain) => {
    const at = Buffer.from(plain.buffer, plain.byteOffset, plain.length).indexOf("value-17");
    if (at >= 0) plain[at] = 0x56;
  });
  const drill = String(await client.command("BACKUP", "DRILL"));
  expect(drill).toContain("$6\r\nstatus\r\n$7\r\ndamaged\r\n");
  expect(drill).toContain("was frozen when it was taken");
  expect(String(await client.command("INFO", "backup"))).toContain("backup_last_drill_status:damaged\r\n");
  client.close();
  expect(await server.stop()).toBe(0);
});

test("without the backup that was asked for there is no start", async () => {
  const away = "s3://bucket/prefix?endpoint=http%3A%2F%2F127.0.0.1%3A1";
  const dir = join(root, "refused");
  const said = await refused("--dir", dir, "--backup-target", away, "--backup-unencrypted", "yes");
  expect(said).toContain("No start without a backup");
  expect(said).toContain("it was never reached");
  expect(await refused("--dir", dir, "--backup-target", away)).toContain("backup-recipient");
  expect(await refused("--dir", dir, "--backup-target", "ftp://x/y")).toContain("no place for backups");
  expect(await refused("--dir", dir, "--backup-target", store, "--appendonly", "no")).toContain("appendonly yes");
  const empty = join(root, "empty");
  expect(await refused("--dir", empty, "--restore-on-empty", away)).toContain("could not be restored");
  const nothing = `file://${join(root, "nothing")}`;
  expect(await refused("--dir", empty, "--restore-on-empty", nothing)).toContain("or-begin");
  mkdirSync(empty, { recursive: true });
  const server = await startEmberlog({ dir: empty, args: ["--restore-on-empty", nothing, "or-begin"] });
  expect(await server.stop()).toBe(0);
}, 60_000);
