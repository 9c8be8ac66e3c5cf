/**
 * Every artifact of a data directory, whole, torn, rotten, zeroed and missing: what a start decides, in one table. Whatever it is, a start that
 * refuses has changed nothing, and one that does not gives a prefix, the same one when it is made again.
 */
import { describe, expect, test } from "vitest";
import type { Decision } from "../../src/engine/recovery_cases.ts";
import { decodeManifest } from "../../src/manifest/format.ts";
import { commitBytes, referenceCrc32c } from "../unit/log/support.ts";
import { crash, DIRECTORY, newWorld, openWorld, type World } from "./support.ts";

const UNITS = 8;
const HEADER_BYTES = 4096;
const FRAME_BYTES = 64 + 600;

/** Units of 600 bytes, three a segment: two are sealed and the third, with two units, is open, as a killed process leaves it. */
function killedWorld(): World {
  const world = newWorld();
  const { data } = openWorld(world, { segmentBytesMax: HEADER_BYTES + 2 * FRAME_BYTES + 1, policy: "always" });
  for (let i = 0; i < UNITS; i++) {
    commitBytes(data.writer, 600, i);
    world.steps.all();
  }
  crash(world, "killed");
  return world;
}

function segments(world: World): string[] {
  return world.disk.list(DIRECTORY).filter((name) => name.endsWith(".seg"));
}

/** Sealed segments, then the open one. */
function roles(world: World): { first: string; last: string; open: string } {
  const read = decodeManifest(world.disk.contents(`${DIRECTORY}/MANIFEST`), referenceCrc32c);
  if (read.kind !== "sound") throw new Error("no manifest");
  const names = read.manifest.segments.map(({ name }) => name);
  expect(read.manifest.segments.map(({ sealed }) => sealed !== null)).toEqual([true, true, false]);
  return { first: names[0]!, last: names[1]!, open: names[2]! };
}

type Damage = (world: World, path: string) => void;

const flip =
  (at: number): Damage =>
  ({ disk }, path) => {
    const bytes = disk.contents(path);
    const offset = at < 0 ? bytes.length + at : at;
    bytes[offset] = bytes[offset]! ^ 0x10;
  };
const cut =
  (length: number): Damage =>
  ({ disk }, path) =>
    disk.put(path, disk.contents(path).slice(0, length < 0 ? disk.contents(path).length + length : length));
const zero =
  (from: number): Damage =>
  ({ disk }, path) =>
    void disk.contents(path).fill(0, from);
const append: Damage = ({ disk }, path) =>
  disk.put(path, Uint8Array.from([...disk.contents(path), 1, 2, 3, 4, 5, 6, 7, 8]));
const remove: Damage = ({ disk }, path) => disk.unlink(path);
const nothing: Damage = () => {};

/** Of the units that a start gives; a refused one gives none. */
type Row = readonly [artifact: string, damage: string, apply: Damage, decision: Decision, units: number];

const R = "refuse rotten";
const M = "refuse missing";
const SECOND_FRAME = HEADER_BYTES + FRAME_BYTES;
const TABLE: readonly Row[] = [
  ["MANIFEST", "present", nothing, "open", UNITS],
  ["MANIFEST", "torn", cut(-20), R, 0],
  ["MANIFEST", "empty", cut(0), R, 0],
  ["MANIFEST", "rotten in its header", flip(2), R, 0],
  ["MANIFEST", "rotten in its list", flip(-30), R, 0],
  ["MANIFEST", "zeroed", zero(0), R, 0],
  ["MANIFEST", "missing", remove, M, 0],
  ...(["first", "last"] as const).flatMap((which): Row[] => [
    [which, "present", nothing, "open", UNITS],
    [which, "torn", cut(-10), R, 0],
    [which, "torn at a frame's end", cut(-FRAME_BYTES), R, 0],
    [which, "empty", cut(0), R, 0],
    [which, "rotten in its header", flip(40), R, 0],
    [which, "rotten in a frame's header", flip(SECOND_FRAME + 9), R, 0],
    [which, "rotten in a frame's bytes", flip(SECOND_FRAME + 100), R, 0],
    [which, "rotten in its last byte", flip(-1), R, 0],
    [which, "zeroed", zero(HEADER_BYTES), R, 0],
    [which, "missing", remove, M, 0],
    // What a start that ended in the middle of a cut leaves behind the end.
    [which, "with more behind its end", append, "open", UNITS],
  ]),
  ["open", "present", nothing, "open", UNITS],
  ["open", "torn", cut(-10), "cut", UNITS - 1],
  [
    "open",
    "torn in its first frame, which the second one vouched for: gone with it",
    cut(HEADER_BYTES + 100),
    "cut",
    UNITS - 2,
  ],
  ["open", "empty", cut(0), R, 0],
  ["open", "torn in its header", cut(100), R, 0],
  ["open", "rotten in its header", flip(40), R, 0],
  ["open", "rotten where a later frame knew it durable", flip(HEADER_BYTES + 100), R, 0],
  ["open", "rotten in its last frame, the window that remains", flip(-1), "cut", UNITS - 1],
  ["open", "zeroed from its last frame on", zero(SECOND_FRAME), "cut", UNITS - 1],
  ["open", "missing", remove, M, 0],
  ["open", "with garbage behind its end", append, "cut", UNITS],
];

describe.each(TABLE)("%s, %s", (artifact, _damage, apply, decision, units) => {
  test(`${decision}${units > 0 ? `, ${units} units` : ""}`, () => {
    const world = killedWorld();
    const named: Readonly<Record<string, string>> = roles(world);
    apply(world, `${DIRECTORY}/${named[artifact] ?? artifact}`);
    const names = world.disk.list(DIRECTORY);
    const before = names
      .filter((name) => name !== "quarantine")
      .map((name) => [...world.disk.contents(`${DIRECTORY}/${name}`)]);
    if (decision.startsWith("refuse")) {
      const code = decision === "refuse missing" ? "DATA_MISSING" : "DATA_ROTTEN";
      for (let start = 0; start < 2; start++) {
        expect(() => openWorld(world)).toThrow(
          expect.objectContaining({ code, message: expect.stringContaining("To go on: ") }),
        );
        expect(world.disk.list(DIRECTORY)).toEqual(names);
        expect(names.map((name) => [...world.disk.contents(`${DIRECTORY}/${name}`)])).toEqual(before);
      }
      return;
    }
    const expected = Array.from({ length: units }, (_, i) => i);
    const first = openWorld(world);
    expect(first.data.report.decision).toBe(decision);
    expect(first.data.report.newEpoch).toBe(decision === "cut");
    expect(first.data.report.setAside.length).toBe(decision === "cut" ? 1 : 0);
    expect(first.replayed).toEqual(expected);
    crash(world, "power");
    const second = openWorld(world);
    expect(second.data.report.decision).toBe("open");
    expect(second.replayed).toEqual(expected);
  });
});

describe("what is no part of the data", () => {
  test("leftovers of replacements are removed, the quarantine is left alone, whatever is in them", () => {
    const world = killedWorld();
    world.disk.makeDirectory(`${DIRECTORY}/quarantine`);
    const leftovers = ["MANIFEST.tmp", "next.tmp", "copy.tmp"];
    for (const name of [...leftovers, "quarantine/x.seg.0.1"])
      world.disk.put(`${DIRECTORY}/${name}`, Uint8Array.of(1, 2, 3));
    const { data, replayed } = openWorld(world);
    expect(replayed).toHaveLength(UNITS);
    expect(data.report.decision).toBe("open");
    expect(world.disk.list(DIRECTORY).filter((name) => leftovers.includes(name))).toEqual([]);
    expect(world.disk.contents(`${DIRECTORY}/quarantine/x.seg.0.1`)).toHaveLength(3);
  });

  test("a segment that nobody lists: with commands it refuses, without it is removed", () => {
    const world = killedWorld();
    const name = "log-00000000000000ff-0badcafe.seg";
    const path = `${DIRECTORY}/${name}`;
    world.disk.put(path, world.disk.contents(`${DIRECTORY}/${roles(world).first}`).slice());
    expect(() => openWorld(world)).toThrow(/holds commands that the manifest knows nothing of/);
    world.disk.put(path, new Uint8Array(100));
    expect(openWorld(world).replayed).toHaveLength(UNITS);
    expect(segments(world)).not.toContain(name);
  });

  test("all segments gone, or all but the quarantine: refused, never empty", () => {
    const world = killedWorld();
    for (const name of segments(world)) world.disk.unlink(`${DIRECTORY}/${name}`);
    expect(() => openWorld(world)).toThrow(expect.objectContaining({ code: "DATA_MISSING" }));
    world.disk.put(`${DIRECTORY}/quarantine`, new Uint8Array(0));
    world.disk.unlink(`${DIRECTORY}/MANIFEST`);
    expect(() => openWorld(world)).toThrow(expect.objectContaining({ code: "DATA_MISSING" }));
  });
});
