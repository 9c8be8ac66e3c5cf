/** The tools around backups, as their words are typed, on a small run whose commands are known. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { runProgram } from "../../../src/cli/program.ts";
import { open } from "../../../src/engine/embedded.ts";
import { FakeClock } from "../../support/engine_client.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const START_MS = 1_700_000_000_000;
const root = temporaryDirectory("backup-tools");
const source = join(root, "source");
const url = `file://${join(root, "store")}`;
const identityFile = join(root, "identity.txt");
let recipient = "";

async function emberlog(...argv: string[]): Promise<{ code: number; out: string }> {
  let text = "";
  const code = await runProgram(argv, {
    out: (piece) => {
      text += String(piece);
    },
    error: (piece) => {
      text += piece;
    },
  });
  return { code, out: text };
}

async function json(...argv: string[]): Promise<Record<string, unknown>> {
  return JSON.parse((await emberlog(...argv, "--json")).out) as Record<string, unknown>;
}

beforeAll(async () => {
  recipient = ((await json("backup", "identity", identityFile))["recipients"] as string[])[0]!;
  const clock = new FakeClock(START_MS);
  const database = await open({ dir: source, clock, logSegmentBytes: 16 * 1024 });
  for (let i = 0; i < 60; i++) {
    clock.advance(5000);
    database.set(`k${i % 7}`, `${i}`.padEnd(900, "."));
    if (i === 20) await database.snapshot();
  }
  await database.durable();
  await database.close();
  expect(await emberlog("backup", "now", source, "--to", url, "--recipient", recipient)).toMatchObject({ code: 0 });
});

test("an identity is made once, readable by its owner alone, and opens what is sealed for its recipient", async () => {
  expect(statSync(identityFile).mode & 0o777).toBe(0o600);
  expect(readFileSync(identityFile, "utf8")).toMatch(/^# created: .*\n# public key: age1\w+\nAGE-SECRET-KEY-1\w+\n$/);
  const again = await emberlog("backup", "identity", identityFile);
  expect(again).toMatchObject({ code: 2, out: expect.stringContaining("it exists") });
  expect(await emberlog("backup", "identity", "--show", identityFile)).toEqual({ code: 0, out: `${recipient}\n` });
  expect(await emberlog("backup", "verify", "--from", url, "--identity", identityFile)).toMatchObject({ code: 0 });
});

test("the status tells how far the store reaches, and what of a directory is not there", async () => {
  const status = await json("backup", "status", "--from", url, "--dir", source);
  expect(status).toMatchObject({
    ok: true,
    claim: { claim: 1 },
    image: { sequence: 22 },
    restorable: { last: 61, lastMs: START_MS + 300_000 },
    gaps: [],
    directory: { sameEpoch: true, segments: 0, images: 0, open: true },
  });
  expect(await emberlog("backup", "status", "--from", url)).toMatchObject({
    code: 0,
    out: expect.stringContaining("the last of 2023-11-14T22:18:20.000Z"),
  });
  const empty = await emberlog("backup", "status", "--from", `file://${join(root, "empty")}`);
  expect(empty).toMatchObject({ code: 1, out: expect.stringContaining("nothing was ever stored there") });
});
