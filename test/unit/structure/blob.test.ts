/** Blobs against a plain array of bytes, under random operations and across the sizes where their form changes. */
import { describe, expect, test } from "vitest";
import { latin1Bytes } from "../../../src/base/bytes.ts";
import { seededRandom, uniform } from "../../../src/base/random.ts";
import { Allocator } from "../../../src/memory/allocator.ts";
import { Arena } from "../../../src/memory/arena.ts";
import { BarrierCheck } from "../../../src/memory/barrier_check.ts";
import { SEGMENT_BYTES } from "../../../src/memory/layout.ts";
import * as blobs from "../../../src/structure/blob.ts";
import { Blob, CHUNK_BYTES } from "../../../src/structure/blob.ts";
import { createEntry, OUT_OF_LINE } from "../../../src/structure/entry.ts";
import { withSeed } from "../../model/memory_seed.ts";

const FILE = "test/unit/structure/blob.test.ts";

function create(segments: number, firstSegment = 0): Allocator {
  return new Allocator(new Arena({ random: seededRandom(1), bytesMax: segments * SEGMENT_BYTES, firstSegment }));
}

function contentOf(arena: Arena, blob: Blob): Uint8Array {
  const out = new Uint8Array(blob.length);
  blobs.readBlob(arena, blob, 0, out, 0, blob.length);
  return out;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function checkModel(seed: number, firstSegment: number): void {
  const random = seededRandom(seed);
  const allocator = create(4, firstSegment);
  const { arena } = allocator;
  const blob = new Blob();
  let model = new Uint8Array(0);
  const barrier = new BarrierCheck(arena);
  const scale = [40, 5000, CHUNK_BYTES, 5 * CHUNK_BYTES];
  for (let step = 0; step < 120; step++) {
    const kind = uniform(random, 5);
    if (kind <= 1) {
      const length = uniform(random, scale[uniform(random, scale.length)]!);
      expect(blobs.resizeBlob(allocator, blob, length, kind === 0)).toBe(true);
      const shared = Math.min(length, model.length);
      blobs.zeroBlob(arena, blob, shared, length - shared);
      const next = new Uint8Array(length);
      next.set(model.subarray(0, shared));
      model = next;
    } else if (kind === 2 && model.length > 0) {
      const offset = uniform(random, model.length);
      const bytes = random.bytes(1 + uniform(random, Math.min(model.length - offset, 100000)));
      blobs.writeBlob(arena, blob, offset, bytes, 0, bytes.length);
      model.set(bytes, offset);
    } else if (kind === 3) {
      const bytes = random.bytes(uniform(random, 3000));
      const end = blob.length;
      expect(blobs.resizeBlob(allocator, blob, end + bytes.length, true)).toBe(true);
      blobs.writeBlob(arena, blob, end, bytes, 0, bytes.length);
      const next = new Uint8Array(end + bytes.length);
      next.set(model);
      next.set(bytes, end);
      model = next;
    } else if (model.length > 0) {
      const offset = uniform(random, model.length);
      const length = uniform(random, model.length - offset);
      const out = new Uint8Array(length + 5);
      blobs.readBlob(arena, blob, offset, out, 5, length);
      expect(sameBytes(out.subarray(5), model.subarray(offset, offset + length))).toBe(true);
    }
    expect(blob.length).toBe(model.length);
    expect(allocator.allocatedBytes).toBe(blobs.blobBytes(blob));
  }
  expect(sameBytes(contentOf(arena, blob), model)).toBe(true);
  const copy = new Blob();
  expect(blobs.copyBlob(allocator, blob, copy)).toBe(true);
  expect(sameBytes(contentOf(arena, copy), model)).toBe(true);
  blobs.freeBlob(allocator, copy);
  let steps = 1;
  while (!blobs.freeBlobStep(allocator, blob, 2)) steps++;
  expect(steps).toBeLessThanOrEqual(4);
  expect(allocator.allocatedBytes).toBe(0);
  expect(barrier.violations(3)).toEqual([]);
}

describe("blob", () => {
  test("model", () => withSeed(FILE, (seed) => checkModel(seed, 0)));
  test("model across the sign of the address", () => withSeed(FILE, (seed) => checkModel(seed, 255)));

  for (const length of [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 1]) {
    test(`${length} bytes grow by one, shrink to one, and keep the first`, () => {
      const allocator = create(2);
      const { arena } = allocator;
      const blob = new Blob();
      expect(blobs.createBlob(allocator, blob, length)).toBe(true);
      blobs.zeroBlob(arena, blob, 0, length);
      if (length > 0) blobs.writeBlob(arena, blob, 0, latin1Bytes("a"), 0, 1);
      expect(blobs.resizeBlob(allocator, blob, length + 1, false)).toBe(true);
      blobs.writeBlob(arena, blob, length, latin1Bytes("z"), 0, 1);
      const content = contentOf(arena, blob);
      expect([content[0], content[length]]).toEqual([length > 0 ? 0x61 : 0x7a, 0x7a]);
      expect(blobs.resizeBlob(allocator, blob, 1, false)).toBe(true);
      expect(contentOf(arena, blob)).toEqual(latin1Bytes(length > 0 ? "a" : "z"));
      expect(blob.capacity).toBe(8);
      expect(blobs.resizeBlob(allocator, blob, 0, false)).toBe(true);
      blobs.freeBlob(allocator, blob);
      expect(allocator.allocatedBytes).toBe(0);
    });
  }

  test("where address space is missing nothing changes", () => {
    const allocator = create(1);
    const { arena } = allocator;
    const held: Blob[] = [];
    for (const length of [700_000, CHUNK_BYTES, 3 * CHUNK_BYTES + 5000]) {
      const blob = new Blob();
      expect(blobs.createBlob(allocator, blob, length)).toBe(true);
      blobs.zeroBlob(arena, blob, 0, length);
      blobs.writeBlob(arena, blob, length - 1, latin1Bytes("z"), 0, 1);
      held.push(blob);
    }
    const before = allocator.allocatedBytes;
    for (const blob of held) {
      const { address, length, capacity } = blob;
      expect(blobs.resizeBlob(allocator, blob, 62 * CHUNK_BYTES, false)).toBe(false);
      expect([blob.address, blob.length, blob.capacity]).toEqual([address, length, capacity]);
      expect(contentOf(arena, blob)[length - 1]).toBe(0x7a);
    }
    expect(allocator.allocatedBytes).toBe(before);
  });

  test("512 MB, written at its end, and freed in steps", () => {
    const allocator = create(10);
    const { arena } = allocator;
    const blob = new Blob();
    const length = 512 * CHUNK_BYTES;
    expect(blobs.createBlob(allocator, blob, length)).toBe(true);
    expect(() => blobs.resizeBlob(allocator, blob, length + 1, false)).toThrow("within its list");
    blobs.writeBlob(arena, blob, length - 3, latin1Bytes("end"), 0, 3);
    const out = new Uint8Array(3);
    blobs.readBlob(arena, blob, length - 3, out, 0, 3);
    expect(out).toEqual(latin1Bytes("end"));
    expect(() => blobs.readBlob(arena, blob, length - 2, out, 0, 3)).toThrow("lie in the blob");
    let steps = 1;
    while (!blobs.freeBlobStep(allocator, blob, 16)) steps++;
    expect(steps).toBe(32);
    expect(allocator.allocatedBytes).toBe(0);
  });

  test("appending takes few moves", () => {
    const allocator = create(2);
    const blob = new Blob();
    let moves = 0;
    let capacity = 0;
    for (let i = 0; i < 4000; i++) {
      expect(blobs.resizeBlob(allocator, blob, blob.length + 1000, true)).toBe(true);
      if (blob.capacity !== capacity) moves++;
      capacity = blob.capacity;
    }
    expect(moves).toBeLessThan(20);
    expect(blob.capacity).toBeLessThanOrEqual(blob.length + 2 * CHUNK_BYTES);
  });

  test("the reference goes through an entry", () => {
    const allocator = create(1);
    const { arena } = allocator;
    const entry = createEntry(allocator, 0, 2, latin1Bytes("key"), 0, 3, OUT_OF_LINE, true);
    const blob = new Blob();
    expect(blobs.createBlob(allocator, blob, 5000)).toBe(true);
    blobs.writeReference(arena, entry, blob);
    const again = new Blob();
    blobs.readReference(arena, entry, again);
    expect(again).toEqual(blob);
  });
});
