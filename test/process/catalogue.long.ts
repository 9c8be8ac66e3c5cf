/** The catalogue that a running server keeps, asked by the tools; a server without any SQLite; one whose catalogue is spoilt under it. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { drawSeed } from "../model/memory_seed.ts";
import { emberlogMain, startEmberlog } from "../support/emberlog_server.ts";
import { sqliteAvailable } from "../support/sqlite.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const root = temporaryDirectory("catalogue-process");
const run = promisify(execFile);
const seed = drawSeed();

interface Answer {
  readonly code: number;
  readonly out: string;
}

async function emberlog(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Answer> {
  try {
    const options = { timeout: 30_000, env: { ...process.env, ...env } };
    const { stdout } = await run(process.execPath, [emberlogMain, ...words], options);
    return { code: 0, out: stdout };
  } catch (thrown) {
    const { code, stdout } = thrown as { code: number; stdout: string };
    return { code, out: stdout };
  }
}

async function json(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  return JSON.parse((await emberlog([...words, "--json"], env)).out);
}

async function until(what: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await what()); ) {
    if (Date.now() > end) throw new Error("it never came to that");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe.runIf(sqliteAvailable())("with SQLite", () => {
  test("status, list and timeline answer from the catalogue as from the store, and it is made anew when it is spoilt or lost", async () => {
    const dir = join(root, "data");
    const url = `file://${join(root, "store")}`;
    const path = join(dir, "catalogue.sqlite");
    mkdirSync(dir);
    const args = ["--backup-target", url, "--backup-interval", "3600", "--log-segment-bytes", "1mb"];
    const server = await startEmberlog({ dir, args });
    const client = await server.connect();
    for (let i = 0; i < 40; i++) await client.command("SET", `k${i}`, "v".repeat(60_000));
    await client.command("FLUSHALL");
    await client.command("SET", "last", "1");
    await client.command("BACKUP", "NOW", "FULL");
    await client.command("BACKUP", "DRILL");
    await client.command("BACKUP", "VERIFY");
    const told = String(await client.command("BACKUP", "STATUS"));
    expect(told).toMatch(
      /recent\r\n\*2\r\n\$\d+\r\n\S+ verify ok: \d+ objects\r\n\$\d+\r\n\S+ drill ok: restored, 1 keys\r\n/,
    );
    const same = async (): Promise<boolean> => {
      const { catalogue: _, ...byCatalogue } = (await json(["backup", "list", "--dir", dir])) as { catalogue: unknown };
      return JSON.stringify(byCatalogue) === JSON.stringify(await json(["backup", "list", "--from", url]));
    };
    expect(await same()).toBe(true);
    const status = await json(["backup", "status", "--dir", dir]);
    expect(status).toMatchObject((await json(["backup", "status", "--from", url, "--dir", dir])) as object);
    const text = await emberlog(["backup", "status", "--dir", dir]);
    expect(text.code).toBe(0);
    expect(text.out).toMatch(
      /^catalogue {2}of \S+, written \d+ s ago, compared with the store \d+ s ago\nstore {6}file:/,
    );
    const counted = (await json(["timeline", "--dir", dir])) as { catalogued: number; segments: number };
    expect(counted.catalogued).toBeGreaterThan(0);
    const { catalogued: _, ...timeline } = counted;
    expect(timeline).toEqual(await json(["timeline", "--dir", dir], { EMBERLOG_SQLITE: "0" }));
    writeFileSync(path, "no database");
    await client.command("BACKUP", "NOW");
    await client.command("BACKUP", "NOW");
    await until(same);
    expect(readdirSync(dir)).toContain("catalogue.sqlite.damaged");
    rmSync(path);
    await client.command("BACKUP", "NOW");
    await until(same);
    client.close();
    expect(await server.stop()).toBe(0);
    rmSync(path);
    expect(await emberlog(["backup", "status", "--dir", dir])).toMatchObject({
      code: 2,
      out: expect.stringContaining("has no catalogue of a backup: --from URL asks the store itself"),
    });
    expect(await json(["backup", "catalogue", "--from", url, "--dir", dir])).toMatchObject({ directory: dir });
    expect(await same()).toBe(true);
    expect(await emberlog(["backup", "catalogue", "--from", url, "--dir", root])).toMatchObject({
      code: 2,
      out: expect.stringContaining("is no data directory"),
    });
  }, 60_000);

  test(`killed while it is written: EMBERLOG_SEED=${seed} npx vitest run --config vitest.long.config.ts test/process/catalogue.long.ts`, async () => {
    const random = seededRandom(seed);
    const dir = join(root, "killed");
    const url = `file://${join(root, "killed-store")}`;
    mkdirSync(dir);
    const args = ["--backup-target", url, "--backup-interval", "1 64kb", "--log-segment-bytes", "1mb"];
    for (let round = 0; round < 5; round++) {
      const server = await startEmberlog({ dir, args });
      const client = await server.connect();
      const end = Date.now() + 100 + uniform(random, 700);
      for (let i = 0; Date.now() < end; i++)
        await client.command("SET", `k${i % 50}`, "v".repeat(uniform(random, 4000)));
      client.close();
      await server.kill9();
    }
    const server = await startEmberlog({ dir, args });
    await until(async () => {
      const told = await emberlog(["backup", "list", "--dir", dir]);
      return (
        told.code === 0 &&
        told.out.split("\n").slice(1).join("\n") === (await emberlog(["backup", "list", "--from", url])).out
      );
    });
    expect(server.output).not.toContain("made anew");
    expect(await server.stop()).toBe(0);
  }, 60_000);
});

test("without SQLite a server ships all the same, says so once, and the tools ask for the store", async () => {
  const dir = join(root, "without");
  mkdirSync(dir);
  const url = `file://${join(root, "without-store")}`;
  const env = { EMBERLOG_SQLITE: "0" };
  const server = await startEmberlog({ dir, args: ["--backup-target", url], env });
  const client = await server.connect();
  await client.command("SET", "key", "1");
  for (let i = 0; i < 2; i++)
    expect(String(await client.command("BACKUP", "NOW"))).toContain("$16\r\nshipped-sequence\r\n:2\r\n");
  expect(String(await client.command("INFO", "backup"))).toContain("backup_catalogue:none\r\n");
  expect(String(await client.command("BACKUP", "STATUS"))).toContain("$6\r\nrecent\r\n*0\r\n");
  expect(server.output.split("There is no catalogue of the backup")).toHaveLength(2);
  expect(existsSync(join(dir, "catalogue.sqlite"))).toBe(false);
  client.close();
  expect(await server.stop()).toBe(0);
  expect(await emberlog(["backup", "status", "--from", url], env)).toMatchObject({ code: 0 });
  expect(await emberlog(["backup", "catalogue", "--from", url, "--dir", dir], env)).toMatchObject({
    code: 2,
    out: expect.stringContaining("npm install better-sqlite3"),
  });
}, 60_000);
