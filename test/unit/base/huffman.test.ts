/** Huffman codes: what is compressed comes back, whatever it is; what is damaged is refused and never written beyond its room. */
import { expect, test } from "vitest";
import { huffmanCompress, huffmanDecompress } from "../../../src/base/huffman.ts";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { withSeed } from "../../model/memory_seed.ts";

const FILE = "test/unit/base/huffman.test.ts";

/** Compresses with ample room, at odd offsets, and checks that it comes back. Returns the compressed bytes. */
function roundTrip(source: Uint8Array): Uint8Array {
  const placed = new Uint8Array(source.length + 7).fill(0x99);
  placed.set(source, 3);
  const room = source.length * 2 + 300;
  const target = new Uint8Array(room + 5).fill(0xaa);
  const length = huffmanCompress(placed, 3, source.length, target, 5, room);
  expect(length).toBeGreaterThan(0);
  const back = new Uint8Array(source.length + 9).fill(0xbb);
  expect(huffmanDecompress(target, 5, length, back, 4, source.length)).toBe(source.length);
  expect(Buffer.from(back.subarray(4, 4 + source.length)).equals(Buffer.from(source))).toBe(true);
  expect([back[3], back[4 + source.length]]).toEqual([0xbb, 0xbb]);
  return target.slice(5, 5 + length);
}

/** Bytes of some alphabet, each as likely as the next or much likelier. */
function randomBytes(random: Random): Uint8Array {
  const length = 1 + uniform(random, uniform(random, 4) === 0 ? 40 : 9000);
  const alphabet = random.bytes(1 + uniform(random, 256));
  const skew = uniform(random, 8);
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    let at = uniform(random, alphabet.length);
    for (let again = skew; again > 0; again--) at = Math.min(at, uniform(random, alphabet.length));
    out[i] = alphabet[at]!;
  }
  return out;
}

test("hexadecimal digits take little more than their four bits", () => {
  const random = seededRandom(1);
  const digits = Buffer.from(Buffer.from(random.bytes(4096)).toString("hex"));
  expect(roundTrip(digits).length).toBeLessThan(digits.length * 0.52);
});

test("one byte again and again, and all of them once", () => {
  for (const length of [1, 2, 3, 7, 8, 9, 5000]) {
    expect(roundTrip(new Uint8Array(length).fill(0)).length).toBe(6 + Math.ceil(length / 8));
    roundTrip(new Uint8Array(length).fill(255));
  }
  roundTrip(Uint8Array.from({ length: 256 }, (_, i) => i));
});

test("counts that would make the longest codes far too long", () => {
  const parts: number[] = [];
  // Each byte as often as the two before together: without a bound the codes would be as many bits long as there are bytes.
  for (let symbol = 0, a = 1, b = 1; symbol < 20; symbol++, [a, b] = [b, a + b]) {
    for (let i = 0; i < a; i++) parts.push(symbol * 13);
  }
  const source = Uint8Array.from(parts);
  expect(roundTrip(source).length).toBeLessThan(source.length / 2);
});

test("too little room says so before a byte is written", () => {
  const source = Buffer.from("0123456789abcdef".repeat(40));
  const whole = new Uint8Array(1000);
  const length = huffmanCompress(source, 0, source.length, whole, 0, 1000);
  for (let room = 0; room <= length; room++) {
    const target = new Uint8Array(1000).fill(0xcc);
    expect(huffmanCompress(source, 0, source.length, target, 0, room)).toBe(room < length ? 0 : length);
    expect(target.subarray(room < length ? 0 : length).every((byte) => byte === 0xcc)).toBe(true);
  }
  expect(huffmanCompress(source, 0, 0, whole, 0, 1000)).toBe(0);
});

test("random bytes of any alphabet come back; cut short or with too little room they are refused", () =>
  withSeed(FILE, (seed) => {
    const random = seededRandom(seed);
    for (let round = 0; round < 600; round++) {
      const source = randomBytes(random);
      const compressed = roundTrip(source);
      const back = new Uint8Array(source.length);
      expect(huffmanDecompress(compressed, 0, compressed.length, back, 0, source.length - 1)).toBe(-1);
      expect(huffmanDecompress(compressed, 0, compressed.length - 1, back, 0, source.length)).toBe(-1);
    }
  }));

test("any bytes are read or refused, and nothing is written outside", () =>
  withSeed(FILE, (seed) => {
    const random = seededRandom(seed);
    for (let round = 0; round < 20_000; round++) {
      const source = random.bytes(uniform(random, 60));
      // Often enough something that has codes at all.
      if (source.length > 8 && round % 2 === 0) source.set([uniform(random, 80), 0, 0, 65, 65 + uniform(random, 8)]);
      const room = uniform(random, 300);
      const target = new Uint8Array(room + 20).fill(0xdd);
      const length = huffmanDecompress(source, 0, source.length, target, 10, room);
      const outside = [...target.subarray(0, 10), ...target.subarray(10 + room)];
      if (length < -1 || length > room || outside.some((byte) => byte !== 0xdd)) {
        throw new Error(`${Buffer.from(source).toString("hex")} with room for ${room} gave ${length}`);
      }
    }
  }));
