/** The allocator at its edges: rounding, alignment, a full address space, wrong frees, memory given back to the system. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { ALLOCATION_BYTES_MAX, Allocator } from "../../../src/memory/allocator.ts";
import { Arena } from "../../../src/memory/arena.ts";
import { portableCalls } from "../../../src/memory/calls.ts";
import { CHUNK_BYTES, NIL, PAGE_BYTES, SEGMENT_BYTES } from "../../../src/memory/layout.ts";
import { CLASS_BLOCKS, CLASS_BYTES, CLASS_ORDER } from "../../../src/memory/size_class.ts";

function create(bytesMax = SEGMENT_BYTES, firstSegment = 0): Allocator {
  return new Allocator(new Arena({ random: seededRandom(1), bytesMax, firstSegment }));
}

describe("size classes", () => {
  test("a class wastes at most a fifth of a block, its slabs an eighth at the end", () => {
    for (let i = 1; i < CLASS_BYTES.length; i++) {
      const bytes = CLASS_BYTES[i]!;
      if (bytes > 128) expect(bytes - CLASS_BYTES[i - 1]! - 8).toBeLessThanOrEqual(bytes / 5);
      const slab = PAGE_BYTES << CLASS_ORDER[i]!;
      expect(slab - CLASS_BLOCKS[i]! * bytes).toBeLessThanOrEqual(slab / 8);
    }
  });

  test("rounding", () => {
    const allocator = create();
    const rounded = (bytes: number) => allocator.sizeOfClass(bytes);
    expect([0, 1, 8, 9, 56, 128, 129, 160, 161, 1025, 16384].map(rounded)).toEqual([
      8, 8, 8, 16, 56, 128, 160, 160, 192, 1280, 16384,
    ]);
    expect([16385, 20480, 20481].map(rounded)).toEqual([20480, 20480, 24576]);
  });
});

describe("allocator", () => {
  test("buckets of 64 bytes are aligned to 64, runs to pages", () => {
    const allocator = create();
    for (let i = 0; i < 200; i++) {
      expect(allocator.allocate(64) & 7).toBe(0);
      expect(allocator.allocate(192) & 7).toBe(0);
      expect(allocator.allocate(320) & 7).toBe(0);
    }
    expect(allocator.allocate(20000) & 511).toBe(0);
  });

  test("the longest run fits one segment; one byte more never does", () => {
    for (const firstSegment of [0, 255]) {
      const allocator = create(3 * SEGMENT_BYTES, firstSegment);
      const pages = allocator.statistics().freePageBytes;
      const runs = [0, 1, 2].map(() => allocator.allocate(ALLOCATION_BYTES_MAX));
      expect(runs).not.toContain(NIL);
      expect(new Set(runs).size).toBe(3);
      expect(allocator.allocate(ALLOCATION_BYTES_MAX)).toBe(NIL);
      expect(allocator.allocate(ALLOCATION_BYTES_MAX + 1)).toBe(NIL);
      for (const run of runs) allocator.free(run, ALLOCATION_BYTES_MAX);
      const { freePageBytes, allocatedBytes, runs: left } = allocator.statistics();
      expect([freePageBytes - pages, allocatedBytes, left]).toEqual([2 * (SEGMENT_BYTES - 65 * PAGE_BYTES), 0, 0]);
    }
  });

  test("a full address space answers NIL, and freeing makes room again", () => {
    const allocator = create();
    const blocks: number[] = [];
    for (let address = allocator.allocate(4096); address !== NIL; address = allocator.allocate(4096))
      blocks.push(address);
    expect(allocator.allocate(100000)).toBe(NIL);
    expect(blocks.length).toBeGreaterThan(16000);
    for (const address of blocks) allocator.free(address, 4096);
    expect(allocator.allocate(32 * 1024 * 1024)).not.toBe(NIL);
  });

  test("a wrong size or a block freed twice is a crash", () => {
    const allocator = create();
    const address = allocator.allocate(56);
    expect(() => allocator.free(address, 64)).toThrow("slab of its class");
    allocator.free(address, 56);
    expect(() => allocator.free(address, 56)).toThrow("slab of its class");
    const run = allocator.allocate(40000);
    expect(() => allocator.free(run, 50000)).toThrow("with its length");
    expect(() => allocator.free(run + 512, 40000)).toThrow("first page");
  });

  test("a second allocator over the same arena goes on where the first stood", () => {
    const allocator = create();
    const a = allocator.allocate(100);
    const run = allocator.allocate(1 << 20);
    const again = new Allocator(allocator.arena);
    expect(again.allocatedBytes).toBe(allocator.allocatedBytes);
    const b = again.allocate(100);
    expect(b).not.toBe(a);
    again.free(a, 100);
    again.free(b, 100);
    again.free(run, 1 << 20);
    expect(again.allocatedBytes).toBe(0);
  });

  test("free chunks are returned to the system, a bounded number at a time", () => {
    const discarded: number[] = [];
    const calls = {
      ...portableCalls,
      discard(bytes: Uint8Array, offset: number, length: number): boolean {
        bytes.fill(0, offset, offset + length);
        discarded.push(offset);
        return true;
      },
    };
    const arena = new Arena({ random: seededRandom(1), bytesMax: SEGMENT_BYTES, calls });
    const allocator = new Allocator(arena);
    expect(allocator.releaseFreeMemory(100)).toBe(0);
    const run = allocator.allocate(20 * 1024 * 1024);
    expect(allocator.statistics().chunkBytesInUse).toBeGreaterThanOrEqual(20 * 1024 * 1024);
    allocator.free(run, 20 * 1024 * 1024);
    arena.clearMarks();
    expect(allocator.releaseFreeMemory(4)).toBe(4 * CHUNK_BYTES);
    expect(arena.marks[0]!.reduce((sum, mark) => sum + mark, 0)).toBeGreaterThanOrEqual((4 * CHUNK_BYTES) / 256);
    while (allocator.releaseFreeMemory(4) > 0);
    expect(new Set(discarded).size).toBe(discarded.length);
    expect(discarded.length).toBeGreaterThanOrEqual(10);
    expect(discarded).not.toContain(0);
    expect(allocator.statistics().chunkBytesInUse).toBeLessThanOrEqual(2 * CHUNK_BYTES);
  });
});
