/** Memory is fetched from the system before a turn needs it: what is asked for, when, and what goes back when the writer has ceased. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { Allocator } from "../../../src/memory/allocator.ts";
import { Arena } from "../../../src/memory/arena.ts";
import { portableCalls } from "../../../src/memory/calls.ts";
import { CHUNK_BYTES, NIL, SEGMENT_BYTES, SEGMENT_SHIFT, UNIT_MASK } from "../../../src/memory/layout.ts";

const BLOCK_BYTES = 16 * 1024;
const MIB = 1024 * 1024;

/** An allocator over memory that notes which chunks the system was asked for, and which it got back. */
class Subject {
  /** By segment's buffer: the chunks that are present because they were asked for. */
  readonly present = new Map<ArrayBufferLike, Set<number>>();
  readonly asked: number[] = [];
  readonly arena: Arena;
  readonly allocator: Allocator;
  private readonly used = new Set<number>([0]);

  constructor(segments: number) {
    const chunksOf = (bytes: Uint8Array): Set<number> => {
      const chunks = this.present.get(bytes.buffer) ?? new Set<number>();
      this.present.set(bytes.buffer, chunks);
      return chunks;
    };
    const calls = {
      ...portableCalls,
      populateAhead: (bytes: Uint8Array, offset: number, length: number): void => {
        this.asked.push(length / CHUNK_BYTES);
        for (let at = offset; at < offset + length; at += CHUNK_BYTES) chunksOf(bytes).add(at / CHUNK_BYTES);
      },
      discard: (bytes: Uint8Array, offset: number): boolean => {
        chunksOf(bytes).delete(offset / CHUNK_BYTES);
        return true;
      },
    };
    this.arena = new Arena({ random: seededRandom(1), bytesMax: segments * SEGMENT_BYTES, calls });
    this.allocator = new Allocator(this.arena);
  }

  /** A block; how many chunks it was the first to use although nobody had asked for them. */
  allocate(): { address: number; unasked: number } {
    const address = this.allocator.allocate(BLOCK_BYTES);
    expect(address).not.toBe(NIL);
    const chunk = address >>> (SEGMENT_SHIFT - 5);
    if (this.used.has(chunk)) return { address, unasked: 0 };
    this.used.add(chunk);
    const { buffer } = this.arena.bytes[address >>> SEGMENT_SHIFT]!;
    const asked = this.present.get(buffer)?.has(Math.trunc(((address & UNIT_MASK) * 8) / CHUNK_BYTES));
    return { address, unasked: asked === true ? 0 : 1 };
  }

  /** Fills so many bytes; `periodBytes` are written between two calls of the timer. Chunks first used that nobody had asked for. */
  fill(bytes: number, periodBytes: number): number {
    let unasked = 0;
    for (let at = 0; at < bytes; at += BLOCK_BYTES) {
      if (at % periodBytes === 0) this.allocator.prepareMemory();
      unasked += this.allocate().unasked;
    }
    return unasked;
  }

  get presentChunks(): number {
    let chunks = 0;
    for (const each of this.present.values()) chunks += each.size;
    return chunks;
  }
}

describe("memory fetched ahead", () => {
  test("from the start the next chunk is asked for, and no more", () => {
    const subject = new Subject(2);
    for (let tick = 0; tick < 5; tick++) subject.allocator.prepareMemory();
    expect(subject.asked).toEqual([1]);
  });

  test("no chunk comes into use that was not asked for, slow writer or fast", () => {
    for (const periodMib of [1, 8, 16]) {
      const subject = new Subject(6);
      expect(subject.fill(300 * MIB, periodMib * MIB)).toBe(0);
    }
  });

  test("neighbours in a free block are asked for in one call", () => {
    const subject = new Subject(2);
    for (let blocks = 0; subject.asked.length === 1; blocks++) {
      expect(blocks).toBeLessThan((2 * CHUNK_BYTES) / BLOCK_BYTES);
      subject.allocate();
    }
    // Chunks 2 and 3 are one free block, chunk 4 begins the next.
    expect(subject.asked).toEqual([1, 2, 1]);
  });

  test("a fast writer has more fetched for it, up to a bound", () => {
    const subject = new Subject(6);
    subject.fill(40 * MIB, 20 * MIB);
    const ahead = subject.presentChunks - 20;
    expect(ahead).toBeGreaterThanOrEqual(10);
    expect(ahead).toBeLessThanOrEqual(17);
  });

  test("when the writer has ceased, all but the next chunks goes back, a bounded number at a time", () => {
    const subject = new Subject(6);
    subject.fill(40 * MIB, 20 * MIB);
    const before = subject.presentChunks;
    expect(subject.allocator.releaseFreeMemory(2)).toBe(0);
    subject.allocator.prepareMemory();
    subject.allocator.prepareMemory();
    subject.arena.clearMarks();
    expect(subject.allocator.releaseFreeMemory(2)).toBe(2 * CHUNK_BYTES);
    expect(subject.presentChunks).toBe(before - 2);
    while (subject.allocator.releaseFreeMemory(2) > 0);
    // What is zeros and stays zeros is no write.
    expect(subject.arena.markedBytes()).toBe(0);
    const after = subject.presentChunks;
    expect(before - after).toBeGreaterThan(6);
    for (let tick = 0; tick < 5; tick++) {
      subject.allocator.prepareMemory();
      expect(subject.allocator.releaseFreeMemory(2)).toBe(0);
    }
    expect(subject.presentChunks).toBe(after);
    // And the writer that goes on meets no chunk that is absent.
    expect(subject.fill(100 * MIB, 8 * MIB)).toBe(0);
  });

  test("what was freed and went back is asked for again before it is used again", () => {
    const subject = new Subject(4);
    subject.fill(20 * MIB, 4 * MIB);
    const big = subject.allocator.allocate(30 * MIB);
    subject.allocator.free(big, 30 * MIB);
    for (let tick = 0; tick < 60; tick++) {
      subject.allocator.prepareMemory();
      subject.allocator.releaseFreeMemory(2);
    }
    expect(subject.fill(100 * MIB, 8 * MIB)).toBe(0);
  });
});
