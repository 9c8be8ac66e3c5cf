import { describe, expect, test } from "vitest";
import { latin1, latin1Bytes } from "../../../src/base/bytes.ts";
import { crc32cReference } from "../../../src/base/crc32c.ts";
import { EIO } from "../../../src/disk/errno.ts";
import { MemoryDisk } from "../../../src/disk/memory_disk.ts";
import { decodeManifest, encodeManifest, type Manifest } from "../../../src/manifest/format.ts";
import { readManifest, writeManifest, writeManifestLater } from "../../../src/manifest/store.ts";

const epoch = Uint8Array.from({ length: 16 }, (_, i) => i * 17);
const manifest: Manifest = {
  writtenMs: 1_700_000_000_000,
  state: "complete",
  epoch,
  forkSequence: 40,
  origin: 0,
  images: [
    {
      name: "image-000000000000001e-00112233.img",
      epoch,
      sequence: 30,
      lengthBytes: 1000,
      chain: 0x01234567,
      place: 0,
      parentChain: 0,
    },
    {
      name: "delta-000000000000005a-00112233.img",
      epoch,
      sequence: 90,
      lengthBytes: 100,
      chain: -2,
      place: 1,
      parentChain: 0x01234567,
    },
  ],
  segments: [
    {
      name: "log-0000000000000029-00112233.seg",
      epoch,
      firstSequence: 41,
      sealed: { lastSequence: 90, lengthBytes: 12345, chain: -559038737, sealedMs: 1_700_000_000_500 },
    },
    { name: "log-000000000000005b-00112233.seg", epoch, firstSequence: 91, sealed: null },
  ],
};

/** A manifest of the given lines with a right checksum. */
function withChecksum(body: string): Uint8Array {
  const bytes = latin1Bytes(body);
  const sum = (crc32cReference(bytes, 0, bytes.length, 0) >>> 0).toString(16).padStart(8, "0");
  return latin1Bytes(`${body}end ${sum}\n`);
}

describe("manifest (D13)", () => {
  test("round trip", () => {
    const result = decodeManifest(encodeManifest(manifest, crc32cReference), crc32cReference);
    expect(result).toEqual({
      kind: "sound",
      manifest: {
        ...manifest,
        segments: [
          {
            ...manifest.segments[0],
            sealed: { lastSequence: 90, lengthBytes: 12345, chain: 0xdeadbeef, sealedMs: 1_700_000_000_500 },
          },
          manifest.segments[1],
        ],
      },
    });
  });

  test("every bit flipped and every length is detected", () => {
    const bytes = encodeManifest(manifest, crc32cReference);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
      expect(decodeManifest(bytes, crc32cReference).kind, `bit ${bit}`).toMatch(/torn|rotten/);
      bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeManifest(bytes.slice(0, length), crc32cReference).kind).toMatch(/torn|rotten/);
    }
    expect(decodeManifest(Buffer.concat([bytes, bytes]), crc32cReference).kind).toBe("rotten");
  });

  test("a newer version is refused by the name of the version that can read it", () => {
    const body = latin1(encodeManifest(manifest, crc32cReference)).replace(/end .*\n/, "");
    const newer = withChecksum(body.replace("emberlog-manifest 2 reader 0.1.0", "emberlog-manifest 3 reader 0.9.1"));
    expect(decodeManifest(newer, crc32cReference)).toEqual({ kind: "unknown", version: 3, reader: "0.9.1" });
  });

  test("segments must follow each other without a gap, and only the last may be open", () => {
    const body = latin1(encodeManifest(manifest, crc32cReference)).replace(/end .*\n/, "");
    expect(decodeManifest(withChecksum(body), crc32cReference).kind).toBe("sound");
    for (const [from, to] of [
      ["sealed last 90", "sealed last 89"],
      ["first 91", "first 92"],
      [/sealed last 90 .*\n/, "open\n"],
      ["state complete", "state whatever"],
      ["fork 40", "fork"],
      ["origin 0", "origin"],
      ["delta 1 on 01234567", "delta 1 on 01234568"],
      ["delta 1 on 01234567", "delta 2 on 01234567"],
      ["bytes 1000", "bytes"],
    ] as const) {
      expect(decodeManifest(withChecksum(body.replace(from, to)), crc32cReference).kind, String(from)).toBe("rotten");
    }
  });

  test("D2: whatever operation fails, the old or the new manifest is there after a power cut", () => {
    for (let n = 1; n < 12; n++) {
      const disk = new MemoryDisk();
      disk.makeDirectory("/data");
      writeManifest(disk, "/data", manifest, crc32cReference);
      disk.failAt(disk.operations + n, EIO, true);
      let written = true;
      try {
        writeManifest(disk, "/data", { ...manifest, forkSequence: 7 }, crc32cReference);
      } catch {
        written = false;
      }
      disk.crash("power");
      const result = readManifest(disk, "/data", crc32cReference);
      expect(result.kind).toBe("sound");
      if (written && result.kind === "sound") expect(result.manifest.forkSequence).toBe(7);
    }
  });

  test("D2: without waiting, the same steps, and failures come back as numbers", () => {
    for (let n = 0; n < 8; n++) {
      const tasks: (() => void)[] = [];
      const disk = new MemoryDisk((task) => void tasks.push(task));
      disk.makeDirectory("/data");
      writeManifest(disk, "/data", manifest, crc32cReference);
      if (n > 0) disk.failAt(disk.operations + n, EIO, true);
      const results: number[] = [];
      writeManifestLater(disk, "/data", { ...manifest, forkSequence: 7 }, crc32cReference, (result) =>
        results.push(result),
      );
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
      disk.crash("power");
      const result = readManifest(disk, "/data", crc32cReference);
      expect(result.kind).toBe("sound");
      if (results[0] === 0 && result.kind === "sound") expect(result.manifest.forkSequence).toBe(7);
      if (n === 0) expect(results).toEqual([0]);
    }
  });
});
