/** What INCR stores and integer replies show, digit by digit. */
import { expect, test } from "vitest";
import { writeInteger } from "../../../src/base/decimal.ts";

test("writeInteger writes what toString would, around every power of ten and of two", () => {
  const values: number[] = [];
  for (let power = 1; power < Number.MAX_SAFE_INTEGER; power *= 10) values.push(power);
  for (let power = 1; power < Number.MAX_SAFE_INTEGER; power *= 2) values.push(power);
  values.push(Number.MAX_SAFE_INTEGER, 1_000_000_000_000_000, 100_100_100, 1001, 5_000_000_005);
  for (const value of values) {
    for (const near of [value - 1, value, value + 1, value * 3, -value, 1 - value]) {
      if (!Number.isSafeInteger(near)) continue;
      const target = new Uint8Array(24);
      const end = writeInteger(target, 2, near);
      expect(String.fromCharCode(...target.subarray(2, end))).toBe(String(near));
      expect(target.subarray(end).every((byte) => byte === 0) && target[0] === 0 && target[1] === 0).toBe(true);
    }
  }
});
