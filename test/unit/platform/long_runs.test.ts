/** Long runs of bytes are copied by the addon once it is there: the same bytes as V8's own way gives, at every alignment. */
import { expect, test } from "vitest";
import { copyBytes, moveBytes } from "../../../src/base/bytes.ts";
import { seededRandom, uniform } from "../../../src/base/random.ts";
import { nativeAddon } from "../../../src/platform/native.ts";

nativeAddon();

test("moves inside one shared array, overlapping, and copies from one to another", () => {
  const random = seededRandom(17);
  const shared = new Uint8Array(new SharedArrayBuffer(20_000));
  const other = random.bytes(20_000);
  const expected = new Uint8Array(20_000);
  for (let i = 0; i < 2000; i++) {
    const length = uniform(random, i % 2 === 0 ? 600 : 9000);
    const from = uniform(random, 20_000 - length);
    const to = uniform(random, 20_000 - length);
    if (i % 3 === 0) {
      copyBytes(shared, to, other, from, length);
      expected.set(other.subarray(from, from + length), to);
    } else {
      moveBytes(shared, to, from, length);
      expected.copyWithin(to, from, from + length);
    }
  }
  expect(Buffer.compare(shared, expected)).toBe(0);
});

test("a range outside of its array is refused, and nothing is written", () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(1000));
  expect(() => copyBytes(bytes, 900, new Uint8Array(1000).fill(7), 0, 300)).toThrow(RangeError);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
});
