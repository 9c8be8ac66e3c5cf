/** The tools around backups, as their words are typed, on a small run whose commands are known. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { runProgram } from "../../../src/cli/program.ts";
import { open } from "../../../src/engine/embedded.ts";
import { FakeClock } from "../../support/engine_client.ts";
import { exchangeContent, forgetContent } from "../../support/other_image.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const START_MS = 1_700_000_000_000;
const root = temporaryDirectory("backup-tools");
const source = join(root, "source");
const url = `file://${join(root, "store")}`;
const identityFile = join(root, "identity.txt");
let recipient = "";
const RECORDED = "the digest recorded when it was taken";

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

interface Version {
  readonly sequence: number;
  readonly ms: number;
  readonly by: string;
  readonly state: {
    readonly type: string;
    readonly size: number;
    readonly preview: string;
    readonly expiryMs: number | null;
  } | null;
}

/** What became of k3, by the loop above: the step, or what removed it. */
const K3 = ["3", "10", "17", "24", "UNLINK", "31", "38", "45", "FLUSHALL", "52", "59"];

function told(versions: readonly Version[]): string[] {
  return versions.map(({ state, by }) => (state === null ? by : state.preview.replace(/\.*$/, "")));
}

test("the history of a key has each of its versions, from the store as from the directory", async () => {
  const stored = await json("history", "k3", "--from", url, "--identity", identityFile);
  const versions = stored["versions"] as Version[];
  expect(told(versions)).toEqual(K3);
  expect(versions[0]).toMatchObject({
    ms: START_MS + 4 * 5000,
    by: "SET",
    sequence: 5,
    state: { type: "string", size: 900 },
  });
  expect((await json("history", "k3", "--dir", source))["versions"]).toEqual(versions);
  const since = await json("history", "k3", "--dir", source, "--since", new Date(START_MS + 40 * 5000).toISOString());
  expect(told(since["versions"] as Version[])).toEqual(K3.slice(6));
  const until = await json(
    "history",
    "k3",
    "--from",
    url,
    "--identity",
    identityFile,
    "--sequence",
    "30",
    "--limit",
    "2",
  );
  expect(told(until["versions"] as Version[])).toEqual(["17", "24"]);
  expect(until).toMatchObject({ omitted: 2, last: 30 });
  expect(await emberlog("history", "nosuch", "--dir", source)).toMatchObject({ code: 1 });
  expect(await emberlog("history", "k3", "--from", url)).toMatchObject({
    code: 2,
    out: expect.stringContaining("--identity FILE"),
  });
});

test("inside a transaction only its end is a version, and collections and expiries are told", async () => {
  const dir = join(root, "kinds");
  const database = await open({ dir, clock: new FakeClock(START_MS) });
  database.atomically(() => {
    database.run("RPUSH", "list", "a");
    database.run("RPUSH", "list", "b", "c");
  });
  database.run("PEXPIREAT", "list", START_MS + 60_000);
  database.run("RENAME", "list", "away");
  database.run("SET", "other", "list");
  await database.close();
  const { versions } = (await json("history", "list", "--dir", dir)) as unknown as { versions: Version[] };
  expect(versions.map(({ state }) => state)).toEqual([
    { type: "list", size: 3, expiryMs: null, preview: null },
    { type: "list", size: 3, expiryMs: START_MS + 60_000, preview: null },
    null,
  ]);
});

test("prune asks whose backup it is, says what would go, and refuses who does not own it", async () => {
  const words = ["backup", "prune", "--from", url, "--keep", "1h"];
  expect(await emberlog(...words)).toMatchObject({ code: 2, out: expect.stringContaining("--claim NUMBER") });
  expect(await emberlog(...words.slice(0, 4), "--keep", "soon", "--claim", "1")).toMatchObject({
    code: 2,
    out: expect.stringContaining("not a retention"),
  });
  expect(await emberlog(...words, "--claim", "7")).toMatchObject({ code: 2, out: expect.stringContaining("claim 1") });
  expect(await emberlog(...words, "--dir", join(root, "kinds"))).toMatchObject({
    code: 2,
    out: expect.stringContaining("another epoch"),
  });
  // All of it is within the hour.
  expect(await json(...words, "--dir", source, "--dry-run")).toMatchObject({ dryRun: true, claim: 1, removed: 0 });
  expect(await emberlog(...words, "--dir", source)).toMatchObject({ code: 0 });
});

test("a drill restores for real, compares the image with the log and with the drill before, and is on record", async () => {
  const words = ["backup", "drill", "--from", url, "--identity", identityFile];
  const first = await json(...words);
  expect(first).toMatchObject({
    ok: true,
    sequence: 63,
    keys: 7,
    compared: [RECORDED, "the log"],
    onRecord: true,
    wrong: [],
  });
  expect(first["recorded"]).toEqual({ digest: expect.stringMatching(/^[0-9a-f]{64}$/), keys: 7 });
  expect(first["image"]).toMatchObject({ sequence: 22, digest: expect.stringMatching(/^[0-9a-f]{40}$/) });
  expect(await json(...words)).toMatchObject({
    ok: true,
    compared: [RECORDED, "an earlier drill", "the log"],
    image: first["image"],
  });
  expect(await json("backup", "status", "--from", url)).toMatchObject({
    checks: { drill: { ok: true, text: "restored, 7 keys" }, verify: { ok: true } },
  });
  expect(await emberlog(...words.slice(0, 4))).toMatchObject({
    code: 1,
    out: expect.stringContaining("--identity FILE"),
  });
  // A record that claims another content of the same image is noticed.
  const folder = join(root, "store", "checks");
  const name = readdirSync(folder).find((each) => each.includes("drill"))!;
  const text = readFileSync(join(folder, name), "utf8");
  writeFileSync(join(folder, name), text.replace((first["image"] as { digest: string }).digest, "0".repeat(40)));
  const differs = await json(...words, "--no-record");
  expect(differs).toMatchObject({
    ok: false,
    onRecord: false,
    wrong: [expect.stringContaining("in an earlier drill")],
  });
});

test("a drill notices an image that is not what was frozen, though every checksum of it is right", async () => {
  const dir = join(root, "exchanged");
  const database = await open({ dir, clock: new FakeClock(START_MS) });
  for (let i = 0; i < 40; i++) database.set(`k${i}`, `value-${i}`);
  await database.snapshot();
  database.set("later", "1");
  await database.close();
  const folder = join(root, "exchanged-store");
  const words = ["--from", `file://${folder}`];
  expect(await emberlog("backup", "now", dir, "--to", words[1]!)).toMatchObject({ code: 0 });
  const sound = await emberlog("backup", "drill", ...words, "--no-record");
  expect(sound).toMatchObject({ code: 0, out: expect.stringContaining(`the same by ${RECORDED}, by the log`) });
  exchangeContent(folder, (plain) => {
    const at = Buffer.from(plain.buffer, plain.byteOffset, plain.length).indexOf("value-17");
    if (at >= 0) plain[at] = 0x56;
  });
  expect(await emberlog("backup", "verify", ...words)).toMatchObject({ code: 0 });
  expect(await json("backup", "drill", ...words, "--no-record")).toMatchObject({
    ok: false,
    keys: 41,
    wrong: [
      expect.stringMatching(
        /^the image of command 41 holds [0-9a-f]{64}, and [0-9a-f]{64} was frozen when it was taken$/,
      ),
      expect.stringContaining("and the log gives"),
    ],
  });
  // What an Emberlog before the record has stored is drilled by the log alone, and that is said.
  forgetContent(folder);
  const early = await json("backup", "drill", ...words, "--no-record");
  expect(early).toMatchObject({ ok: false, recorded: null, compared: ["the log"] });
  expect(early["wrong"]).toEqual([expect.stringContaining("and the log gives")]);
  expect(await emberlog("backup", "drill", ...words, "--no-record")).toMatchObject({
    code: 1,
    out: expect.stringContaining("nothing was recorded when it was taken: an earlier Emberlog took it"),
  });
});

test("a restore keeps the times at which keys and fields expire, or shifts them all to as far from now", async () => {
  const dir = join(root, "expiring");
  const clock = new FakeClock(START_MS);
  const database = await open({ dir, clock });
  database.run("SET", "soon", "1", "PX", 60_000);
  database.run("SELECT", 3);
  database.run("HSET", "hash", "field", "1", "other", "2");
  database.run("HPEXPIRE", "hash", 90_000, "FIELDS", 1, "field");
  database.run("SET", "ever", "1");
  clock.advance(10_000);
  database.run("SET", "last", "1");
  await database.close();
  const place = `file://${join(root, "expiring-store")}`;
  expect(await emberlog("backup", "now", dir, "--to", place)).toMatchObject({ code: 0 });
  for (const [mode, sizes] of [
    ["keep", [0, 1]],
    ["shift", [1, 2]],
  ] as const) {
    const to = join(root, `expiring-${mode}`);
    const restored = await json("restore", "--from", place, "--dir", to, "--ttl", mode);
    expect(restored, mode).toMatchObject({ shifted: mode === "shift" ? 2 : 0 });
    const again = await open({ dir: to });
    expect(again.run("PTTL", "soon")).toSatisfy((ms: number) =>
      mode === "keep" ? ms === -2 : ms > 45_000 && ms <= 50_000,
    );
    expect(again.run("EXISTS", "soon"), mode).toBe(sizes[0]);
    again.run("SELECT", 3);
    expect(again.run("HKEYS", "hash"), mode).toHaveLength(sizes[1]);
    if (mode === "shift")
      expect(again.run("HPTTL", "hash", "FIELDS", 1, "field")).toSatisfy(
        ([ms]: number[]) => ms! > 75_000 && ms! <= 80_000,
      );
    expect(again.run("PTTL", "ever")).toBe(-1);
    await again.close();
  }
  expect(await emberlog("restore", "--from", place, "--dir", join(root, "no"), "--ttl", "x")).toMatchObject({
    code: 2,
  });
});

test("half a restore is served by no start, and begun anew by the next restore", async () => {
  const dir = join(root, "half");
  expect(await emberlog("restore", "--from", url, "--identity", identityFile, "--dir", dir)).toMatchObject({ code: 0 });
  mkdirSync(join(dir, "restoring"));
  const whole = await open({ dir });
  expect(whole.run("DBSIZE")).toBe(7);
  await whole.close();
  renameSync(join(dir, "MANIFEST"), join(dir, "restoring", "MANIFEST"));
  await expect(open({ dir })).rejects.toMatchObject({
    code: "RESTORE_UNFINISHED",
    message: expect.stringContaining("run it again"),
  });
  expect(await emberlog("history", "k3", "--dir", dir)).toMatchObject({ code: 2 });
  expect(await emberlog("restore", "--from", url, "--identity", identityFile, "--dir", dir)).toMatchObject({ code: 0 });
  expect(await emberlog("check", dir)).toMatchObject({ code: 0 });
});

test("what lies under an older claim is reached by its number, also when other data has taken the place", async () => {
  const place = `file://${join(root, "shared-store")}`;
  const other = join(root, "other");
  for (const dir of [source, other]) {
    if (dir === other) {
      const database = await open({ dir, clock: new FakeClock(START_MS) });
      database.set("other", "data");
      await database.close();
    }
    expect(await emberlog("backup", "now", dir, "--to", place)).toMatchObject({ code: 0 });
  }
  expect((await emberlog("backup", "list", "--from", place)).out).toMatch(
    /claim {4}1 .*begins anew.*\nclaim {4}2 .*begins anew/,
  );
  const newest = await json("timeline", "--from", place);
  expect(newest["ranges"]).toEqual([{ first: 0, last: 2 }]);
  expect(await json("timeline", "--from", place, "--claim", "1")).toMatchObject({ ranges: [{ first: 0, last: 63 }] });
  const told1 = await json("history", "k3", "--from", place, "--claim", "1");
  expect(told(told1["versions"] as Version[])).toEqual(K3);
  const dir = join(root, "older-claim");
  expect(await emberlog("restore", "--from", place, "--claim", "1", "--dir", dir)).toMatchObject({ code: 0 });
  const database = await open({ dir });
  expect(database.run("DBSIZE")).toBe(7);
  await database.close();
  for (const claim of ["3", "x"])
    expect(await emberlog("restore", "--from", place, "--claim", claim, "--dir", join(root, "none"))).toMatchObject({
      code: 2,
    });
});

test("beside a server that ships there itself nothing takes the backup from it", async () => {
  const dir = join(root, "served");
  const place = `file://${join(root, "served-store")}`;
  const database = await open({ dir });
  database.set("a", "1");
  writeFileSync(join(dir, "backup.json"), JSON.stringify({ target: place }));
  expect(await emberlog("backup", "now", dir, "--to", place)).toMatchObject({
    code: 2,
    out: expect.stringContaining("redis-cli BACKUP NOW"),
  });
  await database.close();
  expect(await emberlog("backup", "now", dir, "--to", place)).toMatchObject({ code: 0 });
});

test("a place that is named by mistake is not made by looking into it, nor is anything else by --dry-run", async () => {
  const nowhere = join(root, "nowhere");
  const target = join(root, "dry");
  expect(await emberlog("restore", "--from", `file://${nowhere}`, "--dir", target, "--dry-run")).toMatchObject({
    code: 2,
  });
  expect(await emberlog("backup", "status", "--from", `file://${nowhere}`)).toMatchObject({ code: 1 });
  expect(existsSync(nowhere)).toBe(false);
  const dry = ["restore", "--from", url, "--dir", target, "--identity", identityFile, "--dry-run"];
  expect(await json(...dry, "--before", "FLUSHALL")).toMatchObject({ dryRun: true, note: null });
  expect(existsSync(target)).toBe(false);
});

test("a time or a number that is none is refused, and one beyond what is stored is told", async () => {
  const restore = ["restore", "--from", url, "--identity", identityFile, "--dry-run", "--dir", join(root, "times")];
  for (const time of ["4711", "1795678354", "2026-13-01", "2026-11-21T10:00", "21 Nov 2026", "10:00", ""])
    expect(await emberlog(...restore, "--to", time), time).toMatchObject({
      code: 2,
      out: expect.stringContaining("not a time"),
    });
  for (const number of ["", " ", "-1", "1e3", "0x10", "1.5"])
    expect(await emberlog(...restore, `--to-sequence=${number}`), number).toMatchObject({ code: 2 });
  const plus = new Date(START_MS + 100_000 + 3_600_000).toISOString().replace("Z", "+01:00");
  const same = await json(...restore, "--to", plus);
  expect(same).toEqual(await json(...restore, "--to", new Date(START_MS + 100_000).toISOString()));
  expect(same["note"]).toBe(null);
  const { note } = await json(...restore, "--to", new Date(START_MS + 86_400_000).toISOString());
  expect(note).toContain("was not stored, if there was anything");
  const empty = [
    "restore",
    "--from",
    url,
    "--identity",
    identityFile,
    "--dir",
    join(root, "empty"),
    "--to",
    "1999-01-01",
  ];
  expect(await json(...empty)).toMatchObject({ sequence: 0, note: expect.stringContaining("the database is empty") });
});
