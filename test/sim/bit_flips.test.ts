/** D6, D13: a sample of the flips of bit_flips.long.ts, which flips every bit. */
import { expect, test } from "vitest";
import { ENDINGS, flipBits } from "../../fuzz/bit_flips.ts";
import { flipImageBits } from "../../fuzz/image_flips.ts";
import { KeyRing, MasterKey, NO_KEYS } from "../../src/base/key_ring.ts";

test.each(ENDINGS)("bits flipped here and there in a log of a process that was %s", async (ending) => {
  const result = await flipBits(ending, 499);
  expect(result.wrong).toEqual([]);
  expect(result.harmless).toBe(0);
  expect(result.flips).toBeGreaterThan(1000);
  expect(result.refused).toBeGreaterThan(1000);
  if (ending !== "killed") expect(result.reportedLast).toBe(0);
});

const keys = new KeyRing([new MasterKey(Uint8Array.from({ length: 32 }, (_, i) => i))]);

test("and in an encrypted one", async () => {
  const result = await flipBits("killed", 1499, keys);
  expect(result.wrong).toEqual([]);
  expect(result.harmless).toBe(0);
  expect(result.flips).toBeGreaterThan(1000);
  expect(result.refused).toBeGreaterThan(1000);
});

test.each([
  ["plain", NO_KEYS],
  ["encrypted", keys],
])("D16: and in images, %s, and in the manifest that lists them", async (_kind, ring) => {
  const result = await flipImageBits(199, ring);
  expect(result.wrong).toEqual([]);
  expect(result.refused).toBeGreaterThan(1000);
  expect(result.passedOver).toBeGreaterThan(100);
  expect(result.foundByCheck).toBeGreaterThan(50);
});
