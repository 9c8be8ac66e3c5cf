/** The bytes of segments and frames: round trips, every flipped bit, every length. */

import { describe, expect, test } from "vitest";
import { getU64, putU64 } from "../../../src/base/little_endian.ts";
import { joinPath } from "../../../src/disk/file_names.ts";
import { MemoryDisk } from "../../../src/disk/memory_disk.ts";
import {
  decodeFrameHeader,
  decodeSegmentHeader,
  emptyFrameHeader,
  encodeSegmentHeader,
  FLAG_COMMANDS,
  FLAG_UNIT_END,
  FRAME_HEADER_BYTES,
  putFrameFields,
  SEGMENT_HEADER_BYTES,
  saltSeed,
  sealFrame,
} from "../../../src/log/format.ts";
import { commitBytes, DIRECTORY, headerFor, openTestLog, readUnits, referenceCrc32c } from "./support.ts";

test("u64 round trip, also above 2^32", () => {
  const bytes = new Uint8Array(8);
  for (const value of [0, 1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER]) {
    putU64(bytes, 0, value);
    expect(getU64(bytes, 0)).toBe(value);
    expect(new DataView(bytes.buffer).getBigUint64(0, true)).toBe(BigInt(value));
  }
});

describe("segment header", () => {
  const header = { ...headerFor(2 ** 33 + 5), forkSequence: 2 ** 33 };

  test("round trip", () => {
    const bytes = encodeSegmentHeader(header, referenceCrc32c);
    expect(decodeSegmentHeader(bytes, bytes.length, referenceCrc32c)).toEqual({ kind: "header", header });
  });

  test("every byte flipped is detected, and every shorter length", () => {
    const bytes = encodeSegmentHeader(header, referenceCrc32c);
    for (let at = 0; at < bytes.length; at++) {
      bytes[at] = bytes[at]! ^ (1 << (at % 8));
      expect(decodeSegmentHeader(bytes, bytes.length, referenceCrc32c).kind, `byte ${at}`).toBe("damaged");
      bytes[at] = bytes[at]! ^ (1 << (at % 8));
    }
    for (let length = 0; length < bytes.length; length += 13) {
      expect(decodeSegmentHeader(bytes, length, referenceCrc32c).kind).toBe("damaged");
    }
  });

  test("a newer version names the version that can read it", () => {
    const bytes = encodeSegmentHeader(header, referenceCrc32c);
    bytes.set([2, 0, 0, 0], 8);
    bytes.set([3, 0, 14, 0, 15, 0], 16);
    const sum = referenceCrc32c(bytes, 0, 4092, 0);
    new DataView(bytes.buffer).setInt32(4092, sum, true);
    expect(decodeSegmentHeader(bytes, bytes.length, referenceCrc32c)).toEqual({
      kind: "unknown",
      version: 2,
      reader: "3.14.15",
    });
  });
});

describe("frame header", () => {
  const seed = saltSeed(headerFor(1).salt, referenceCrc32c);

  function frame(): Uint8Array {
    const bytes = new Uint8Array(FRAME_HEADER_BYTES + 20).map((_, i) => i);
    putFrameFields(bytes, 0, 20, FLAG_COMMANDS | FLAG_UNIT_END, 3, 2, 2 ** 40, 1_700_000_000_001, 1_700_000_000_000);
    sealFrame(bytes, 0, 9, 2 ** 40 - 1, seed, referenceCrc32c);
    return bytes;
  }

  test("round trip", () => {
    const decoded = emptyFrameHeader();
    expect(decodeFrameHeader(frame(), 0, seed, referenceCrc32c, decoded)).toBe(true);
    expect(decoded).toMatchObject({
      payloadBytes: 20,
      plainBytes: 20,
      number: 9,
      flags: 9,
      database: 3,
      commands: 2,
      firstSequence: 2 ** 40,
      durableSequence: 2 ** 40 - 1,
      commitMs: 1_700_000_000_001,
      rawClockMs: 1_700_000_000_000,
    });
  });

  test("every bit flipped is detected", () => {
    const decoded = emptyFrameHeader();
    for (let bit = 0; bit < FRAME_HEADER_BYTES * 8; bit++) {
      const bytes = frame();
      bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
      expect(decodeFrameHeader(bytes, 0, seed, referenceCrc32c, decoded), `bit ${bit}`).toBe(false);
    }
  });

  test("D5: zeros, and frames of another segment, never pass", () => {
    const decoded = emptyFrameHeader();
    expect(decodeFrameHeader(new Uint8Array(FRAME_HEADER_BYTES), 0, seed, referenceCrc32c, decoded)).toBe(false);
    const other = saltSeed(headerFor(1, 2).salt, referenceCrc32c);
    expect(decodeFrameHeader(frame(), 0, other, referenceCrc32c, decoded)).toBe(false);
  });
});

describe("a small log", () => {
  /** Five units of different lengths, one of them with two commands; returns the file and where each ends. */
  function smallLog() {
    const log = openTestLog();
    const ends: number[] = [];
    for (const [i, length] of [30, 1, 200, 77, 64].entries()) {
      commitBytes(log.writer, length, i, i === 2 ? 2 : 1);
      ends.push(log.writer.segmentBytes);
    }
    return { file: log.disk.contents(joinPath(DIRECTORY, log.names[0]!)).slice(), name: log.names[0]!, ends };
  }

  function read(file: Uint8Array, name: string) {
    const disk = new MemoryDisk();
    disk.put(joinPath(DIRECTORY, name), file);
    return readUnits(disk, name);
  }

  test("D6: cut at every length, the whole units before it are recovered and nothing else", () => {
    const { file, name, ends } = smallLog();
    for (let length = 0; length <= file.length; length++) {
      const { units, result } = read(file.slice(0, length), name);
      if (length < SEGMENT_HEADER_BYTES) {
        expect(result.kind).toBe("damaged");
        continue;
      }
      const whole = ends.filter((end) => end <= length).length;
      expect(units.length, `length ${length}`).toBe(whole);
      expect(result).toMatchObject({ scan: { endOffset: whole === 0 ? SEGMENT_HEADER_BYTES : ends[whole - 1] } });
      const clean = length === SEGMENT_HEADER_BYTES || ends.includes(length);
      expect(result.kind === "scan" && result.scan.damage === null, `length ${length}`).toBe(clean);
    }
  });

  test("D6: every byte flipped is detected, and everything before its unit is recovered", () => {
    const { file, name, ends } = smallLog();
    for (let at = SEGMENT_HEADER_BYTES; at < file.length; at++) {
      file[at] = file[at]! ^ (1 << (at % 8));
      const { units, result } = read(file, name);
      file[at] = file[at]! ^ (1 << (at % 8));
      expect(units.length, `byte ${at}`).toBe(ends.filter((end) => end <= at).length);
      expect(result.kind === "scan" && result.scan.damage !== null, `byte ${at}`).toBe(true);
    }
  });

  test("D6: a frame that is missing, doubled or out of order is damage", () => {
    const { file, name, ends } = smallLog();
    const frames = ends.map((end, i) => file.slice(i === 0 ? SEGMENT_HEADER_BYTES : ends[i - 1]!, end));
    const header = file.slice(0, SEGMENT_HEADER_BYTES);
    for (const [order, good] of [
      [[0, 1, 3, 4], 2],
      [[0, 1, 1, 2, 3, 4], 2],
      [[0, 2, 1, 3, 4], 1],
      [[1, 2], 0],
    ] as const) {
      const { units, result } = read(Buffer.concat([header, ...order.map((i) => frames[i]!)]), name);
      expect(units).toHaveLength(good);
      expect(result.kind === "scan" && result.scan.damage !== null).toBe(true);
    }
  });

  test("D18: a unit of several frames counts only with its last one", async () => {
    const log = openTestLog();
    commitBytes(log.writer, 10, 1);
    const length = 16 * 1024 * 1024 + 5;
    commitBytes(log.writer, length, 2, 4);
    log.steps.all();
    const file = log.disk.contents(joinPath(DIRECTORY, log.names[0]!)).slice();
    expect(read(file, log.names[0]!).units.map((unit) => unit.bytes.length)).toEqual([10, length]);
    for (const cut of [1, 5, 68, 69, 70, 1000]) {
      const { units, result } = read(file.slice(0, file.length - cut), log.names[0]!);
      expect(
        units.map((unit) => unit.bytes.length),
        `cut ${cut}`,
      ).toEqual([10]);
      expect(result).toMatchObject({
        scan: { endOffset: 4096 + 74, lastSequence: 1, damage: { unitOffset: 4096 + 74 } },
      });
    }
  });

  test("D6: continuation frames that changed places, and a mark that is missing, are noticed by their numbers", () => {
    const log = openTestLog();
    const frame = 16 * 1024 * 1024;
    commitBytes(log.writer, 2 * frame + 10, 2, 4);
    log.steps.all();
    const whole = log.disk.contents(joinPath(DIRECTORY, log.names[0]!)).slice();
    const pieces = [0, 1, 2].map((i) => whole.slice(4096 + i * (frame + 64), 4096 + (i + 1) * (frame + 64)));
    const swapped = read(Buffer.concat([whole.slice(0, 4096), pieces[1]!, pieces[0]!, pieces[2]!]), log.names[0]!);
    expect(swapped.units).toEqual([]);
    expect(swapped.result).toMatchObject({ scan: { damage: { offset: 4096 } } });

    const marked = openTestLog({ policy: "always" });
    commitBytes(marked.writer, 10, 0);
    marked.steps.all();
    marked.clock.advance(100);
    marked.writer.tick();
    commitBytes(marked.writer, 10, 1);
    marked.steps.all();
    const file = marked.disk.contents(joinPath(DIRECTORY, marked.names[0]!)).slice();
    expect(read(file, marked.names[0]!).units).toHaveLength(2);
    const without = Buffer.concat([file.slice(0, 4096 + 74), file.slice(4096 + 74 + 64)]);
    expect(read(without, marked.names[0]!).units).toHaveLength(1);
  });
});
