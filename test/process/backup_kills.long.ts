/**
 * kill -9 at every step of an upload and of a restore: what was stored stays restorable and the next upload finishes it; half a restore is never
 * served, and the next restore gives the whole.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { type Embedded, open } from "../../src/engine/embedded.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { emberlogMain } from "../support/emberlog_server.ts";
import { FakeClock } from "../support/engine_client.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const START_MS = 1_700_000_000_000;
/** More than either of the two takes. */
const STEPS_MAX = 400;
const PRELOAD = pathToFileURL(fileURLToPath(new URL("./kill_step.mjs", import.meta.url))).href;
const root = temporaryDirectory("backup-kills");
const source = join(root, "source");
const whole = `file://${join(root, "whole")}`;

/** The states after each command. */
const digests = new Set<string>();
let digest = "";

function digestIn(database: Embedded): string {
  return stateDigest((database as unknown as { readonly engine: Engine }).engine.dataset);
}

async function digestOf(dir: string): Promise<string> {
  const database = await open({ dir, clock: new FakeClock(START_MS) });
  const found = digestIn(database);
  await database.close();
  return found;
}

async function emberlog(...argv: string[]): Promise<{ code: number; out: string }> {
  let text = "";
  const add = (piece: string | Uint8Array): void => {
    text += String(piece);
  };
  return { code: await runProgram(argv, { out: add, error: add }), out: text };
}

/** Runs the built program until it dies at a step; true when it came to its end before. */
function ended(step: number, argv: readonly string[]): boolean {
  const { signal, status, stderr } = spawnSync(process.execPath, [emberlogMain, ...argv], {
    env: { ...process.env, NODE_OPTIONS: `--import=${PRELOAD}`, EMBERLOG_KILL_STEP: String(step) },
  });
  if (signal !== "SIGKILL") expect({ step, status }, String(stderr)).toEqual({ step, status: 0 });
  return signal !== "SIGKILL";
}

beforeAll(async () => {
  const database = await open({ dir: source, clock: new FakeClock(START_MS), logSegmentBytes: 8 * 1024 });
  digests.add(digestIn(database));
  for (let i = 0; i < 30; i++) {
    database.run("SET", `k${i}`, "v".repeat(900), "PX", 100_000 + i);
    digests.add(digestIn(database));
    if (i === 12) await database.snapshot();
  }
  digest = digestIn(database);
  await database.close();
  expect(await emberlog("backup", "now", source, "--to", whole)).toMatchObject({ code: 0 });
}, 60_000);

test("an upload", { timeout: 600_000 }, async () => {
  let claimed = false;
  for (let step = 1; ; step++) {
    expect(step).toBeLessThan(STEPS_MAX);
    const place = join(root, `upload-${step}`);
    const url = `file://${place}`;
    const done = ended(step, ["backup", "now", source, "--to", url]);
    // Before the claim is there, nobody has written anything.
    const verified = await emberlog("backup", "verify", "--from", url, "--no-record");
    claimed ||= verified.code === 0;
    if (!claimed) expect(verified, `${step}`).toEqual({ code: 2, out: expect.stringContaining("holds no backup") });
    else expect(verified.code, `${step}`).toBe(0);
    const early = await emberlog("restore", "--from", url, "--dir", join(root, `early-${step}`));
    if (early.code === 0) expect(digests, `${step}`).toContain(await digestOf(join(root, `early-${step}`)));
    else expect(early.out, `${step}`).toContain("nothing that can be restored");
    expect(await emberlog("backup", "now", source, "--to", url), `${step}`).toMatchObject({ code: 0 });
    const dir = join(root, `after-${step}`);
    expect(await emberlog("restore", "--from", url, "--dir", dir), `${step}`).toMatchObject({ code: 0 });
    expect(await digestOf(dir), `${step}`).toBe(digest);
    if (done) return console.log(`an upload died at each of ${step - 1} steps`);
  }
});

/** At each step, or at each third one where the others differ little. */
const RESTORES: readonly (readonly [string, number, readonly string[]])[] = [
  ["whole", 3, []],
  ["cut", 1, ["--to-sequence", "21"]],
  ["shifted", 3, ["--ttl", "shift"]],
];

test.each(RESTORES)("a restore: %s", { timeout: 600_000 }, async (label, stride, options) => {
  const words = ["restore", "--from", whole, ...options, "--dir"];
  const wanted = join(root, `wanted-${label}`);
  expect(await emberlog(...words, wanted)).toMatchObject({ code: 0 });
  // Times that were shifted differ from run to run.
  const same = async (dir: string): Promise<void> => {
    if (label !== "shifted") return expect(await digestOf(dir)).toBe(await digestOf(wanted));
    const database = await open({ dir });
    expect(database.run("DBSIZE")).toBe(30);
    expect(Number(database.run("PTTL", "k0"))).toBeGreaterThan(0);
    await database.close();
  };
  let refusals = 0;
  for (let step = 1; ; step += stride) {
    expect(step).toBeLessThan(STEPS_MAX);
    const dir = join(root, `${label}-${step}`);
    const done = ended(step, [...words, dir]);
    if (existsSync(join(dir, "MANIFEST"))) await same(dir);
    else if (existsSync(dir) && readdirSync(dir).length > 0) {
      await expect(open({ dir }), `${step}`).rejects.toMatchObject({ code: "RESTORE_UNFINISHED" });
      refusals++;
      expect(await emberlog(...words, dir), `${step}`).toMatchObject({ code: 0 });
      await same(dir);
    }
    if (!done) continue;
    expect(refusals).toBeGreaterThan(10);
    return console.log(`a restore (${label}) died at every ${stride}. of ${step - 1} steps, ${refusals} times half`);
  }
});
