/** A data directory in memory, opened, written, crashed and opened again. */
import { seededRandom } from "../../src/base/random.ts";
import { type CrashKind, MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { DataDirectory, DataDirectoryOptions } from "../../src/engine/data_directory.ts";
import { verifyingMemory } from "../../src/engine/image_chain.ts";
import { openDataDirectory } from "../../src/engine/open_directory.ts";
import { DiskLogIo } from "../unit/log/disk_log_io.ts";
import { referenceCrc32c, Steps, TestClock } from "../unit/log/support.ts";

export const DIRECTORY = "/data";

export interface World {
  disk: MemoryDisk;
  readonly steps: Steps;
  readonly clock: TestClock;
}

export function newWorld(): World {
  const steps = new Steps();
  return { disk: new MemoryDisk(steps.schedule), steps, clock: new TestClock() };
}

export interface Opened {
  readonly data: DataDirectory;
  /** First byte of each unit's payload that was replayed. */
  readonly replayed: number[];
}

let salt = 0;

export function optionsFor(world: World, options: Partial<DataDirectoryOptions> = {}): DataDirectoryOptions {
  return {
    disk: world.disk,
    directory: DIRECTORY,
    logIo: new DiskLogIo(world.disk, world.steps.schedule),
    clock: world.clock,
    random: seededRandom(++salt),
    crc32c: referenceCrc32c,
    policy: "everysec",
    segmentBytesMax: 64 * 1024 * 1024,
    ...options,
  };
}

export function openWorld(world: World, options: Partial<DataDirectoryOptions> = {}): Opened {
  const replayed: number[] = [];
  const data = openDataDirectory(
    optionsFor(world, options),
    {
      unit(payload, start, end, commands) {
        for (let i = 0; i < commands; i++) replayed.push(payload[start]! + i);
        if (end <= start) throw new Error("an empty unit");
        return undefined;
      },
    },
    verifyingMemory(world.disk, referenceCrc32c),
  );
  return { data, replayed };
}

/** Steps the scheduler until a promise settles. */
export async function settled<T>(world: World, promise: Promise<T>): Promise<T> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  for (let i = 0; i < 10_000 && !done; i++) {
    world.steps.all();
    await Promise.resolve();
  }
  return promise;
}

/** A killed process: its tasks never run, its lock is gone, what the kernel had stays. */
export function crash(world: World, kind: CrashKind): void {
  world.steps.tasks.length = 0;
  world.disk.crash(kind);
}
