/** Listpacks against an array of strings, at odd offsets, in low and high segments; damaged ones are refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { latin1, latin1Bytes } from "../../../src/base/bytes.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { Arena } from "../../../src/memory/arena.ts";
import * as listpacks from "../../../src/structure/listpack.ts";
import { withSeed } from "../../model/memory_seed.ts";

const FILE = "test/unit/structure/listpack.test.ts";

/** A listpack in a segment, changed only as its owners change it. */
class Area {
  readonly arena: Arena;
  readonly segment: number;
  readonly bytes: Uint8Array;
  readonly base: number;

  constructor(arena: Arena, segment: number, base: number) {
    this.arena = arena;
    this.segment = segment;
    this.bytes = arena.bytes[segment]!;
    this.base = base;
    arena.touchBytes(segment, base, listpacks.EMPTY_LISTPACK_BYTES);
    listpacks.writeEmptyListpack(this.bytes, base);
  }

  /** Puts texts in the place of `removed` elements from the element at `position` on. */
  replace(position: number, removed: number, texts: readonly string[]): void {
    const { bytes } = this;
    let removedBytes = 0;
    for (let i = 0; i < removed; i++) removedBytes += listpacks.elementBytes(bytes, position + removedBytes);
    const sources = texts.map(latin1Bytes);
    const added = sources.reduce((sum, source) => sum + listpacks.encodedBytes(source, 0, source.length), 0);
    const countDelta = texts.length - removed;
    listpacks.splice(this.arena, this.segment, bytes, this.base, position, removedBytes, added, countDelta);
    let at = position;
    for (const source of sources) at += listpacks.encodeElement(bytes, at, source, 0, source.length);
    expect(at).toBe(position + added);
  }

  append(...texts: string[]): void {
    this.replace(listpacks.endPosition(this.bytes, this.base), 0, texts);
  }

  positionOf(index: number): number {
    const position = listpacks.seekElement(this.bytes, this.base, index);
    return position === -1 ? listpacks.endPosition(this.bytes, this.base) : position;
  }

  find(text: string, from: number, skip: number): number {
    // The key stands in the middle of other digits, which must not be read.
    const key = latin1Bytes(`12${text}34`);
    return listpacks.findElement(this.bytes, this.base, from, key, 2, text.length, skip);
  }

  equals(position: number, text: string): boolean {
    const key = latin1Bytes(`-${text}0`);
    return listpacks.elementEquals(this.bytes, position, key, 1, text.length);
  }
}

/** Fails where a byte changes that the barrier was not told of before. */
function checkBarrier({ arena, segment, bytes, base }: Area, change: () => void): void {
  const from = base - 8;
  const to = listpacks.endPosition(bytes, base) + 100_000;
  const before = bytes.slice(from, to);
  const touched = new Uint8Array(to - from);
  arena.setFreezeHook({
    beforeWrite(touchedSegment, offset, length) {
      expect(touchedSegment).toBe(segment);
      touched.fill(1, offset - from, offset - from + length);
      const early = bytes.subarray(offset, offset + length);
      expect(Buffer.compare(early, before.subarray(offset - from, offset - from + length))).toBe(0);
    },
  });
  change();
  arena.setFreezeHook(null);
  for (let at = 0; at < touched.length; at++) {
    if (touched[at] === 0 && bytes[from + at] !== before[at]) expect.unreachable(`byte ${from + at} was not touched`);
  }
}

function area(base = 3 * 1024 * 1024 + 1, firstSegment = 0): Area {
  const arena = new Arena({ random: seededRandom(1), firstSegment });
  return new Area(arena, arena.firstSegment, base);
}

function textAt(bytes: Uint8Array, position: number): string {
  const text = new Uint8Array(listpacks.elementTextLength(bytes, position) + 2);
  const length = listpacks.copyElementText(bytes, position, text, 1);
  expect(length).toBe(text.length - 2);
  return latin1(text.subarray(1, 1 + length));
}

function forwards({ bytes, base }: Area): string[] {
  const out: string[] = [];
  for (let at = listpacks.firstElement(bytes, base); at !== -1; at = listpacks.nextElement(bytes, at)) {
    out.push(textAt(bytes, at));
  }
  return out;
}

function backwards({ bytes, base }: Area): string[] {
  const out: string[] = [];
  for (let at = listpacks.lastElement(bytes, base); at !== -1; at = listpacks.previousElement(bytes, base, at)) {
    out.push(textAt(bytes, at));
  }
  return out;
}

function isIntegerText(text: string): boolean {
  return /^(0|-?[1-9][0-9]{0,18})$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

const around = [7, 12, 15, 23, 31, 53, 59, 63, 64].flatMap((bits) =>
  [-2n, -1n, 0n, 1n, 2n].flatMap((step) => [2n ** BigInt(bits) + step, -(2n ** BigInt(bits)) + step]),
);
const tens = Array.from({ length: 20 }, (_, i) => 10n ** BigInt(i)).flatMap((value) => [value, value - 1n, -value]);
const nearlyIntegers = ["", "-", "-0", "+1", "01", "-01", " 1", "1 ", "1.0", "0x1", "9a", "-9223372036854775809"];

const integerText = fc.oneof(
  fc.constantFrom(...around, ...tens).map(String),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
  fc.integer({ min: -5000, max: 5000 }).map(String),
);
const bytesText = (max: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength: max }).map((bytes) => latin1(bytes));
const longText = fc
  .constantFrom(63, 64, 65, 125, 126, 127, 4095, 4096, 16377, 16378, 16379)
  .map((length) => "s".repeat(length));
const elementText = fc.oneof(
  { weight: 6, arbitrary: integerText },
  { weight: 3, arbitrary: fc.constantFrom("a", "b", "ab", "field:1", "field:2", "gield:1", ...nearlyIntegers) },
  { weight: 3, arbitrary: bytesText(80) },
  { weight: 1, arbitrary: longText },
);
const step = fc.record({
  at: fc.nat({ max: 1000 }),
  removed: fc.nat({ max: 3 }),
  added: fc.array(elementText, { maxLength: 4 }),
});

function checkModel(seed: number, base: number, firstSegment: number): void {
  const arena = new Arena({ random: seededRandom(seed), firstSegment });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.array(elementText, { maxLength: 4 }), (steps, probes) => {
      const own = new Area(arena, arena.firstSegment, base);
      const model: string[] = [];
      for (const { at, removed, added } of steps) {
        const index = model.length === 0 ? 0 : at % (model.length + 1);
        const count = Math.min(removed, model.length - index);
        checkBarrier(own, () => own.replace(own.positionOf(index), count, added));
        model.splice(index, count, ...added);
      }
      const { bytes } = own;
      const total = listpacks.listpackBytes(bytes, base);
      expect(forwards(own)).toEqual(model);
      expect(backwards(own)).toEqual([...model].reverse());
      expect(listpacks.listpackCount(bytes, base)).toBe(model.length);
      expect(listpacks.validateListpack(bytes, base, total)).toBe(true);
      expect(listpacks.isCanonicalListpack(bytes, base)).toBe(true);
      const positions = model.map((_, index) => listpacks.seekElement(bytes, base, index));
      for (const [index, position] of positions.entries()) {
        expect(listpacks.seekElement(bytes, base, index - model.length)).toBe(position);
        expect(listpacks.isIntegerElement(bytes, position)).toBe(isIntegerText(model[index]!));
      }
      for (const text of [...probes, ...model]) {
        for (const skip of [0, 1, 2]) {
          for (const from of [0, 1].filter((index) => index < model.length)) {
            const expected = model.findIndex(
              (each, index) => index >= from && (index - from) % (skip + 1) === 0 && each === text,
            );
            expect(own.find(text, positions[from]!, skip)).toBe(expected === -1 ? -1 : positions[expected]);
          }
        }
        for (const [index, position] of positions.entries())
          expect(own.equals(position, text)).toBe(model[index] === text);
      }
    }),
    { seed, numRuns: 150 },
  );
}

describe("random splices against an array", () => {
  for (const [base, firstSegment] of [
    [3 * 1024 * 1024, 0],
    [3 * 1024 * 1024 + 253, 255],
    [3 * 1024 * 1024 + 7, 256],
  ] as const) {
    test(`at ${base} of segment ${firstSegment}`, () => {
      withSeed(FILE, (seed) => checkModel(seed, base, firstSegment));
    });
  }
});

test("an empty listpack", () => {
  const { bytes, base } = area();
  expect([...bytes.subarray(base, base + 7)]).toEqual([7, 0, 0, 0, 0, 0, 255]);
  expect(listpacks.firstElement(bytes, base)).toBe(-1);
  expect(listpacks.lastElement(bytes, base)).toBe(-1);
  expect(listpacks.seekElement(bytes, base, 0)).toBe(-1);
  expect(listpacks.seekElement(bytes, base, -1)).toBe(-1);
  expect(listpacks.findElement(bytes, base, -1, latin1Bytes("a"), 0, 1, 0)).toBe(-1);
  expect(listpacks.validateListpack(bytes, base, 7)).toBe(true);
});

test("integers at each boundary: value, width, text", () => {
  const widths: readonly (readonly [bigint, bigint, number])[] = [
    [0n, 127n, 2],
    [-4096n, 4095n, 3],
    [-32768n, 32767n, 4],
    [-8388608n, 8388607n, 5],
    [-2147483648n, 2147483647n, 6],
    [-(2n ** 63n), 2n ** 63n - 1n, 10],
  ];
  const target = new Uint8Array(40);
  for (const value of [...around, ...tens]) {
    const text = latin1Bytes(`${value}`);
    const width = widths.find(([low, high]) => value >= low && value <= high)?.[2];
    const expected = width ?? text.length + 2;
    expect(listpacks.encodedBytes(text, 0, text.length)).toBe(expected);
    expect(listpacks.encodeElement(target, 1, text, 0, text.length)).toBe(expected);
    expect(listpacks.elementBytes(target, 1)).toBe(expected);
    expect(listpacks.isIntegerElement(target, 1)).toBe(width !== undefined);
    expect(textAt(target, 1)).toBe(`${value}`);
    if (width === undefined) continue;
    expect(listpacks.bigintOf(target, 1)).toBe(value);
    const number = Number(value);
    expect(listpacks.integerOf(target, 1)).toBe(Number.isSafeInteger(number) ? number : Number.NaN);
    expect(listpacks.encodeIntegerWords(target, 20, Number(BigInt.asIntN(32, value)), Number(value >> 32n))).toBe(
      width,
    );
    expect([...target.subarray(20, 20 + width)]).toEqual([...target.subarray(1, 1 + width)]);
    if (!Number.isSafeInteger(number)) continue;
    expect(listpacks.encodedIntegerBytes(number)).toBe(width);
    expect(listpacks.encodeInteger(target, 20, number)).toBe(width);
    expect([...target.subarray(20, 20 + width)]).toEqual([...target.subarray(1, 1 + width)]);
  }
});

test("what is almost an integer stays a string", () => {
  const target = new Uint8Array(40);
  for (const text of nearlyIntegers) {
    listpacks.encodeElement(target, 0, latin1Bytes(text), 0, text.length);
    expect(listpacks.isIntegerElement(target, 0)).toBe(false);
    expect(latin1(target.subarray(1, 1 + text.length))).toBe(text);
    expect(listpacks.stringOffset(target, 0)).toBe(1);
    expect(listpacks.stringLength(target, 0)).toBe(text.length);
  }
});

test("strings at each boundary of head and back length", () => {
  const own = area();
  const { bytes, base } = own;
  for (const length of [0, 63, 64, 125, 126, 4095, 4096, 16377, 16378, 2097145, 2097146]) {
    const head = length < 64 ? 1 : length < 4096 ? 2 : 5;
    const data = head + length;
    const back = data <= 127 ? 1 : data < 16383 ? 2 : data < 2097151 ? 3 : 4;
    const text = "s".repeat(length);
    const at = listpacks.endPosition(bytes, base);
    own.append(text);
    expect(listpacks.elementBytes(bytes, at)).toBe(data + back);
    expect(listpacks.stringOffset(bytes, at)).toBe(at + head);
    expect(listpacks.stringLength(bytes, at)).toBe(length);
    expect(listpacks.lastElement(bytes, base)).toBe(at);
    expect(own.find(text, listpacks.firstElement(bytes, base), 0)).toBe(at);
  }
  expect(listpacks.validateListpack(bytes, base, listpacks.listpackBytes(bytes, base))).toBe(true);
});

test("the count at 65534, 65535 and 65536 elements, and once unknown it stays so", () => {
  const own = area();
  const { bytes, base } = own;
  const stored = (): number => bytes[base + 4]! | (bytes[base + 5]! << 8);
  const grow = (count: number): void => own.append(...Array.from({ length: count }, (_, i) => `${i % 100}`));
  grow(65534);
  expect([stored(), listpacks.listpackCount(bytes, base)]).toEqual([65534, 65534]);
  own.append("last");
  expect([stored(), listpacks.listpackCount(bytes, base)]).toEqual([65535, 65535]);
  expect(textAt(bytes, listpacks.seekElement(bytes, base, -1))).toBe("last");
  expect(textAt(bytes, listpacks.seekElement(bytes, base, 65534))).toBe("last");
  expect(listpacks.seekElement(bytes, base, 65535)).toBe(-1);
  expect(listpacks.seekElement(bytes, base, -65536)).toBe(-1);
  own.append("more");
  expect([stored(), listpacks.listpackCount(bytes, base)]).toEqual([65535, 65536]);
  own.replace(own.positionOf(0), 65530, []);
  expect([stored(), listpacks.listpackCount(bytes, base)]).toEqual([65535, 6]);
  expect(listpacks.validateListpack(bytes, base, listpacks.listpackBytes(bytes, base))).toBe(true);
});

describe("validateListpack", () => {
  const valid = ((): Uint8Array => {
    const own = area();
    own.append(
      "a",
      "70",
      "-3000",
      "30000",
      "-8000000",
      "2000000000",
      "9007199254740993",
      "m".repeat(70),
      "b".repeat(5000),
    );
    return own.bytes.slice(own.base, own.base + listpacks.listpackBytes(own.bytes, own.base));
  })();

  function check(bytes: Uint8Array, expected: boolean): void {
    // Whatever lies around must not be read: two surroundings, one answer.
    for (const fill of [0x00, 0xff]) {
      const around = new Uint8Array(bytes.length + 40).fill(fill);
      around.set(bytes, 17);
      expect(listpacks.validateListpack(around, 17, bytes.length)).toBe(expected);
    }
    expect(listpacks.validateListpack(bytes, 0, bytes.length)).toBe(expected);
  }

  test("takes what is whole, and refuses it cut or lengthened", () => {
    check(valid, true);
    for (const length of [0, 5, 6, 7, 8, 20, valid.length - 1]) check(valid.slice(0, length), false);
    check(Uint8Array.from([...valid, 255]), false);
    expect(listpacks.validateListpack(valid, 0, valid.length + 1)).toBe(false);
    expect(listpacks.validateListpack(valid, -1, valid.length)).toBe(false);
  });

  test("refuses a wrong count, wrong total, lost end mark, unknown first byte, wrong back length", () => {
    const changed = (changes: Readonly<Record<number, number>>): Uint8Array => {
      const bytes = valid.slice();
      for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
      return bytes;
    };
    check(changed({ 4: 8 }), false);
    check(changed({ 4: 255, 5: 255 }), true);
    check(changed({ 0: 1 }), false);
    check(changed({ 3: 0x80 }), false);
    check(changed({ [valid.length - 1]: 0 }), false);
    check(changed({ 6: 0xff }), false);
    check(changed({ 6: 0xf5 }), false);
    check(changed({ 8: 3 }), false);
    check(changed({ 8: 0x82 }), false);
    // A back length in more bytes than it needs, which still leads backwards to the right place.
    check(Uint8Array.from([12, 0, 0, 0, 1, 0, 0x83, 97, 98, 0, 0x84, 255]), false);
    // Lengths that reach beyond the end, or around 2^32.
    check(Uint8Array.from([10, 0, 0, 0, 1, 0, 0xbf, 97, 2, 255]), false);
    check(Uint8Array.from([13, 0, 0, 0, 1, 0, 0xf0, 255, 255, 255, 255, 4, 255]), false);
    check(Uint8Array.from([8, 0, 0, 0, 1, 0, 0xef, 255]), false);
    check(Uint8Array.from([10, 0, 0, 0, 1, 0, 0xf0, 0, 0, 255]), false);
  });

  test("what it takes with any bytes changed can be walked both ways", () => {
    withSeed(FILE, (seed) => {
      const small = valid.slice(0);
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
          (changes) => {
            const bytes = small.slice();
            for (const [at, value] of changes) bytes[at < 200 ? at : at % 200] = value;
            if (!listpacks.validateListpack(bytes, 0, bytes.length)) return;
            const positions: number[] = [];
            for (let at = listpacks.firstElement(bytes, 0); at !== -1; at = listpacks.nextElement(bytes, at))
              positions.push(at);
            expect(positions.length).toBe(listpacks.listpackCount(bytes, 0));
            let at = listpacks.lastElement(bytes, 0);
            for (const position of positions.reverse()) {
              expect(at).toBe(position);
              at = listpacks.previousElement(bytes, 0, at);
            }
            expect(at).toBe(-1);
          },
        ),
        { seed, numRuns: 3000 },
      );
    });
  });

  test("isCanonicalListpack sees what Redis would have written shorter", () => {
    const canonical = (elements: readonly number[]): boolean => {
      const bytes = Uint8Array.from([elements.length + 7, 0, 0, 0, 1, 0, ...elements, 255]);
      expect(listpacks.validateListpack(bytes, 0, bytes.length)).toBe(true);
      return listpacks.isCanonicalListpack(bytes, 0);
    };
    expect(canonical([0x81, 97, 2])).toBe(true);
    expect(canonical([0x81, 53, 2])).toBe(false);
    expect(canonical([0xc0, 5, 2])).toBe(false);
    expect(canonical([0xf1, 5, 0, 3])).toBe(false);
    expect(canonical([0xf4, 5, 0, 0, 0, 0, 0, 0, 0, 9])).toBe(false);
    expect(canonical([0xe0, 1, 97, 3])).toBe(false);
    expect(canonical([0xf0, 1, 0, 0, 0, 97, 6])).toBe(false);
  });
});
