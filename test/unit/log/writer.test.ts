import { describe, expect, test } from "vitest";
import { EIO, ENOSPC } from "../../../src/disk/errno.ts";
import { commitBytes, DIRECTORY, openTestLog, readUnits, type TestLog } from "./support.ts";

function readAll(log: TestLog) {
  return log.names.flatMap((name) => readUnits(log.disk, name).units);
}

async function closeLog(log: TestLog) {
  const closing = log.writer.close();
  let done = false;
  closing.then(
    () => (done = true),
    () => (done = true),
  );
  for (let i = 0; i < 1000 && !done; i++) {
    log.steps.all();
    await Promise.resolve();
  }
  return closing;
}

/** Two writes under `always`, beside whose syncs the space that comes next is written: for a while there is enough then. */
function writeSpaceAhead(log: TestLog): void {
  for (let i = 0; i < 2; i++) {
    commitBytes(log.writer, 10, 0);
    log.steps.all();
  }
}

describe("everysec", () => {
  test("a small commit is written before commit returns", () => {
    const log = openTestLog();
    commitBytes(log.writer, 100, 3, 2, 5);
    expect(log.writer.sequence).toBe(2);
    expect(log.writer.writtenSequence).toBe(2);
    expect(log.writer.durableSequence).toBe(0);
    const { units, result } = readUnits(log.disk, log.names[0]!);
    expect(units).toHaveLength(1);
    expect(units[0]).toMatchObject({ commands: 2, database: 5, firstSequence: 1 });
    expect(units[0]!.bytes[99]).toBe(102);
    expect(result.kind === "scan" && result.scan.damage).toBe(null);
  });

  test("a sync comes within the second and makes durable only what was written before it began (D12)", () => {
    const log = openTestLog();
    commitBytes(log.writer, 10, 0);
    log.clock.advance(950);
    log.writer.tick();
    expect(log.steps.tasks).toHaveLength(1);
    commitBytes(log.writer, 10, 1);
    expect(log.writer.writtenSequence).toBe(1);
    log.steps.one();
    expect(log.writer.durableSequence).toBe(1);
    log.steps.all();
    expect(log.writer.writtenSequence).toBe(2);
    expect(log.writer.durableSequence).toBe(1);
  });

  test("while a sync runs the write thread writes, and many turns go as one write", () => {
    const log = openTestLog();
    commitBytes(log.writer, 10, 0);
    log.clock.advance(1000);
    log.writer.tick();
    for (let i = 1; i <= 20; i++) commitBytes(log.writer, 10, i);
    expect(log.writer.statistics.writesOnThread).toBe(1);
    log.steps.all();
    expect(log.writer.writtenSequence).toBe(21);
    expect(log.writer.statistics.writesOnThread + log.writer.statistics.writesOnCaller).toBe(3);
    expect(readAll(log).map((unit) => unit.bytes[0])).toEqual(Array.from({ length: 21 }, (_, i) => i));
  });
});

describe("always", () => {
  test("group commit: one sync in flight, the next covers what came meanwhile", () => {
    const log = openTestLog({ policy: "always" });
    commitBytes(log.writer, 10, 0);
    commitBytes(log.writer, 10, 1);
    commitBytes(log.writer, 10, 2);
    expect(log.writer.durableSequence).toBe(0);
    log.steps.all();
    expect(log.writer.durableSequence).toBe(3);
    expect(log.writer.statistics.syncs).toBe(2);
    expect(log.writer.statistics.groupCommandsLast).toBe(2);
  });

  test("a sync waits for the cohort, but no longer than 20 % of a sync", () => {
    const log = openTestLog({ policy: "always" });
    writeSpaceAhead(log);
    commitBytes(log.writer, 10, 0);
    log.clock.advance(10);
    log.steps.all();
    log.writer.cohort(0, 2);
    commitBytes(log.writer, 10, 1);
    expect(log.steps.tasks).toHaveLength(0);
    expect(log.writer.syncDueUs()).toBe(2000);
    log.writer.cohort(2, 2);
    expect(log.steps.tasks).toHaveLength(1);
    log.steps.all();
    log.writer.cohort(0, 2);
    commitBytes(log.writer, 10, 2);
    expect(log.steps.tasks).toHaveLength(0);
    log.clock.advance(2);
    log.writer.tick();
    expect(log.steps.tasks).toHaveLength(1);
  });

  test("where syncs are short it waits as long as answering the cohort takes, but no longer than two syncs", () => {
    const log = openTestLog({ policy: "always" });
    for (const [syncMs, dueUs] of [
      [0.1, 200],
      [1, 250],
    ] as const) {
      // The moving average needs some.
      for (let i = 0; i < 60; i++) {
        commitBytes(log.writer, 10, 0);
        log.clock.advance(syncMs);
        log.steps.all();
      }
      log.writer.cohort(0, 2);
      commitBytes(log.writer, 10, 1);
      expect(Math.round(log.writer.syncDueUs())).toBe(dueUs);
      log.writer.cohort(2, 2);
      log.steps.all();
    }
  });

  test("beside a sync writes are made at once while syncs are short, and by the write thread when they are not", () => {
    const log = openTestLog({ policy: "always" });
    writeSpaceAhead(log);
    commitBytes(log.writer, 10, 1);
    commitBytes(log.writer, 10, 2);
    expect(log.writer.writtenSequence).toBe(4);
    expect(log.writer.statistics.writesOnThread).toBe(0);
    log.clock.advance(10);
    log.steps.all();
    expect(log.writer.durableSequence).toBe(4);
    commitBytes(log.writer, 10, 3);
    commitBytes(log.writer, 10, 4);
    expect(log.writer.writtenSequence).toBe(5);
    expect(log.writer.statistics.writesOnThread).toBe(1);
    log.steps.all();
    expect(log.writer.durableSequence).toBe(6);
  });

  test("a failed sync is final: nothing advances and nothing is taken (D9)", () => {
    const log = openTestLog({ policy: "always" });
    log.disk.failAt(log.disk.operations + 2, EIO);
    commitBytes(log.writer, 10, 0);
    log.steps.all();
    expect(log.writer.failed).toEqual({ kind: "sync", errno: EIO });
    expect(log.writer.durableSequence).toBe(0);
    expect(log.writer.reserve(1)).toBe(false);
    log.clock.advance(5000);
    log.writer.tick();
    log.steps.all();
    expect(log.writer.durableSequence).toBe(0);
  });
});

describe("marks (D8)", () => {
  test("100 ms after the last write a mark says what is durable, once", () => {
    const log = openTestLog({ policy: "always" });
    commitBytes(log.writer, 10, 0);
    log.steps.all();
    log.clock.advance(99);
    log.writer.tick();
    expect(log.writer.statistics.marks).toBe(0);
    log.clock.advance(1);
    log.writer.tick();
    log.steps.all();
    expect(log.writer.statistics.marks).toBe(1);
    log.clock.advance(1000);
    log.writer.tick();
    log.steps.all();
    expect(log.writer.statistics.marks).toBe(1);
    const { result } = readUnits(log.disk, log.names[0]!);
    expect(result).toMatchObject({ kind: "scan", scan: { durableSequence: 1, damage: null, lastSequence: 1 } });
  });

  test("close writes, syncs, marks and cuts the reserved space", async () => {
    const log = openTestLog({ policy: "no" });
    commitBytes(log.writer, 10, 0, 3);
    const summary = await closeLog(log);
    expect(summary).toMatchObject({ firstSequence: 1, lastSequence: 3, lengthBytes: 4096 + 64 + 10 + 64 });
    log.disk.crash("power");
    const { result } = readUnits(log.disk, log.names[0]!);
    expect(result).toMatchObject({
      kind: "scan",
      scan: { durableSequence: 3, lastSequence: 3, chain: summary.chain, damage: null, fileBytes: summary.lengthBytes },
    });
  });
});

describe("rotation", () => {
  test("segments follow each other without a gap, the old one synced first (D11)", async () => {
    const log = openTestLog({ segmentBytesMax: 8192 });
    log.disk.trace = [];
    for (let i = 0; i < 40; i++) {
      commitBytes(log.writer, 1000, i);
      log.steps.all();
    }
    expect(log.names.length).toBeGreaterThan(5);
    await closeLog(log);
    expect(readAll(log).map((unit) => unit.firstSequence)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    const trace = log.disk.trace;
    for (let i = 0; i + 1 < log.names.length; i++) {
      const lastWrite = trace.lastIndexOf(`pwrite ${DIRECTORY}/${log.names[i]}`);
      const sync = trace.indexOf(`fdatasync ${DIRECTORY}/${log.names[i]}`, lastWrite);
      const nextFirst = trace.indexOf(`rename ${DIRECTORY}/next.tmp`, lastWrite);
      expect(sync).toBeGreaterThan(lastWrite);
      expect(nextFirst).toBeGreaterThan(sync);
    }
  });

  test("D10: every sync goes through the descriptor that wrote, which stays open until then", () => {
    const log = openTestLog({ segmentBytesMax: 8192, policy: "always" });
    const opened = new Map<string, Set<number>>();
    const { disk } = log;
    const [pwrite, later] = [disk.pwrite.bind(disk), disk.fdatasyncLater.bind(disk)];
    const note = (kind: string, fd: number) => opened.set(kind, (opened.get(kind) ?? new Set()).add(fd));
    disk.pwrite = (fd, ...rest) => {
      note("written", fd);
      return pwrite(fd, ...rest);
    };
    disk.fdatasyncLater = (fd, done) => {
      note("synced", fd);
      later(fd, done);
    };
    for (let i = 0; i < 20; i++) {
      commitBytes(log.writer, 1000, i);
      log.steps.all();
    }
    expect(log.writer.durableSequence).toBe(20);
    expect(log.names.length).toBeGreaterThan(3);
    expect(opened.get("synced")).toEqual(opened.get("written"));
  });

  test("nothing in a segment is synced, or counts as durable, before the manifest lists it (D13, D9)", () => {
    let list: (result: number) => void = () => {};
    const log = openTestLog({ segmentBytesMax: 8192, policy: "always", listSegment: (_s, _o, done) => (list = done) });
    for (let i = 0; i < 6; i++) {
      commitBytes(log.writer, 1000, i);
      log.steps.all();
    }
    expect(log.writer.writtenSequence).toBe(6);
    expect(log.writer.durableSequence).toBe(4);
    expect(log.writer.syncing).toBe(false);
    list(0);
    expect(log.writer.syncing).toBe(true);
    expect(log.writer.durableSequence).toBe(4);
    log.steps.all();
    expect(log.writer.durableSequence).toBe(6);
  });

  test("a unit larger than a segment and than a frame stays whole (D18)", async () => {
    const log = openTestLog({ segmentBytesMax: 8192 });
    commitBytes(log.writer, 50, 1);
    const length = 33 * 1024 * 1024 + 7;
    commitBytes(log.writer, length, 9, 3, 2);
    commitBytes(log.writer, 50, 2);
    log.steps.all();
    await closeLog(log);
    const units = readAll(log);
    expect(units.map((unit) => [unit.firstSequence, unit.commands, unit.bytes.length])).toEqual([
      [1, 1, 50],
      [2, 3, length],
      [5, 1, 50],
    ]);
    let wrong = 0;
    for (let i = 0; i < length; i++) if (units[1]!.bytes[i] !== ((9 + i) & 255)) wrong++;
    expect(wrong).toBe(0);
  });
});

describe("space (D15)", () => {
  test("reserve refuses before the turn, and grants again when space returns", () => {
    const log = openTestLog();
    log.disk.spaceBytes = 1_200_000;
    for (let i = 0; i < 5; i++) {
      expect(log.writer.reserve(200_000)).toBe(true);
      commitBytes(log.writer, 200_000, 0);
    }
    expect(log.writer.reserve(200_000)).toBe(false);
    expect(log.writer.failed).toBe(null);
    log.disk.spaceBytes = 10_000_000;
    expect(log.writer.reserve(200_000)).toBe(true);
  });

  for (const policy of ["everysec", "always"] as const) {
    test(`${policy}: while the disk stays full what is in the file is synced all the same`, async () => {
      // Too small for space to be written ahead: the order of the tasks is the subject.
      const log = openTestLog({ policy, segmentBytesMax: 8000 });
      commitBytes(log.writer, 100, 0);
      if (policy === "always") {
        // The first unit is being synced while the second one is written.
        commitBytes(log.writer, 100, 1);
        log.steps.tasks.reverse();
        log.steps.one();
      }
      const before = log.writer.sequence;
      log.disk.spaceBytes = 0;
      log.disk.failAt(log.disk.operations + 1, ENOSPC);
      commitBytes(log.writer, 100, 2);
      // The write fails while the sync is still under way.
      log.steps.tasks.reverse();
      log.steps.all();
      expect(log.writer.failed).toMatchObject({ kind: "write" });
      for (let i = 0; i < 12; i++) {
        log.clock.advance(100);
        log.writer.tick();
        log.steps.all();
      }
      expect(log.writer.failed).toMatchObject({ kind: "write" });
      expect(log.writer.writtenSequence).toBe(before);
      expect(log.writer.durableSequence).toBe(before);
      log.disk.spaceBytes = Number.POSITIVE_INFINITY;
      log.clock.advance(300);
      log.writer.tick();
      log.steps.all();
      await closeLog(log);
      expect(log.writer.durableSequence).toBe(before + 1);
      expect(readAll(log).map((unit) => unit.firstSequence)).toEqual(
        Array.from({ length: before + 1 }, (_, i) => i + 1),
      );
    });
  }

  test("a failed append loses nothing: the bytes go into a new segment when there is space (D7)", async () => {
    const log = openTestLog();
    commitBytes(log.writer, 100, 0);
    log.disk.shortWriteBytes = 37;
    log.disk.failAt(log.disk.operations + 3, ENOSPC, true);
    commitBytes(log.writer, 100, 1);
    expect(log.writer.failed).toEqual({ kind: "write", errno: ENOSPC });
    expect(log.writer.writtenSequence).toBe(1);
    commitBytes(log.writer, 100, 2);
    log.clock.advance(300);
    log.writer.tick();
    expect(log.writer.failed).not.toBe(null);
    log.disk.failAt(0, 0);
    log.clock.advance(300);
    log.writer.tick();
    log.steps.all();
    expect(log.writer.failed).toBe(null);
    expect(log.writer.writtenSequence).toBe(3);
    await closeLog(log);
    expect(log.names).toHaveLength(2);
    expect(readUnits(log.disk, log.names[0]!).result).toMatchObject({
      scan: { damage: null, lastSequence: 1, fileBytes: 4096 + 164 },
    });
    expect(readAll(log).map((unit) => unit.bytes[0])).toEqual([0, 1, 2]);
  });
});

test("fail the n-th operation, for every n: what is read back is a prefix, and holds all that was durable", async () => {
  for (const errno of [EIO, ENOSPC]) {
    for (const crash of ["killed", "power"] as const) {
      let finished = false;
      for (let n = 1; !finished; n++) {
        const log = openFailing(n, errno);
        if (log === undefined) continue;
        const start = log.disk.operations;
        for (let i = 0; i < 30; i++) {
          commitBytes(log.writer, 500, i);
          if (i % 3 === 0) log.steps.one();
          if (i % 7 === 0) log.steps.all();
          log.clock.advance(120);
          log.writer.tick();
        }
        log.steps.all();
        expect(log.disk.operations).toBeGreaterThan(start);
        finished = log.disk.operations < n;
        const { durableSequence } = log.writer;
        const failedSync = log.writer.failed?.kind === "sync";
        if (!failedSync && log.writer.failed === null) expect(log.writer.writtenSequence).toBe(30);
        log.disk.crash(crash);
        // A segment that failed before its first unit is replaced by one of the same name.
        const sequences = [...new Set(log.names)]
          .filter((name) => log.disk.status(`${DIRECTORY}/${name}`) !== undefined)
          .flatMap((name) => readUnits(log.disk, name).units)
          .map((unit) => unit.firstSequence);
        expect(sequences, `n = ${n}`).toEqual(sequences.map((_, i) => i + 1));
        expect(sequences.length, `n = ${n}, ${crash}`).toBeGreaterThanOrEqual(durableSequence);
      }
    }
  }
});

/** A log whose disk fails at its n-th operation; undefined if that is before the log is open. */
function openFailing(n: number, errno: number): TestLog | undefined {
  const probe = openTestLog({ policy: "always", segmentBytesMax: 8192 });
  if (n <= probe.disk.operations) return undefined;
  const log = openTestLog({ policy: "always", segmentBytesMax: 8192 });
  log.disk.failAt(n, errno);
  return log;
}

test("what everysec risks: nothing that was written under another policy, and no mark", () => {
  const log = openTestLog({ policy: "no" });
  const { writer, clock, steps } = log;
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      writer.tick();
      steps.all();
    }
  };
  commitBytes(writer, 100, 0);
  pass(5000);
  writer.policy = "everysec";
  pass(200);
  expect(writer.durableSequence).toBe(1);
  expect(writer.statistics.exposureMsMax).toBeLessThanOrEqual(200);
  // A mark, and its sync.
  pass(3000);
  expect(writer.statistics.exposureMsMax).toBeLessThanOrEqual(200);
  commitBytes(writer, 100, 1);
  pass(2000);
  expect(writer.statistics.exposureMsMax).toBeGreaterThan(700);
  expect(writer.statistics.exposureMsMax).toBeLessThanOrEqual(1000);
  writer.policy = "always";
  expect(writer.statistics.exposureMsMax).toBe(0);
});
