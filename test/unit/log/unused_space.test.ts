/** Space that `always` writes ahead of its frames: when, how much, and what a reader makes of it. */
import { expect, test } from "vitest";
import { EIO } from "../../../src/disk/errno.ts";
import { joinPath } from "../../../src/disk/file_names.ts";
import { UnusedSpace } from "../../../src/log/unused_space.ts";
import { commitBytes, DIRECTORY, openTestLog, readUnits, type TestLog } from "./support.ts";

const MB = 1024 * 1024;
const ROW = "unused log space";

function fileOf(log: TestLog, index = -1): string {
  return joinPath(DIRECTORY, log.names.at(index)!);
}

function write(log: TestLog, length = 100): void {
  expect(log.writer.reserve(length)).toBe(true);
  commitBytes(log.writer, length, log.writer.sequence);
  log.steps.all();
}

/** Everything behind the frames says that it is unused, by its place in the file. */
function checkRows(log: TestLog): void {
  const bytes = log.disk.contents(fileOf(log));
  const rows = Buffer.from(bytes.subarray(log.writer.segmentBytes)).toString("latin1");
  const expected = ROW.repeat(bytes.length / ROW.length + 1).slice(log.writer.segmentBytes, bytes.length);
  expect(rows === expected).toBe(true);
}

test("under always a piece is written while the first sync is under way, and the next one when little is left", () => {
  const log = openTestLog({ policy: "always" });
  write(log);
  const first = log.disk.status(fileOf(log))!.size;
  expect(first).toBe(4096 + 164 + MB);
  checkRows(log);
  let written = 0;
  while (log.disk.status(fileOf(log))!.size === first) {
    write(log, 10_000);
    written += 10_064;
  }
  expect(written).toBeGreaterThan(MB - 300_000);
  expect(written).toBeLessThan(MB);
  expect(log.disk.status(fileOf(log))!.size).toBe(first + MB);
  checkRows(log);
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
  expect(log.disk.status(fileOf(log))!.size).toBe(20_000);
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
  checkRows(log);
});

test("what is written meanwhile waits for the piece, and lies before it", () => {
  const log = openTestLog({ policy: "always" });
  commitBytes(log.writer, 100, 1);
  commitBytes(log.writer, 100, 2);
  expect(log.writer.writtenSequence).toBe(1);
  log.steps.all();
  expect(log.writer.durableSequence).toBe(2);
  expect(readUnits(log.disk, log.names[0]!).units.length).toBe(2);
  checkRows(log);
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
  const { result } = readUnits(log.disk, log.names[0]!);
  expect(result.kind === "scan" && result.scan.damage !== null).toBe(true);
});

test("no piece is smaller than what is worth it", () => {
  const unused = new UnusedSpace(4096);
  expect(unused.begin(5000, 5000 + 4095)).toBe(false);
  expect(unused.begin(5000, 5000 + 4096)).toBe(true);
  unused.ended(4096);
  expect(unused.begin(5000, 9000)).toBe(false);
});
