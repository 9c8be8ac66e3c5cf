/** The tools around backups, as their words are typed, on a small run whose commands are known. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
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
    if (i === 30) database.run("UNLINK", ...Array.from({ length: 150 }, (_, n) => `k${n}`));
    if (i === 50) database.run("FLUSHALL");
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
    restorable: { last: 63, lastMs: START_MS + 300_000 },
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

test("a timeline tells the commands of each minute and which of them emptied much, from the store as from the directory", async () => {
  const stored = await json("timeline", "--from", url);
  // The first command is one that selects the database.
  const commands = (stored["minutes"] as { commands: number }[]).map((minute) => minute.commands);
  expect(commands.reduce((a, b) => a + b)).toBe(63);
  expect(stored).toMatchObject({
    dangerous: [
      { name: "UNLINK", keys: 150, ms: START_MS + 31 * 5000, sequence: 33 },
      { name: "FLUSHALL", keys: 0, ms: START_MS + 51 * 5000, sequence: 54 },
    ],
    images: [{ sequence: 22 }],
    ranges: [{ first: 0, last: 63 }],
    gaps: [],
    unopened: 0,
    wrong: [],
  });
  const local = await json("timeline", "--dir", source);
  for (const field of ["minutes", "dangerous", "images", "ranges", "gaps"]) expect(local[field]).toEqual(stored[field]);
  const chart = (await emberlog("timeline", "--from", url)).out.split("\n");
  expect(chart[0]).toBe("time (UTC)          commands  a minute a line");
  expect(chart.find((line) => line.startsWith("2023-11-14 22:15"))).toMatch(
    /^2023-11-14 22:15 {10}\d\d {2}#+ +UNLINK of 150 keys, image$/,
  );
  expect(chart).toContain(`next       emberlog restore --from ${url} --dir NEW --to-sequence 53`);
  const later = await json("timeline", "--from", url, "--since", new Date(START_MS + 240_000).toISOString());
  expect(later["dangerous"]).toMatchObject([{ name: "FLUSHALL" }]);
});

test("counts that were altered are told, and the names stand in for them", async () => {
  const folder = join(root, "store", "counts", "0000000001");
  const [name] = readdirSync(folder);
  const text = readFileSync(join(folder, name!), "utf8");
  writeFileSync(join(folder, name!), text.replace("[[", "[[1"));
  const altered = await json("timeline", "--from", url);
  expect(altered["wrong"]).toEqual([expect.stringContaining("its checksum is wrong")]);
  expect((altered["minutes"] as { commands: number }[]).reduce((sum, { commands }) => sum + commands, 0)).toBe(63);
  writeFileSync(join(folder, name!), text);
});
