/** Sealing and opening by both ciphers: against each other, and against what Python's cryptography computes. */
import type { KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type FrameCipher, PortableFrameCipher, TAG_BYTES } from "../../../src/base/frame_cipher.ts";
import { MasterKey } from "../../../src/base/key_ring.ts";
import { frameCipher } from "../../../src/platform/frame_cipher.ts";
import { nativeAddon } from "../../../src/platform/native.ts";

const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
const salt = Uint8Array.from({ length: 32 }, (_, i) => 0xa0 + i);
const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

const ciphers: [string, (key: KeyObject) => FrameCipher][] = [
  ["by node:crypto", (key) => new PortableFrameCipher(key)],
  ["by the addon, where there is one", frameCipher],
];

describe.each(ciphers)("a cipher %s", (_, make) => {
  test("sealed frames open with the same key, number and header only", () => {
    const key = new MasterKey(bytes).fileKey("emberlog test v1", salt);
    const header = text("header");
    const out = new Uint8Array(64);
    expect(make(key).seal(7, header, text("plain bytes"), out, 3)).toBe(11 + TAG_BYTES);
    const sealed = out.slice(3, 3 + 11 + TAG_BYTES);
    const open = (number: number, associated: Uint8Array, from = sealed, by = key): string | null => {
      const plain = make(by).open(number, associated, from);
      return plain === null ? null : Buffer.from(plain).toString();
    };
    expect(open(7, header)).toBe("plain bytes");
    expect(open(8, header)).toBeNull();
    expect(open(7, text("headex"))).toBeNull();
    expect(open(7, header, sealed, new MasterKey(bytes).fileKey("emberlog test v2", salt))).toBeNull();
    expect(open(7, header, sealed, new MasterKey(bytes).fileKey("emberlog test v1", salt.toReversed()))).toBeNull();
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const flipped = sealed.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      expect(open(7, header, flipped)).toBeNull();
    }
    expect(open(7, header, sealed.subarray(0, 15))).toBeNull();
  });

  test("id, derived key and sealed bytes are those that Python's cryptography computes", () => {
    const master = new MasterKey(bytes);
    expect(master.id).toBe("f5f9cf7abe627f0c");
    const key = master.fileKey("emberlog log segment v1", salt);
    expect(key.export().toString("hex")).toBe("bbd0abf8affd09f4bbcc602475d164c0ee71bae388088a79fcaa163c29a57f3e");
    const out = new Uint8Array(11 + TAG_BYTES);
    make(key).seal(0x0102030405, text("header"), text("plain bytes"), out, 0);
    expect(Buffer.from(out).toString("hex")).toBe("248985a58e4bf2f5198a3b183f91367c454f97e61a47eb24b7c34c");
  });

  test("a number seals one frame", () => {
    const cipher = make(new MasterKey(bytes).fileKey("emberlog test v1", salt));
    const out = new Uint8Array(64);
    cipher.seal(3, out, out.subarray(0, 4), out, 0);
    expect(() => cipher.seal(3, out, out.subarray(0, 4), out, 0)).toThrow(/a number seals one frame/);
    expect(() => cipher.seal(2, out, out.subarray(0, 4), out, 0)).toThrow(/a number seals one frame/);
    cipher.seal(4294967296, out, out.subarray(0, 4), out, 0);
  });

  test("frames of no bytes and of megabytes", () => {
    const key = new MasterKey(bytes).fileKey("emberlog test v1", salt);
    const cipher = make(key);
    let number = 0;
    for (const length of [0, 1, 15, 16, 17, 4096, 3_000_000, 5]) {
      const plain = Uint8Array.from({ length }, (_, i) => i * 7);
      const out = new Uint8Array(length + TAG_BYTES);
      cipher.seal(++number, text("h"), plain, out, 0);
      expect(Buffer.from(cipher.open(number, text("h"), out)!).equals(plain)).toBe(true);
      expect(Buffer.from(new PortableFrameCipher(key).open(number, text("h"), out)!).equals(plain)).toBe(true);
    }
  });
});

test("the addon refuses what would write or read outside of its arrays", () => {
  const addon = nativeAddon();
  if (addon === undefined)
    return expect(process.platform !== "linux" || process.env["EMBERLOG_NATIVE"] === "0").toBe(true);
  expect(() => new addon.Cipher(bytes.subarray(1))).toThrow(RangeError);
  const cipher = new addon.Cipher(bytes);
  const out = new Uint8Array(32);
  expect(() => cipher.seal(0, bytes, bytes, out, 0)).toThrow(RangeError);
  expect(() => cipher.seal(0, bytes, bytes.subarray(16), out, 1)).toThrow(RangeError);
  expect(() => cipher.seal(0, bytes, bytes.subarray(16), out, 33)).toThrow(RangeError);
  expect(() => cipher.seal(-1, bytes, bytes.subarray(16), out, 0)).toThrow(RangeError);
  expect(() => cipher.open(0, bytes, bytes.subarray(17), out)).toThrow(RangeError);
  expect(() => cipher.open(0, bytes, bytes, out.subarray(17))).toThrow(RangeError);
  expect(cipher.open(0, bytes, bytes, out)).toBe(false);
  expect(() => Reflect.apply(cipher.seal, {}, [0, bytes, bytes, out, 0])).toThrow(TypeError);
});
