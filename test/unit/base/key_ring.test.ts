/** Key texts, ids and derived keys, against values that Python's `cryptography` computed, and what must never be shown. */
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { KeyRing, MasterKey, NO_KEYS, parseKeys } from "../../../src/base/key_ring.ts";
import { frameCipher } from "../../../src/platform/frame_cipher.ts";

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

test("who gives a key as bytes keeps them", () => {
  for (const given of [Buffer.from(bytes), bytes.slice()]) {
    parseKeys(given, "keys");
    expect([...given]).toEqual([...bytes]);
  }
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
  const cipher = frameCipher(ring.newest!.fileKey("label", salt));
  for (const thing of [ring, ring.newest, cipher]) {
    const shown = inspect(thing, { depth: 9, showHidden: true }) + JSON.stringify(thing);
    expect(shown.replaceAll(/[\s,]/g, "")).not.toMatch(/00010203|0123456789|AAECAw/);
  }
});
