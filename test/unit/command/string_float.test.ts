/** INCRBYFLOAT's arithmetic at its edges; the replies are redis-server's. Random numbers: string_against_redis.test.ts. */
import { expect, test } from "vitest";
import { addLongDouble, formatLongDouble, parseLongDouble } from "../../../src/base/long_double.ts";

const INVALID = "not a float";
const INFINITE = "infinite";

function sum(a: string, b: string): string {
  const left = parseLongDouble(a);
  const right = parseLongDouble(b);
  if (left === undefined || right === undefined) return INVALID;
  const result = addLongDouble(left, right);
  return result === undefined ? INFINITE : formatLongDouble(result);
}

const SUMS: readonly (readonly [a: string, b: string, sum: string])[] = [
  ["0", "0", "0"],
  ["-0", "-0", "0"],
  ["0.1", "0.2", "0.3"],
  ["3.0e3", "200", "3200"],
  ["1e17", "0.5", "100000000000000000.5"],
  ["9223372036854775807", "1", "9223372036854775808"],
  ["18446744073709551615", "1", "18446744073709551616"],
  ["18446744073709551616", "1", "18446744073709551616"],
  ["18446744073709551618", "1", "18446744073709551620"],
  ["36893488147419103233", "0", "36893488147419103232"],
  ["1e22", "1e-17", "10000000000000000000000"],
  ["5e-18", "0", "0"],
  ["15e-18", "0", "0.00000000000000002"],
  ["4.9e-18", "0", "0"],
  ["-1e-30", "0", "0"],
  ["1.18973149535723176502e4932", "1e4932", INFINITE],
  ["1.18973149535723176509e4932", "0", INVALID],
  ["3.6e-4951", "0", "0"],
  ["1.8e-4951", "0", INVALID],
  ["1.9e-4951", "0", "0"],
  ["1e-5000", "0", INVALID],
  ["0x1.8p3", "0XAp-1", "17"],
  ["0x", "1", INVALID],
  ["0x.8", "1", "1.5"],
  ["0x1p-16445", "0", "0"],
  ["0x1p-16446", "0", INVALID],
  ["0x1p16384", "0", INVALID],
  ["inf", "1", INFINITE],
  ["-Infinity", "inf", INFINITE],
  ["nan", "1", INVALID],
  [" 1", "1", INVALID],
  ["1 ", "1", INVALID],
  ["+5", ".5", "5.5"],
  ["5.", "-5.5", "-0.5"],
  [".", "1", INVALID],
  ["1e", "1", INVALID],
  ["1e+", "1", INVALID],
  ["1e+2", "1", "101"],
  ["", "1", INVALID],
  ["1_0", "1", INVALID],
  ["3.14159265358979323846264338327950288", "1", "4.14159265358979324"],
  ["0e99999999999999999999", "1", "1"],
  ["1e99999999999999999999", "1", INVALID],
  ["1e-99999999999999999999", "1", INVALID],
  ["100000000000000000", "-0.00000000000000001", "100000000000000000"],
];

test.each(SUMS)("%s + %s", (a, b, expected) => {
  expect(sum(a, b)).toBe(expected);
});

test("a text may have 5119 bytes", () => {
  expect(sum(`${"0".repeat(5118)}1`, "1")).toBe("2");
  expect(sum(`${"0".repeat(5119)}1`, "1")).toBe(INVALID);
});
