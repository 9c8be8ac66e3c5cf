/** Encryption at rest where it meets crashes, damage and keys: what a start does with the right key, another one, and none. */

import { describe, expect, test } from "vitest";
import { KeyRing, MasterKey, NO_KEYS } from "../../src/base/key_ring.ts";
import { getU32, putU32 } from "../../src/base/little_endian.ts";
import { ENOSPC } from "../../src/disk/errno.ts";
import type { DataDirectoryOptions } from "../../src/engine/data_directory.ts";
import { examine } from "../../src/engine/examination.ts";
import { verifyingMemory } from "../../src/engine/image_chain.ts";
import { applyRepair, planRepair } from "../../src/engine/repair.ts";
import { FRAME_HEADER_BYTES, saltSeed } from "../../src/log/format.ts";
import { commitBytes, referenceCrc32c } from "../unit/log/support.ts";
import { crash, DIRECTORY, newWorld, openWorld, optionsFor, settled, type World } from "./support.ts";

const key = (fill: number): MasterKey => new MasterKey(Uint8Array.from({ length: 32 }, (_, i) => fill + i));
const OLD = key(1);
const NEW = key(100);
const keys = new KeyRing([OLD]);
const FRAME_BYTES = FRAME_HEADER_BYTES + 600 + 16;

/** `units` units in segments of two, as a killed process leaves them. */
function killedWorld(options: Partial<DataDirectoryOptions> = { keys }, units = 5): World {
  const world = newWorld();
  const { data } = openWorld(world, { segmentBytesMax: 4096 + 1000, policy: "always", ...options });
  for (let i = 0; i < units; i++) {
    commitBytes(data.writer, 600, i);
    world.steps.all();
  }
  crash(world, "killed");
  return world;
}

function segmentsOf(world: World): string[] {
  return world.disk.list(DIRECTORY).filter((name) => name.endsWith(".seg"));
}

const bytesOf = (world: World, name: string): Uint8Array => world.disk.contents(`${DIRECTORY}/${name}`);

describe("keys", () => {
  test("the key that it was written with opens it; nothing of what was written lies on the disk", () => {
    const world = killedWorld();
    expect(openWorld(world, { keys }).replayed).toEqual([0, 1, 2, 3, 4]);
    const counted = Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => i + 40));
    for (const name of segmentsOf(world)) expect(Buffer.from(bytesOf(world, name)).includes(counted)).toBe(false);
    const plain = killedWorld({ keys: NO_KEYS });
    expect(segmentsOf(plain).some((name) => Buffer.from(bytesOf(plain, name)).includes(counted))).toBe(true);
  });

  test.each([
    ["no key", NO_KEYS, "no key was given"],
    ["another key", new KeyRing([NEW]), `the keys given are ${NEW.id}`],
  ])("with %s it is refused, by ids alone, and nothing is changed", (_, given, words) => {
    const world = killedWorld();
    const before = world.disk.list(DIRECTORY);
    const bytes = segmentsOf(world).map((name) => Buffer.from(bytesOf(world, name)));
    expect(() => openWorld(world, { keys: given })).toThrow(
      expect.objectContaining({
        code: "KEY_MISSING",
        message: expect.stringMatching(new RegExp(`encrypted with key ${OLD.id}, and so are 2 more; ${words}\\)`)),
      }),
    );
    expect(world.disk.list(DIRECTORY)).toEqual(before);
    expect(segmentsOf(world).map((name) => Buffer.from(bytesOf(world, name)))).toEqual(bytes);
    expect(openWorld(world, { keys }).replayed).toEqual([0, 1, 2, 3, 4]);
  });

  test("rotation: the next segment has the new key, and both are needed", () => {
    const world = newWorld();
    const ring = new KeyRing([OLD]);
    const { data } = openWorld(world, { keys: ring, policy: "always" });
    commitBytes(data.writer, 600, 0);
    world.steps.all();
    ring.replace([NEW, OLD]);
    data.writer.rotate();
    world.steps.all();
    commitBytes(data.writer, 600, 1);
    world.steps.all();
    expect([...data.segmentKeys]).toEqual([
      [OLD.id, 1],
      [NEW.id, 1],
    ]);
    crash(world, "killed");
    for (const one of [OLD, NEW]) {
      expect(() => openWorld(world, { keys: new KeyRing([one]) })).toThrow(/encrypted with key/);
    }
    expect(openWorld(world, { keys: ring }).replayed).toEqual([0, 1]);
  });

  test("rotation of a segment that holds nothing yet, and twice in a row", async () => {
    const world = newWorld();
    const ring = new KeyRing([OLD]);
    const { data } = openWorld(world, { keys: ring, policy: "always" });
    for (const next of [
      [NEW, OLD],
      [OLD, NEW],
    ]) {
      ring.replace(next);
      data.writer.rotate();
      world.steps.all();
    }
    ring.replace([NEW]);
    data.writer.rotate();
    world.steps.all();
    expect([...data.segmentKeys]).toEqual([[NEW.id, 1]]);
    commitBytes(data.writer, 600, 7);
    await settled(world, data.close());
    expect(openWorld(world, { keys: new KeyRing([NEW]) }).replayed).toEqual([7]);
  });

  test("a directory that was plain: what is there stays plain, what follows is encrypted, and then the key is needed", () => {
    const world = killedWorld({ keys: NO_KEYS }, 3);
    const { data, replayed } = openWorld(world, { keys, policy: "always" });
    expect(replayed).toEqual([0, 1, 2]);
    expect(data.segmentKeys.get(undefined)).toBe(2);
    expect(data.segmentKeys.get(OLD.id)).toBe(1);
    commitBytes(data.writer, 600, 3);
    world.steps.all();
    crash(world, "killed");
    expect(() => openWorld(world)).toThrow(/the data is encrypted/);
    expect(openWorld(world, { keys }).replayed).toEqual([0, 1, 2, 3]);
  });
});

describe("crashes", () => {
  test.each(["killed", "power"] as const)(
    "D8: a torn tail is cut with the key, kept aside as ciphertext (%s)",
    (kind) => {
      const world = newWorld();
      const { data } = openWorld(world, { keys, policy: "no" });
      commitBytes(data.writer, 600, 0);
      commitBytes(data.writer, 600, 50);
      const [name] = segmentsOf(world);
      crash(world, kind);
      if (kind === "killed") world.disk.put(`${DIRECTORY}/${name}`, bytesOf(world, name!).slice(0, -10));
      const opened = openWorld(world, { keys });
      expect([[0], []]).toContainEqual(opened.replayed);
      for (const { copy } of opened.data.report.setAside) {
        const counted = Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => i + 60));
        expect(Buffer.from(bytesOf(world, copy)).includes(counted)).toBe(false);
      }
      if (kind === "killed") expect(opened.data.report.setAside).toHaveLength(1);
    },
  );

  test("D7: frames whose write failed go into the next segment, under a key of its own", () => {
    const world = newWorld();
    const { data } = openWorld(world, { keys, policy: "always" });
    commitBytes(data.writer, 600, 0);
    world.steps.all();
    world.disk.onOperation = (operation) => (operation === "pwrite" ? ENOSPC : 0);
    commitBytes(data.writer, 600, 1);
    world.steps.all();
    expect(data.writer.failed?.kind).toBe("write");
    world.disk.onOperation = () => 0;
    world.clock.advance(1000);
    data.writer.tick();
    world.steps.all();
    expect(data.writer.failed).toBeNull();
    expect(segmentsOf(world)).toHaveLength(2);
    crash(world, "killed");
    expect(openWorld(world, { keys }).replayed).toEqual([0, 1]);
  });

  test("D18: a unit of several frames comes back whole", () => {
    const world = newWorld();
    const { data } = openWorld(world, { keys, policy: "always" });
    const length = 17 * 1024 * 1024;
    commitBytes(data.writer, length, 3);
    world.steps.all();
    crash(world, "killed");
    let whole = 0;
    examine(
      world.disk,
      DIRECTORY,
      referenceCrc32c,
      {
        unit(payload, start, end) {
          for (let i = start; i < end; i++) if (payload[i] === ((3 + i - start) & 255)) whole++;
          return undefined;
        },
      },
      verifyingMemory(world.disk, referenceCrc32c),
      false,
      keys,
    );
    expect(whole).toBe(length);
  });
});

describe("damage", () => {
  test("D6, D8: rot is rot without a key", () => {
    const world = killedWorld({ keys }, 5);
    const [first] = segmentsOf(world);
    bytesOf(world, first!)[4096 + 100]! ^= 1;
    const without = examine(
      world.disk,
      DIRECTORY,
      referenceCrc32c,
      { unit: () => undefined },
      verifyingMemory(world.disk, referenceCrc32c),
      true,
    );
    expect(without.segments).toBe("rotten");
    expect(() => openWorld(world, { keys })).toThrow(expect.objectContaining({ code: "DATA_ROTTEN" }));
  });

  test("D6: what somebody altered, checksums and all, is rot, even at the end", () => {
    const world = killedWorld({ keys }, 1);
    const [name] = segmentsOf(world);
    const bytes = bytesOf(world, name!);
    bytes[4096 + FRAME_HEADER_BYTES + 5]! ^= 1;
    mend(bytes, 4096);
    expect(
      examine(
        world.disk,
        DIRECTORY,
        referenceCrc32c,
        { unit: () => undefined },
        verifyingMemory(world.disk, referenceCrc32c),
        true,
      ).segments,
    ).toBe("sound");
    expect(() => openWorld(world, { keys })).toThrow(/somebody has altered it/);
  });

  test("D6: so is a header whose times or counts were changed, and a frame that is plain among encrypted ones", () => {
    for (const at of [20, 32, 40, 48]) {
      const world = killedWorld({ keys }, 1);
      const bytes = bytesOf(world, segmentsOf(world)[0]!);
      bytes[4096 + at]! ^= 1;
      mend(bytes, 4096);
      expect(() => openWorld(world, { keys })).toThrow(expect.objectContaining({ code: "DATA_ROTTEN" }));
    }
    const world = killedWorld({ keys }, 1);
    const bytes = bytesOf(world, segmentsOf(world)[0]!);
    bytes[4096 + 16]! ^= 32;
    putU32(bytes, 4096 + 8, getU32(bytes, 4096 + 4));
    mend(bytes, 4096);
    expect(() => openWorld(world, { keys })).toThrow(/a plain frame in an encrypted segment/);
  });

  test("a repair keeps the prefix, with the keys or without", async () => {
    for (const given of [keys, NO_KEYS]) {
      const world = killedWorld({ keys }, 5);
      const name = segmentsOf(world)[1]!;
      bytesOf(world, name)[4096 + FRAME_BYTES + 100]! ^= 1;
      const plan = planRepair(world.disk, DIRECTORY, referenceCrc32c, given);
      expect(plan).toMatchObject({ kind: "repair", lastSequence: 3 });
      await settled(world, applyRepair(optionsFor(world, { keys: given }), plan));
      expect(openWorld(world, { keys }).replayed).toEqual([0, 1, 2]);
    }
  });

  test("D6, D13: no flipped bit is served: refused, or the last group cut and reported", () => {
    const world = killedWorld({ keys }, 3);
    let flips = 0;
    let refused = 0;
    let cut = 0;
    const wrong: string[] = [];
    let units: number[] = [];
    const visitor = {
      unit(payload: Uint8Array, start: number, end: number): undefined {
        units.push(payload[start]!);
        for (let i = start; i < end; i++) if (payload[i] !== ((payload[start]! + i - start) & 255)) units.push(-1);
      },
    };
    for (const name of [...segmentsOf(world), "MANIFEST"]) {
      const bytes = bytesOf(world, name);
      const header = name === "MANIFEST" ? 0 : 4096;
      for (let bit = 0; bit < bytes.length * 8; bit += bit < header * 8 ? 211 : 17) {
        bytes[bit >>> 3]! ^= 1 << (bit & 7);
        units = [];
        const look = examine(
          world.disk,
          DIRECTORY,
          referenceCrc32c,
          visitor,
          verifyingMemory(world.disk, referenceCrc32c),
          false,
          keys,
          "all",
        );
        bytes[bit >>> 3]! ^= 1 << (bit & 7);
        flips++;
        if (look.manifestState !== "sound" || !["torn", "sound", "blank"].includes(look.segments)) refused++;
        else if (look.segments === "torn" && units.join() === "0,1") cut++;
        else wrong.push(`${name} at ${bit >>> 3}: ${look.segments}, ${units}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(refused).toBeGreaterThan(flips / 2);
    expect(cut).toBeGreaterThan(100);
  });
});

/** Makes both checksums of a frame right again, as anybody can who has the file. */
function mend(bytes: Uint8Array, at: number): void {
  const seed = saltSeed(bytes.slice(72, 104), referenceCrc32c);
  putU32(bytes, at + 56, referenceCrc32c(bytes, at + FRAME_HEADER_BYTES, getU32(bytes, at + 4), seed));
  putU32(bytes, at + 60, referenceCrc32c(bytes, at, 60, seed));
}
