/** Doubles as text, both ways: what scores are read from and printed as. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { latin1Bytes } from "../../../src/base/bytes.ts";
import { formatDouble, parseDouble, parseDoubleText } from "../../../src/base/double.ts";

/** What Redis 7.2's d2string prints. */
const PRINTED: readonly (readonly [number, string])[] = [
  [0, "0"],
  [-0, "-0"],
  [3, "3"],
  [-1.5, "-1.5"],
  [0.1, "0.1"],
  [0.1 + 0.2, "0.30000000000000004"],
  [1e-5, "0.00001"],
  [1e-9, "1e-9"],
  [2 ** 53, "9007199254740992"],
  [1e17, "100000000000000000"],
  [-1e17, "-100000000000000000"],
  [123456789012345680, "123456789012345680"],
  [2 ** 62, "4611686018427387904"],
  [5e18, "5e+18"],
  [1e21, "1e+21"],
  [1.7976931348623157e308, "1.7976931348623157e+308"],
  [Number.POSITIVE_INFINITY, "inf"],
  [Number.NEGATIVE_INFINITY, "-inf"],
];

test.each(PRINTED)("%d is printed as %s", (value, text) => {
  expect(formatDouble(value)).toBe(text);
});

describe("what is printed", () => {
  test("reads back as the same number", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        const text = formatDouble(value);
        const bytes = latin1Bytes(text);
        expect(Object.is(parseDoubleText(text), value)).toBe(true);
        // The number as an argument: -0 is none of string2ll's integers, and strtod keeps its sign.
        expect(Object.is(parseDouble(bytes, 0, bytes.length), value)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
