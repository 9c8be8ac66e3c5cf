/** The arena: its header page, its segments, and the write barrier with its dirty marks and freezes. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { Arena } from "../../../src/memory/arena.ts";
import { BarrierCheck } from "../../../src/memory/barrier_check.ts";
import type { MemoryCalls } from "../../../src/memory/calls.ts";
import { portableCalls } from "../../../src/memory/calls.ts";
import { MAGIC_HIGH, MAGIC_LOW, SEGMENT_BYTES, SEGMENT_SHIFT, UNIT_MASK } from "../../../src/memory/layout.ts";

const random = seededRandom(1);

describe("arena", () => {
  test("the header page carries magic, version and seeds", () => {
    const arena = new Arena({ random: seededRandom(5), firstSegment: 3 });
    const words = arena.words[3]!;
    expect([words[0], words[1], words[2], words[3], words[4]]).toEqual([MAGIC_LOW, MAGIC_HIGH, 1, 3, 1]);
    expect(new TextDecoder().decode(Uint8Array.from(arena.bytes[3]!.subarray(0, 8)))).toBe("EMBERARN");
    expect([words[6], words[7]]).toEqual([arena.seed0, arena.seed1]);
  });

  test("the address space ends at the limit, as a value", () => {
    const arena = new Arena({ random, bytesMax: 2 * SEGMENT_BYTES + 5 });
    expect(arena.segmentsMax).toBe(2);
    expect(arena.addSegment()).toBe(1);
    expect(arena.addSegment()).toBe(-1);
    expect(new Arena({ random, firstSegment: 511 }).addSegment()).toBe(-1);
  });

  test("a segment that was prepared is the one that is added, its first chunk fetched before", () => {
    const fetched: Uint8Array[] = [];
    const populateAhead = (bytes: Uint8Array, offset: number, length: number) =>
      void fetched.push(bytes.subarray(offset, offset + length));
    const arena = new Arena({ random, calls: { ...portableCalls, populateAhead }, bytesMax: 2 * SEGMENT_BYTES });
    expect(arena.prepareSegment()).toBe(true);
    expect(arena.prepareSegment()).toBe(false);
    expect(arena.segmentCount).toBe(1);
    expect(arena.addSegment()).toBe(1);
    expect(fetched.map((bytes) => bytes.length)).toEqual([2 * 1024 * 1024]);
    fetched[0]![5] = 77;
    expect(arena.bytes[1]![5]).toBe(77);
    // The address space has no third.
    expect(arena.prepareSegment()).toBe(false);
  });

  test("a machine that refuses memory prepares nothing", () => {
    let left = 2;
    const allocate = (bytes: number): SharedArrayBuffer => {
      if (left-- <= 0) throw new RangeError("no memory");
      return portableCalls.allocate(bytes);
    };
    const arena = new Arena({ random, calls: { ...portableCalls, allocate } });
    expect(arena.prepareSegment()).toBe(false);
    expect(arena.addSegment()).toBe(-1);
    left = 3;
    expect(arena.prepareSegment()).toBe(true);
    expect(arena.addSegment()).toBe(1);
  });

  test("views begin at a 2 MiB boundary when the address is known, and stay aligned to lines when not", () => {
    const base = 0x7f00_0010_0010;
    const calls: MemoryCalls = { ...portableCalls, addressOf: () => base };
    const arena = new Arena({ random, calls });
    expect((base + arena.bytes[0]!.byteOffset) % (2 * 1024 * 1024)).toBe(0);
    expect(arena.bytes[0]!.length).toBe(SEGMENT_BYTES);
    expect((16 + new Arena({ random }).bytes[0]!.byteOffset) % 4096).toBe(0);
  });

  test("touch marks every block of the range and no other", () => {
    const arena = new Arena({ random, firstSegment: 255 });
    arena.addSegment();
    arena.clearMarks();
    const address = (256 << SEGMENT_SHIFT) | (1000 * 32 + 31);
    expect(address).toBeLessThan(0);
    arena.touch(address, 9);
    arena.touchBytes(255, 256 * 10, 256 * 200);
    const marked = (segment: number) => [...arena.marks[segment]!.entries()].filter(([, m]) => m === 1).map(([i]) => i);
    expect(marked(256)).toEqual([1000, 1001]);
    expect(marked(255)).toEqual(Array.from({ length: 200 }, (_, i) => 10 + i));
  });

  test("a freeze sees each write before it happens", () => {
    const arena = new Arena({ random });
    const seen: number[][] = [];
    arena.setFreezeHook({ beforeWrite: (...range) => seen.push(range) });
    arena.touch(512 * 5 + 1, 24);
    arena.setFreezeHook(null);
    arena.touch(512, 8);
    expect(seen).toEqual([[0, 4096 * 5 + 8, 24]]);
  });

  test("roots, counters and log position are in the header page, behind the barrier", () => {
    const arena = new Arena({ random, firstSegment: 255 });
    const check = new BarrierCheck(arena);
    arena.setRoot(63, -5);
    arena.setCounter(63, 2 ** 52 + 1);
    arena.logPosition = 2 ** 45;
    expect([arena.root(63), arena.counter(63), arena.logPosition]).toEqual([-5, 2 ** 52 + 1, 2 ** 45]);
    const roots = Array.from({ length: 16 }, (_, i) => (arena.databaseRootAddress(i) & UNIT_MASK) << 3);
    expect(roots[0]).toBe(1024);
    expect(roots[15]).toBe(1024 + 15 * 64);
    expect(check.violations(10)).toEqual([]);
  });

  test("a write past the barrier is found", () => {
    const arena = new Arena({ random });
    const check = new BarrierCheck(arena);
    arena.words[0]![123456] = 1;
    expect(check.violations(10)).toEqual([{ segment: 0, block: (123456 * 4) >>> 8 }]);
    check.begin();
    expect(check.violations(10)).toEqual([]);
  });
});
