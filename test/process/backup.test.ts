/** Backups as an operator makes them: a server, a bad command, `emberlog backup`, `emberlog restore`, a server again. */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { expect, test } from "vitest";
import { emberlogMain, startEmberlog } from "../support/emberlog_server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const root = temporaryDirectory("backup-process");
const store = `file://${join(root, "store")}`;

interface Ran {
  readonly code: number;
  readonly out: string;
}

async function emberlog(...words: string[]): Promise<Ran> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [emberlogMain, ...words]);
    return { code: 0, out: stdout };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    return { code, out: stdout + stderr };
  }
}

test("a FLUSHALL is undone: from an image and the log behind it, encrypted", async () => {
  const identity = await generateIdentity();
  const identityFile = join(root, "identity.txt");
  writeFileSync(identityFile, `${identity}\n`);
  const recipient = await identityToRecipient(identity);
  const dir = join(root, "data");
  mkdirSync(dir);
  const server = await startEmberlog({ dir });
  const client = await server.connect();
  for (let i = 0; i < 50; i++) await client.command("HSET", `user:${i}`, "name", `n${i}`, "visits", String(i));
  await client.command("SAVE");
  await client.command("SET", "written", "later");
  await client.command("FLUSHALL");
  await client.command("SET", "after", "all");
  // While the server runs, what is sealed goes; the rest when it has stopped.
  const first = await emberlog("backup", "now", dir, "--to", store, "--recipient", recipient);
  expect(first).toMatchObject({ code: 0 });
  client.close();
  expect(await server.stop()).toBe(0);
  const second = JSON.parse(
    (await emberlog("backup", "now", dir, "--to", store, "--recipient", recipient, "--json")).out,
  ) as { shippedSequence: number };
  expect(second.shippedSequence).toBeGreaterThanOrEqual(53);
  expect(await emberlog("backup", "verify", "--from", store)).toMatchObject({ code: 0 });
  expect(await emberlog("backup", "verify", "--from", store, "--identity", identityFile)).toMatchObject({ code: 0 });
  const restored = join(root, "restored");
  const words = ["restore", "--from", store, "--dir", restored, "--before", "flushall"];
  const refused = await emberlog(...words);
  expect(refused).toMatchObject({ code: 2, out: expect.stringContaining("--identity FILE") });
  const done = await emberlog(...words, "--identity", identityFile);
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining("FLUSHALL") });
  expect(await emberlog("check", restored)).toMatchObject({ code: 0 });
  const again = await startEmberlog({ dir: restored });
  const reader = await again.connect();
  const answers = [
    await reader.command("DBSIZE"),
    await reader.command("HGET", "user:49", "visits"),
    await reader.command("GET", "written"),
    await reader.command("GET", "after"),
  ];
  expect(answers.map(String)).toEqual([":51\r\n", "$2\r\n49\r\n", "$5\r\nlater\r\n", "$-1\r\n"]);
  reader.close();
  expect(await again.stop()).toBe(0);
});

test("nothing readable lies in an encrypted store, and grep finds it in one that is not", async () => {
  const grep = (folder: string): number => {
    try {
      execFileSync("grep", ["-rq", "user:49", folder]);
      return 0;
    } catch (thrown) {
      return (thrown as { status: number }).status;
    }
  };
  expect(readdirSync(join(root, "store")).sort()).toEqual([
    ".writing",
    "checks",
    "claims",
    "counts",
    "generations",
    "images",
    "probe",
    "segments",
  ]);
  expect(grep(join(root, "store"))).toBe(1);
  const plain = await emberlog("backup", "now", join(root, "data"), "--to", `file://${join(root, "plain")}`);
  expect(plain).toMatchObject({ code: 0 });
  expect(grep(join(root, "plain", "segments"))).toBe(0);
});

test("age -d of the system opens an object, and emberlog dump reads what it gives", async (context) => {
  if (spawnSync("age", ["--version"]).error !== undefined) {
    console.log("SKIPPED: there is no age here (apt-get install age)");
    return context.skip();
  }
  const segments = join(root, "store", "segments", "0000000001");
  const [name] = readdirSync(segments);
  const plain = join(root, "object.seg");
  execFileSync("age", ["-d", "-i", join(root, "identity.txt"), "-o", plain, join(segments, name!)]);
  const dumped = await emberlog("dump", plain);
  expect(dumped).toMatchObject({ code: 0, out: expect.stringContaining('"HSET" "user:0" "name" "n0" "visits" "0"') });
  expect((await emberlog("dump", join(segments, name!))).out).toContain("no segment of a log");
});

test("one key's version comes back into a running server, and nothing else is touched", async () => {
  const dir = join(root, "kept");
  mkdirSync(dir);
  const server = await startEmberlog({ dir });
  const client = await server.connect();
  await client.command("SET", "untouched", "1");
  const words = ["history", "user:49", "--from", store, "--identity", join(root, "identity.txt")];
  const into = ["--restore-into", `redis://127.0.0.1:${server.port}`];
  const told = await emberlog(...words);
  expect(told.out).toMatch(/command \d+ {2}HSET {8}hash of 2\n.* FLUSHALL {4}gone\n$/);
  expect(await emberlog(...words, ...into)).toMatchObject({ code: 0, out: expect.stringContaining("hash of 2") });
  expect(await emberlog(...words, ...into)).toMatchObject({ code: 2, out: expect.stringContaining("--replace") });
  expect(await emberlog(...words, ...into, "--replace")).toMatchObject({ code: 0 });
  const answers = [await client.command("HGETALL", "user:49"), await client.command("DBSIZE")];
  expect(answers.map(String)).toEqual(["*4\r\n$4\r\nname\r\n$3\r\nn49\r\n$6\r\nvisits\r\n$2\r\n49\r\n", ":2\r\n"]);
  client.close();
  expect(await server.stop()).toBe(0);
});

test("mistakes are told in a line, and change nothing", async () => {
  const mistakes: [string[], string][] = [
    [["backup", "now", join(root, "nowhere"), "--to", store], "no data directory"],
    [["backup", "now", join(root, "data"), "--to", "s3://bucket/x"], "--recipient age1"],
    [["backup", "now", join(root, "data"), "--to", store, "--recipient", "age1nonsense"], "not a recipient"],
    [["restore", "--from", store, "--dir", join(root, "data")], "not empty"],
    [["restore", "--from", store, "--dir", join(root, "x"), "--to", "yesterday"], "not a time"],
    [["restore", "--from", store, "--dir", join(root, "x"), "--to-sequence", "99999"], "it has the commands"],
    [["restore", "--from", `file://${join(root, "empty")}`, "--dir", join(root, "x")], "nothing that can be restored"],
  ];
  for (const [words, told] of mistakes) {
    const ran = await emberlog(...words);
    expect(ran, words.join(" ")).toMatchObject({ code: 2, out: expect.stringContaining(told) });
    expect(ran.out.trim().split("\n"), words.join(" ")).toHaveLength(1);
  }
  expect(readdirSync(root)).not.toContain("x");
});
