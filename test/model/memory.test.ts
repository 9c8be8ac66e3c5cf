/**
 * The allocator against a naive list of what is handed out, at the bottom of the address space and across its sign.
 */
import { describe, expect, test } from "vitest";
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import { Allocator } from "../../src/memory/allocator.ts";
import { Arena } from "../../src/memory/arena.ts";
import { BarrierCheck } from "../../src/memory/barrier_check.ts";
import { NIL, SEGMENT_BYTES, SEGMENT_SHIFT, UNIT_MASK } from "../../src/memory/layout.ts";
import { withSeed } from "./memory_seed.ts";

const FILE = "test/model/memory.test.ts";

interface Block {
  address: number;
  bytes: number;
  /** The block is filled with this. */
  pattern: number;
}

function sizeOf(random: Random, largest: number): number {
  const kind = uniform(random, 10);
  if (kind < 6) return 1 + uniform(random, 200);
  if (kind < 8) return 1 + uniform(random, 5000);
  if (kind < 9) return 1 + uniform(random, 40000);
  return 1 + uniform(random, largest);
}

function fill(arena: Arena, block: Block): void {
  arena.touch(block.address, block.bytes);
  const start = (block.address & UNIT_MASK) << 3;
  arena.bytes[block.address >>> SEGMENT_SHIFT]!.fill(block.pattern, start, start + block.bytes);
}

function holdsPattern(arena: Arena, block: Block): boolean {
  const start = (block.address & UNIT_MASK) << 3;
  const bytes = arena.bytes[block.address >>> SEGMENT_SHIFT]!;
  for (let i = 0; i < block.bytes; i++) if (bytes[start + i] !== block.pattern) return false;
  return true;
}

function checkModel(seed: number, firstSegment: number, segments: number, steps: number): void {
  const random = seededRandom(seed);
  const arena = new Arena({ random, firstSegment, bytesMax: segments * SEGMENT_BYTES });
  const barrier = new BarrierCheck(arena);
  let allocator = new Allocator(arena);
  const blocks: Block[] = [];
  let full = 0;
  const largest = (segments === 1 ? 8 : 2) * 1024 * 1024;
  for (let step = 0; step < steps; step++) {
    // Grows for a while, shrinks for a while, so that slabs and segments fill and drain.
    const growing = Math.floor(step / 1500) % 2 === 0;
    if (blocks.length === 0 || uniform(random, 100) < (growing ? 70 : 35)) {
      const block = { address: NIL, bytes: sizeOf(random, largest), pattern: step & 0xff };
      block.address = allocator.allocate(block.bytes);
      if (block.address === NIL) {
        full++;
        continue;
      }
      const segment = block.address >>> SEGMENT_SHIFT;
      expect(segment).toBeGreaterThanOrEqual(firstSegment);
      expect(((block.address & UNIT_MASK) << 3) + block.bytes).toBeLessThanOrEqual(SEGMENT_BYTES);
      fill(arena, block);
      blocks.push(block);
    } else {
      const at = uniform(random, blocks.length);
      const block = blocks[at]!;
      blocks[at] = blocks[blocks.length - 1]!;
      blocks.pop();
      // A block that still holds its own pattern was never handed out twice.
      expect(holdsPattern(arena, block)).toBe(true);
      allocator.free(block.address, block.bytes);
    }
    if (step % 997 === 0) allocator = new Allocator(arena);
    if (step % 501 === 0) allocator.releaseFreeMemory(3);
  }
  const sum = blocks.reduce((bytes, block) => bytes + allocator.sizeOfClass(block.bytes), 0);
  expect(allocator.allocatedBytes).toBe(sum);
  const byAddress = [...blocks].sort((a, b) => (a.address >>> 0) - (b.address >>> 0));
  for (let i = 1; i < byAddress.length; i++) {
    const before = byAddress[i - 1]!;
    const end = (before.address >>> 0) * 8 + allocator.sizeOfClass(before.bytes);
    expect((byAddress[i]!.address >>> 0) * 8).toBeGreaterThanOrEqual(end);
  }
  for (const block of blocks) {
    expect(holdsPattern(arena, block)).toBe(true);
    allocator.free(block.address, block.bytes);
  }
  allocator.releaseFreeMemory(1000);
  const statistics = allocator.statistics();
  expect(statistics.allocatedBytes).toBe(0);
  expect(statistics.classes.every((entry) => entry.usedBlocks === 0)).toBe(true);
  // What is not free is metadata: 67 pages of the first segment, 65 of each other.
  expect(statistics.addressSpaceBytes - statistics.freePageBytes).toBe((2 + 65 * arena.segmentCount) * 4096);
  expect(barrier.violations(5)).toEqual([]);
  if (segments === 1) expect(full).toBeGreaterThan(0);
}

describe("allocator model", () => {
  test("several segments", () => withSeed(FILE, (seed) => checkModel(seed, 0, 4, 6000)));
  test("several segments across the sign of the address", () =>
    withSeed(FILE, (seed) => checkModel(seed, 255, 4, 6000)));
  test("one segment that gets full", () => withSeed(FILE, (seed) => checkModel(seed, 0, 1, 9000)));
  test("small blocks only", () =>
    withSeed(FILE, (seed) => {
      const random = seededRandom(seed);
      const allocator = new Allocator(new Arena({ random, bytesMax: SEGMENT_BYTES }));
      const held = new Map<number, number>();
      for (let step = 0; step < 60000; step++) {
        if (uniform(random, 100) < (step % 20000 < 10000 ? 80 : 20) || held.size === 0) {
          const bytes = 1 + uniform(random, 300);
          const address = allocator.allocate(bytes);
          expect(held.has(address)).toBe(false);
          held.set(address, bytes);
        } else {
          const [address, bytes] = held.entries().next().value!;
          held.delete(address);
          allocator.free(address, bytes);
        }
      }
      for (const [address, bytes] of held) allocator.free(address, bytes);
      expect(allocator.allocatedBytes).toBe(0);
    }));
});
