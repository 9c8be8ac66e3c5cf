/** Space that `always` writes ahead of its frames: when, how much, and what a reader makes of it. */
import { expect, test } from "vitest";
import * as limits from "../../../src/base/limits.ts";
import { EIO } from "../../../src/disk/errno.ts";
import { joinPath } from "../../../src/disk/file_names.ts";
import { UnusedSpace } from "../../../src/log/unused_space.ts";
import { commitBytes, DIRECTORY, openTestLog, readUnits, type TestLog } from "./support.ts";

const PIECE = limits.LOG_UNUSED_BYTES;
const SECTOR = 512;

function fileOf(log: TestLog, index = -1): string {
  return joinPath(DIRECTORY, log.names.at(index)!);
}

function write(log: TestLog, length = 100): void {
  expect(log.writer.reserve(length)).toBe(true);
  commitBytes(log.writer, length, log.writer.sequence);
  log.steps.all();
}

/** Everything behind the frames says that it is unused, of this segment, and which sector it is. */
function checkUnused(log: TestLog): void {
  const bytes = log.disk.contents(fileOf(log));
  const expected = Buffer.alloc(Math.ceil(bytes.length / SECTOR) * SECTOR, "unused log space");
  for (let at = 0; at < expected.length; at += SECTOR) {
    expected.set(bytes.subarray(72, 80), at + 496);
    expected.writeBigUInt64LE(BigInt(at), at + 504);
  }
  const from = log.writer.segmentBytes;
  expect(expected.subarray(from, bytes.length).equals(bytes.subarray(from))).toBe(true);
}

function isDamaged(log: TestLog): boolean {
  const { result } = readUnits(log.disk, log.names.at(-1)!);
  if (result.kind !== "scan") throw new Error("the header is damaged");
  return result.scan.damage !== null;
}

test("under always a piece is written while the first sync is under way, and the next one when little is left", () => {
  const log = openTestLog({ policy: "always" });
  write(log);
  let size = 4096 + PIECE;
  while (log.writer.segmentBytes < 5 * PIECE) {
    expect(log.disk.status(fileOf(log))!.size).toBe(size);
    checkUnused(log);
    write(log, 10_000);
    if (size - log.writer.segmentBytes <= limits.LOG_UNUSED_AHEAD_BYTES) size += PIECE;
  }
  expect(log.disk.status(fileOf(log))!.size).toBe(size);
  checkUnused(log);
  const { units, result } = readUnits(log.disk, log.names[0]!);
  expect(units.length).toBe(log.writer.sequence);
  expect(result.kind === "scan" && result.scan.damage === null).toBe(true);
  expect(result.kind === "scan" && result.scan.endOffset).toBe(log.writer.segmentBytes);
});

test.each(["everysec", "no"] as const)("under %s nothing is written ahead", (policy) => {
  const log = openTestLog({ policy });
  for (let i = 0; i < 30; i++) {
    write(log);
    log.clock.advance(100);
    log.writer.tick();
    log.steps.all();
  }
  expect(log.disk.status(fileOf(log))!.size).toBe(log.writer.segmentBytes);
});

test("never more than is set aside (D15), nor beyond the segment's end; a sealed segment ends with its last frame", async () => {
  const log = openTestLog({ policy: "always", segmentBytesMax: 20_000 });
  write(log);
  // 20,000 is in the middle of a sector.
  expect(log.disk.status(fileOf(log))!.size).toBe(19_968);
  while (log.names.length < 2) write(log, 1000);
  log.steps.all();
  const { result } = readUnits(log.disk, log.names[0]!);
  expect(result.kind === "scan" && result.scan.fileBytes === result.scan.endOffset).toBe(true);
  const closed = log.writer.close();
  for (let i = 0; i < 20; i++) {
    log.steps.all();
    await Promise.resolve();
  }
  expect(log.disk.status(fileOf(log))!.size).toBe((await closed).lengthBytes);
});

test("where space can't be set aside there is none to be written", () => {
  const log = openTestLog({ policy: "always" });
  log.writer.space.supported = false;
  write(log);
  expect(log.disk.status(fileOf(log))!.size).toBe(log.writer.segmentBytes);
});

test("after a large write it is not worth it", () => {
  const log = openTestLog({ policy: "always" });
  write(log, 200_000);
  expect(log.disk.status(fileOf(log))!.size).toBe(log.writer.segmentBytes);
});

test("a piece that can't be written is no failure of the log", () => {
  const log = openTestLog({ policy: "always" });
  commitBytes(log.writer, 100, 1);
  log.disk.onOperation = (operation) => (operation === "pwrite" ? EIO : 0);
  log.steps.all();
  log.disk.onOperation = null;
  expect(log.writer.failed).toBeNull();
  for (let i = 0; i < 5; i++) write(log);
  expect(log.writer.durableSequence).toBe(6);
  expect(log.disk.status(fileOf(log))!.size).toBe(log.writer.segmentBytes);
});

test("a piece that is written in part is a shorter one", () => {
  const log = openTestLog({ policy: "always" });
  log.disk.shortWriteBytes = 10_000;
  write(log);
  expect(log.disk.status(fileOf(log))!.size).toBe(4096 + 164 + 10_000);
  checkUnused(log);
  log.disk.shortWriteBytes = Number.POSITIVE_INFINITY;
  write(log);
  expect(log.disk.status(fileOf(log))!.size).toBe(13_824 + PIECE);
  checkUnused(log);
  expect(isDamaged(log)).toBe(false);
});

test("what is written meanwhile waits for the piece, and lies before it", () => {
  const log = openTestLog({ policy: "always" });
  commitBytes(log.writer, 100, 1);
  commitBytes(log.writer, 100, 2);
  expect(log.writer.writtenSequence).toBe(1);
  log.steps.all();
  expect(log.writer.durableSequence).toBe(2);
  expect(readUnits(log.disk, log.names[0]!).units.length).toBe(2);
  checkUnused(log);
});

test.each([
  ["a flipped bit in it", (bytes: Uint8Array, end: number) => void (bytes[end + 5000]! ^= 4)],
  ["zeros in it", (bytes: Uint8Array, end: number) => void bytes.fill(0, end + 512, end + 1024)],
  ["zeros in the place of the last frame", (bytes: Uint8Array, end: number) => void bytes.fill(0, end - 164, end)],
  ["the row begun at another place", (bytes: Uint8Array, end: number) => void bytes.copyWithin(end, end + 1)],
])("%s is damage", (_, change) => {
  const log = openTestLog({ policy: "always" });
  write(log);
  write(log);
  const end = log.writer.segmentBytes;
  log.disk.damage(fileOf(log), (bytes) => change(bytes, end));
  expect(isDamaged(log)).toBe(true);
});

/** Writes a frame that begins where a sector does, with unused space behind it; returns where. */
function writeAtSector(log: TestLog): number {
  write(log, 2 * SECTOR - 64 - (log.writer.segmentBytes % SECTOR));
  const end = log.writer.segmentBytes;
  write(log);
  expect(end % SECTOR).toBe(0);
  expect(isDamaged(log)).toBe(false);
  return end;
}

test.each([1, 2, 8])(
  "unused sectors from elsewhere in the place of the last frames are damage: %i of them",
  (sectors) => {
    const log = openTestLog({ policy: "always" });
    // Beside the first two syncs a piece is written; the last write stores the second one.
    write(log);
    const last = writeAtSector(log);
    for (const from of [last + SECTOR, last + 5 * SECTOR, 4096 + PIECE - sectors * SECTOR]) {
      for (const to of [4096, last]) {
        const before = log.disk.contents(fileOf(log)).slice();
        log.disk.damage(fileOf(log), (bytes) => bytes.copyWithin(to, from, from + sectors * SECTOR));
        expect(isDamaged(log)).toBe(true);
        log.disk.damage(fileOf(log), (bytes) => bytes.set(before));
        expect(isDamaged(log)).toBe(false);
      }
    }
  },
);

test("so are those of another segment in the same place", () => {
  const log = openTestLog({ policy: "always" });
  write(log);
  const another = log.disk.contents(fileOf(log)).slice();
  log.writer.rotate();
  write(log);
  expect(log.names.length).toBe(2);
  const last = writeAtSector(log);
  checkUnused(log);
  log.disk.damage(fileOf(log), (bytes) => bytes.set(another.subarray(last, last + SECTOR), last));
  expect(isDamaged(log)).toBe(true);
});

test("no piece is smaller than what is worth it", () => {
  const unused = new UnusedSpace(4096, new Uint8Array(32));
  expect(unused.begin(5000, 5000 + 4095)).toBe(false);
  expect(unused.begin(5000, 9215)).toBe(false);
  expect(unused.begin(5000, 9216)).toBe(true);
  unused.ended(4216);
  expect(unused.begin(5000, 10_000)).toBe(false);
});
