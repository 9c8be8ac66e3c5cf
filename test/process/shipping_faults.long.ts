/** D9 with a backup, in a real server: a sync fails under `everysec`, writes are resumed, and the log that had been synced before is shipped all the same. */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { open } from "../../src/engine/embedded.ts";
import { emberlogMain, startEmberlog } from "../support/emberlog_server.ts";
import { Faults, faultsPossible } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const root = temporaryDirectory("shipping-faults");
const run = promisify(execFile);
/** Several segments of a megabyte. */
const PAD = "v".repeat(20_000);

async function emberlog(...argv: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, ["--no-warnings", emberlogMain, ...argv, "--json"]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe.runIf(faultsPossible()).each([
  ["goes on", false],
  ["is killed right then", true],
])("a server that has resumed and %s", (name, killed) => {
  test("D9: every command is restorable, and the line of the backup goes on", { timeout: 60_000 }, async () => {
    const faults = new Faults();
    const dir = join(root, name.replaceAll(" ", "-"));
    mkdirSync(dir);
    const store = `file://${dir}-store`;
    const args = (interval: string): string[] => [
      ...["--appendfsync", "everysec", "--save", "", "--log-segment-bytes", "1mb"],
      ...["--backup-target", store, "--backup-interval", interval, "--backup-schedule", ""],
    ];
    const server = await startEmberlog({ dir, args: args("3600"), env: faults.env });
    let client = await server.connect();
    const said = async (...words: string[]): Promise<string> => String(await client.command(...words));
    /** By a connection of its own: whoever waits for what will never be in the log is disconnected. */
    const probe = async (): Promise<string> => {
      const other = await server.connect();
      const reply = other.command("SET", "x", "1").then(String, () => "closed");
      const outcome = await Promise.race([reply, sleep(300, "waits")]);
      other.close();
      return outcome;
    };
    const write = async (from: number, to: number): Promise<void> => {
      for (let i = from; i <= to; i++) expect(await said("MSET", "n", `${i}`, `k${i % 9}`, PAD)).toBe("+OK\r\n");
    };
    await write(1, 50);
    expect(await said("BACKUP", "NOW")).toContain("shipped-sequence");
    await write(51, 200);
    expect(await said("WAITAOF", "1", "0", "5000")).toContain(":1");
    // Written, and synced or not by the time that syncs fail.
    await write(201, 202);
    faults.failSyncs("EIO");
    await expect.poll(probe, { timeout: 10_000 }).toContain("MISCONF");
    faults.failSyncs(undefined);
    await expect.poll(probe, { timeout: 15_000 }).toBe("+OK\r\n");
    client.close();
    client = await server.connect();
    expect(readdirSync(dir).filter((each) => each.includes("unshipped")).length).toBeGreaterThan(2);
    await write(203, 205);
    expect(await said("WAITAOF", "1", "0", "5000")).toContain(":1");
    let last = server;
    if (killed) {
      await server.kill9();
      last = await startEmberlog({ dir, args: args("1") });
    }
    client.close();
    const after = await last.connect();
    expect(String(await after.command("BACKUP", "NOW"))).toContain("shipped-sequence");
    // What was executed and neither written nor acknowledged may be a hole, up to the image.
    expect(String(await after.command("INFO", "backup"))).toMatch(
      /backup_lag_seconds:0\.0\r\n[\s\S]*backup_holes:[01]\r\n/,
    );
    after.close();
    expect(last.output).not.toContain("other data");
    expect(readdirSync(dir).filter((each) => each.includes("unshipped"))).toEqual([]);
    expect(await last.stop()).toBe(0);
    server.dispose();
    faults.dispose();
    const { claims } = (await emberlog("backup", "list", "--from", store)) as { claims: { from: unknown }[] };
    expect(claims.slice(1).every(({ from }) => from !== null)).toBe(true);
    for (const wanted of [51, 200, 202, 205]) {
      const target = join(root, `${name.replaceAll(" ", "-")}-${wanted}`);
      const before = wanted === 205 ? [] : ["--before-command", `^MSET n ${wanted + 1} `];
      await emberlog("restore", "--from", store, "--dir", target, ...before);
      const database = await open({ dir: target });
      expect(String(database.get("n")), `before ${wanted + 1}`).toBe(`${wanted}`);
      await database.close();
    }
  });
});
