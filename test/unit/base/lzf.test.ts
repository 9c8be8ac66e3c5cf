/** LZF: what is compressed comes back, whatever it is; what is damaged is refused and never written beyond its room. */
import { describe, expect, test } from "vitest";
import { lzfCompress, lzfDecompress } from "../../../src/base/lzf.ts";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { withSeed } from "../../model/memory_seed.ts";

const FILE = "test/unit/base/lzf.test.ts";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Compresses with ample room, at odd offsets, and checks that it comes back. Returns the compressed bytes. */
function roundTrip(source: Uint8Array): Uint8Array {
  const placed = new Uint8Array(source.length + 7);
  placed.set(source, 3);
  const room = source.length * 2 + 16;
  const target = new Uint8Array(room + 5).fill(0xaa);
  const length = lzfCompress(placed, 3, source.length, target, 5, room);
  if (length === 0) return new Uint8Array(0);
  const back = new Uint8Array(source.length + 9).fill(0xbb);
  expect(lzfDecompress(target, 5, length, back, 4, source.length)).toBe(source.length);
  expect(Buffer.from(back.subarray(4, 4 + source.length)).equals(Buffer.from(source))).toBe(true);
  expect([back[3], back[4 + source.length]]).toEqual([0xbb, 0xbb]);
  return target.slice(5, 5 + length);
}

function randomText(random: Random): Uint8Array {
  const length = uniform(random, 12_000);
  const out = new Uint8Array(length);
  const letters = 1 + uniform(random, 40);
  for (let at = 0; at < length; ) {
    const run = 1 + uniform(random, 300);
    if (at > 0 && uniform(random, 2) === 0) {
      const from = uniform(random, at);
      for (let i = 0; i < run && at < length; i++) out[at++] = out[from + i]!;
    } else for (let i = 0; i < run / 8 && at < length; i++) out[at++] = uniform(random, letters);
  }
  return out;
}

describe("LZF", () => {
  test("known bytes are read", () => {
    const back = new Uint8Array(16);
    // Two bytes as they are, then four from two bytes back, then nine and more with a length byte.
    expect(lzfDecompress(Uint8Array.of(1, 97, 98, 0x40, 1), 0, 5, back, 0, 16)).toBe(6);
    expect(Buffer.from(back.subarray(0, 6)).toString()).toBe("ababab");
    expect(lzfDecompress(Uint8Array.of(0, 97, 0xe0, 2, 0), 0, 5, back, 0, 16)).toBe(12);
    expect(Buffer.from(back.subarray(0, 12)).toString()).toBe("a".repeat(12));
  });

  test("texts come back, and repeated ones get short", () => {
    for (const text of ["a", "ab", "abc", "abcd", "aaaaaaaaaa", "x".repeat(5000), "abcdefgh".repeat(2000)]) {
      const compressed = roundTrip(bytesOf(text));
      if (text.length >= 5000) expect(compressed.length).toBeLessThan(text.length / 50);
    }
  });

  test("matches reach back over the whole window and no further", () => {
    const random = seededRandom(7);
    for (const distance of [8190, 8191, 8192, 8193, 9000]) {
      const source = new Uint8Array(distance + 200);
      source.set(random.bytes(distance));
      source.copyWithin(distance, 0, 200);
      roundTrip(source);
    }
  });

  test("too little room says so, and writes nothing beyond it", () => {
    const source = bytesOf("some text, some text, and some more text that is new");
    const whole = new Uint8Array(200);
    const length = lzfCompress(source, 0, source.length, whole, 0, 200);
    for (let room = 0; room <= length; room++) {
      const target = new Uint8Array(200).fill(0xcc);
      expect(lzfCompress(source, 0, source.length, target, 0, room)).toBe(room < length ? 0 : length);
      expect(target.subarray(room).every((byte) => byte === 0xcc)).toBe(true);
    }
  });

  test("random texts come back; without the last byte or with too little room they are refused", () =>
    withSeed(FILE, (seed) => {
      const random = seededRandom(seed);
      for (let round = 0; round < 400; round++) {
        const source = randomText(random);
        const compressed = roundTrip(source);
        if (compressed.length === 0) continue;
        const back = new Uint8Array(source.length);
        expect(lzfDecompress(compressed, 0, compressed.length, back, 0, source.length - 1)).toBe(-1);
        expect(lzfDecompress(compressed, 0, compressed.length - 1, back, 0, source.length)).not.toBe(source.length);
      }
    }));

  test("any bytes are read or refused, and nothing is written outside", () =>
    withSeed(FILE, (seed) => {
      const random = seededRandom(seed);
      for (let round = 0; round < 20_000; round++) {
        const source = random.bytes(uniform(random, 40));
        const room = uniform(random, 300);
        const target = new Uint8Array(room + 20).fill(0xdd);
        const length = lzfDecompress(source, 0, source.length, target, 10, room);
        const outside = [...target.subarray(0, 10), ...target.subarray(10 + room)];
        if (length < -1 || length > room || outside.some((byte) => byte !== 0xdd)) {
          throw new Error(`${Buffer.from(source).toString("hex")} with room for ${room} gave ${length}`);
        }
      }
    }));
});
