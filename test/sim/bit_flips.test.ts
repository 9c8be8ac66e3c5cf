/** D6, D13: a sample of the flips of bit_flips.long.ts, which flips every bit. */
import { expect, test } from "vitest";
import { ENDINGS, flipBits } from "../../fuzz/bit_flips.ts";
import { KeyRing, MasterKey } from "../../src/base/key_ring.ts";

test.each(ENDINGS)("bits flipped here and there in a log of a process that was %s", async (ending) => {
  const result = await flipBits(ending, 499);
  expect(result.wrong).toEqual([]);
  expect(result.harmless).toBe(0);
  expect(result.flips).toBeGreaterThan(1000);
  expect(result.refused).toBeGreaterThan(1000);
  if (ending !== "killed") expect(result.reportedLast).toBe(0);
});

test("and in an encrypted one", async () => {
  const keys = new KeyRing([new MasterKey(Uint8Array.from({ length: 32 }, (_, i) => i))]);
  const result = await flipBits("killed", 1499, keys);
  expect(result.wrong).toEqual([]);
  expect(result.harmless).toBe(0);
  expect(result.flips).toBeGreaterThan(1000);
  expect(result.refused).toBeGreaterThan(1000);
});
