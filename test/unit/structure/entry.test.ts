/** The layout of entries: every combination of key length, value length, expiry and place of the value, there and back. */
import { describe, expect, test } from "vitest";
import { latin1Bytes } from "../../../src/base/bytes.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { Allocator } from "../../../src/memory/allocator.ts";
import { Arena } from "../../../src/memory/arena.ts";
import { BarrierCheck } from "../../../src/memory/barrier_check.ts";
import { SEGMENT_SHIFT } from "../../../src/memory/layout.ts";
import * as entries from "../../../src/structure/entry.ts";
import { OUT_OF_LINE } from "../../../src/structure/entry.ts";

function create(firstSegment = 0): Allocator {
  return new Allocator(new Arena({ random: seededRandom(1), firstSegment }));
}

describe("entry", () => {
  test("a key of 16 bytes and a value of 32 take exactly 56 bytes", () => {
    const allocator = create();
    const address = entries.createEntry(allocator, 0, 0, new Uint8Array(16), 0, 16, 32, false);
    expect(entries.entryBytes(allocator.arena, address)).toBe(56);
    expect(allocator.allocatedBytes).toBe(56);
  });

  const keyLengths = [0, 1, 3, 16, 97, 254, 255, 256, 70000];
  for (const firstSegment of [0, 255]) {
    for (const hasExpiry of [false, true]) {
      test(`round trip, first segment ${firstSegment}, ${hasExpiry ? "with" : "without"} expiry`, () => {
        const allocator = create(firstSegment);
        const { arena } = allocator;
        for (let skipped = 0; firstSegment === 255 && skipped < 1; skipped++) allocator.allocate(63 * 1024 * 1024);
        for (const length of keyLengths) {
          for (const valueLength of [0, 1, 5, 300, OUT_OF_LINE]) {
            const source = seededRandom(length + 1).bytes(length + 7);
            const barrier =
              length === 16 && (valueLength === 5 || valueLength === OUT_OF_LINE) ? new BarrierCheck(arena) : null;
            const address = entries.createEntry(allocator, 5, 3, source, 7, length, valueLength, hasExpiry);
            expect([entries.entryType(arena, address), entries.entryEncoding(arena, address)]).toEqual([5, 3]);
            expect(entries.entryBytes(arena, address)).toBe(entries.bytesNeeded(length, valueLength, hasExpiry));
            expect(entries.keyLength(arena, address)).toBe(length);
            const bytes = arena.bytes[address >>> SEGMENT_SHIFT]!;
            const at = entries.keyOffset(arena, address);
            expect(Uint8Array.from(bytes.subarray(at, at + length))).toEqual(source.subarray(7));
            expect(entries.keyEquals(arena, address, source, 7, length)).toBe(true);
            if (length > 0) {
              expect(entries.keyEquals(arena, address, source, 7, length - 1)).toBe(false);
              source[7 + length - 1]! ^= 1;
              expect(entries.keyEquals(arena, address, source, 7, length)).toBe(false);
            }
            expect(entries.hasExpiry(arena, address)).toBe(hasExpiry);
            if (hasExpiry) {
              expect(entries.expiryMs(arena, address)).toBe(0);
              entries.setExpiryMs(arena, address, 1_753_000_000_123);
              expect(entries.expiryMs(arena, address)).toBe(1_753_000_000_123);
            }
            entries.setEntryType(arena, address, 15, 7);
            if (barrier === null) {
              entries.setEntryAccess(arena, address, 0xfffffe);
              expect(entries.entryAccess(arena, address)).toBe(0xfffffe);
            }
            expect([entries.entryType(arena, address), entries.entryEncoding(arena, address)]).toEqual([15, 7]);
            expect(entries.valueIsInline(arena, address)).toBe(valueLength !== OUT_OF_LINE);
            if (valueLength === OUT_OF_LINE) {
              expect([entries.valueAddress(arena, address), entries.valueLength(arena, address)]).toEqual([0, 0]);
              entries.setValueReference(arena, address, -77, 512 * 1024 * 1024, 3);
              expect(entries.valueAddress(arena, address)).toBe(-77);
              expect(entries.valueLength(arena, address)).toBe(512 * 1024 * 1024);
              expect(entries.valueCapacity(arena, address)).toBe(3);
              source[7 + length - 1]! ^= 1;
              expect(entries.keyEquals(arena, address, source, 7, length)).toBe(true);
            } else {
              expect(entries.valueLength(arena, address)).toBe(valueLength);
              expect(entries.valueOffset(arena, address)).toBe(at + length);
              entries.touchValue(arena, address);
              bytes.fill(9, at + length, at + length + valueLength);
            }
            if (barrier !== null) expect(barrier.violations(3)).toEqual([]);
            if (length % 2 === 0) entries.freeEntry(allocator, address);
          }
        }
      });
    }
  }

  test("expiry keeps 64 bits", () => {
    const allocator = create();
    const { arena } = allocator;
    const address = entries.createEntry(allocator, 0, 0, latin1Bytes("k"), 0, 1, 3, true);
    for (const ms of [-1, -(2 ** 40) - 5, 2 ** 52 + 3, 0xffffffff]) {
      entries.setExpiryMs(arena, address, ms);
      expect(entries.expiryMs(arena, address)).toBe(ms);
    }
    entries.setExpiryWords(arena, address, -1, 0x7fffffff);
    expect([entries.expiryLow(arena, address), entries.expiryHigh(arena, address)]).toEqual([-1, 0x7fffffff]);
    const without = entries.createEntry(allocator, 0, 0, latin1Bytes("k"), 0, 1, 3, false);
    expect(() => entries.setExpiryMs(arena, without, 5)).toThrow("room for an expiry");
  });

  test("an inline value changes its length within its size class only", () => {
    const allocator = create();
    const { arena } = allocator;
    const address = entries.createEntry(allocator, 0, 0, latin1Bytes("key"), 0, 3, 5, false);
    expect(allocator.allocatedBytes).toBe(16);
    expect(entries.resizeInlineValue(allocator, address, 6)).toBe(false);
    expect(entries.resizeInlineValue(allocator, address, 0)).toBe(true);
    expect(entries.entryBytes(arena, address)).toBe(11);
    expect(entries.resizeInlineValue(allocator, address, 5)).toBe(true);
    entries.freeEntry(allocator, address);
    expect(allocator.allocatedBytes).toBe(0);
  });

  test("what lies inline", () => {
    expect(entries.fitsInline(16, 1000, false)).toBe(true);
    expect(entries.fitsInline(16, 1000, true)).toBe(false);
    expect(entries.fitsInline(2000, 1, false)).toBe(false);
  });

  test("a full address space is NIL", () => {
    const allocator = new Allocator(new Arena({ random: seededRandom(1), bytesMax: 1 }));
    const key = new Uint8Array(40 * 1024 * 1024);
    expect(entries.createEntry(allocator, 0, 0, key, 0, key.length, 1, false)).not.toBe(0);
    expect(entries.createEntry(allocator, 0, 0, key, 0, key.length, 1, false)).toBe(0);
  });
});
