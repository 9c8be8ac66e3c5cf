/** Images as part of the data: taken while commands go on, listed, fallen back from, made unnecessary. */

import { describe, expect, test } from "vitest";
import { crc32cReference } from "../../src/base/crc32c.ts";
import { EmberlogError } from "../../src/base/errors.ts";
import { NO_KEYS } from "../../src/base/key_ring.ts";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { EIO, ENOSPC } from "../../src/disk/errno.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import { chooseImages, imageProblem } from "../../src/engine/image_chain.ts";
import { EngineMemory } from "../../src/engine/image_memory.ts";
import { applyRepair, planRepair } from "../../src/engine/repair.ts";
import { readManifest } from "../../src/manifest/store.ts";
import { CommandSource } from "../conformance/random_commands.ts";
import { drawSeed } from "../model/memory_seed.ts";
import { EngineClient } from "../support/engine_client.ts";
import { verifyDataset } from "../support/verify_dataset.ts";
import { DiskLogIo } from "../unit/log/disk_log_io.ts";
import { referenceCrc32c } from "../unit/log/support.ts";
import { DIRECTORY, ImageWorld, type ImageWorldOptions } from "./image_world.ts";

const seed = drawSeed();
const replay = `replay with EMBERLOG_SEED=${seed} npx vitest run test/recovery/images.test.ts`;

function fill(world: ImageWorld, source: CommandSource, commands: number): void {
  for (let i = 0; i < commands; i++) world.run(...source.next());
}

function names(disk: MemoryDisk, ending: string): string[] {
  return disk.list(DIRECTORY).filter((name) => name.endsWith(ending));
}

/** What the listed images alone hold. */
function imagesAlone(disk: MemoryDisk): EngineClient {
  const read = readManifest(disk, DIRECTORY, referenceCrc32c);
  if (read.kind !== "sound") throw new Error("no manifest");
  const client = new EngineClient({ seed: 99 });
  const memory = new EngineMemory(client.engine, {
    disk,
    crc32c: referenceCrc32c,
    threads: false,
    meanwhile: undefined,
  });
  expect(chooseImages(disk, DIRECTORY, referenceCrc32c, read.manifest, memory, NO_KEYS, true).state).toBe("sound");
  return client;
}

function start(disk: MemoryDisk, options: ImageWorldOptions = {}): ImageWorld {
  return new ImageWorld(disk, 77, options);
}

function refusal(disk: MemoryDisk): string {
  try {
    start(disk);
  } catch (thrown) {
    if (thrown instanceof EmberlogError) return thrown.code;
    throw thrown;
  }
  return "started";
}

function flip(disk: MemoryDisk, name: string, at: (length: number) => number): void {
  disk.damage(`${DIRECTORY}/${name}`, (bytes) => {
    const i = at(bytes.length);
    bytes[i] = bytes[i]! ^ 1;
  });
}

describe("an image is the state at its freeze", () => {
  test("whatever is written while it is taken, with little memory to copy aside", async () => {
    const random = seededRandom(seed);
    const source = new CommandSource(random);
    const world = new ImageWorld(undefined, seed, {
      images: { memoryBytesMax: 64 * 1024, retention: { ms: 0, bytes: 0 } },
    });
    fill(world, source, 400);
    world.run("SET", "huge", Buffer.alloc(2 * 1024 * 1024, 7));
    let copiedPagesMax = 0;
    for (let round = 0; round < 4; round++) {
      let atFreeze = "";
      const { image } = await world.save(round === 2, () => {
        if (world.client.engine.arena.freezing && atFreeze === "") atFreeze = world.digest();
        fill(world, source, 1 + uniform(random, 8));
        for (let i = 0; i < 3; i++) world.run("SETRANGE", "huge", uniform(random, 2_500_000), "written meanwhile");
        world.client.engine.dataset.releaseStep();
        if (uniform(random, 4) === 0) world.client.clock.advance(1);
      });
      expect(image.place, replay).toBe([0, 1, 0, 1][round]);
      const alone = imagesAlone(world.disk);
      expect(stateDigest(alone.engine.dataset), `round ${round}, ${replay}`).toBe(atFreeze);
      expect(verifyDataset(alone.engine.dataset)).toEqual([]);
      copiedPagesMax = Math.max(copiedPagesMax, world.storage.images.statistics.lastCopiedPages);
    }
    // More than fits at once: what was copied aside was written and given back meanwhile. A delta alone may be too short for that.
    expect(copiedPagesMax, replay).toBeGreaterThan(16);
    expect(world.storage.images.statistics.extraBytesMax).toBeLessThanOrEqual(64 * 1024);
    world.settle();
    const before = world.digest();
    const again = start(world.crash("power"));
    expect(again.storage.report).toMatchObject({ decision: "open", images: 2 });
    expect(again.digest(), replay).toBe(before);
    expect(verifyDataset(again.client.engine.dataset)).toEqual([]);
  });

  test("a start goes on with deltas on what it has loaded; after eight of them the next image is full", async () => {
    let world = new ImageWorld(undefined, seed);
    const places: number[] = [];
    for (let i = 0; i < 100; i++) world.run("SET", `key ${i}`, Buffer.alloc(3000, i));
    for (let round = 0; round < 11; round++) {
      world.run("SET", "round", round);
      places.push((await world.save()).image.place);
      if (round % 4 !== 3) continue;
      const before = world.digest();
      world = start(world.crash("power"));
      expect(world.digest()).toBe(before);
    }
    expect(places).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1]);
  });

  test("without a change since the last one there is nothing to write", async () => {
    const world = new ImageWorld(undefined, seed);
    world.run("SET", "a", "b");
    const { image } = await world.save();
    let again: unknown;
    world.storage.images.begin(false, (_error, result) => {
      again = result?.image;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(again).toEqual(image);
    expect(names(world.disk, ".img")).toHaveLength(1);
  });
});

describe("D16: an image that is damaged is fallen back from", () => {
  /** full, log, full, delta, log */
  async function history(): Promise<{ world: ImageWorld; states: string[]; images: string[] }> {
    const world = new ImageWorld(undefined, seed);
    const source = new CommandSource(seededRandom(seed + 1));
    const images: string[] = [];
    for (const full of [true, true, false]) {
      fill(world, source, 100);
      images.push((await world.save(full)).image.name);
    }
    fill(world, source, 100);
    world.settle();
    return { world, states: [world.digest()], images };
  }

  test.each([
    ["the newest delta", [2], 2],
    ["the newest full image", [1], 1],
    ["the newest full image and its delta", [1, 2], 1],
    ["the previous full image", [0], 3],
  ] as const)("%s", async (_what, damaged, left) => {
    const { world, states, images } = await history();
    const disk = world.crash("power");
    for (const i of damaged) flip(disk, images[i]!, (length) => (length >> 1) + 40);
    const again = start(disk);
    expect(again.digest()).toBe(states[0]);
    expect(verifyDataset(again.client.engine.dataset)).toEqual([]);
    const bad = again.storage.report.badImages.map(({ name }) => name);
    const met = damaged.filter((i) => i !== 0);
    expect(bad.sort()).toEqual(
      met
        .map((i) => images[i]!)
        .filter((name) => bad.includes(name))
        .sort(),
    );
    for (const name of bad)
      expect(disk.list(`${DIRECTORY}/quarantine`).some((each) => each.startsWith(name))).toBe(true);
    expect(again.storage.report.images).toBe(left === 3 ? 2 : left === 2 ? 1 : 1);
    // And it goes on from there.
    again.run("SET", "after", "that");
    await again.save();
    again.settle();
    const after = again.digest();
    expect(start(again.crash("power")).digest()).toBe(after);
  });

  test("every byte of it: flipped, it is noticed, and what is noticed is not loaded", async () => {
    const world = new ImageWorld(undefined, seed);
    world.run("SET", "a", "b");
    const { image } = await world.save(true);
    world.settle();
    const state = world.digest();
    const { disk } = world;
    const length = disk.contents(`${DIRECTORY}/${image.name}`).length;
    for (let at = 0; at < length; at += at < 700 || at > length - 100 ? 1 : 997) {
      flip(disk, image.name, () => at);
      expect(imageProblem(disk, DIRECTORY, referenceCrc32c, image), `byte ${at}`).toBeDefined();
      flip(disk, image.name, () => at);
    }
    expect(imageProblem(disk, DIRECTORY, referenceCrc32c, image)).toBeUndefined();
    disk.crash("killed");
    for (const at of [0, 300, 530, 600, 40_000, length - 10]) {
      const damaged = disk.clone();
      flip(damaged, image.name, () => at);
      const again = start(damaged);
      expect(again.storage.report.badImages, `byte ${at}`).toHaveLength(1);
      expect(again.digest()).toBe(state);
    }
  });

  test("where the log does not reach back any more nothing is served", async () => {
    const { world, images } = await history();
    const disk = world.crash("power");
    for (const name of images) flip(disk, name, () => 600);
    expect(refusal(disk)).toBe("DATA_ROTTEN");
    for (const name of images) disk.unlink(`${DIRECTORY}/${name}`);
    expect(refusal(disk)).toBe("DATA_MISSING");
  });

  test("a repair then keeps nothing but copies, and a start serves that", async () => {
    const { world, images } = await history();
    const disk = world.crash("power");
    for (const name of images) flip(disk, name, () => 600);
    const plan = planRepair(disk, DIRECTORY, crc32cReference);
    expect(plan).toMatchObject({ kind: "repair", kept: [], images: [], lastSequence: 0 });
    const before = new Map(
      [...names(disk, ".seg"), ...images].map((name) => [name, disk.contents(`${DIRECTORY}/${name}`).slice()]),
    );
    const { clock } = world.client;
    const logIo = new DiskLogIo(disk, (task) => queueMicrotask(task));
    await applyRepair(
      {
        disk,
        directory: DIRECTORY,
        logIo,
        clock,
        random: seededRandom(3),
        crc32c: crc32cReference,
        policy: "always",
        segmentBytesMax: 1 << 20,
      },
      plan,
    );
    const copies = disk.list(`${DIRECTORY}/quarantine`);
    for (const [name, bytes] of before) {
      const copy = copies.find((each) => each.startsWith(`${name}.0.`));
      expect(copy, name).toBeDefined();
      // By Buffer, because `toEqual` looks at each of a million bytes as at a property.
      expect(Buffer.from(disk.contents(`${DIRECTORY}/quarantine/${copy}`)).equals(bytes), name).toBe(true);
    }
    const again = start(disk);
    expect(again.storage.report).toMatchObject({ decision: "open", images: 0 });
    expect(again.run("DBSIZE")).toBe(":0\r\n");
  });

  test("the one before the newest is gone, or shorter: a start says so, and keeps the log that goes back further", async () => {
    for (const harm of ["gone", "shorter"]) {
      const world = new ImageWorld(undefined, seed);
      for (let round = 0; round < 3; round++) {
        world.run("INCR", "round");
        await world.save(true);
        world.settle();
      }
      const disk = world.crash("killed");
      const [before, newest] = names(disk, ".img");
      if (harm === "gone") disk.unlink(`${DIRECTORY}/${before}`);
      else disk.shorten(`${DIRECTORY}/${before}`, 1000);
      const again = start(disk);
      expect(again.storage.report).toMatchObject({ decision: "open", images: 1, badImages: [{ name: before }] });
      expect(again.run("INCR", "round")).toBe(":4\r\n");
      await again.save(true);
      again.settle();
      expect(names(disk, ".img")).toEqual([newest, expect.stringContaining("image-")]);
    }
  });

  test("an image of a layout that this version does not know is refused, naming the one that does", async () => {
    const { world, images } = await history();
    const disk = world.crash("power");
    disk.damage(`${DIRECTORY}/${images[2]!}`, (bytes) => {
      bytes[24] = 9;
      const sum = referenceCrc32c(bytes, 0, 508, 0);
      new DataView(bytes.buffer, bytes.byteOffset).setInt32(508, sum, true);
    });
    expect(refusal(disk)).toBe("VERSION_UNKNOWN");
  });
});

describe("the full image before is read back before the log that it stands for goes (D16)", () => {
  async function rounds(world: ImageWorld, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      world.run("INCR", "round");
      await world.save(true);
      world.settle();
    }
  }

  test("damaged, it is told, and the one before it and the log behind that are kept", async () => {
    const world = new ImageWorld(undefined, seed);
    const told: string[] = [];
    world.storage.images.onDamaged = (name, problem) => told.push(`${name} ${problem}`);
    await rounds(world, 2);
    const [oldest, middle] = names(world.disk, ".img");
    flip(world.disk, middle!, (length) => length >> 1);
    await rounds(world, 1);
    expect(told).toEqual([expect.stringMatching(new RegExp(`^${middle} a block's checksum is wrong`))]);
    expect(world.storage.images.statistics.damaged).toBe(1);
    const [kept, newest] = names(world.disk, ".img");
    expect(kept).toBe(oldest);
    flip(world.disk, newest!, (length) => length >> 1);
    expect(start(world.crash("power")).run("GET", "round")).toBe("$1\r\n3\r\n");
  });

  test("where nothing is left to fall back on the whole log is kept", async () => {
    const world = new ImageWorld(undefined, seed);
    await rounds(world, 1);
    world.disk.unlink(`${DIRECTORY}/${names(world.disk, ".img")[0]}`);
    await rounds(world, 1);
    expect(world.storage.images.statistics.damaged).toBe(1);
    const [newest, none] = names(world.disk, ".img");
    expect(none).toBeUndefined();
    flip(world.disk, newest!, (length) => length >> 1);
    expect(start(world.crash("power")).run("GET", "round")).toBe("$1\r\n2\r\n");
  });

  test("where the log is not whole any more those that could not be read stay, for the day on which they are needed", async () => {
    const world = new ImageWorld(undefined, seed);
    await rounds(world, 3);
    const before = names(world.disk, ".img");
    // Without what this process has read back: as after a start.
    const again = start(world.crash("power"));
    again.disk.onOperation = (operation, path) => (operation === "open" && path.endsWith(".img") ? EIO : 0);
    await rounds(again, 1);
    again.disk.onOperation = null;
    expect(again.storage.images.statistics.damaged).toBe(2);
    const kept = names(again.disk, ".img");
    expect(kept).toHaveLength(3);
    expect(kept).toEqual(expect.arrayContaining(before));
    flip(again.disk, kept.find((name) => !before.includes(name))!, (length) => length >> 1);
    expect(start(again.crash("power")).run("GET", "round")).toBe("$1\r\n4\r\n");
  });

  test("it is read once, and not at all while nothing goes", async () => {
    const world = new ImageWorld(undefined, seed);
    await rounds(world, 2);
    world.disk.trace = [];
    world.run("SET", "a", 1);
    expect((await world.save()).image.place).toBe(1);
    expect(world.disk.trace.filter((each) => /read/.test(each))).toEqual([]);
  });

  test("an image can be called off meanwhile", async () => {
    const world = new ImageWorld(undefined, seed);
    await rounds(world, 1);
    world.run("INCR", "round");
    const files = names(world.disk, "");
    let reads = 0;
    world.disk.onOperation = (operation) => {
      if (operation === "read" && ++reads === 2) void world.storage.images.cancel();
      return 0;
    };
    const outcome = await world.image(true);
    world.disk.onOperation = null;
    expect(reads).toBeGreaterThan(1);
    expect(outcome).toMatchObject({ code: "CLOSED" });
    world.settle();
    expect(names(world.disk, ".img")).toEqual(files.filter((name) => name.endsWith(".img")));
    await rounds(world, 1);
  });
});

test("D3: what a manifest lists whose own sync failed keeps its bytes, also when the next image has its name", async () => {
  for (const crash of ["killed", "power"] as const) {
    const world = new ImageWorld(undefined, seed);
    world.run("SET", "a", 1);
    // The sync behind the n-th change of a name from the image's own on.
    const failSyncAfter = (n: number): void => {
      let renamed = 0;
      world.disk.onOperation = (operation, path) => {
        if (operation === "rename" && (renamed > 0 || path.endsWith("image.tmp"))) renamed++;
        return operation === "sync directory" && renamed === n ? EIO : 0;
      };
    };
    failSyncAfter(2);
    expect(await world.image(true)).toMatchObject({ message: expect.stringContaining("replace the manifest") });
    failSyncAfter(1);
    expect(await world.image(true)).toMatchObject({ message: expect.stringContaining("sync /data") });
    world.disk.onOperation = null;
    const again = start(world.crash(crash));
    expect(again.storage.report).toMatchObject({ decision: "open", badImages: [] });
    expect(again.run("GET", "a")).toBe("$1\r\n1\r\n");
  }
});

describe("a disk with little space", () => {
  const MB = 1024 * 1024;
  const options = { watermarks: { low: "0", stop: String(8 * MB) } };

  test("an image that would fill it is not begun, and what is in the way is said; a delta that fits is", async () => {
    const world = new ImageWorld(undefined, seed, options);
    world.disk.spaceBytes = 100 * MB;
    for (let i = 0; i < 6; i++) world.run("SET", `big:${i}`, Buffer.alloc(MB, i));
    world.settle();
    await world.save(true);
    world.disk.spaceBytes = 100 * MB - (world.disk.space()!.freeBytes - 12 * MB);
    world.run("SET", "small", 1);
    const before = names(world.disk, "");
    const outcome = await world.image(true);
    expect(outcome).toMatchObject({
      code: "DISK_FULL",
      message: expect.stringMatching(
        /^the image may take \d+\.\d+M, and the disk has only \d\.\d+M more than disk-stop-watermark keeps free$/,
      ),
    });
    expect(names(world.disk, "")).toEqual(before);
    expect((await world.save()).image.place).toBe(1);
  });

  test("one under way makes room when the watermark is reached", async () => {
    const world = new ImageWorld(undefined, seed, options);
    world.disk.spaceBytes = 100 * MB;
    for (let i = 0; i < 4; i++) world.run("SET", `big:${i}`, Buffer.alloc(MB, i));
    world.settle();
    let full = false;
    const outcome = await world.image(true, () => {
      if (full || !world.client.engine.arena.freezing) return;
      full = true;
      world.disk.spaceBytes = 100 * MB - (world.disk.space()!.freeBytes - 8 * MB);
      world.client.clock.advance(2000);
      world.storage.tick();
    });
    expect(outcome).toMatchObject({ code: "DISK_FULL", message: expect.stringContaining("called off") });
    expect(names(world.disk, ".tmp")).toEqual([]);
    expect(names(world.disk, ".img")).toEqual([]);
  });
});

describe("compaction", () => {
  test("the log is kept back to the previous full image, and no further", async () => {
    const world = new ImageWorld(undefined, seed);
    const kept: string[][] = [];
    for (let round = 0; round < 4; round++) {
      world.run("SET", "round", round);
      await world.save(true);
      world.settle();
      kept.push(names(world.disk, ".seg"));
    }
    expect(kept[1]).toHaveLength(2);
    expect(kept[2]).toHaveLength(2);
    expect(kept[3]).toHaveLength(2);
    expect(kept[3]).not.toContain(kept[0]![0]);
    expect(names(world.disk, ".img")).toHaveLength(2);
  });

  test("D3: a power cut brings back the name of a segment that was made unnecessary: a start removes it again", async () => {
    const world = new ImageWorld(undefined, seed);
    for (let round = 0; round < 3; round++) {
      world.run("INCR", "round");
      await world.save(true);
    }
    world.run("INCR", "round");
    world.settle();
    const kept = names(world.disk, ".seg");
    // Nothing has stored the removal so far.
    const disk = world.crash("power");
    expect(names(disk, ".seg").length).toBeGreaterThan(kept.length);
    const again = start(disk);
    expect(again.storage.report).toMatchObject({ decision: "open", setAside: [], images: 1 });
    expect(again.run("GET", "round")).toBe("$1\r\n4\r\n");
    expect(names(disk, ".seg").slice(0, kept.length)).toEqual(kept);
    // One that begins a log that nothing was taken from is still a stray.
    const stray = new ImageWorld(undefined, seed);
    stray.run("INCR", "round");
    stray.settle();
    const name = names(stray.disk, ".seg")[0]!;
    const bytes = stray.disk.contents(`${DIRECTORY}/${name}`).slice();
    const other = new ImageWorld(undefined, seed + 1);
    other.run("INCR", "round");
    other.settle();
    other.disk.put(`${DIRECTORY}/${name}`, bytes);
    expect(refusal(other.crash("killed"))).toBe("DATA_ROTTEN");
  });

  test("D3: a segment that was not trimmed yet keeps its place before those that are not read", async () => {
    let world = new ImageWorld(undefined, seed);
    for (let round = 0; round < 3; round++) {
      world.run("INCR", "round");
      world.settle();
      world = start(world.crash("killed"));
    }
    await world.save(true);
    world.run("INCR", "round");
    world.settle();
    const disk = world.crash("killed");
    // As a start leaves it that dies after its manifest: bytes behind the end that is listed.
    const path = `${DIRECTORY}/${names(disk, ".seg")[0]!}`;
    disk.put(path, new Uint8Array([...disk.contents(path), ...new Uint8Array(512)]));
    for (let starts = 0; starts < 2; starts++) {
      const again = start(disk);
      expect(again.run("GET", "round")).toBe("$1\r\n4\r\n");
      again.crash("killed");
    }
  });

  test("log-retention keeps more, by time and by size", async () => {
    for (const retention of [
      { ms: 3_600_000, bytes: 0 },
      { ms: 0, bytes: 1024 * 1024 },
    ]) {
      const world = new ImageWorld(undefined, seed, { images: { memoryBytesMax: 1 << 20, retention } });
      for (let round = 0; round < 4; round++) {
        world.run("SET", "round", round);
        await world.save(true);
        world.settle();
      }
      expect(names(world.disk, ".seg")).toHaveLength(5);
    }
  });
});

describe("D3: a failed or interrupted image leaves nothing behind and changes nothing", () => {
  const history = async (): Promise<ImageWorld> => {
    const world = new ImageWorld(undefined, seed);
    for (let i = 0; i < 40; i++) world.run("SET", `key ${i}`, Buffer.alloc(500, i));
    await world.save(true);
    for (let i = 0; i < 10; i++) world.run("SET", `key ${i}`, Buffer.alloc(500, i + 1));
    world.settle();
    return world;
  };

  test("whichever operation of the disk fails", async () => {
    let failures = 0;
    for (let n = 0; n < 16; n++) {
      const world = await history();
      const before = world.digest();
      world.disk.failAt(world.disk.operations + 1 + n, n % 2 === 0 ? EIO : ENOSPC);
      const outcome = await world.image(false);
      world.disk.failAt(0, 0);
      world.settle();
      if (outcome instanceof EmberlogError) {
        failures++;
        expect(names(world.disk, "image.tmp"), `operation ${n}`).toEqual([]);
        if (world.storage.writer.failed === null) {
          // What was dirty is dirty again: the next delta has it.
          expect((await world.save()).image.place, `operation ${n}`).toBe(1);
          expect(stateDigest(imagesAlone(world.disk).engine.dataset)).toBe(before);
        }
      }
      expect(start(world.crash("power")).digest(), `operation ${n}`).toBe(before);
    }
    expect(failures).toBeGreaterThan(3);
  });

  test("a crash at every step of it", async () => {
    for (const kind of ["power", "names", "killed"] as const) {
      for (let steps = 0; steps < 40; steps += 2) {
        const world = await history();
        const before = world.digest();
        let ended = false;
        world.storage.images.begin(false, () => {
          ended = true;
        });
        for (let i = 0; i < steps && !ended; i++) {
          if (world.steps.one()) continue;
          world.client.clock.advance(200);
          world.storage.tick();
        }
        const again = start(world.crash(kind));
        expect(again.digest(), `${kind} after ${steps} steps`).toBe(before);
        expect(names(again.disk, ".tmp")).toEqual([]);
        if (ended) break;
      }
    }
  });
});
