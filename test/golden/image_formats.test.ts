/**
 * The bytes of images, versions 2 and 1, opened forever: a writer with fixed pages, clock, salt and key must produce exactly these, and the worked examples in
 * docs/formats/image.md must be these very bytes. The encrypted block is also opened here by node:crypto alone, step by step as that document says.
 */
import { createDecipheriv, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { crc32cReference } from "../../src/base/crc32c.ts";
import { KeyRing, MasterKey } from "../../src/base/key_ring.ts";
import { lz4Decode } from "../../src/base/lz4.ts";
import { MemoryDisk } from "../../src/disk/memory_disk.ts";
import { portableCalls } from "../../src/memory/calls.ts";
import { DONE, type FrozenArena, makePool, makeQueue, UNTOUCHED } from "../../src/memory/frozen.ts";
import { SEGMENT_BLOCKS, SEGMENT_BYTES, SEGMENT_PAGES } from "../../src/memory/layout.ts";
import type { ImageHeader } from "../../src/snapshot/format.ts";
import { readImageContent } from "../../src/snapshot/image_content.ts";
import { BlockReader, readImageIndex } from "../../src/snapshot/image_reading.ts";
import { ImageVerifying } from "../../src/snapshot/image_verifying.ts";
import { ImageWriting } from "../../src/snapshot/image_writing.ts";
import { imageFileKey, newestKeyId } from "../../src/snapshot/sealing.ts";

const document = readFileSync(new URL("../../docs/formats/image.md", import.meta.url), "utf8");
const master = Uint8Array.from({ length: 32 }, (_, i) => i);
const keys = new KeyRing([new MasterKey(master)]);
/** What an LZ4 compressor has made of the block's row and page: compressors differ, decompressors don't. */
const packed = Buffer.from(hexBlocks("The LZ4 block")[0] ?? []);

/** The bytes of the ```hex blocks under a heading: "offset  bytes  | remark" a line. */
function hexBlocks(heading: string): Buffer[] {
  const section = document.split(/^## /m).find((each) => each.startsWith(heading)) ?? "";
  return [...section.matchAll(/```hex\n([\s\S]*?)```/g)].map((match) =>
    Buffer.from(
      match[1]!
        .split("\n")
        .map((line) =>
          line
            .replace(/^\s*\d+\s\s/, "")
            .replace(/\|.*$/, "")
            .replace(/\s/g, ""),
        )
        .join(""),
      "hex",
    ),
  );
}

/** One segment of memory of which page 2 is in use, with "ember" in its block 1, and that block marked. */
function frozen(): FrozenArena {
  const segment = new SharedArrayBuffer(SEGMENT_BYTES);
  new Uint8Array(segment).set(Buffer.from("ember"), 2 * 4096 + 256);
  const states = new SharedArrayBuffer(SEGMENT_PAGES);
  new Uint8Array(states).fill(DONE);
  new Uint8Array(states)[2] = UNTOUCHED;
  const marks = new SharedArrayBuffer(SEGMENT_BLOCKS);
  new Uint8Array(marks)[2 * 16 + 1] = 1;
  const { pool, slots } = makePool(0, portableCalls);
  const queue = makeQueue(slots);
  const shared = { segments: [segment], starts: [0], marks: [marks], states, pool, poolStart: 0, slots, queue };
  return { firstSegment: 0, segmentCount: 1, ...shared };
}

const full: ImageHeader = {
  version: 2,
  layoutVersion: 1,
  firstSegment: 0,
  segmentCount: 1,
  place: 0,
  epoch: Uint8Array.from({ length: 16 }, (_, i) => 0x10 + i),
  sequence: 2,
  frozenMs: 1_700_000_000_123,
  parentSequence: 0,
  parentChain: 0,
  salt: Uint8Array.from({ length: 32 }, (_, i) => 0xa0 + i),
  keyId: new Uint8Array(32),
};
const FULL_CHAIN = chainIn("## A full image");
const delta: ImageHeader = { ...full, place: 1, sequence: 3, parentSequence: 2, parentChain: FULL_CHAIN };
const encrypted: ImageHeader = { ...full, keyId: newestKeyId(keys) };
const early: ImageHeader = { ...full, version: 1 };
/** What each of them says to have been frozen. */
const KEYS = 7;

function chainIn(heading: string): number {
  const found = new RegExp(`${heading}[\\s\\S]*?chain of this image is \`([0-9a-f]{8})\``).exec(document);
  return Number.parseInt(found?.[1] ?? "0", 16) | 0;
}

function written(header: ImageHeader): { file: Buffer; chain: number } {
  const disk = new MemoryDisk((task) => task());
  const fileKey = imageFileKey(header.keyId, header.salt, keys);
  // A delta's few bytes are stored as they are.
  const compress = (): Uint8Array | undefined => (header.place === 0 ? packed : undefined);
  const job = { path: "/image", header, frozen: frozen(), keys: KEYS, fileKey, delayMs: 0 };
  const writing = new ImageWriting(disk, crc32cReference, compress, job);
  while (writing.step());
  return { file: Buffer.from(disk.contents("/image")), chain: writing.summary.chain };
}

/** A file of the documented parts: the first 152 bytes of the header, its checksum, and all behind it. */
function documented(heading: string): Buffer {
  const [start, checksum, rest] = hexBlocks(heading);
  const header = Buffer.alloc(512);
  header.set(start!);
  header.set(checksum!, 508);
  return Buffer.concat([header, rest!]);
}

test.each([
  ["A full image", full],
  ["A delta", delta],
  ["An encrypted image", encrypted],
  ["Version 1", early],
] as const)("%s: the documented bytes are the writer's", (heading, header) => {
  const { file, chain } = written(header);
  expect(documented(heading).toString("hex")).toBe(file.toString("hex"));
  expect(chainIn(`## ${heading}`)).toBe(chain | 0);
  const disk = new MemoryDisk();
  disk.put("/image", file);
  const verifying = new ImageVerifying(disk, crc32cReference, { path: "/image", chain, fileBytes: file.length });
  while (verifying.step());
  expect(verifying.problem).toBeUndefined();
});

test.each([
  ["A full image", full, undefined],
  ["A delta", delta, undefined],
  ["An encrypted image", encrypted, imageFileKey(encrypted.keyId, encrypted.salt, keys)],
  ["Version 1", early, undefined],
] as const)("%s: the documented bytes are read back", (heading, header, fileKey) => {
  const disk = new MemoryDisk();
  disk.put("/image", documented(heading));
  const read = readImageIndex(disk, "/image", crc32cReference);
  if (read.kind !== "index") throw new Error(read.kind === "damaged" ? read.reason : read.what);
  expect(read.index.header).toEqual(header);
  expect(read.index.end).toMatchObject({ blocks: 1, pages: 1 });
  expect(read.index.end.content?.keys).toBe(header.version === 1 ? undefined : KEYS);
  const content = readImageContent(disk, "/image", crc32cReference, keys);
  const digest = Buffer.from(read.index.end.content?.digest ?? []).toString("hex");
  if (header.version > 1) expect(content).toEqual({ kind: "content", digest });
  const memory = new Uint8Array(SEGMENT_BYTES);
  const reader = new BlockReader(disk, "/image", header.salt, crc32cReference, fileKey);
  expect(reader.read(read.index.offsets[0]!, 0, [memory])).toBeUndefined();
  expect(Buffer.from(memory.subarray(2 * 4096 + 256, 2 * 4096 + 261)).toString()).toBe("ember");
  memory.fill(0, 2 * 4096 + 256, 2 * 4096 + 261);
  expect(Buffer.from(memory.buffer).equals(Buffer.alloc(SEGMENT_BYTES))).toBe(true);
});

test("the LZ4 block is the row and the page, and the encrypted payload is that block, by the documented steps", () => {
  const plain = new Uint8Array(8 + 4096);
  expect(lz4Decode(packed, 0, packed.length, plain)).toBe(true);
  expect(Buffer.from(plain.subarray(0, 8)).toString("hex")).toBe("02000000ffff0000");
  expect(Buffer.from(plain.subarray(8 + 256, 8 + 261)).toString()).toBe("ember");
  const block = hexBlocks("An encrypted image")[2]!;
  const key = Buffer.from(hkdfSync("sha256", master, full.salt, "emberlog image v1", 32));
  expect(document).toContain(key.toString("hex"));
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.alloc(12));
  decipher.setAAD(block.subarray(0, 24));
  decipher.setAuthTag(block.subarray(32 + packed.length, 32 + packed.length + 16));
  const opened = Buffer.concat([decipher.update(block.subarray(32, 32 + packed.length)), decipher.final()]);
  expect(opened.toString("hex")).toBe(packed.toString("hex"));
});
