/**
 * Table against a Map: random operations with growth and shrink, scans meanwhile, chains of equal hashes, no address
 * space left.
 */
import { describe, expect, test } from "vitest";
import { latin1, latin1Bytes } from "../../src/base/bytes.ts";
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import { Allocator } from "../../src/memory/allocator.ts";
import { Arena } from "../../src/memory/arena.ts";
import { BarrierCheck } from "../../src/memory/barrier_check.ts";
import { NIL, SEGMENT_BYTES, SEGMENT_SHIFT } from "../../src/memory/layout.ts";
import { createEntry, freeEntry, keyLength, keyOffset } from "../../src/structure/entry.ts";
import { EntryList } from "../../src/structure/entry_list.ts";
import { Table } from "../../src/structure/table.ts";
import { withSeed } from "./memory_seed.ts";

const FILE = "test/model/table.test.ts";

/** A table and the Map that it shall equal. */
class Subject {
  readonly arena: Arena;
  readonly allocator: Allocator;
  table: Table;
  readonly model = new Map<string, number>();
  /** Names in a list as well, to draw from. */
  readonly names: string[] = [];
  /** Lets tests force equal hashes. */
  hashOf: (key: Uint8Array) => number;

  constructor(seed: number, firstSegment: number, segments = 64) {
    this.arena = new Arena({ random: seededRandom(seed), firstSegment, bytesMax: segments * SEGMENT_BYTES });
    this.allocator = new Allocator(this.arena);
    this.table = new Table(this.arena, this.allocator, Table.create(this.allocator));
    this.hashOf = (key) => this.table.hash(key, 0, key.length);
  }

  find(name: string): number {
    const key = latin1Bytes(name);
    return this.table.find(this.hashOf(key), key, 0, key.length);
  }

  insert(name: string): boolean {
    const key = latin1Bytes(name);
    const entry = createEntry(this.allocator, 0, 0, key, 0, key.length, 4, false);
    if (entry === NIL) return false;
    if (!this.table.insert(this.hashOf(key), entry)) {
      freeEntry(this.allocator, entry);
      return false;
    }
    this.model.set(name, entry);
    this.names.push(name);
    return true;
  }

  remove(at: number): void {
    const name = this.names[at]!;
    this.names[at] = this.names[this.names.length - 1]!;
    this.names.pop();
    const key = latin1Bytes(name);
    const entry = this.model.get(name)!;
    if (!this.table.remove(this.hashOf(key), entry)) throw new Error(`${name} was not there to remove`);
    freeEntry(this.allocator, entry);
    this.model.delete(name);
  }

  /** Replaces an entry by a copy elsewhere, as a value that grows does. */
  move(name: string): void {
    const key = latin1Bytes(name);
    const old = this.model.get(name)!;
    const entry = createEntry(this.allocator, 1, 0, key, 0, key.length, 60, false);
    if (entry === NIL) return;
    this.table.replaceAddress(this.hashOf(key), old, entry);
    freeEntry(this.allocator, old);
    this.model.set(name, entry);
  }

  nameOf(entry: number): string {
    const start = keyOffset(this.arena, entry);
    return latin1(this.arena.bytes[entry >>> SEGMENT_SHIFT]!, start, start + keyLength(this.arena, entry));
  }

  checkEqual(): void {
    if (this.table.count !== this.model.size) throw new Error(`count ${this.table.count}, not ${this.model.size}`);
    for (const [name, entry] of this.model) {
      if (this.find(name) !== entry) throw new Error(`${name} is at ${this.find(name)}, not ${entry}`);
    }
    const seen = new Set<number>();
    let cursor = 0;
    do {
      cursor = this.table.scan(cursor, (entry) => {
        if (seen.has(entry)) throw new Error("an entry twice in a scan without changes");
        seen.add(entry);
        if (this.model.get(this.nameOf(entry)) !== entry) throw new Error("a scanned entry that is not in the table");
      });
    } while (cursor !== 0);
    if (seen.size !== this.model.size) throw new Error(`${seen.size} scanned of ${this.model.size}`);
  }

  freeAll(): void {
    const out = new EntryList(16);
    let done = false;
    let freed = 0;
    while (!done) {
      done = this.table.releaseInto(3, out);
      freed += out.count;
      while (out.count > 0) freeEntry(this.allocator, out.pop());
    }
    expect(freed).toBe(this.model.size);
    expect(this.allocator.allocatedBytes).toBe(0);
  }
}

/** A name never used before; lengths vary, also beyond what fits a byte. */
function freshName(random: Random, serial: number): string {
  const padding = uniform(random, 50) === 0 ? 300 : uniform(random, 12);
  return `k${serial}${".".repeat(padding)}`;
}

function checkModel(seed: number, firstSegment: number, size: number, steps: number): void {
  const random = seededRandom(seed);
  const subject = new Subject(seed, firstSegment);
  const barrier = new BarrierCheck(subject.arena);
  let serial = 0;
  let growing = true;
  for (let step = 0; step < steps; step++) {
    if (subject.names.length >= size) growing = false;
    if (subject.names.length === 0) growing = true;
    const kind = uniform(random, 100);
    if (kind < (growing ? 70 : 10) || subject.names.length === 0) {
      if (!subject.insert(freshName(random, serial++))) throw new Error("no room");
    } else if (kind < 80) {
      subject.remove(uniform(random, subject.names.length));
    } else if (kind < 90) {
      const name = subject.names[uniform(random, subject.names.length)]!;
      if (subject.find(name) !== subject.model.get(name)) throw new Error(`${name} not found at step ${step}`);
      if (subject.find(`${name}x`) !== NIL) throw new Error("found what is absent");
    } else if (kind < 98) {
      subject.move(subject.names[uniform(random, subject.names.length)]!);
    } else {
      // The root alone says all: another object over it goes on.
      subject.table = new Table(subject.arena, new Allocator(subject.arena), subject.table.address);
      Object.assign(subject, { allocator: subject.table.allocator });
    }
    if (step % Math.ceil(steps / 12) === 0) subject.checkEqual();
  }
  subject.checkEqual();
  subject.freeAll();
  expect(barrier.violations(3)).toEqual([]);
}

/** What stays in the table during a whole scan is seen, whatever else comes and goes. */
function checkScan(seed: number, startSize: number, endSize: number): void {
  const random = seededRandom(seed);
  const subject = new Subject(seed, 0);
  let serial = 0;
  while (subject.names.length < startSize) subject.insert(freshName(random, serial++));
  const seen = new Set<string>();
  const removed = new Set<string>();
  const present = [...subject.names];
  const out = new EntryList(4);
  let cursor = 0;
  let steps = 0;
  do {
    out.clear();
    cursor = subject.table.scanInto(cursor, out);
    if (cursor < 0) throw new Error("cursors are never negative");
    for (let i = 0; i < out.count; i++) seen.add(subject.nameOf(out.items[i]!));
    const changes = uniform(random, 40);
    for (let i = 0; i < changes; i++) {
      if (subject.names.length < endSize) subject.insert(freshName(random, serial++));
      else if (subject.names.length > endSize) {
        const at = uniform(random, subject.names.length);
        removed.add(subject.names[at]!);
        subject.remove(at);
      }
    }
    steps++;
  } while (cursor !== 0);
  expect(steps).toBeLessThan(100000);
  for (const name of present) if (!removed.has(name) && !seen.has(name)) throw new Error(`${name} was not seen`);
}

describe("table model", () => {
  const sizes = [
    [15, 3000],
    [300, 8000],
    [5000, 30000],
  ] as const;
  for (const [size, steps] of sizes) {
    test(`up to ${size} entries`, () => withSeed(FILE, (seed) => checkModel(seed, 0, size, steps)));
    test(`up to ${size} entries across the sign`, () => withSeed(FILE, (seed) => checkModel(seed, 255, size, steps)));
  }

  test("a directory of extents, there and back", () =>
    withSeed(FILE, (seed) => {
      const subject = new Subject(seed, 255);
      for (let i = 0; i < 260_000; i++) subject.insert(`k${i}`);
      expect(subject.table.buckets).toBeGreaterThan(25_000);
      subject.checkEqual();
      const random = seededRandom(seed);
      for (let i = 0; i < 220_000; i++) subject.remove(uniform(random, subject.names.length));
      expect(subject.table.buckets).toBeLessThan(10_000);
      subject.checkEqual();
      for (let i = 0; i < 120_000; i++) subject.insert(`again${i}`);
      subject.checkEqual();
      subject.freeAll();
    }));
});

describe("scan", () => {
  for (const [start, end] of [
    [10, 3000],
    [3000, 10],
    [20_000, 100],
    [500, 20_000],
    [2000, 2000],
  ] as const) {
    test(`from ${start} to ${end} entries`, () =>
      withSeed(FILE, (seed) => {
        for (let round = 0; round < 4; round++) checkScan(seed + round, start, end);
      }));
  }
});

describe("chains", () => {
  test("equal hashes make chains that grow, split, merge and empty", () =>
    withSeed(FILE, (seed) => {
      const random = seededRandom(seed);
      const subject = new Subject(seed, 0);
      // Splits ask the real hash, so a forced hash must agree with it: only keys whose hash ends in twelve zeros are used.
      const names: string[] = [];
      for (let i = 0; names.length < 400; i++) {
        const key = latin1Bytes(`k${i}`);
        if ((subject.hashOf(key) & 0xfff) === 0) names.push(`k${i}`);
      }
      for (const name of names) subject.insert(name);
      expect(subject.table.statistics(100).chains[49]).toBe(1);
      expect(subject.table.statistics(0).overflowBuckets).toBeGreaterThan(30);
      subject.checkEqual();
      const drawn = new Set<number>();
      for (let i = 0; i < 5000; i++) drawn.add(subject.table.random(random));
      expect(drawn.size).toBeGreaterThan(380);
      while (subject.names.length > 0) {
        subject.remove(uniform(random, subject.names.length));
        if (subject.names.length % 97 === 0) subject.checkEqual();
      }
      expect(subject.table.statistics(10)).toMatchObject({ overflowBuckets: 0, buckets: 1 });
    }));

  test("who removes in the order of SCAN leaves no long chain, and an empty table is small", () => {
    const subject = new Subject(5, 255);
    for (let i = 0; i < 160_000; i++) subject.insert(`k${i}`);
    const full = subject.table.buckets;
    const out = new EntryList(64);
    const barrier = new BarrierCheck(subject.arena);
    let cursor = 0;
    let longest = 0;
    let steps = 0;
    do {
      out.clear();
      cursor = subject.table.scanInto(cursor, out);
      longest = Math.max(longest, out.count);
      for (let i = 0; i < out.count; i++) {
        const name = subject.nameOf(out.items[i]!);
        const key = latin1Bytes(name);
        if (!subject.table.remove(subject.hashOf(key), out.items[i]!)) throw new Error(`${name} was not there`);
        freeEntry(subject.allocator, out.items[i]!);
        subject.model.delete(name);
      }
      if (steps++ % 2000 === 0) subject.checkEqual();
    } while (cursor !== 0);
    expect(subject.model.size).toBe(0);
    // A step visits a bucket and its other half.
    expect(longest).toBeLessThanOrEqual(72);
    expect(steps).toBeLessThan(2 * full);
    expect(subject.table.statistics(10)).toMatchObject({ entries: 0, buckets: 1, overflowBuckets: 0 });
    expect(subject.table.bytes).toBeLessThan(1000);
    expect(barrier.violations(3)).toEqual([]);
    subject.freeAll();
  });

  test("the first tag of a full bucket of equal tags is exact", () => {
    const subject = new Subject(3, 0);
    const names: string[] = [];
    for (let i = 0; names.length < 12; i++) {
      if (subject.hashOf(latin1Bytes(`k${i}`)) >>> 24 <= 1) names.push(`k${i}`);
    }
    for (const name of names) subject.insert(name);
    subject.checkEqual();
  });

  test("the touching pass changes nothing, whatever the table and the hashes", () => {
    const random = seededRandom(4);
    for (const firstSegment of [0, 255]) {
      const subject = new Subject(4, firstSegment);
      const barrier = new BarrierCheck(subject.arena);
      const hashes = Int32Array.from({ length: 400 }, () => random.int32());
      for (const size of [0, 1, 30, 3000, 200_000]) {
        while (subject.names.length < size) subject.insert(freshName(random, subject.names.length));
        for (let i = 0; i < 200 && i < size; i++) hashes[i] = subject.hashOf(latin1Bytes(subject.names[i]!));
        barrier.begin();
        subject.table.prefetch(hashes, 0, 100);
        subject.table.prefetch(hashes, 100, 300);
        expect(subject.arena.marks.every((marks) => marks.indexOf(1) < 0)).toBe(true);
        if (size === 1) {
          const entry = subject.model.get(subject.names[0]!)!;
          subject.table.prefetch(hashes, 0, 1);
          const words = subject.arena.words[entry >>> SEGMENT_SHIFT]!;
          const word = (entry & 0x7fffff) << 1;
          const bucketTags = subject.table.touched ^ words[word]! ^ words[word + 12]!;
          expect(bucketTags).toBe(hashes[0]! >>> 24 || 1);
        }
      }
    }
  });
});

describe("limits", () => {
  test("without address space an insert changes nothing, and removals work on", () =>
    withSeed(FILE, (seed) => {
      const random = seededRandom(seed);
      const subject = new Subject(seed, 0, 1);
      // Takes all but little of the segment away, in pieces that leave no large run.
      while (subject.allocator.allocate(1 << 20) !== NIL);
      while (subject.allocator.allocate(1 << 14) !== NIL);
      const held: number[] = [];
      for (let block = subject.allocator.allocate(64); block !== NIL; block = subject.allocator.allocate(64))
        held.push(block);
      for (let i = 0; i < 3000 && held.length > 0; i++) subject.allocator.free(held.pop()!, 64);
      let failed = 0;
      for (let serial = 0; failed < 50; serial++) {
        const before = subject.table.count;
        if (subject.insert(`key${serial}`)) continue;
        failed++;
        expect(subject.table.count).toBe(before);
      }
      subject.checkEqual();
      expect(subject.names.length).toBeGreaterThan(100);
      while (subject.names.length > 0) subject.remove(uniform(random, subject.names.length));
      subject.checkEqual();
    }));

  test("random entries are drawn evenly", () =>
    withSeed(FILE, (seed) => {
      const random = seededRandom(seed);
      const subject = new Subject(seed, 0);
      expect(subject.table.random(random)).toBe(NIL);
      for (let i = 0; i < 100; i++) subject.insert(`k${i}`);
      const drawn = new Map<number, number>();
      for (let i = 0; i < 50_000; i++) {
        const entry = subject.table.random(random);
        drawn.set(entry, (drawn.get(entry) ?? 0) + 1);
      }
      expect(drawn.size).toBe(100);
      expect(Math.min(...drawn.values())).toBeGreaterThan(350);
      expect(Math.max(...drawn.values())).toBeLessThan(650);
    }));

  test("memory stays near 9 bytes a key at all sizes, overflow buckets few", () => {
    const subject = new Subject(11, 0);
    const worst = { bytes: 0, overflow: 0 };
    for (let i = 0; i < 300_000; i++) {
      subject.insert(`key:${i}`);
      if (i > 4000 && i % 1000 === 0) {
        const { bytes, entries, overflowBuckets, buckets } = subject.table.statistics(0);
        worst.bytes = Math.max(worst.bytes, bytes / entries);
        worst.overflow = Math.max(worst.overflow, overflowBuckets / buckets);
      }
    }
    expect(worst.bytes).toBeLessThan(9.1);
    expect(worst.overflow).toBeLessThan(0.3);
  });
});
