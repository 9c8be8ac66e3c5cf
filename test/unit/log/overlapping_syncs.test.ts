/**
 * Syncs that are under way at the same time: what counts, in which order, and what a failure of one means for the others.
 *
 * A failing seed is replayed with: SEED=<n> npx vitest run test/unit/log/overlapping_syncs.test.ts
 */
import { describe, expect, test } from "vitest";
import { seededRandom, uniform } from "../../../src/base/random.ts";
import { EIO } from "../../../src/disk/errno.ts";
import { joinPath } from "../../../src/disk/file_names.ts";
import { MemoryDisk } from "../../../src/disk/memory_disk.ts";
import type { LogWriterOptions } from "../../../src/log/writer_options.ts";
import { DiskLogIo } from "./disk_log_io.ts";
import { commitBytes, DIRECTORY, openTestLogOn, readUnits, Steps, type TestLog } from "./support.ts";

const LANES = 3;

interface Overlapping extends TestLog {
  /** Syncs of the log that have begun and not ended, by lane. */
  readonly lanes: number[];
  /** Lets the sync on a lane end. */
  end(lane: number): void;
}

/** A log whose syncs overlap. Writes end at once. */
function openOverlapping(options: Partial<LogWriterOptions> = {}): Overlapping {
  const steps = new Steps();
  const pending = new Map<number, () => void>();
  let syncOfLog = -1;
  const disk = new MemoryDisk((task) => {
    if (syncOfLog < 0) return steps.schedule(task);
    pending.set(syncOfLog, task);
    syncOfLog = -1;
  });
  disk.makeDirectory(DIRECTORY);
  const logIo = new DiskLogIo(disk, (task) => steps.schedule(task), LANES);
  const sync = logIo.sync.bind(logIo);
  logIo.sync = (fd, lane) => {
    syncOfLog = lane;
    sync(fd, lane);
  };
  const log = openTestLogOn(disk, steps, { logIo, policy: "always", ...options }, 1);
  const end = (lane: number): void => {
    const task = pending.get(lane)!;
    pending.delete(lane);
    task();
    steps.all();
  };
  const overlapping = {
    ...log,
    end,
    get lanes(): number[] {
      return [...pending.keys()];
    },
  };
  for (let i = 0; i < 4; i++) {
    write(overlapping, 1);
    end(0);
  }
  expect(log.writer.durableSequence).toBe(4);
  Reflect.get(log.writer, "schedule").overlap.active = true;
  return overlapping;
}

/** One command of `length` bytes, written; a sync begins, if one may. */
function write({ writer, steps }: TestLog, length = 10): void {
  commitBytes(writer, length, writer.sequence);
  steps.all();
}

function durableAfterPowerCut(log: TestLog): number {
  const copy = log.disk.clone();
  copy.crash("power");
  return readUnits(copy, log.names.at(-1)!).units.at(-1)?.firstSequence ?? 0;
}

/** What is said to be durable is. */
function checkHonest(log: TestLog): void {
  expect(durableAfterPowerCut(log)).toBeGreaterThanOrEqual(log.writer.durableSequence);
}

describe("overlapping syncs", () => {
  test("as many as there are lanes; what comes then waits for the first that ends", () => {
    const log = openOverlapping();
    for (let i = 0; i < 5; i++) write(log);
    expect(log.lanes).toEqual([0, 1, 2]);
    expect(log.writer.durableSequence).toBe(4);
    log.end(0);
    // The two that waited share the next one.
    expect(log.lanes).toEqual([1, 2, 0]);
    expect(log.writer.durableSequence).toBe(5);
    log.end(1);
    log.end(2);
    expect(log.writer.durableSequence).toBe(7);
    log.end(0);
    expect(log.writer.durableSequence).toBe(9);
    expect(log.lanes).toEqual([]);
    expect(log.writer.statistics.groupCommandsLast).toBe(2);
    checkHonest(log);
  });

  test("none waits for the clients that the one before has let go", () => {
    const log = openOverlapping();
    write(log);
    log.clock.advance(10);
    log.end(0);
    log.writer.cohort(0, 2);
    write(log);
    write(log);
    expect(log.lanes).toHaveLength(2);
    checkHonest(log);
  });

  test("one that ends before an earlier one counts only with it (D12)", () => {
    const log = openOverlapping();
    write(log);
    write(log);
    write(log);
    log.end(2);
    log.end(1);
    expect(log.writer.durableSequence).toBe(4);
    // Their lanes are not free yet.
    write(log);
    expect(log.lanes).toEqual([0]);
    log.end(0);
    expect(log.writer.durableSequence).toBe(7);
    checkHonest(log);
    expect(log.lanes).toEqual([0]);
    log.end(0);
    expect(log.writer.durableSequence).toBe(8);
  });

  test.each([
    ["the earlier one, ending first", 0, [0, 1]],
    ["the earlier one, ending last", 0, [1, 0]],
    ["the later one, ending first", 1, [1, 0]],
    ["the later one, ending last", 1, [0, 1]],
  ] as const)("a failure of %s ends everything (D9)", async (_, failing, order) => {
    const log = openOverlapping();
    let syncs = 0;
    log.disk.failedSyncLoses = () => true;
    log.disk.onOperation = (operation) => (operation === "fdatasync" && syncs++ === failing ? EIO : 0);
    write(log);
    write(log);
    expect(log.lanes).toEqual([0, 1]);
    log.end(order[0]);
    checkHonest(log);
    log.end(order[1]);
    expect(log.writer.failed).toEqual({ kind: "sync", errno: EIO });
    // Only what ended well before the failure was known counts, and only in order.
    expect(log.writer.durableSequence).toBe(failing === 1 && order[0] === 0 ? 5 : 4);
    checkHonest(log);
    log.writer.tick();
    log.steps.all();
    expect(log.lanes).toEqual([]);
    await expect(log.writer.durable()).rejects.toThrow();
  });

  test("what a failed one was to store is not stored by one that began later and succeeds", () => {
    const log = openOverlapping();
    let syncs = 0;
    log.disk.onOperation = (operation) => (operation === "fdatasync" && syncs++ === 0 ? EIO : 0);
    write(log);
    write(log);
    log.end(1);
    expect(durableAfterPowerCut(log)).toBe(4);
    log.end(0);
    expect(durableAfterPowerCut(log)).toBe(4);
  });

  test("a change of segments waits for all of them, and they for it (D11)", () => {
    const log = openOverlapping({ segmentBytesMax: 7000 });
    write(log, 1000);
    write(log, 1000);
    expect(log.lanes).toEqual([0, 1]);
    // Full: no further sync begins.
    write(log, 1000);
    expect(log.lanes).toEqual([0, 1]);
    log.end(1);
    expect(log.names).toHaveLength(1);
    log.end(0);
    expect(log.writer.durableSequence).toBe(6);
    // The one that seals it, alone.
    expect(log.lanes).toEqual([0]);
    write(log);
    expect(log.lanes).toEqual([0]);
    log.end(0);
    expect(log.writer.durableSequence).toBe(7);
    expect(log.names).toHaveLength(2);
    for (let i = 0; i < 10 && log.writer.durableSequence < 8; i++) {
      log.steps.all();
      if (log.lanes.length > 0) log.end(log.lanes[0]!);
    }
    expect(log.writer.durableSequence).toBe(8);
    checkHonest(log);
    // In the new segment they overlap as before, through descriptors of its own.
    write(log);
    write(log);
    expect(log.lanes).toEqual([0, 1]);
    log.end(1);
    log.end(0);
    expect(log.writer.durableSequence).toBe(10);
    checkHonest(log);
  });

  test("a stop in between waits for all of them and seals", async () => {
    const log = openOverlapping();
    write(log);
    write(log);
    write(log);
    const closed = log.writer.close();
    for (const lane of [2, 0, 1, 0, 0]) {
      if (log.lanes.includes(lane)) log.end(lane);
      await Promise.resolve();
      await Promise.resolve();
    }
    for (let i = 0; i < 20; i++) {
      for (const lane of log.lanes) log.end(lane);
      log.steps.all();
      await Promise.resolve();
    }
    expect((await closed).lastSequence).toBe(7);
    expect(durableAfterPowerCut(log)).toBe(7);
    expect(openDescriptors(log.disk)).toBe(0);
  });

  test("giving up in between: nothing counts any more (D9)", () => {
    const log = openOverlapping();
    write(log);
    write(log);
    log.writer.giveUp(EIO);
    log.end(0);
    log.end(1);
    expect(log.writer.durableSequence).toBe(4);
  });

  test("a write that fails in between: what was written before becomes durable, and the log goes on (D7)", () => {
    const log = openOverlapping();
    write(log);
    write(log);
    log.disk.onOperation = (operation) => (operation === "pwrite" ? EIO : 0);
    write(log);
    expect(log.writer.failed?.kind).toBe("write");
    log.end(1);
    log.end(0);
    expect(log.writer.durableSequence).toBe(6);
    log.disk.onOperation = null;
    log.clock.advance(1000);
    for (let i = 0; i < 20 && log.writer.durableSequence < 7; i++) {
      log.writer.tick();
      log.steps.all();
      for (const lane of log.lanes) log.end(lane);
    }
    expect(log.writer.durableSequence).toBe(7);
    expect(log.names).toHaveLength(2);
    checkHonest(log);
  });

  test("the age of the oldest write is that of the first one that counts for nothing yet", () => {
    const log = openOverlapping();
    const begunMs = log.clock.monotonicUs() / 1000;
    write(log);
    log.clock.advance(3);
    write(log);
    log.clock.advance(3);
    write(log);
    expect(log.writer.oldestUnsyncedMs).toBe(begunMs);
    log.end(1);
    expect(log.writer.oldestUnsyncedMs).toBe(begunMs);
    log.clock.advance(4);
    log.end(0);
    expect(log.writer.statistics.exposureMsLast).toBe(7);
    expect(log.writer.oldestUnsyncedMs).toBe(begunMs + 6);
  });

  test("where no further descriptor can be had they follow each other", () => {
    const log = openOverlapping();
    log.disk.onOperation = (operation) => (operation === "open" ? EIO : 0);
    write(log);
    write(log);
    expect(log.lanes).toEqual([0]);
    log.end(0);
    expect(log.lanes).toEqual([0]);
    log.end(0);
    expect(log.writer.durableSequence).toBe(6);
  });

  test("under everysec they never overlap", () => {
    const log = openOverlapping();
    log.writer.policy = "everysec";
    write(log);
    write(log);
    expect(log.lanes).toEqual([]);
    log.writer.want(5);
    expect(log.lanes).toEqual([0]);
    write(log);
    log.writer.want(7);
    expect(log.lanes).toEqual([0]);
  });
});

function openDescriptors(disk: MemoryDisk): number {
  return (Reflect.get(disk, "handles") as Map<number, unknown>).size;
}

/** The last command that a start would find after a power cut: what is readable without a gap. */
function lastFound(log: TestLog, seed: number): number {
  const copy = log.disk.clone();
  copy.cutPower({ random: seededRandom(seed), sectorBytes: 512, old: new Uint8Array(0), count: () => {} }, () => {});
  let last = 0;
  for (const name of log.names) {
    if (copy.status(joinPath(DIRECTORY, name)) === undefined) continue;
    for (const { firstSequence } of readUnits(copy, name).units) if (firstSequence === last + 1) last++;
  }
  return last;
}

/** Writes and syncs in any order until one fails or the power does; returns how many ended before an earlier one. */
function live(seed: number): { early: number; failed: boolean } {
  const random = seededRandom(seed);
  const log = openOverlapping({ segmentBytesMax: uniform(random, 2) === 0 ? 5500 : 30_000 });
  let failIn = uniform(random, 40);
  log.disk.onOperation = (operation) => (operation === "fdatasync" && failIn-- === 0 ? EIO : 0);
  log.disk.failedSyncLoses = () => uniform(random, 2) === 0;
  let early = 0;
  for (let step = 0; step < 60; step++) {
    const { lanes } = log;
    if (lanes.length === 0 || uniform(random, 2) === 0) {
      if (log.writer.failed === null) write(log, 1 + uniform(random, 200));
    } else {
      const which = uniform(random, lanes.length);
      if (which > 0) early++;
      log.end(lanes[which]!);
    }
    log.clock.advance(uniform(random, 3));
    const claimed = log.writer.durableSequence;
    if (uniform(random, 2) === 0) {
      const found = lastFound(log, seed * 1000 + step);
      if (found < claimed) throw new Error(`${claimed} said to be durable, ${found} found, after step ${step}`);
    }
  }
  return { early, failed: log.writer.failed !== null };
}

test("whatever order they end in and whichever fails, what is said to be durable survives a power cut (D9, D12)", () => {
  const { SEED } = process.env;
  const seeds = SEED === undefined ? Array.from({ length: 60 }, (_, i) => i + 1) : [Number(SEED)];
  let early = 0;
  let failed = 0;
  for (const seed of seeds) {
    try {
      const seen = live(seed);
      early += seen.early;
      if (seen.failed) failed++;
    } catch (thrown) {
      throw new Error(`SEED=${seed} npx vitest run test/unit/log/overlapping_syncs.test.ts`, { cause: thrown });
    }
  }
  if (SEED !== undefined) return;
  expect(early).toBeGreaterThan(200);
  expect(failed).toBeGreaterThan(10);
});
