/** Intsets against a sorted array of bigints, at an odd offset; damaged ones are refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { latin1, latin1Bytes } from "../../../src/base/bytes.ts";
import * as intsets from "../../../src/structure/intset.ts";
import { withSeed } from "../../model/memory_seed.ts";

const FILE = "test/unit/structure/intset.test.ts";
const BASE = 13;

function parse(value: bigint): { low: number; high: number } {
  const text = latin1Bytes(`9${value}9`);
  expect(intsets.parseIntsetMember(text, 1, text.length - 2)).toBe(true);
  const { low, high } = intsets.parsedMember;
  expect(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0))).toBe(value);
  return { low, high };
}

function find(bytes: Uint8Array, value: bigint): number {
  const { low, high } = parse(value);
  return intsets.findInteger(bytes, BASE, low, high);
}

function add(bytes: Uint8Array, value: bigint): boolean {
  const { low, high } = parse(value);
  if (intsets.findInteger(bytes, BASE, low, high) >= 0) return false;
  intsets.upgradeIntset(bytes, BASE, intsets.encodingNeeded(low, high));
  intsets.insertInteger(bytes, BASE, -intsets.findInteger(bytes, BASE, low, high) - 1, low, high);
  return true;
}

const widthOf = (value: bigint): number =>
  BigInt.asIntN(16, value) === value ? 2 : BigInt.asIntN(32, value) === value ? 4 : 8;

function checkContent(bytes: Uint8Array, sorted: readonly bigint[], width: number): void {
  expect(intsets.intsetCount(bytes, BASE)).toBe(sorted.length);
  expect(intsets.intsetEncodingBytes(bytes, BASE)).toBe(width);
  const total = intsets.intsetBytes(bytes, BASE);
  expect(total).toBe(intsets.intsetBytesFor(sorted.length, width));
  expect(intsets.validateIntset(bytes, BASE, total)).toBe(sorted.length > 0);
  expect(bytes[BASE - 1]).toBe(77);
  for (const [index, value] of sorted.entries()) {
    const safe = value > -(2n ** 53n) && value < 2n ** 53n;
    expect(intsets.intsetBigAt(bytes, BASE, index)).toBe(value);
    expect(intsets.intsetAt(bytes, BASE, index)).toBe(safe ? Number(value) : Number.NaN);
    expect(find(bytes, value)).toBe(index);
    const text = new Uint8Array(24);
    const length = intsets.copyIntsetText(bytes, BASE, index, text, 3);
    expect(latin1(text.subarray(3, 3 + length))).toBe(`${value}`);
    expect(intsets.intsetTextLength(bytes, BASE, index)).toBe(length);
  }
  if (sorted.length === 0) return;
  expect(intsets.intsetMinimum(bytes, BASE)).toBe(intsets.intsetAt(bytes, BASE, 0));
  expect(intsets.intsetMaximum(bytes, BASE)).toBe(intsets.intsetAt(bytes, BASE, sorted.length - 1));
}

const boundaries = [15, 16, 31, 32, 53, 62, 63].flatMap((bits) =>
  [-1n, 0n, 1n].flatMap((step) => [2n ** BigInt(bits) + step, -(2n ** BigInt(bits)) + step]),
);
const in64 = boundaries.filter((value) => BigInt.asIntN(64, value) === value);
const small = fc.bigInt({ min: -40n, max: 40n });
const any64 = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: -40000n, max: 40000n }) },
  { weight: 1, arbitrary: fc.constantFrom(...in64) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
);

test("random insertions and removals against a sorted array", () => {
  withSeed(FILE, (seed) => {
    const steps = (value: fc.Arbitrary<bigint>) => fc.array(fc.tuple(fc.boolean(), value), { maxLength: 60 });
    fc.assert(
      fc.property(fc.oneof(steps(small), steps(any64)), fc.array(any64), (changes, probes) => {
        const bytes = new Uint8Array(BASE + 8 + 8 * 70).fill(77);
        intsets.writeEmptyIntset(bytes, BASE);
        let model: bigint[] = [];
        let width = 2;
        for (const [insert, value] of changes) {
          if (insert) {
            expect(add(bytes, value)).toBe(!model.includes(value));
            if (!model.includes(value)) model.push(value);
            width = Math.max(width, widthOf(value));
          } else {
            const index = find(bytes, value);
            expect(index >= 0).toBe(model.includes(value));
            if (index >= 0) intsets.removeInteger(bytes, BASE, index);
            model = model.filter((each) => each !== value);
          }
        }
        model.sort((a, b) => (a < b ? -1 : 1));
        checkContent(bytes, model, width);
        for (const value of probes.filter((each) => !model.includes(each))) {
          expect(find(bytes, value)).toBe(-model.filter((each) => each < value).length - 1);
        }
      }),
      { seed, numRuns: 400 },
    );
  });
});

test("members that are canonical 64-bit integers, and others", () => {
  for (const value of in64) parse(value);
  const others = boundaries.filter((value) => !in64.includes(value)).map(String);
  for (const text of [
    ...others,
    "",
    "-",
    "-0",
    "00",
    "+1",
    " 1",
    "1 ",
    "1e3",
    "a",
    "12345678901234567890",
    "-1234567890123456789a",
  ]) {
    expect(intsets.parseIntsetMember(latin1Bytes(text), 0, text.length)).toBe(false);
  }
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (value) => {
      const text = latin1Bytes(`${value}`);
      const fits = BigInt.asIntN(64, value) === value;
      expect(intsets.parseIntsetMember(text, 0, text.length)).toBe(fits);
      if (fits) parse(value);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test("validateIntset refuses what is empty, cut, unsorted, doubled or of another width", () => {
  const check = (bytes: readonly number[], expected: boolean): void => {
    expect(intsets.validateIntset(Uint8Array.from([9, ...bytes, 9]), 1, bytes.length)).toBe(expected);
  };
  check([2, 0, 0, 0, 2, 0, 0, 0, 255, 255, 1, 0], true);
  check([2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 255, 255], false);
  check([2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0], false);
  check([2, 0, 0, 0, 0, 0, 0, 0], false);
  check([2, 0, 0, 0, 2, 0, 0, 0, 255, 255, 1], false);
  check([2, 0, 0, 0, 1, 0, 0, 0, 255, 255, 1, 0], false);
  check([3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0], false);
  check([2, 0, 0, 0, 0, 0, 0, 128], false);
  check([8, 0, 0, 0, 1, 0, 0, 32, 1, 0, 0, 0, 0, 0, 0, 0], false);
  check([2, 0, 0, 0, 1, 0, 0], false);
  expect(intsets.validateIntset(new Uint8Array(9), 0, 10)).toBe(false);
});
