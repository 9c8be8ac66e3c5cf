/** What the tests of the log share: a clock and a scheduler stepped by hand, a log in memory. */

import type { Clock } from "../../../src/base/clock.ts";
import { crc32cReference } from "../../../src/base/crc32c.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { seededRandom } from "../../../src/base/random.ts";
import type { Disk } from "../../../src/disk/disk.ts";
import { joinPath } from "../../../src/disk/file_names.ts";
import { MemoryDisk } from "../../../src/disk/memory_disk.ts";
import { type Crc32c, EPOCH_BYTES, KEY_ID_BYTES, type SegmentHeader } from "../../../src/log/format.ts";
import { ALL_SPACE, beginSegment, prepareSegment } from "../../../src/log/segment_file.ts";
import { readSegment, type SegmentReadResult } from "../../../src/log/segment_reader.ts";
import { LogWriter } from "../../../src/log/writer.ts";
import type { LogWriterOptions } from "../../../src/log/writer_options.ts";
import { DiskLogIo } from "./disk_log_io.ts";

export const referenceCrc32c: Crc32c = crc32cReference;

export class TestClock implements Clock {
  nowMs = 1_700_000_000_000;
  elapsedUs = 1_000_000;

  wallMs(): number {
    return this.nowMs;
  }

  monotonicUs(): number {
    return this.elapsedUs;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.elapsedUs += ms * 1000;
  }
}

/** Tasks that run when the test says so, in order. */
export class Steps {
  readonly tasks: (() => void)[] = [];
  readonly schedule = (task: () => void): void => void this.tasks.push(task);

  /** Runs the oldest task; false if there is none. */
  one(): boolean {
    const task = this.tasks.shift();
    task?.();
    return task !== undefined;
  }

  all(): void {
    while (this.one());
  }
}

export const DIRECTORY = "/data";

export function headerFor(firstSequence: number, seed = 1): SegmentHeader {
  const random = seededRandom(seed);
  return {
    flags: 0,
    epoch: random.bytes(EPOCH_BYTES),
    forkSequence: 0,
    firstSequence,
    previousLastSequence: firstSequence - 1,
    createdMs: 1_700_000_000_000,
    salt: random.bytes(32),
    keyId: new Uint8Array(KEY_ID_BYTES),
  };
}

export interface TestLog {
  readonly disk: MemoryDisk;
  readonly clock: TestClock;
  readonly steps: Steps;
  readonly writer: LogWriter;
  /** Names of the segments begun, in order. */
  readonly names: string[];
}

export function openTestLog(options: Partial<LogWriterOptions> = {}, firstSequence = 1): TestLog {
  const steps = new Steps();
  const disk = new MemoryDisk(steps.schedule);
  disk.makeDirectory(DIRECTORY);
  return openTestLogOn(disk, steps, options, firstSequence);
}

export function openTestLogOn(
  disk: MemoryDisk,
  steps: Steps,
  options: Partial<LogWriterOptions>,
  firstSequence: number,
): TestLog {
  const clock = new TestClock();
  const space = prepareSegment(disk, DIRECTORY, 65536, 0, options.spareBytes);
  if (typeof space === "number") throw new Error(`no space: ${space}`);
  const segment = beginSegment(disk, DIRECTORY, space, headerFor(firstSequence), referenceCrc32c, NO_KEYS);
  disk.fdatasync(segment.fd);
  disk.syncDirectory(DIRECTORY);
  const names = [segment.name];
  const writer = new LogWriter(
    {
      disk,
      directory: DIRECTORY,
      logIo: new DiskLogIo(disk, steps.schedule),
      clock,
      random: seededRandom(7),
      crc32c: referenceCrc32c,
      keys: NO_KEYS,
      policy: "everysec",
      segmentBytesMax: 64 * 1024 * 1024,
      spareBytes: options.spareBytes ?? ALL_SPACE,
      commitMs: 0,
      listSegment: (_sealed, opened, done) => {
        names.push(opened.name);
        disk.fdatasyncLater(opened.fd, (result) => {
          if (result < 0) done(result);
          else disk.syncDirectoryLater(DIRECTORY, done);
        });
      },
      ...options,
    },
    segment,
  );
  return { disk, clock, steps, writer, names };
}

/** Commits `length` bytes of payload counted up from `fill`. */
export function commitBytes(writer: LogWriter, length: number, fill: number, commands = 1, database = 0): void {
  let bytes = writer.payloadBytes();
  const at = writer.payloadStart();
  if (bytes.length - at < length) {
    const larger = new Uint8Array(at + length);
    larger.set(bytes.subarray(0, at));
    bytes = larger;
  }
  for (let i = 0; i < length; i++) bytes[at + i] = (fill + i) & 255;
  writer.commit(bytes, at + length, commands, database);
}

export interface ReadUnit {
  readonly bytes: Uint8Array;
  readonly commands: number;
  readonly database: number;
  readonly firstSequence: number;
}

/** Every unit of one segment, copied, and what the reader says of it. */
export function readUnits(disk: Disk, name: string): { units: ReadUnit[]; result: SegmentReadResult } {
  const units: ReadUnit[] = [];
  const result = readSegment(disk, joinPath(DIRECTORY, name), referenceCrc32c, {
    unit(payload, start, end, commands, database, firstSequence) {
      units.push({ bytes: payload.slice(start, end), commands, database, firstSequence });
      return undefined;
    },
  });
  return { units, result };
}
