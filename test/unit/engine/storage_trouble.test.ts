/** Each fault of a disk, on a disk in memory: what an operator is told, what clients are told, and how it ends. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { datasetCommands } from "../../../src/command/commands.ts";
import { CommandTable } from "../../../src/command/table.ts";
import { EIO, EROFS } from "../../../src/disk/errno.ts";
import { MemoryDisk } from "../../../src/disk/memory_disk.ts";
import type { Watermarks } from "../../../src/engine/disk_space.ts";
import { Engine } from "../../../src/engine/engine.ts";
import { type FsyncPolicy, openStorage } from "../../../src/engine/storage.ts";
import type { LogIo as ThreadedLogIo } from "../../../src/platform/log_io.ts";
import { DiskLogIo } from "../log/disk_log_io.ts";
import { referenceCrc32c, Steps, TestClock } from "../log/support.ts";

const MB = 1024 * 1024;
const table = new CommandTable(datasetCommands);

class SteppedLogIo extends DiskLogIo implements ThreadedLogIo {
  readonly kind = "portable";
  readonly native = undefined;
  onComplete = (): void => {};
  deliver = (): boolean => false;
  lastWriteUs = (): number => 0;
  lastSyncUs = (): number => 0;
  async close(): Promise<void> {}
}

function openFaulty(policy: FsyncPolicy, spaceBytes: number, watermarks?: Watermarks) {
  const steps = new Steps();
  const disk = new MemoryDisk(steps.schedule);
  disk.spaceBytes = spaceBytes;
  const clock = new TestClock();
  const random = seededRandom(3);
  const engine = new Engine({ clock, random, table, databases: 1, bytesMax: 64 * MB });
  const storage = openStorage(engine, {
    directory: "/data",
    policy,
    segmentBytesMax: 4 * MB,
    ...(watermarks === undefined ? {} : { watermarks }),
    clock,
    random,
    backing: { disk, logIo: new SteppedLogIo(disk, steps.schedule), crc32c: referenceCrc32c },
  });
  const refusal = (): unknown => Reflect.get(engine.executor, "writesRefused");
  /** A tenth of a second, and the turn that begins then. */
  const tick = (): void => {
    clock.advance(100);
    storage.tick();
    steps.all();
    engine.beginTurn();
  };
  const write = (bytes: number): void => {
    engine.beginTurn();
    if (refusal() !== undefined) return;
    engine.journal.effects.begin(1);
    engine.journal.effects.argument(new Uint8Array(bytes), 0, bytes);
    engine.commit();
  };
  return { disk, clock, steps, engine, storage, refusal, tick, write };
}

const MISCONF = "MISCONF Errors writing to the AOF file:";

describe("a disk that fills up", () => {
  test("warns, then refuses before it is full, and goes on when there is space", () => {
    const world = openFaulty("everysec", 40 * MB, { low: "25%", stop: String(4 * MB) });
    world.tick();
    expect(world.storage.health).toMatchObject({ state: "ok", lastError: "" });
    let warned = 0;
    for (let i = 0; i < 1000 && world.refusal() === undefined; i++) {
      world.write(64 * 1024);
      world.tick();
      if (world.storage.health.state === "disk-low") warned++;
    }
    expect(warned).toBeGreaterThan(5);
    expect(world.refusal()).toMatch(
      /^MISCONF Errors writing to the AOF file: No space left on device \(\d.*M free, disk-stop-watermark is 4.00M\)$/,
    );
    expect(world.storage.space.freeBytes).toBeGreaterThanOrEqual(4 * MB);
    const { health } = world.storage;
    expect(health).toMatchObject({ state: "disk-stop", trouble: { refusesWrites: true } });
    expect(health.lastError).toContain("keeps 4.00M of it");
    expect(health.sinceMs).toBe(health.lastErrorMs);
    expect(world.engine.dataset.removalsHeld).toBe(true);
    world.disk.spaceBytes = 80 * MB;
    world.tick();
    world.tick();
    expect(world.refusal()).toBe(undefined);
    expect(health.state).toBe("ok");
    expect(health.lastError).not.toBe("");
  });

  test("without watermarks: refuses when it is full", () => {
    const world = openFaulty("everysec", 10 * MB);
    for (let i = 0; i < 1000 && world.refusal() === undefined; i++) {
      world.write(64 * 1024);
      world.tick();
    }
    expect(world.refusal()).toBe(`${MISCONF} No space left on device`);
    for (let i = 0; i < 3; i++) world.tick();
    expect(world.storage.health).toMatchObject({ state: "disk-full" });
    expect(world.storage.health.trouble?.remedy).toContain("free space");
    world.disk.spaceBytes = 20 * MB;
    for (let i = 0; i < 15; i++) world.tick();
    expect(world.storage.health.state).toBe("ok");
  });
});

describe("failing calls", () => {
  test.each([
    ["pwrite", EIO, "write-failed", "Input/output error", "dmesg"],
    ["pwrite", EROFS, "read-only", "Read-only file system", "mount it for writing"],
  ] as const)("%s, %i: %s", (operation, errno, state, words, remedy) => {
    const world = openFaulty("everysec", 100 * MB);
    world.tick();
    let broken = true;
    world.disk.onOperation = (name) => (broken && (name === operation || name === "create") ? errno : 0);
    world.write(100);
    world.tick();
    expect(world.storage.writer.failed).toMatchObject({ kind: "write" });
    expect(world.refusal()).toBe(`${MISCONF} ${words}`);
    expect(world.storage.health.state).toBe(state);
    expect(world.storage.health.trouble?.remedy).toContain(remedy);
    broken = false;
    for (let i = 0; i < 10; i++) world.tick();
    expect(world.refusal()).toBe(undefined);
    expect(world.storage.health).toMatchObject({ state: "ok", lastErrorMs: expect.any(Number) });
    expect(world.storage.writer.writtenSequence).toBe(world.storage.writer.sequence);
  });

  test("D9: after a failed sync `always` ends, and nothing counts as durable any more", () => {
    const world = openFaulty("always", 100 * MB);
    world.tick();
    let broken = true;
    world.disk.onOperation = (name) => (broken && name === "fdatasync" ? EIO : 0);
    world.write(100);
    for (let i = 0; i < 20; i++) world.tick();
    broken = false;
    for (let i = 0; i < 20; i++) world.tick();
    expect(world.storage.health.state).toBe("sync-failed");
    expect(world.storage.health.trouble?.remedy).toContain("then start the server again");
    expect(world.refusal()).toBe(`${MISCONF} Input/output error`);
    expect(world.storage.fatalFailure).toContain("the server stops");
    expect(world.storage.writer.durableSequence).toBe(0);
    expect(world.storage.resumption.attempts).toBe(0);
  });

  test("D9: under `everysec` a failed write behind a failed sync does not make the segment good again", () => {
    const world = openFaulty("everysec", 100 * MB);
    world.tick();
    world.disk.onOperation = (name) => (name === "fdatasync" || name === "create" ? EIO : 0);
    world.write(100);
    // A sync is on its way, so this write goes to the thread, and fails after the sync has.
    world.clock.advance(1000);
    world.storage.writer.tick();
    world.disk.onOperation = (name) => (name === "fdatasync" || name === "create" || name === "pwrite" ? EIO : 0);
    world.write(100);
    for (let i = 0; i < 5; i++) world.tick();
    world.disk.onOperation = (name) => (name === "create" ? EIO : 0);
    for (let i = 0; i < 20; i++) world.tick();
    expect(world.storage.writer.failed).toMatchObject({ kind: "sync" });
    expect(world.storage.writer.durableSequence).toBe(0);
    expect(world.refusal()).toBe(`${MISCONF} Input/output error`);
  });

  test("D7: writes that are cut short are continued, and nothing is noticed", () => {
    const world = openFaulty("always", 100 * MB);
    world.disk.shortWriteBytes = 7;
    world.write(1000);
    for (let i = 0; i < 5; i++) world.tick();
    expect(world.storage.health.state).toBe("ok");
    expect(world.storage.writer.durableSequence).toBe(1);
  });
});
