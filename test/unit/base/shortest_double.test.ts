/** Doubles written as bytes: the text of formatDouble, byte for byte, whatever the number. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDouble } from "../../../src/base/double.ts";
import { DOUBLE_TEXT_BYTES_MAX, writeDouble } from "../../../src/base/shortest_double.ts";

const AT = 3;
const bytes = new Uint8Array(AT + DOUBLE_TEXT_BYTES_MAX);

function check(value: number): void {
  const end = writeDouble(bytes, AT, value);
  const text = String.fromCharCode(...bytes.subarray(AT, end));
  if (text !== formatDouble(value)) expect(text, `of ${value}`).toBe(formatDouble(value));
}

function checkBoth(value: number): void {
  check(value);
  check(-value);
}

/** A double and those beside it. */
function checkAround(value: number): void {
  const double = Float64Array.of(value);
  const words = new BigInt64Array(double.buffer);
  for (let step = -3n; step <= 3n; step++) {
    double[0] = value;
    words[0] = words[0]! + step;
    checkBoth(double[0]!);
  }
}

test("what is no number, or no fraction", () => {
  for (const value of [0, 1, 9, 10, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e17, 2 ** 62, 5e18, 1e21, 1.7976931348623157e308]) {
    checkBoth(value);
  }
  for (const value of [5e-324, 1e-300, Number.POSITIVE_INFINITY, Number.NaN]) checkBoth(value);
});

test("around powers of ten, and of two, where the steps below are shorter", () => {
  for (let exponent = -33; exponent <= 18; exponent++) {
    checkAround(Number(`1e${exponent}`));
    checkAround(Number(`9.5e${exponent}`));
  }
  for (let exponent = -110; exponent <= 55; exponent++) {
    checkAround(2 ** exponent);
    checkAround(3 * 2 ** exponent);
  }
});

test("every number of digits before and behind the point", () => {
  let random = 12345;
  for (let digits = 1; digits <= 17; digits++) {
    for (let exponent = -40; exponent <= 4; exponent++) {
      for (let i = 0; i < 8; i++) {
        let text = "";
        for (let k = 0; k < digits; k++) {
          random = (Math.imul(random, 1103515245) + 12345) >>> 0;
          text += (random >>> 16) % 10;
        }
        checkBoth(Number(`${text}e${exponent}`));
      }
    }
  }
});

test("any number", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), fc.double({ min: 1e-8, max: 1e16, noNaN: true }), (any, common) => {
      check(any);
      checkBoth(common);
    }),
    { numRuns: 5000 },
  );
});
