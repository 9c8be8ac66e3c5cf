/**
 * Bits of a log, its headers, its images and its manifest, flipped one at a time; and what redis-server makes of the same. By default a prime
 * stride, so that every byte and every place in a byte has its turn; with EMBERLOG_FLIP_STRIDE=1, and in `npm run fuzz -- --flips`, every bit.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ENDINGS, flipBits } from "../../fuzz/bit_flips.ts";
import { flipImageBits } from "../../fuzz/image_flips.ts";
import { flipRedis } from "../../fuzz/redis_flips.ts";
import { KeyRing, MasterKey, NO_KEYS } from "../../src/base/key_ring.ts";
import { redisAvailable } from "../support/redis_server.ts";

const MARK_BYTES_MAX = 64;

const stride = Number(process.env["EMBERLOG_FLIP_STRIDE"] ?? 5);
/** Of what is encrypted: it takes longer. */
const sparseStride = Number(process.env["EMBERLOG_FLIP_STRIDE"] ?? 11);

test.each(ENDINGS)("bits of a log of a process that was %s", async (ending) => {
  const result = await flipBits(ending, stride);
  expect(result.wrong).toEqual([]);
  expect(result.flips).toBeGreaterThan((result.bytes * 8) / stride - 1);
  expect(result.bytes).toBeGreaterThan(64 * 1024);
  console.log(JSON.stringify({ ...result, wrong: result.wrong.length }));
  // What is not refused is the last group of a killed process, the mark of an idle one, or space that was written ahead: nothing else.
  expect(result.harmless).toBe(0);
  if (ending === "stopped") expect(result.refused).toBe(result.flips);
  if (ending === "killed when idle") {
    expect(result.reportedMark).toBeLessThanOrEqual(((MARK_BYTES_MAX + result.unusedBytes) * 8) / stride + 1);
  }
});

test("bits of an encrypted log of a process that was killed", async () => {
  const keys = new KeyRing([new MasterKey(Uint8Array.from({ length: 32 }, (_, i) => i))]);
  const result = await flipBits("killed", sparseStride, keys);
  console.log(JSON.stringify({ encrypted: true, stride: sparseStride, ...result, wrong: result.wrong.length }));
  expect(result.wrong).toEqual([]);
  expect(result.harmless).toBe(0);
  expect(result.bytes).toBeGreaterThan(64 * 1024);
  expect(result.flips).toBeGreaterThan((result.bytes * 8) / sparseStride - 1);
});

test.each([
  ["plain", stride, NO_KEYS],
  ["encrypted", sparseStride, new KeyRing([new MasterKey(Uint8Array.from({ length: 32 }, (_, i) => i))])],
] as const)("bits of images, %s, one of %d, and of the manifest that lists them", async (kind, every, keys) => {
  const result = await flipImageBits(every, keys);
  console.log(JSON.stringify({ images: kind, ...result, wrong: result.wrong.length }));
  expect(result.wrong).toEqual([]);
  expect(result.flips).toBeGreaterThan((result.bytes * 8) / every - 1);
});

describe.runIf(redisAvailable())("redis-server", () => {
  test("serves flipped values without a word", async () => {
    const dir = mkdtempSync(join(tmpdir(), "emberlog-flips-"));
    try {
      const result = await flipRedis(dir, 12, 1);
      console.log(JSON.stringify(result));
      expect(result.wrong).toBeGreaterThan(0);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
