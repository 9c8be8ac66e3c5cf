/** One named test for each rule of the durability document that recovery keeps, and for each kind of damage. */
import { describe, expect, test } from "vitest";
import { EIO } from "../../src/disk/errno.ts";
import { openDataDirectoryToFill, refuseDirectoryWithData } from "../../src/engine/open_directory.ts";
import { decodeManifest } from "../../src/manifest/format.ts";
import { commitBytes, referenceCrc32c } from "../unit/log/support.ts";
import { crash, DIRECTORY, newWorld, openWorld, optionsFor, settled, type World } from "./support.ts";

/** Seven units in segments of two, the last one open, as a killed process leaves them. */
function killedWorld(): World {
  const world = newWorld();
  const { data } = openWorld(world, { segmentBytesMax: 4096 + 1000, policy: "always" });
  for (let i = 0; i < 7; i++) {
    commitBytes(data.writer, 600, i);
    world.steps.all();
  }
  crash(world, "killed");
  return world;
}

function segmentsOf(world: World): string[] {
  return world.disk.list(DIRECTORY).filter((name) => name.endsWith(".seg"));
}

function manifestOf(world: World) {
  const result = decodeManifest(world.disk.contents(`${DIRECTORY}/MANIFEST`), referenceCrc32c);
  if (result.kind !== "sound") throw new Error(`the manifest is ${result.kind}`);
  return result.manifest;
}

function flip(world: World, name: string, offset: number): void {
  const bytes = world.disk.contents(`${DIRECTORY}/${name}`);
  bytes[offset] = bytes[offset]! ^ 0x40;
}

describe("sound", () => {
  test("a first start creates the directory, a clean stop seals it, and all is there again", async () => {
    const world = newWorld();
    const first = openWorld(world);
    expect(first.data.report).toMatchObject({ decision: "create", commands: 0, lastSequence: 0 });
    commitBytes(first.data.writer, 10, 5, 3);
    await settled(world, first.data.close());
    expect(manifestOf(world).segments).toMatchObject([{ sealed: { lastSequence: 3 } }]);
    crash(world, "power");
    const second = openWorld(world);
    expect(second.replayed).toEqual([5, 6, 7]);
    expect(second.data.report).toMatchObject({ decision: "open", commands: 3, newEpoch: false, setAside: [] });
    expect(second.data.writer.sequence).toBe(3);
  });

  test("D17: a start after a kill opens a new segment in the same epoch", () => {
    const world = killedWorld();
    const before = segmentsOf(world);
    const { data, replayed } = openWorld(world);
    expect(replayed).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(before).not.toContain(data.writer.segmentName);
    expect(data.report.newEpoch).toBe(false);
    expect(manifestOf(world).segments.map((segment) => segment.sealed === null)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  test("starting many times without writing leaves one empty segment and the same data", async () => {
    const world = killedWorld();
    for (let i = 0; i < 5; i++) {
      const { data, replayed } = openWorld(world);
      expect(replayed).toEqual([0, 1, 2, 3, 4, 5, 6]);
      if (i % 2 === 0) crash(world, "power");
      else await settled(world, data.close());
    }
    expect(segmentsOf(world)).toHaveLength(5);
  });

  test("a segment that the manifest does not list yet is taken over (D13)", () => {
    const world = newWorld();
    const { data } = openWorld(world, { segmentBytesMax: 4096 + 1000 });
    for (let i = 0; i < 4; i++) commitBytes(data.writer, 600, i);
    // The old segment is synced, the new one begun, synced and written; the manifest has not been replaced.
    for (let i = 0; i < 3; i++) world.steps.one();
    expect(data.writer.writtenSequence).toBe(4);
    expect(manifestOf(world).segments).toHaveLength(1);
    crash(world, "killed");
    expect(openWorld(world).replayed).toEqual([0, 1, 2, 3]);
  });
});

/** A segment has just been begun, and the manifest that will list it is on its way. */
function rotatingWorld() {
  const world = newWorld();
  const { data } = openWorld(world, { segmentBytesMax: 4096 + 1000 });
  for (let i = 0; i < 4; i++) commitBytes(data.writer, 600, i);
  for (let i = 0; i < 3; i++) world.steps.one();
  expect(data.writer.writtenSequence).toBe(4);
  expect(manifestOf(world).segments).toHaveLength(1);
  return { world, data };
}

describe("while a new segment is being listed", () => {
  test("a directory that is given back is free only when nothing can change its manifest any more (D13, D15)", async () => {
    const { world, data } = rotatingWorld();
    const given = data.abandon();
    expect(() => openWorld(world)).toThrow(expect.objectContaining({ code: "DIRECTORY_LOCKED" }));
    await settled(world, given);
    const late = world.steps.tasks.splice(0);
    const second = openWorld(world, { segmentBytesMax: 4096 + 1000 });
    expect(second.replayed).toEqual([0, 1, 2, 3]);
    for (let i = 4; i < 9; i++) {
      commitBytes(second.data.writer, 600, i);
      world.steps.all();
    }
    world.steps.tasks.push(...late);
    world.steps.all();
    crash(world, "killed");
    expect(openWorld(world).replayed).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("nor does a close that fails leave anything behind", async () => {
    const { world, data } = rotatingWorld();
    world.disk.failAt(world.disk.operations + 1, EIO, true);
    await expect(settled(world, data.close())).rejects.toThrow();
    expect(world.steps.tasks).toEqual([]);
    world.disk.failAt(0, 0);
    expect(openWorld(world).replayed).toEqual([0, 1, 2, 3]);
  });

  test("the log can't be read again, because the newest commands would be missing", async () => {
    const { world, data } = rotatingWorld();
    expect(data.listsAll).toBe(false);
    world.steps.all();
    expect(data.listsAll).toBe(true);
    const replayed: number[] = [];
    const visitor = { unit: (payload: Uint8Array, start: number) => void replayed.push(payload[start]!) };
    data.replay(visitor);
    expect(replayed).toEqual([0, 1, 2, 3]);
    // Rot met while reading again is an error, whatever was read before it.
    flip(world, segmentsOf(world)[0]!, 4096 + 700);
    expect(() => data.replay(visitor)).toThrow(expect.objectContaining({ code: "DATA_ROTTEN" }));
    await settled(world, data.abandon());
  });
});

describe("torn tails (D8)", () => {
  test("garbage at the end is cut, a copy kept, a new epoch begun, and recovering twice gives the same state", () => {
    const world = newWorld();
    const { data } = openWorld(world);
    for (let i = 0; i < 3; i++) commitBytes(data.writer, 100, i);
    const name = data.writer.segmentName;
    const epoch = manifestOf(world).epoch;
    crash(world, "killed");
    flip(world, name, 4096 + 2 * 164 + 100);
    const second = openWorld(world);
    expect(second.replayed).toEqual([0, 1]);
    expect(second.data.report).toMatchObject({ decision: "cut", newEpoch: true, lastSequence: 2 });
    const [aside] = second.data.report.setAside;
    expect(aside).toMatchObject({ file: name, offset: 4096 + 2 * 164, bytes: 164 });
    expect(world.disk.contents(`${DIRECTORY}/${aside!.copy}`).length).toBe(164);
    expect(world.disk.contents(`${DIRECTORY}/${name}`).length).toBe(4096 + 2 * 164);
    expect(manifestOf(world)).toMatchObject({ forkSequence: 2 });
    expect(manifestOf(world).epoch).not.toEqual(epoch);
    crash(world, "power");
    const third = openWorld(world);
    expect(third.replayed).toEqual([0, 1]);
    expect(world.disk.contents(`${DIRECTORY}/${aside!.copy}`).length, "the copy survives a power cut").toBe(164);
    expect(third.data.report).toMatchObject({ decision: "open", newEpoch: false });
  });

  test("valid frames behind the damage are cut as well when nothing proves it durable", () => {
    const world = newWorld();
    const { data } = openWorld(world);
    for (let i = 0; i < 5; i++) commitBytes(data.writer, 100, i);
    const name = data.writer.segmentName;
    crash(world, "killed");
    flip(world, name, 4096 + 164 + 80);
    const second = openWorld(world);
    expect(second.replayed).toEqual([0]);
    expect(second.data.report.setAside[0]).toMatchObject({ bytes: 4 * 164 });
  });

  test("the header of a segment that was just being begun", () => {
    const world = killedWorld();
    const last = segmentsOf(world)[3]!;
    world.disk.put(`${DIRECTORY}/${last.replace("0000007-", "0000008-")}`, new Uint8Array(1000));
    const { data, replayed } = openWorld(world);
    expect(replayed).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(data.report).toMatchObject({ decision: "cut", newEpoch: true });
    expect(data.report.setAside[0]).toMatchObject({ offset: 0, bytes: 1000 });
  });

  test("zeros where the file was extended but its data lost (D5)", () => {
    const world = newWorld();
    const { data } = openWorld(world);
    commitBytes(data.writer, 100, 0);
    const path = `${DIRECTORY}/${data.writer.segmentName}`;
    crash(world, "killed");
    const extended = new Uint8Array(4096 + 164 + 5000);
    extended.set(world.disk.contents(path));
    world.disk.put(path, extended);
    const { replayed, data: second } = openWorld(world);
    expect(replayed).toEqual([0]);
    expect(second.report.decision).toBe("cut");
  });
});

describe("rot refuses (D8, D13)", () => {
  function refused(world: World, code: string): void {
    const before = world.disk.clone();
    let thrown: unknown;
    try {
      openWorld(world);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code });
    expect((thrown as Error).message).toMatch(/To go on: /);
    // Refusing changes nothing.
    for (const name of before.list(DIRECTORY)) {
      if (before.status(`${DIRECTORY}/${name}`)?.kind !== "file") continue;
      const path = `${DIRECTORY}/${name}`;
      expect(Buffer.compare(world.disk.contents(path), before.contents(path)), `${name} is unchanged`).toBe(0);
    }
  }

  test("a later frame in the same segment knows the damaged one to be durable", () => {
    const world = newWorld();
    const { data } = openWorld(world, { policy: "always" });
    for (let i = 0; i < 4; i++) {
      commitBytes(data.writer, 100, i);
      world.steps.all();
    }
    crash(world, "killed");
    flip(world, data.writer.segmentName, 4096 + 164 + 80);
    refused(world, "DATA_ROTTEN");
  });

  test("a mark knows the last frame to be durable", () => {
    const world = newWorld();
    const { data } = openWorld(world, { policy: "always" });
    commitBytes(data.writer, 100, 0);
    world.steps.all();
    world.clock.advance(100);
    data.writer.tick();
    world.steps.all();
    crash(world, "killed");
    flip(world, data.writer.segmentName, 4096 + 70);
    refused(world, "DATA_ROTTEN");
  });

  test("any byte of a sealed segment", () => {
    const world = killedWorld();
    const name = segmentsOf(world)[1]!;
    const { length } = world.disk.contents(`${DIRECTORY}/${name}`);
    for (let offset = 0; offset < length; offset += offset < 140 || offset >= 4000 ? 1 : 61) {
      flip(world, name, offset);
      refused(world, "DATA_ROTTEN");
      flip(world, name, offset);
    }
    expect(openWorld(world).replayed).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test("a sealed segment that became shorter, at a frame's end too", () => {
    for (const length of [0, 100, 4096, 4096 + 664, 4096 + 700]) {
      const world = killedWorld();
      const path = `${DIRECTORY}/${segmentsOf(world)[0]}`;
      world.disk.put(path, world.disk.contents(path).slice(0, length));
      refused(world, "DATA_ROTTEN");
    }
  });

  test("after a clean stop the last segment counts as sealed", async () => {
    const world = newWorld();
    const { data } = openWorld(world);
    commitBytes(data.writer, 100, 0);
    const path = `${DIRECTORY}/${data.writer.segmentName}`;
    await settled(world, data.close());
    world.disk.put(path, world.disk.contents(path).slice(0, 4096));
    refused(world, "DATA_ROTTEN");
  });

  test("a listed segment is missing, be it the first, the last or one between", () => {
    for (let i = 0; i < 4; i++) {
      const world = killedWorld();
      world.disk.unlink(`${DIRECTORY}/${segmentsOf(world)[i]}`);
      refused(world, "DATA_MISSING");
    }
  });

  test("a segment was exchanged for another one of the same name", () => {
    const world = killedWorld();
    const other = killedWorld();
    world.disk.put(`${DIRECTORY}/${segmentsOf(world)[1]}`, other.disk.contents(`${DIRECTORY}/${segmentsOf(other)[1]}`));
    refused(world, "DATA_ROTTEN");
  });

  test("any byte of the manifest", () => {
    const world = killedWorld();
    const { length } = world.disk.contents(`${DIRECTORY}/MANIFEST`);
    for (let offset = 0; offset < length; offset++) {
      flip(world, "MANIFEST", offset);
      refused(world, "DATA_ROTTEN");
      flip(world, "MANIFEST", offset);
    }
  });

  test("the manifest is missing, or cut anywhere", () => {
    const world = killedWorld();
    const bytes = world.disk.contents(`${DIRECTORY}/MANIFEST`).slice();
    world.disk.unlink(`${DIRECTORY}/MANIFEST`);
    refused(world, "DATA_MISSING");
    for (let length = 0; length < bytes.length; length += 7) {
      world.disk.put(`${DIRECTORY}/MANIFEST`, bytes.slice(0, length));
      refused(world, "DATA_ROTTEN");
    }
  });

  test("everything but the quarantine is gone", () => {
    const world = newWorld();
    world.disk.put(`${DIRECTORY}/quarantine/something`, new Uint8Array(1));
    refused(world, "DATA_MISSING");
  });

  test("a segment with commands that no manifest lists", () => {
    const world = killedWorld();
    const other = killedWorld();
    const name = segmentsOf(other)[0]!;
    world.disk.put(
      `${DIRECTORY}/${name.replace(/-[0-9a-f]{8}\.seg/, "-00000000.seg")}`,
      other.disk.contents(`${DIRECTORY}/${name}`),
    );
    refused(world, "DATA_ROTTEN");
  });

  test("a directory of redis-server", () => {
    const world = newWorld();
    world.disk.put(`${DIRECTORY}/dump.rdb`, new Uint8Array(10));
    refused(world, "DIRECTORY_HOLDS_DATA");
  });
});

test("D15: a second process is refused, and the directory is free again after close", async () => {
  const world = newWorld();
  const { data } = openWorld(world);
  expect(() => openWorld(world)).toThrow(expect.objectContaining({ code: "DIRECTORY_LOCKED" }));
  await settled(world, data.close());
  openWorld(world);
});

test("a start that fails at the n-th operation, for every n, leaves no descriptor", () => {
  for (let n = 1, failed = true; failed; n++) {
    const world = killedWorld();
    const handles = (): number => (Reflect.get(world.disk, "handles") as Map<number, unknown>).size;
    expect(handles()).toBe(0);
    world.disk.failAt(world.disk.operations + n, EIO);
    failed = false;
    try {
      openWorld(world);
    } catch {
      failed = true;
    }
    if (failed) expect(handles(), `operation ${n}`).toBe(0);
  }
});

test("appendonly no refuses a directory that holds data, and takes any other", () => {
  expect(() => refuseDirectoryWithData(killedWorld().disk, DIRECTORY)).toThrow(
    expect.objectContaining({ code: "DIRECTORY_HOLDS_DATA" }),
  );
  const world = newWorld();
  refuseDirectoryWithData(world.disk, DIRECTORY);
  world.disk.put(`${DIRECTORY}/notes.txt`, new Uint8Array(1));
  refuseDirectoryWithData(world.disk, DIRECTORY);
  world.disk.put(`${DIRECTORY}/dump.rdb`, new Uint8Array(1));
  expect(() => refuseDirectoryWithData(world.disk, DIRECTORY)).toThrow(
    expect.objectContaining({ code: "DIRECTORY_HOLDS_DATA" }),
  );
});

describe("D9: after a failed sync the page cache holds what the medium does not, and calls it clean", () => {
  function failedSyncWorld(loses: boolean): World {
    const world = newWorld();
    const { data } = openWorld(world, { policy: "always" });
    commitBytes(data.writer, 100, 0);
    world.steps.all();
    world.disk.failedSyncLoses = () => loses;
    world.disk.onOperation = (operation) => (operation === "fdatasync" ? EIO : 0);
    commitBytes(data.writer, 100, 1);
    world.steps.all();
    expect(data.writer).toMatchObject({ failed: { kind: "sync" }, durableSequence: 1, writtenSequence: 2 });
    world.disk.onOperation = null;
    crash(world, "killed");
    return world;
  }

  test("what the next start serves from there is durable, because it is copied into a new file", () => {
    const world = failedSyncWorld(false);
    expect(openWorld(world).replayed).toEqual([0, 1]);
    crash(world, "power");
    expect(openWorld(world).replayed).toEqual([0, 1]);
  });

  test("or it is gone at once, and cut", () => {
    const world = failedSyncWorld(true);
    const { replayed, data } = openWorld(world);
    expect(replayed).toEqual([0]);
    expect(data.report.decision).toBe("cut");
  });

  test("a page that vanishes while a start reads it refuses the start; the next one cuts", () => {
    const world = failedSyncWorld(false);
    const path = `${DIRECTORY}/${segmentsOf(world)[0]}`;
    let reads = 0;
    world.disk.afterRead = (file, target, start, count) => {
      if (file === path && ++reads > 2) target.fill(0, start, start + count);
    };
    expect(() => openWorld(world)).toThrow(expect.objectContaining({ code: "DATA_ROTTEN" }));
    world.disk.afterRead = null;
    crash(world, "power");
    expect(openWorld(world).replayed).toEqual([0]);
    expect(world.disk.status(`${DIRECTORY}/copy.tmp`)).toBeUndefined();
  });
});

describe("a log that is being filled", () => {
  test("is discarded, with a copy, if the process ends before it is complete", () => {
    const world = killedWorld();
    const data = openDataDirectoryToFill(optionsFor(world), 100);
    commitBytes(data.writer, 10, 50);
    expect(segmentsOf(world)).toHaveLength(1);
    crash(world, "killed");
    const { replayed, data: second } = openWorld(world);
    expect(replayed).toEqual([]);
    expect(second.report).toMatchObject({ decision: "discard" });
    expect(second.report.setAside).toHaveLength(1);
  });

  test("is everything once it is complete", async () => {
    const world = killedWorld();
    const data = openDataDirectoryToFill(optionsFor(world), 100);
    commitBytes(data.writer, 10, 50, 2);
    await settled(world, data.complete());
    crash(world, "power");
    const { replayed, data: second } = openWorld(world);
    expect(replayed).toEqual([50, 51]);
    expect(second.writer.sequence).toBe(101);
  });
});

describe("crashes while recovering", () => {
  /** Recovers with the n-th operation failing for good, then crashes and recovers again, for every n. */
  function everyCrash(make: () => World, expected: number[]): void {
    for (const kind of ["killed", "power", "names"] as const) {
      let finished = false;
      for (let n = 1; !finished; n++) {
        const world = make();
        world.disk.failAt(world.disk.operations + n, EIO, true);
        let { operations } = world.disk;
        try {
          openWorld(world);
          finished = true;
        } catch {
          operations = world.disk.operations - operations;
        }
        crash(world, kind);
        const { replayed } = openWorld(world);
        expect(replayed, `operation ${n}, ${kind}`).toEqual(expected);
        crash(world, "power");
        expect(openWorld(world).replayed, `operation ${n}, ${kind}, again`).toEqual(expected);
      }
    }
  }

  test("D3: of a sound directory", () => {
    everyCrash(killedAndSynced, [0, 1, 2, 3, 4, 5, 6]);
  });

  test("D3: of a torn tail", () => {
    everyCrash(() => {
      const world = killedAndSynced();
      const bytes = world.disk.contents(`${DIRECTORY}/${segmentsOf(world)[3]}`);
      world.disk.put(`${DIRECTORY}/${segmentsOf(world)[3]}`, bytes.slice(0, bytes.length - 1));
      return world;
    }, [0, 1, 2, 3, 4, 5]);
  });

  test("D3: of a segment that was just being begun, and had frames already", () => {
    everyCrash(() => {
      const world = killedAndSynced();
      const last = segmentsOf(world)[3]!;
      world.disk.put(`${DIRECTORY}/${last.replace("0000007-", "0000008-")}`, new Uint8Array(9000).fill(69));
      return world;
    }, [0, 1, 2, 3, 4, 5, 6]);
  });

  test("D3: of a damaged segment without commands that an earlier start had cut", () => {
    everyCrash(() => {
      const world = newWorld();
      const { data } = openWorld(world);
      commitBytes(data.writer, 100, 0);
      crash(world, "killed");
      flip(world, data.writer.segmentName, 4096 + 70);
      // The first start lists what it cut, and ends before it has trimmed it.
      world.disk.onOperation = (operation) => (operation === "truncate" ? EIO : 0);
      expect(() => openWorld(world)).toThrow();
      world.disk.onOperation = null;
      crash(world, "killed");
      return world;
    }, []);
  });

  test("D3: of a log that is not complete", () => {
    everyCrash(() => {
      const world = killedWorld();
      commitBytes(openDataDirectoryToFill(optionsFor(world), 100).writer, 10, 50);
      crash(world, "killed");
      world.disk = world.disk.clone();
      return world;
    }, []);
  });

  test("D2: of a directory whose last segment is empty and is replaced", () => {
    everyCrash(() => {
      const world = newWorld();
      const { data } = openWorld(world);
      commitBytes(data.writer, 100, 0);
      crash(world, "killed");
      openWorld(world);
      crash(world, "killed");
      world.disk = world.disk.clone();
      return world;
    }, [0]);
  });

  test("of an empty directory", () => {
    everyCrash(newWorld, []);
  });

  function killedAndSynced(): World {
    const world = killedWorld();
    world.disk = world.disk.clone();
    return world;
  }
});

test("everything durable survives a power cut at any operation, and what is there is a prefix", () => {
  for (let n = 1; n < 400; n += 2) {
    const world = newWorld();
    const { data } = openWorld(world, { segmentBytesMax: 4096 + 1000, policy: "always" });
    world.disk.failAt(world.disk.operations + n, EIO, true);
    for (let i = 0; i < 20; i++) {
      commitBytes(data.writer, 300, i);
      if (i % 2 === 0) world.steps.one();
      else world.steps.all();
    }
    const durable = data.writer.durableSequence;
    crash(world, (["power", "killed", "names"] as const)[n % 3]!);
    const { replayed } = openWorld(world);
    expect(replayed).toEqual(replayed.map((_, i) => i));
    expect(replayed.length, `n = ${n}`).toBeGreaterThanOrEqual(durable);
  }
});
