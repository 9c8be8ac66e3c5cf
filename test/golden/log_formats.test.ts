/**
 * The bytes of version 1, opened forever: a writer with a fixed clock and fixed randomness must produce exactly these, and the
 * worked examples in docs/formats/ must be these very bytes.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { latin1, latin1Bytes } from "../../src/base/bytes.ts";
import { crc32cReference } from "../../src/base/crc32c.ts";
import { NO_KEYS } from "../../src/base/key_ring.ts";
import { MemoryDisk } from "../../src/disk/memory_disk.ts";
import { decodeSegmentHeader, encodeSegmentHeader, type SegmentHeader } from "../../src/log/format.ts";
import { LogBuffer } from "../../src/log/log_buffer.ts";
import { beginSegment, prepareSegment, type SegmentFile } from "../../src/log/segment_file.ts";
import { readSegment } from "../../src/log/segment_reader.ts";
import { decodeManifest, encodeManifest } from "../../src/manifest/format.ts";
import { encodeRequest } from "../../src/protocol/request_writer.ts";

const header: SegmentHeader = {
  flags: 0,
  epoch: Uint8Array.from({ length: 16 }, (_, i) => 0x10 + i),
  forkSequence: 0,
  firstSequence: 1,
  previousLastSequence: 0,
  createdMs: 1_700_000_000_000,
  salt: Uint8Array.from({ length: 32 }, (_, i) => 0xa0 + i),
  keyId: new Uint8Array(32),
};

/** A segment with SELECT 0 and SET a b in a frame, and a mark. */
function goldenSegment(): { file: Uint8Array; segment: SegmentFile } {
  const disk = new MemoryDisk();
  const space = prepareSegment(disk, "/", 1000, 0);
  if (typeof space === "number") throw new Error("no space");
  const segment = beginSegment(disk, "/", space, header, crc32cReference, NO_KEYS);
  const buffer = new LogBuffer(new Uint8Array(1000));
  const payload = Buffer.concat([encodeRequest(["SELECT", "0"]), encodeRequest(["SET", "a", "b"])]);
  buffer.bytes.set(payload, buffer.payloadStart);
  buffer.commit(payload.length, 2, 0xffff, 1, 1_700_000_000_123, 1_700_000_000_122);
  const mark = buffer.end;
  buffer.commitMark(3, 1_700_000_000_456, 1_700_000_000_456);
  segment.place(buffer.bytes, 0, 0);
  segment.place(buffer.bytes, mark, 2);
  disk.pwrite(segment.fd, buffer.bytes, 0, buffer.end, 4096);
  segment.settle(2);
  return { file: disk.contents(`/${segment.name}`), segment };
}

/** The bytes of every ```hex block of a document: "offset  bytes  | remark" a line. */
function hexBlocks(name: string): Uint8Array[] {
  const text = readFileSync(new URL(`../../docs/formats/${name}`, import.meta.url), "utf8");
  return [...text.matchAll(/```hex\n([\s\S]*?)```/g)].map((match) => {
    const lines = match[1]!.split("\n").filter((line) => line.trim() !== "");
    const digits = lines.map((line) =>
      line
        .replace(/^\s*\d+\s\s/, "")
        .replace(/\|.*$/, "")
        .replace(/\s/g, ""),
    );
    return Uint8Array.from(Buffer.from(digits.join(""), "hex"));
  });
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("segment header, version 1", () => {
  const bytes = encodeSegmentHeader(header, crc32cReference);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(
    "e94b32e50ec5a5ec5213d351342444f6dbcd0c97b72218d4c639bb9a0d634367",
  );
  const [documented, checksum] = hexBlocks("segment.md");
  expect(text(documented!)).toBe(text(bytes.subarray(0, documented!.length)));
  expect(documented!.length).toBe(136);
  expect(text(checksum!)).toBe(text(bytes.subarray(4092)));
  expect(decodeSegmentHeader(bytes, bytes.length, crc32cReference)).toEqual({ kind: "header", header });
});

test("frames, version 1", () => {
  const { file, segment } = goldenSegment();
  expect(segment.name).toBe("log-0000000000000001-10111213.seg");
  expect(segment.goodChain >>> 0).toBe(0x77fdaebd);
  const [commands, mark] = hexBlocks("frame.md");
  expect(text(file.subarray(4096))).toBe(text(Buffer.concat([commands!, mark!])));
});

test("the documented bytes, put together, are read back", () => {
  const disk = new MemoryDisk();
  const start = new Uint8Array(4096);
  const [documented, checksum] = hexBlocks("segment.md");
  start.set(documented!);
  start.set(checksum!, 4092);
  disk.put("/s", Buffer.concat([start, ...hexBlocks("frame.md")]));
  const units: string[] = [];
  const result = readSegment(disk, "/s", crc32cReference, {
    unit(payload, begin, end) {
      units.push(latin1(payload, begin, end));
      return undefined;
    },
  });
  expect(units).toEqual(["*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"]);
  expect(result).toMatchObject({
    kind: "scan",
    scan: { damage: null, lastSequence: 2, durableSequence: 2, commitMs: 1_700_000_000_456, frames: 2 },
  });
});

test("unused space is read as it is documented", () => {
  const disk = new MemoryDisk();
  const [documented, checksum, unused] = hexBlocks("segment.md");
  const file = Buffer.alloc(8192 + 512, "unused log space");
  file.fill(0, 0, 4096);
  file.set(documented!);
  file.set(checksum!, 4092);
  const frames = Buffer.concat(hexBlocks("frame.md"));
  file.set(frames, 4096);
  for (let sector = 4096; sector <= 8192; sector += 512) {
    file.set(unused!, sector + 480);
    file.writeUInt16LE(sector, sector + 504);
  }
  expect(text(file.subarray(8192 + 480))).toBe(text(unused!));
  disk.put("/s", file);
  const read = readSegment(disk, "/s", crc32cReference, { unit: () => undefined });
  expect(read).toMatchObject({ kind: "scan", scan: { damage: null, endOffset: 4096 + frames.length, frames: 2 } });
  file[8192 + 504] = 1;
  disk.put("/s", file);
  expect(readSegment(disk, "/s", crc32cReference, { unit: () => undefined })).toMatchObject({
    kind: "scan",
    scan: { damage: { offset: 4096 + frames.length } },
  });
});

const manifests = [
  ...readFileSync(new URL("../../docs/formats/manifest.md", import.meta.url), "utf8").matchAll(
    /```text\n(emberlog-manifest[\s\S]*?)```/g,
  ),
].map((match) => match[1]!);

test("manifest, version 1", () => {
  const documented = manifests[1]!;
  expect(documented).toContain("emberlog-manifest 1 reader 0.1.0");
  const read = decodeManifest(latin1Bytes(documented), crc32cReference);
  expect(read).toMatchObject({
    kind: "sound",
    manifest: { origin: 0, images: [], segments: [{ sealed: { lastSequence: 2, sealedMs: 0 } }, { sealed: null }] },
  });
});

test("manifest, version 2", () => {
  const documented = manifests[0]!;
  const { segment } = goldenSegment();
  const { epoch } = header;
  const sealed = {
    lastSequence: 2,
    lengthBytes: segment.goodPosition,
    chain: segment.goodChain,
    sealedMs: 1_700_000_000_500,
  };
  const manifest = {
    writtenMs: 1_700_000_001_000,
    state: "complete" as const,
    epoch,
    forkSequence: 0,
    origin: 0,
    images: [
      {
        name: "image-0000000000000001-10111213.img",
        epoch,
        sequence: 1,
        lengthBytes: 4321,
        chain: 0x01234567,
        place: 0,
        parentChain: 0,
      },
      {
        name: "delta-0000000000000002-10111213.img",
        epoch,
        sequence: 2,
        lengthBytes: 900,
        chain: 0x456789ab,
        place: 1,
        parentChain: 0x01234567,
      },
    ],
    segments: [
      { name: segment.name, epoch, firstSequence: 1, sealed },
      { name: "log-0000000000000003-10111213.seg", epoch, firstSequence: 3, sealed: null },
    ],
  };
  expect(latin1(encodeManifest(manifest, crc32cReference))).toBe(documented);
  expect(decodeManifest(latin1Bytes(documented), crc32cReference).kind).toBe("sound");
});
