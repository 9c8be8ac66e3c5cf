/** CRC-32C and CRC-64: published vectors, and the addon equal to the reference for every length and alignment. */
import { describe, expect, test } from "vitest";
import { latin1Bytes } from "../../../src/base/bytes.ts";
import { crc32cReference } from "../../../src/base/crc32c.ts";
import { crc64Reference } from "../../../src/base/crc64.ts";
import { seededRandom, uniform } from "../../../src/base/random.ts";
import { checksumBacking, crc32c, crc64 } from "../../../src/platform/checksum.ts";
import { nativeAddon } from "../../../src/platform/native.ts";

const addon = nativeAddon();
const implementations32 = [
  { name: "reference", crc: crc32cReference },
  { name: "chosen", crc: crc32c },
  ...(addon === undefined ? [] : [{ name: "addon", crc: addon.crc32c }]),
];
const implementations64 = [
  { name: "reference", crc: crc64Reference },
  { name: "chosen", crc: crc64 },
  ...(addon === undefined ? [] : [{ name: "addon", crc: addon.crc64 }]),
];

function hex64(sum: Int32Array): string {
  return [sum[1]!, sum[0]!].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

test("the addon computes where it is", () => {
  expect(checksumBacking).toBe(addon === undefined ? "reference" : addon.checksumBacking());
  if (process.env["EMBERLOG_NATIVE"] !== "0") expect(addon).toBeDefined();
});

describe.each(implementations32)("crc32c by $name", ({ crc }) => {
  // RFC 3720, B.4, and the usual check value.
  test.each([
    { bytes: latin1Bytes("123456789"), sum: 0xe3069283 },
    { bytes: new Uint8Array(32), sum: 0x8a9136aa },
    { bytes: new Uint8Array(32).fill(0xff), sum: 0x62a8ab43 },
    { bytes: Uint8Array.from({ length: 32 }, (_, i) => i), sum: 0x46dd794e },
    { bytes: Uint8Array.from({ length: 32 }, (_, i) => 31 - i), sum: 0x113fdb5c },
    { bytes: new Uint8Array(0), sum: 0 },
  ])("vector $sum", ({ bytes, sum }) => {
    expect(crc(bytes, 0, bytes.length, 0)).toBe(sum | 0);
  });
});

describe.each(implementations64)("crc64 by $name", ({ crc }) => {
  // The check value that Redis's src/crc64.c states.
  test.each([{ text: "123456789", sum: "e9c6d914c4b8d9ca" }])("vector $sum", ({ text, sum }) => {
    const state = new Int32Array(2);
    crc(latin1Bytes(text), 0, text.length, state);
    expect(hex64(state)).toBe(sum);
  });
});

test("all agree for every length, alignment and split", () => {
  const seed = Number(process.env["SEED"] ?? 20261121);
  const replay = `SEED=${seed} npx vitest run test/unit/platform/checksum.test.ts`;
  const random = seededRandom(seed);
  const bytes = random.bytes(70_000);
  const lengths = Array.from({ length: 700 }, (_, i) => i);
  for (let i = 0; i < 300; i++) lengths.push(uniform(random, 60_000));
  for (const length of lengths) {
    const offset = uniform(random, 64);
    const split = uniform(random, length + 1);
    const before = random.int32();
    const expected32 = crc32cReference(bytes, offset, length, before);
    for (const { name, crc } of implementations32) {
      const first = crc(bytes, offset, split, before);
      const whole = `${name} ${length} at ${offset}, ${replay}`;
      expect(crc(bytes, offset, length, before), whole).toBe(expected32);
      expect(crc(bytes, offset + split, length - split, first), whole).toBe(expected32);
    }
    const start = Int32Array.of(random.int32(), random.int32());
    const expected64 = start.slice();
    crc64Reference(bytes, offset, length, expected64);
    for (const { name, crc } of implementations64) {
      const sum = start.slice();
      crc(bytes, offset, length, sum);
      expect(hex64(sum), `${name} ${length} at ${offset}, ${replay}`).toBe(hex64(expected64));
      const inParts = start.slice();
      crc(bytes, offset, split, inParts);
      crc(bytes, offset + split, length - split, inParts);
      expect(hex64(inParts), `${name} ${length} at ${offset}, ${replay}`).toBe(hex64(expected64));
    }
  }
});
