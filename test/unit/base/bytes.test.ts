/** Copies by words are exactly as long as they are said to be, wherever both sides begin. */
import { expect, test } from "vitest";
import { copyWords, viewOf } from "../../../src/base/bytes.ts";

test("copyWords copies every length between any offsets, and nothing beside it", () => {
  const source = Uint8Array.from({ length: 400 }, (_, i) => (i * 7 + 1) & 255 || 1);
  for (let length = 0; length <= 300; length += length < 80 ? 1 : 17) {
    for (let offset = 0; offset < 4; offset++) {
      const target = new Uint8Array(400);
      const at = 8 + ((offset * 3 + length) & 3);
      copyWords(target, new DataView(target.buffer), at, source, offset, length);
      const expected = new Uint8Array(400);
      expected.set(source.subarray(offset, offset + length), at);
      expect(target).toEqual(expected);
    }
  }
});

test("copyWords needs no byte behind either side", () => {
  for (let length = 0; length < 20; length++) {
    const source = Uint8Array.from({ length }, (_, i) => i + 1);
    const target = new Uint8Array(length);
    copyWords(target, new DataView(target.buffer), 0, source, 0, length);
    expect(target).toEqual(source);
  }
});

test("viewOf shows the bytes asked for, whatever was asked for before", () => {
  const arrays = [0, 1, 2, 3].map((i) => new Uint8Array(16).fill(i).subarray(i));
  for (const i of [0, 1, 0, 2, 1, 0, 0, 3, 2, 3]) {
    const view = viewOf(arrays[i]!);
    expect([view.byteLength, view.byteOffset, view.getUint8(0)]).toEqual([16 - i, i, i]);
    expect(view.buffer).toBe(arrays[i]!.buffer);
  }
});
