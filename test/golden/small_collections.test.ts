/**
 * Listpacks and intsets as redis-server 7.0.15 writes them: the payload of DUMP (rdbcompression no) without type, length
 * and trailer. Ours must be these bytes, and must read them.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { latin1, latin1Bytes } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Arena } from "../../src/memory/arena.ts";
import * as intsets from "../../src/structure/intset.ts";
import * as listpacks from "../../src/structure/listpack.ts";

const arena = new Arena({ random: seededRandom(1) });
const segment = arena.firstSegment;
const BASE = 4 * 1024 * 1024 + 3;

/** The listpack of these elements, built by appending. */
function built(elements: readonly string[]): Uint8Array {
  const bytes = arena.bytes[segment]!;
  listpacks.writeEmptyListpack(bytes, BASE);
  for (const text of elements) {
    const source = latin1Bytes(text);
    const added = listpacks.encodedBytes(source, 0, source.length);
    const at = listpacks.endPosition(bytes, BASE);
    listpacks.splice(arena, segment, bytes, BASE, at, 0, added, 1);
    expect(listpacks.encodeElement(bytes, at, source, 0, source.length)).toBe(added);
  }
  return bytes.slice(BASE, BASE + listpacks.listpackBytes(bytes, BASE));
}

function elementsOf(bytes: Uint8Array): string[] {
  const out: string[] = [];
  for (let at = listpacks.firstElement(bytes, 0); at !== -1; at = listpacks.nextElement(bytes, at)) {
    const text = new Uint8Array(listpacks.elementTextLength(bytes, at));
    expect(listpacks.copyElementText(bytes, at, text, 0)).toBe(text.length);
    out.push(latin1(text));
  }
  return out;
}

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

function checkListpack(elements: readonly string[], hex: string): void {
  const golden = fromHex(hex);
  expect(Buffer.from(built(elements)).toString("hex")).toBe(hex);
  expect(elementsOf(golden)).toEqual(elements);
  expect(listpacks.listpackCount(golden, 0)).toBe(elements.length);
  expect(listpacks.validateListpack(golden, 0, golden.length)).toBe(true);
  expect(listpacks.isCanonicalListpack(golden, 0)).toBe(true);
}

test("a hash of names and small integers", () => {
  checkListpack(
    ["name", "ember", "n", "7", "127", "128", "-1", "-4096"],
    "240000000800846e616d650585656d62657206816e0207017f01c08002dfff02d00002ff",
  );
});

test("a hash of the integers at which encodings change", () => {
  checkListpack(
    [
      ...["4095", "4096", "-4097", "32767", "32768", "-32768", "-32769", "8388607", "8388608", "-8388608"],
      ...["-8388609", "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807"],
      ...["-9223372036854775808", "9223372036854775808", "9007199254740991", "9007199254740992"],
    ],
    "970000001400cfff02f1001003f1ffef03f1ff7f03f200800004f1008003f2ff7fff04f2ffff7f04f30000800005f200008004f3ffff7fff05" +
      "f3ffffff7f05f4000000800000000009f30000008005f4ffffff7fffffffff09f4ffffffffffffff7f09f4000000000000008009" +
      "933932323333373230333638353437373538303814f4ffffffffffff1f0009f4000000000000200009ff",
  );
});

test("a list of texts that are almost integers", () => {
  checkListpack(
    ["a", "", "0", "-0", "00", "+1", "1 ", "9223372036854775807", "-9223372036854775809", "0", "1", "-1"],
    "450000000c0081610280010001822d300382303003822b310382312003f4ffffffffffffff7f09" +
      "942d393232333337323033363835343737353830391500010101dfff02ff",
  );
});

test("a sorted set whose scores are integers, fractions and infinity", () => {
  checkListpack(
    ["c", "-3", "a", "1.5", "b", "2", "e", "100000000000000000", "d", "inf"],
    "2f0000000a00816302dffd0281610283312e35048162020201816502f400008a5d784563010981640283696e6604ff",
  );
});

test("lists whose strings are about as long as a head or a back length can tell", () => {
  const x = "78".repeat(63);
  checkListpack(["x".repeat(63), "y".repeat(64)], `8b0000000200bf${x}40e040${"79".repeat(64)}42ff`);
  checkListpack(["p".repeat(122), "q".repeat(125)], `040100000200e07a${"70".repeat(122)}7ce07d${"71".repeat(125)}7fff`);
  checkListpack(
    ["x".repeat(4095), "y".repeat(4096)],
    `112000000200efff${"78".repeat(4095)}2081f000100000${"79".repeat(4096)}2085ff`,
  );
});

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("a hash of strings of lengths up to where a back length takes three bytes", () => {
  const lengths = [0, 1, 63, 64, 125, 126, 127, 4095, 4096, 16376, 16377, 16378, 16379, 16380];
  const bytes = built(lengths.flatMap((length) => [`${length}`, "s".repeat(length)]));
  expect(bytes.length).toBe(90704);
  expect(sha256(bytes)).toBe("45c81002830d830a2b9fe9f45ec482cfb28ebb99535b63e2d126a9b978905d22");
});

test("hashes of 65534 and 65536 elements: the second doesn't know its count", () => {
  const numbers = Array.from({ length: 65536 }, (_, i) => `${i}`);
  expect(sha256(built(numbers.slice(0, 65534)))).toBe(
    "dda5aa8b1d9cbd14f73150aa32ae96bebad146635b998199080897badb8c6b83",
  );
  expect(sha256(built(numbers))).toBe("0547012db515c41dce047dc9ff41cc6f82a832e8dcd9691718bc14fe1e1d51f3");
});

function checkIntset(members: readonly string[], hex: string): void {
  const bytes = new Uint8Array(200);
  const base = 5;
  intsets.writeEmptyIntset(bytes, base);
  for (const text of members) {
    const source = latin1Bytes(text);
    expect(intsets.parseIntsetMember(source, 0, source.length)).toBe(true);
    const { low, high } = intsets.parsedMember;
    intsets.upgradeIntset(bytes, base, intsets.encodingNeeded(low, high));
    const found = intsets.findInteger(bytes, base, low, high);
    expect(found).toBeLessThan(0);
    intsets.insertInteger(bytes, base, -found - 1, low, high);
  }
  const golden = fromHex(hex);
  expect(Buffer.from(bytes.slice(base, base + intsets.intsetBytes(bytes, base))).toString("hex")).toBe(hex);
  expect(intsets.validateIntset(golden, 0, golden.length)).toBe(true);
  const read = members.map((_, index) => intsets.intsetBigAt(golden, 0, index));
  expect(read).toEqual(members.map(BigInt).sort((a, b) => (a < b ? -1 : 1)));
}

test("intsets of each width, upgraded on the way", () => {
  checkIntset(["1", "2", "3", "-5", "32767", "-32768"], "02000000060000000080fbff010002000300ff7f");
  checkIntset(["1", "32768", "-7", "-32769"], "0400000004000000ff7ffffff9ffffff0100000000800000");
  checkIntset(
    ["1", "2147483648", "-9223372036854775808", "9223372036854775807", "9007199254740993"],
    "080000000500000000000000000000800100000000000000000000800000000001000000000020" + "00ffffffffffffff7f",
  );
});
