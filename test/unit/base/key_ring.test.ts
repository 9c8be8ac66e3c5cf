/** Key texts, ids, derived keys and the cipher, against values computed with Python's `cryptography`, and what must never be shown. */
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { FrameCipher, TAG_BYTES } from "../../../src/base/frame_cipher.ts";
import { KeyRing, MasterKey, NO_KEYS, parseKeys } from "../../../src/base/key_ring.ts";

const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
const hexText = Buffer.from(bytes).toString("hex");
const salt = Uint8Array.from({ length: 32 }, (_, i) => 0xa0 + i);
const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));
const ids = (value: Uint8Array): string[] => parseKeys(value, "keys").map(({ id }) => id);

test("one key has one id, in whichever form it is given", () => {
  const { id } = new MasterKey(bytes);
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  const base64 = Buffer.from(bytes).toString("base64");
  for (const form of [bytes, text(hexText), text(`${hexText.toUpperCase()}\r\n`), text(base64), text(`${base64}\n`)]) {
    expect(ids(form)).toEqual([id]);
  }
  expect(ids(text(Buffer.from(bytes).toString("base64url")))).toEqual([id]);
});

test("several keys: a line each, comments and empty lines aside, the first is the newest", () => {
  const other = "ff".repeat(31) + "00";
  const keys = parseKeys(text(`# of 2026\n${other}\n\n  ${hexText}  \n`), "keys");
  const ring = new KeyRing(keys);
  expect(ring.newest?.id).toBe(ids(text(other))[0]);
  expect(ring.ids).toEqual([ids(text(other))[0], new MasterKey(bytes).id]);
  expect(ring.find(new MasterKey(bytes).id)).toBe(keys[1]);
  expect(ring.find("0000000000000000")).toBeUndefined();
  expect(new KeyRing([...keys, ...keys]).ids).toHaveLength(2);
  expect(NO_KEYS.newest).toBeUndefined();
});

test("what is no key is refused with the name of the source, and never quoted", () => {
  const secret = "5ec2e7".repeat(10);
  for (const wrong of ["", "# nothing\n", secret, `${hexText}\n${secret}`, `${hexText}aa`, "00".repeat(32)]) {
    expect(() => parseKeys(text(wrong), "encryption-key-file /k")).toThrow(/^encryption-key-file \/k: /);
    try {
      parseKeys(text(wrong), "k");
    } catch (error) {
      expect(inspect(error)).not.toMatch(/5ec2e7|000102030405/);
    }
  }
});

test("neither inspection nor JSON shows a key", () => {
  const ring = new KeyRing(parseKeys(bytes, "k"));
  const cipher = new FrameCipher(ring.newest!.fileKey("label", salt));
  for (const thing of [ring, ring.newest, cipher]) {
    const shown = inspect(thing, { depth: 9, showHidden: true }) + JSON.stringify(thing);
    expect(shown.replaceAll(/[\s,]/g, "")).not.toMatch(/00010203|0123456789|AAECAw/);
  }
});

test("sealed frames open with the same key, number and header only", () => {
  const key = new MasterKey(bytes).fileKey("emberlog test v1", salt);
  const header = text("header");
  const out = new Uint8Array(64);
  expect(new FrameCipher(key).seal(7, header, text("plain bytes"), out, 3)).toBe(11 + TAG_BYTES);
  const sealed = out.slice(3, 3 + 11 + TAG_BYTES);
  const open = (number: number, associated: Uint8Array, from = sealed, by = key): string | null => {
    const plain = new FrameCipher(by).open(number, associated, from);
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
  new FrameCipher(key).seal(0x0102030405, text("header"), text("plain bytes"), out, 0);
  expect(Buffer.from(out).toString("hex")).toBe("248985a58e4bf2f5198a3b183f91367c454f97e61a47eb24b7c34c");
});

test("a number seals one frame", () => {
  const cipher = new FrameCipher(new MasterKey(bytes).fileKey("emberlog test v1", salt));
  const out = new Uint8Array(64);
  cipher.seal(3, out, out.subarray(0, 4), out, 0);
  expect(() => cipher.seal(3, out, out.subarray(0, 4), out, 0)).toThrow(/a number seals one frame/);
  expect(() => cipher.seal(2, out, out.subarray(0, 4), out, 0)).toThrow(/a number seals one frame/);
  cipher.seal(4294967296, out, out.subarray(0, 4), out, 0);
});
