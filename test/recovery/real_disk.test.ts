/** The whole path on a real file system: with the addon's threads and without, a process that vanishes, check and dump. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { run as check } from "../../src/cli/check.ts";
import { run as dump } from "../../src/cli/dump.ts";
import { NodeDisk, nodeFiles } from "../../src/disk/node_disk.ts";
import type { DataDirectory } from "../../src/engine/data_directory.ts";
import { open } from "../../src/engine/embedded.ts";
import { verifyingMemory } from "../../src/engine/image_chain.ts";
import { openDataDirectory } from "../../src/engine/open_directory.ts";
import type { FsyncPolicy } from "../../src/log/sync_schedule.ts";
import { crc32c } from "../../src/platform/checksum.ts";
import { nativeFileCalls } from "../../src/platform/file_calls.ts";
import { NativeLogIo, PortableLogIo } from "../../src/platform/log_io.ts";
import { nativeAddon } from "../../src/platform/native.ts";
import { encodeRequest } from "../../src/protocol/request_writer.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "emberlog-log-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const addon = nativeAddon();

function openReal(policy: FsyncPolicy, portable: boolean, segmentBytesMax = 1 << 20) {
  const logIo =
    portable || addon === undefined
      ? new PortableLogIo(nodeFiles, () => systemClock.monotonicUs())
      : new NativeLogIo(addon);
  const units: string[] = [];
  const data = openDataDirectory(
    {
      disk: new NodeDisk(portable ? {} : nativeFileCalls()),
      directory,
      logIo,
      clock: systemClock,
      random: systemRandom(),
      crc32c,
      policy,
      segmentBytesMax,
    },
    {
      unit(payload, start, end) {
        units.push(Buffer.from(payload.subarray(start, end)).toString("latin1"));
        return undefined;
      },
    },
    verifyingMemory(new NodeDisk(), crc32c),
  );
  return { data, units, logIo };
}

function commit(data: DataDirectory, ...requests: (readonly string[])[]): void {
  const bytes = data.writer.payloadBytes();
  let at = data.writer.payloadStart();
  for (const request of requests) {
    const encoded = encodeRequest(request);
    bytes.set(encoded, at);
    at += encoded.length;
  }
  data.writer.commit(bytes, at, requests.length, 0);
}

async function checked(): Promise<{ code: number; text: string; json: Record<string, unknown> }> {
  let text = "";
  let json = "";
  const code = await check([directory], (chunk) => void (text += chunk));
  expect(await check([directory, "--json"], (chunk) => void (json += chunk))).toBe(code);
  return { code, text, json: JSON.parse(json) as Record<string, unknown> };
}

async function dumped(...args: string[]): Promise<{ code: number; out: string; complaints: string }> {
  let out = "";
  let complaints = "";
  const code = await dump(
    [directory, ...args],
    (chunk) => void (out += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("latin1")),
    (chunk) => void (complaints += chunk),
  );
  return { code, out, complaints };
}

describe.each(addon === undefined ? [true] : [false, true])("portable: %s", (portable) => {
  test.each(["always", "everysec", "no"] as const)(
    "%s: many commits over many segments are all there again",
    async (policy) => {
      const value = "v".repeat(5000);
      const first = openReal(policy, portable);
      let released = 0;
      for (let i = 0; i < 2000; i++) {
        commit(first.data, ["SET", `key${i}`, value]);
        if (i % 100 === 0) await first.data.writer.durable();
        expect(first.data.writer.releasedSequence).toBeGreaterThanOrEqual(released);
        released = first.data.writer.releasedSequence;
      }
      await first.data.writer.durable();
      expect(first.data.writer.durableSequence).toBe(2000);
      expect(first.data.writer.statistics.segments).toBeGreaterThan(5);
      await first.data.close();
      await first.logIo.close();

      expect(await checked()).toMatchObject({ code: 0, json: { state: "sound", lastSequence: 2000 } });
      const second = openReal(policy, portable);
      expect(second.units.length).toBe(2000);
      expect(second.units[1999]).toContain("key1999");
      expect(second.data.report).toMatchObject({ decision: "open", commands: 2000 });
      // Vanishes without closing anything, as a killed process does.
      commit(second.data, ["SET", "last", "1"]);
      await second.data.abandon();
      await second.logIo.close();
      const third = openReal(policy, portable);
      expect(third.units.at(-1)).toContain("last");
      await third.data.close();
      await third.logIo.close();
    },
  );
});

/** Three units, the last of two commands, left by a process that vanished. */
async function smallDirectory(): Promise<string> {
  const { data, logIo } = openReal("everysec", true);
  commit(data, ["SELECT", "3"], ["SET", "a", 'line\r\n\x00"quote"']);
  commit(data, ["SET", "b", "\xe4"]);
  commit(data, ["MULTI"], ["DEL", "a"], ["EXEC"]);
  await data.abandon();
  await logIo.close();
  return join(directory, readdirSync(directory).find((name) => name.endsWith(".seg"))!);
}

describe("check", () => {
  test("explains a sound directory", async () => {
    await smallDirectory();
    const { code, text, json } = await checked();
    expect(code).toBe(0);
    expect(text).toContain("1 … 6");
    expect(text).toContain("a start replays 6 commands");
    expect(json).toMatchObject({ decision: "open", commands: 6, holder: null, findings: [] });
  });

  test("lists the images, and tells what a start takes from them", async () => {
    const database = await open({ dir: directory });
    database.set("a", "1");
    database.set("b", "2"); // The third command: the first selects the database.
    const { file } = await database.snapshot();
    database.set("c", "3");
    await database.close();
    const { code, text, json } = await checked();
    expect(code).toBe(0);
    expect(text).toMatch(/image {6}image-\S+\.img: full, through command 3, \d+ bytes, a start begins with it\n/);
    expect(text).toContain("a start begins with 1 image through command 3 and replays 1 command (");
    expect(json).toMatchObject({
      ...{ decision: "open", commands: 4, replays: 1 },
      images: [{ name: file, place: 0, sequence: 3, begunWith: true, problem: null }],
    });

    const image = join(directory, file);
    const bytes = readFileSync(image);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(image, bytes);
    const damaged = await checked();
    expect(damaged.text).toContain("a start replays 4 commands");
    expect(damaged.json).toMatchObject({ replays: 4, images: [{ begunWith: false, problem: expect.any(String) }] });
  });

  test("says 1 for a torn tail, and changes nothing", async () => {
    const file = await smallDirectory();
    truncateSync(file, readFileSync(file).length - 3);
    const before = readFileSync(file);
    const { code, text, json } = await checked();
    expect(code).toBe(1);
    expect(text).toMatch(/torn .*log-/);
    expect(json).toMatchObject({ state: "torn", decision: "cut", lastSequence: 3 });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test("says 2 for rot, and how to go on", async () => {
    const file = await smallDirectory();
    rmSync(file);
    const { code, text, json } = await checked();
    expect(code).toBe(2);
    expect(text).toContain("emberlog dump");
    expect(json).toMatchObject({ state: "damaged", decision: "refuse missing" });
  });

  test("of nothing: an empty directory is sound, a missing one is not", async () => {
    expect(await checked()).toMatchObject({ code: 0, json: { decision: "create" } });
    rmSync(directory, { recursive: true });
    expect(await checked()).toMatchObject({ code: 2, json: { state: "error", code: "DATA_MISSING" } });
  });

  test("while a server is writing, what is not whole yet is no damage", async () => {
    const { data, logIo } = openReal("everysec", false);
    for (let i = 0; i < 3; i++) commit(data, ["SET", "k", String(i)]);
    expect(await checked()).toMatchObject({ code: 0, json: { holder: process.pid, commands: 3 } });
    const file = join(directory, data.writer.segmentName);
    writeFileSync(file, Buffer.from("EFRM half a frame"), { flag: "a" });
    const { code, text } = await checked();
    expect(text).toContain("is writing the last frame");
    expect(code).toBe(0);
    await data.abandon();
    await logIo.close();
    expect((await checked()).code).toBe(1);
  });

  test("the wrong words get the usage", async () => {
    let text = "";
    expect(await check([], (chunk) => void (text += chunk))).toBe(2);
    expect(text).toMatch(/^usage/);
  });
});

describe("dump", () => {
  test("as text, quoted as redis-cli does", async () => {
    await smallDirectory();
    const { code, out } = await dumped();
    expect(code).toBe(0);
    const lines = out.split("\n");
    expect(lines[0]).toMatch(/^segment log-0000000000000001-/);
    expect(lines[1]).toMatch(/^frame 0 at 4096: commands, 1 … 2, \d+ bytes, durable 0, 20\d\d-/);
    expect(lines.slice(2, 4)).toEqual(['1) "SELECT" "3"', '2) "SET" "a" "line\\r\\n\\x00\\"quote\\""']);
  });

  test("as JSON lines", async () => {
    await smallDirectory();
    const { out } = await dumped("--json");
    const rows = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.filter((row) => row["type"] === "command").slice(1, 3)).toEqual([
      { type: "command", sequence: 2, database: 3, args: ["SET", "a", 'line\r\n\x00"quote"'] },
      { type: "command", sequence: 3, database: 0, args: ["SET", "b", { base64: "5A==" }] },
    ]);
    expect(rows[1]).toMatchObject({ type: "frame", offset: 4096, kind: "commands", commands: 2, database: 0 });
  });

  test("--from and --limit", async () => {
    await smallDirectory();
    const { out } = await dumped("--from", "4", "--limit", "2");
    expect(out.split("\n").filter((line) => /^\d/.test(line))).toEqual(['4) "MULTI"', '5) "DEL" "a"']);
  });

  test("--resp is what a Redis AOF holds, with the database said where it starts", async () => {
    await smallDirectory();
    const whole = await dumped("--resp");
    expect(whole.out.startsWith("*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*3\r\n")).toBe(true);
    const part = await dumped("--resp", "--from", "2", "--limit", "1");
    expect(part.out).toBe(
      '*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$14\r\nline\r\n\x00"quote"\r\n',
    );
  });

  test("salvages what is before the damage, and says that there is some", async () => {
    const file = await smallDirectory();
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    const { code, out, complaints } = await dumped("--resp");
    expect(code).toBe(1);
    expect(out.endsWith("\xe4\r\n")).toBe(true);
    expect(complaints).toMatch(/^torn: .*log-/);
    rmSync(join(directory, "MANIFEST"));
    const worse = await dumped("--resp");
    expect(worse).toMatchObject({ code: 2, out });
  });
});
