/** `emberlog repair` and `emberlog dump --around` on real files: what they say, what they do, and that nothing is destroyed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run as check } from "../../src/cli/check.ts";
import { run as dump } from "../../src/cli/dump.ts";
import { run as repair } from "../../src/cli/repair.ts";
import { open } from "../../src/engine/embedded.ts";

let directory: string;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "emberlog-repair-"));
  const db = await open({ dir: directory, appendfsync: "always", logSegmentBytes: 4096 + 2000 });
  for (let i = 0; i < 40; i++) {
    db.set(`key:${i}`, `${i}`.padEnd(300, "x"));
    await db.durable();
  }
  await db.close();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function said(run: (args: readonly string[], out: (text: string) => void) => Promise<number>, ...args: string[]) {
  let text = "";
  const code = await run([directory, ...args], (chunk) => void (text += chunk));
  return { code, text };
}

const segments = (): string[] => readdirSync(directory).filter((name) => name.endsWith(".seg"));
const flip = (name: string, at: number): void => {
  const bytes = readFileSync(join(directory, name));
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(join(directory, name), bytes);
};

/** Every file of the directory, by name. */
function contents(): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(names.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), "latin1")]));
}

async function keysNow(): Promise<number> {
  const db = await open({ dir: directory });
  const { size } = db;
  for (let i = 0; i < size; i++) expect(db.getText(`key:${i}`)).toBe(`${i}`.padEnd(300, "x"));
  await db.close();
  return size;
}

describe("repair", () => {
  test("of a sound directory: there is nothing to do", async () => {
    expect(await said(repair)).toMatchObject({ code: 0, text: expect.stringContaining("nothing to repair") });
    expect(await keysNow()).toBe(40);
  });

  test("of rot in a sealed segment: says first, changes nothing, then keeps what is before it and a copy of the rest", async () => {
    const all = segments();
    expect(all.length).toBeGreaterThan(4);
    flip(all[2]!, 4096 + 500);
    const before = contents();
    await expect(open({ dir: directory })).rejects.toThrow(/emberlog repair/);
    const plan = await said(repair);
    expect(plan.code).toBe(1);
    expect(plan.text).toMatch(new RegExp(`keep +${all[0]}`));
    expect(plan.text).toMatch(new RegExp(`set aside +${all[2]} from 4\\d\\d\\d on`));
    expect(plan.text).toMatch(new RegExp(`set aside +${all[3]} from 0 on`));
    expect(plan.text).toMatch(/lost +commands \d+ to 41/);
    expect(plan.text).toContain("--apply` does it");
    const asJson = JSON.parse((await said(repair, "--json")).text) as Record<string, unknown>;
    expect(asJson).toMatchObject({
      directory,
      state: "repairable",
      exitCode: 1,
      decision: "refuse rotten",
      knownSequence: 41,
    });
    expect(asJson["setAside"]).toHaveLength(all.length - 2);
    const after = contents();
    after.delete("LOCK");
    before.delete("LOCK");
    expect(after).toEqual(before);

    const done = await said(repair, "--apply");
    expect(done.code).toBe(0);
    const kept = Number(/a start replays commands up to (\d+)/.exec(done.text)![1]);
    // The first command selects the database.
    expect(await keysNow()).toBe(kept - 1);
    expect(kept).toBeLessThan(40);
    // Every byte that was there is still there, in its place or in the quarantine.
    const now = [...contents().values()];
    for (const name of all) {
      const bytes = before.get(name)!;
      const inPlace = contents().get(name) ?? "";
      const rest = bytes.slice(inPlace.length === 0 || !bytes.startsWith(inPlace) ? 0 : inPlace.length);
      expect(rest === "" || now.includes(rest), `${name} is whole or its rest is in the quarantine`).toBe(true);
    }
    expect(await said(check)).toMatchObject({ code: 0 });
    expect(await said(repair)).toMatchObject({ code: 0 });
    expect(JSON.parse((await said(repair, "--json", "--apply")).text)).toMatchObject({ state: "sound", exitCode: 0 });
  });

  test("of a lost manifest: the segments are put in order by their headers", async () => {
    rmSync(join(directory, "MANIFEST"));
    const plan = await said(repair);
    expect(plan).toMatchObject({ code: 1, text: expect.stringContaining("nobody can say whether the last segment") });
    expect(plan.text).toMatch(/lost +no command known of/);
    expect((await said(repair, "--apply")).code).toBe(0);
    expect(await keysNow()).toBe(40);
  });

  test("of a lost segment, and of a damaged manifest, which is kept as a copy", async () => {
    rmSync(join(directory, segments()[1]!));
    flip("MANIFEST", 30);
    const damaged = readFileSync(join(directory, "MANIFEST"), "latin1");
    expect((await said(repair, "--apply")).code).toBe(0);
    expect([...contents().values()]).toContain(damaged);
    const kept = await keysNow();
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(10);
  });

  test("of a directory without its segments: says that nothing can be kept", async () => {
    for (const name of segments()) rmSync(join(directory, name));
    const plan = await said(repair);
    expect(plan).toMatchObject({ code: 1, text: expect.stringContaining("what a repair leaves is an empty database") });
  });

  test("refuses while a server runs there, and where it can't help", async () => {
    flip(segments()[0]!, 4096 + 500);
    expect((await said(repair)).code).toBe(1);
    rmSync(directory, { recursive: true });
    expect(await said(repair)).toMatchObject({ code: 2, text: expect.stringContaining("there is no directory") });
    let text = "";
    expect(await repair([], (chunk) => void (text += chunk))).toBe(2);
    expect(text).toMatch(/^usage/);
  });

  test("a directory in use is left alone", async () => {
    const db = await open({ dir: directory });
    flip(segments()[2]!, 4096 + 500);
    expect(await said(repair, "--apply")).toMatchObject({
      code: 2,
      text: expect.stringContaining("in use by process"),
    });
    await db.close();
  });
});

describe("dump --around", () => {
  async function around(offset: number, segment: string): Promise<{ code: number; text: string }> {
    let text = "";
    const out = (chunk: string | Uint8Array): void => void (text += chunk);
    return { code: await dump([directory, "--around", String(offset), "--segment", segment], out), text };
  }

  test("shows the frames on both sides of damage, and the bytes", async () => {
    const name = segments()[1]!;
    const sound = await around(5000, name);
    expect(sound).toMatchObject({ code: 0, text: expect.stringContaining("a reader finds no damage") });
    const starts = [...sound.text.matchAll(/frame \d+ at (\d+): from \d+, 1 commands, \d+ bytes sound/g)].map((match) =>
      Number(match[1]),
    );
    expect(starts.length).toBeGreaterThan(3);
    flip(name, starts[1]! + 10);
    const { code, text } = await around(starts[1]! + 10, name);
    expect(code).toBe(1);
    let json = "";
    const out = (chunk: string | Uint8Array): void => void (json += chunk);
    expect(await dump([directory, "--around", "5000", "--segment", name, "--json"], out)).toBe(1);
    expect(JSON.parse(json)).toMatchObject({
      segment: name,
      header: null,
      damage: { offset: starts[1] },
      frames: expect.arrayContaining([
        expect.objectContaining({ number: 0, offset: starts[0], payload: "sound" }),
        expect.objectContaining({ number: 2, offset: starts[2], gapBytes: starts[2]! - starts[1]! }),
      ]),
      dump: { offset: 4936 },
    });
    expect(text).toContain(`a reader stops at ${starts[1]}`);
    expect(text).toContain(`frame 0 at ${starts[0]}`);
    expect(text).toMatch(new RegExp(`frame 2 at ${starts[2]} \\(\\d+ bytes behind the last frame\\)`));
    expect(text).not.toContain(`frame 1 at`);
    expect(text).toMatch(/^ +\d+ .*>[0-9a-f]{2}/m);
  });

  test("says what is wrong with a header, and which segments there are not", async () => {
    const name = segments()[0]!;
    flip(name, 50);
    expect((await around(50, name)).text).toContain("its header: the header's checksum is wrong");
    let complaint = "";
    expect(
      await dump(
        [directory, "--around", "1", "--segment", "x"],
        () => {},
        (text) => void (complaint += text),
      ),
    ).toBe(2);
    expect(complaint).toContain("has no segment x");
    expect(
      await dump(
        [directory, "--segment", "x"],
        () => {},
        () => {},
      ),
    ).toBe(2);
  });
});
