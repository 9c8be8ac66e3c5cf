/** Every bit of a log, its headers, its images and its manifest, flipped one at a time; and what redis-server makes of the same. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ENDINGS, flipBits } from "../../fuzz/bit_flips.ts";
import { flipImageBits } from "../../fuzz/image_flips.ts";
import { flipRedis } from "../../fuzz/redis_flips.ts";
import { KeyRing, MasterKey, NO_KEYS } from "../../src/base/key_ring.ts";
import { redisAvailable } from "../support/redis_server.ts";

test.each(ENDINGS)("every bit of a log of a process that was %s", async (ending) => {
  const result = await flipBits(ending, 1);
  expect(result.wrong).toEqual([]);
  expect(result.flips).toBe(result.bytes * 8);
  expect(result.bytes).toBeGreaterThan(64 * 1024);
  console.log(JSON.stringify({ ...result, wrong: result.wrong.length }));
  // What is not refused is the last group of a killed process, or the mark of an idle one: nothing else.
  expect(result.harmless).toBe(0);
  if (ending === "stopped") expect(result.refused).toBe(result.flips);
  if (ending === "killed when idle") expect(result.reportedMark).toBeLessThanOrEqual(64 * 8);
});

test("bits of an encrypted log of a process that was killed: a prime stride, so that every place and every bit of a byte has its turn", async () => {
  const keys = new KeyRing([new MasterKey(Uint8Array.from({ length: 32 }, (_, i) => i))]);
  const stride = Number(process.env["EMBERLOG_FLIP_STRIDE"] ?? 11);
  const result = await flipBits("killed", stride, keys);
  console.log(JSON.stringify({ encrypted: true, stride, ...result, wrong: result.wrong.length }));
  expect(result.wrong).toEqual([]);
  expect(result.harmless).toBe(0);
  expect(result.bytes).toBeGreaterThan(64 * 1024);
  expect(result.flips).toBeGreaterThan((result.bytes * 8) / stride - 1);
});

test.each([
  ["plain", NO_KEYS],
  ["encrypted", new KeyRing([new MasterKey(Uint8Array.from({ length: 32 }, (_, i) => i))])],
])("every bit of images, %s, and of the manifest that lists them", async (kind, keys) => {
  const result = await flipImageBits(1, keys);
  console.log(JSON.stringify({ images: kind, ...result, wrong: result.wrong.length }));
  expect(result.wrong).toEqual([]);
  expect(result.flips).toBe(result.bytes * 8);
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
