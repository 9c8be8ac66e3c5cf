/**
 * The bytes of an encrypted segment, opened forever: a writer with a fixed key, clock and salt must produce exactly these, and the worked example in
 * docs/formats/encryption.md must be these very bytes. They are also decrypted here by node:crypto alone, step by step as that document says.
 */
import { createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { latin1 } from "../../src/base/bytes.ts";
import { crc32cReference } from "../../src/base/crc32c.ts";
import { KeyRing, MasterKey } from "../../src/base/key_ring.ts";
import { MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { SegmentHeader } from "../../src/log/format.ts";
import { LogBuffer } from "../../src/log/log_buffer.ts";
import { headerFields } from "../../src/log/sealing.ts";
import { ALL_SPACE, beginSegment, prepareSegment } from "../../src/log/segment_file.ts";
import { readSegment } from "../../src/log/segment_reader.ts";
import { emptyLogStatistics } from "../../src/log/statistics.ts";
import { WriteBatch } from "../../src/log/write_batch.ts";
import { encodeRequest } from "../../src/protocol/request_writer.ts";

const master = Uint8Array.from({ length: 32 }, (_, i) => i);
const salt = Uint8Array.from({ length: 32 }, (_, i) => 0xa0 + i);
const keys = new KeyRing([new MasterKey(master)]);
const document = readFileSync(new URL("../../docs/formats/encryption.md", import.meta.url), "utf8");
const payload = Buffer.concat([encodeRequest(["SELECT", "0"]), encodeRequest(["SET", "a", "b"])]);

/** The same as the plain example: SELECT 0 and SET a b in a frame, and a mark. */
function goldenSegment(): Uint8Array {
  const header: SegmentHeader = {
    ...headerFields(keys),
    epoch: Uint8Array.from({ length: 16 }, (_, i) => 0x10 + i),
    forkSequence: 0,
    firstSequence: 1,
    previousLastSequence: 0,
    createdMs: 1_700_000_000_000,
    salt,
  };
  const disk = new MemoryDisk();
  const space = prepareSegment(disk, "/", 1000, 0, ALL_SPACE);
  if (typeof space === "number") throw new Error("no space");
  const segment = beginSegment(disk, "/", space, header, crc32cReference, keys);
  const buffer = new LogBuffer(new Uint8Array(1000));
  buffer.bytes.set(payload, buffer.payloadStart);
  buffer.commit(payload.length, 2, 0xffff, 1, 1_700_000_000_123, 1_700_000_000_122);
  const batch = new WriteBatch();
  batch.take(buffer, segment, 0, emptyLogStatistics());
  disk.pwrite(segment.fd, batch.bytes, batch.start, batch.length, batch.position);
  buffer.commitMark(3, 1_700_000_000_456, 1_700_000_000_456);
  batch.take(buffer, segment, 2, emptyLogStatistics());
  disk.pwrite(segment.fd, batch.bytes, batch.start, batch.length, batch.position);
  return disk.contents(`/${segment.name}`);
}

/** The bytes of the ```hex block behind a heading: "offset  bytes  | remark" a line. */
function hexBlock(heading: string): Buffer {
  const block = new RegExp(`${heading}[\\s\\S]*?\`\`\`hex\\n([\\s\\S]*?)\`\`\``).exec(document)![1]!;
  const digits = block.split("\n").map((line) =>
    line
      .replace(/^\s*\d+\s\s/, "")
      .replace(/\|.*$/, "")
      .replace(/\s/g, ""),
  );
  return Buffer.from(digits.join(""), "hex");
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("the documented bytes are the writer's", () => {
  const file = goldenSegment();
  expect(createHash("sha256").update(file).digest("hex")).toBe(
    "f56dc2683caaf3aa7ced15d4213010a52671d6125e52d38f6968cadb79e2fe84",
  );
  expect(hex(hexBlock("## The header"))).toBe(
    hex(file.subarray(8, 16)) + hex(file.subarray(104, 136)) + hex(file.subarray(4092, 4096)),
  );
  expect(hex(hexBlock("## The frames"))).toBe(hex(file.subarray(4096)));
});

test("the documented bytes are decrypted by the documented steps", () => {
  expect(hex(new Uint8Array(hkdfSync("sha256", master, "", "emberlog key id v1", 8)))).toBe(
    hex(hexBlock("## The header").subarray(8, 16)),
  );
  const frames = hexBlock("## The frames");
  const key = Buffer.from(hkdfSync("sha256", master, salt, "emberlog log segment v1", 32));
  expect(document).toContain(hex(key));
  const open = (at: number, number: number, length: number): string => {
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from([number, ...new Array(11).fill(0)]));
    decipher.setAAD(frames.subarray(at, at + 56));
    decipher.setAuthTag(frames.subarray(at + 64 + length, at + 64 + length + 16));
    return Buffer.concat([decipher.update(frames.subarray(at + 64, at + 64 + length)), decipher.final()]).toString(
      "latin1",
    );
  };
  expect(open(0, 0, payload.length)).toBe(payload.toString("latin1"));
  expect(open(64 + payload.length + 16, 1, 0)).toBe("");
});

test("the golden segment is read back with its key, and as a file without it", () => {
  const disk = new MemoryDisk();
  disk.put("/s", goldenSegment());
  const units: string[] = [];
  const visitor = {
    unit: (bytes: Uint8Array, start: number, end: number): undefined => void units.push(latin1(bytes, start, end)),
  };
  const sound = { damage: null, lastSequence: 2, durableSequence: 2, commitMs: 1_700_000_000_456, frames: 2 };
  const without = readSegment(disk, "/s", crc32cReference, visitor);
  expect(without).toMatchObject({ kind: "scan", scan: { ...sound, locked: true, keyId: "f5f9cf7abe627f0c" } });
  expect(units).toEqual([]);
  const with_ = readSegment(disk, "/s", crc32cReference, visitor, undefined, keys);
  expect(with_).toMatchObject({ kind: "scan", scan: { ...sound, locked: false } });
  expect(units).toEqual([payload.toString("latin1")]);
});
