/**
 * Tree against sorted and plain arrays: sorted sets with inserts and removals everywhere, lists of weighted items,
 * positions, ranges, address space that runs out. Invariants are verified as it goes.
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
import { Tree } from "../../src/structure/tree.ts";
import { withSeed } from "./memory_seed.ts";

const FILE = "test/model/tree.test.ts";

/** What shapes a run: where inserts and removals mostly happen. */
type Habit = "random" | "ascending" | "descending" | "equal scores" | "few scores";
const HABITS: readonly Habit[] = ["random", "ascending", "descending", "equal scores", "few scores"];

interface Member {
  score: number;
  name: string;
  entry: number;
}

function compare(a: { score: number; name: string }, b: { score: number; name: string }): number {
  if (a.score !== b.score) return a.score < b.score ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** An arena whose next addresses are negative where `firstSegment` is 255 and its one segment is used up. */
function createAllocator(seed: number, firstSegment: number, segments = 64): Allocator {
  const allocator = new Allocator(
    new Arena({ random: seededRandom(seed), firstSegment, bytesMax: segments * SEGMENT_BYTES }),
  );
  return allocator;
}

/** A sorted set: a tree and the array that it shall equal. */
class SortedSet {
  readonly arena: Arena;
  readonly allocator: Allocator;
  readonly tree: Tree;
  readonly model: Member[] = [];
  readonly names = new Set<string>();

  constructor(allocator: Allocator) {
    this.allocator = allocator;
    this.arena = allocator.arena;
    this.tree = new Tree(this.arena, allocator);
    this.tree.attach(Tree.create(allocator, false));
  }

  /** Index of the first member that isn't before (score, name). */
  lowerBound(score: number, name: string): number {
    let low = 0;
    let high = this.model.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.model[middle]!, { score, name }) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  insert(score: number, name: string): boolean {
    const key = latin1Bytes(name);
    const entry = createEntry(this.allocator, 0, 0, key, 0, key.length, 8, false);
    if (entry === NIL) return false;
    if (!this.tree.insertScore(score, entry)) {
      freeEntry(this.allocator, entry);
      return false;
    }
    const at = this.lowerBound(score, name);
    this.model.splice(at, 0, { score, name, entry });
    this.names.add(name);
    this.checkCursor(at);
    return true;
  }

  removeAt(at: number, byPosition: boolean): void {
    const { score, name, entry } = this.model[at]!;
    if (byPosition) {
      expect(this.tree.seekPosition(at)).toBe(true);
      expect(this.tree.entry).toBe(entry);
      this.tree.remove();
    } else {
      expect(this.tree.removeScore(score, entry)).toBe(true);
    }
    this.model.splice(at, 1);
    this.names.delete(name);
    this.destroy(entry);
    this.checkCursor(at);
  }

  move(at: number, score: number): boolean {
    const member = this.model[at]!;
    if (!this.tree.moveScore(member.score, member.entry, score)) return false;
    this.model.splice(at, 1);
    this.model.splice(this.lowerBound(score, member.name), 0, { ...member, score });
    return true;
  }

  /** Overwrites before it frees, so that what still points there is found out. */
  destroy(entry: number): void {
    const start = keyOffset(this.arena, entry);
    const length = keyLength(this.arena, entry);
    this.arena.touchBytes(entry >>> SEGMENT_SHIFT, start, length);
    this.arena.bytes[entry >>> SEGMENT_SHIFT]!.fill(0x7e, start, start + length);
    freeEntry(this.allocator, entry);
  }

  nameOf(entry: number): string {
    const start = keyOffset(this.arena, entry);
    return latin1(this.arena.bytes[entry >>> SEGMENT_SHIFT]!, start, start + keyLength(this.arena, entry));
  }

  /** The cursor stands on the member at this index, or off the end. */
  checkCursor(at: number): void {
    const { tree, model } = this;
    const member = model[at];
    if (tree.valid !== (member !== undefined)) throw new Error(`cursor valid: ${tree.valid}, at ${at}`);
    if (tree.position() !== (member === undefined ? model.length : at)) {
      throw new Error(`position ${tree.position()}, not ${at} of ${model.length}`);
    }
    if (member !== undefined && (tree.entry !== member.entry || tree.score !== member.score)) {
      throw new Error(`another item at ${at}`);
    }
  }

  checkEqual(): void {
    const { tree, model } = this;
    tree.verify(true);
    expect([tree.length, tree.items]).toEqual([model.length, model.length]);
    let at = 0;
    for (let more = tree.seekFirst(); more; more = tree.next()) this.checkCursorItem(at++);
    expect(at).toBe(model.length);
    expect(tree.valid).toBe(false);
    for (let more = tree.previous(); more; more = tree.previous()) this.checkCursorItem(--at);
    expect(at).toBe(0);
    expect(tree.next()).toBe(model.length > 0);
    if (model.length > 0) this.checkCursorItem(0);
  }

  checkCursorItem(at: number): void {
    const { tree } = this;
    const member = this.model[at]!;
    if (tree.entry !== member.entry || tree.w2 !== member.entry || tree.score !== member.score) {
      throw new Error(`another item at ${at}`);
    }
  }

  /** One search of each kind. */
  checkSearches(random: Random, score: number, name: string): void {
    const { tree, model } = this;
    const bytes = latin1Bytes(`..${name}`);
    const exclusive = uniform(random, 2) === 1;
    const first = model.findIndex((each) => (exclusive ? each.score > score : each.score >= score));
    expect(tree.seekScore(score, exclusive)).toBe(first >= 0);
    this.checkCursor(first < 0 ? model.length : first);
    const last = model.findLastIndex((each) => (exclusive ? each.score < score : each.score <= score));
    expect(tree.seekScoreLast(score, exclusive)).toBe(last >= 0);
    if (last >= 0) this.checkCursor(last);
    else expect(tree.valid).toBe(false);
    const at = this.lowerBound(score, name);
    expect(tree.seekItem(score, bytes, 2, bytes.length - 2)).toBe(at < model.length);
    this.checkCursor(at);
    const position = uniform(random, model.length + 2);
    expect(tree.seekPosition(position)).toBe(position < model.length);
    this.checkCursor(Math.min(position, model.length));
    if (model.length === 0 || model[0]!.score !== model[model.length - 1]!.score) return;
    const firstName = model.findIndex((each) => (exclusive ? each.name > name : each.name >= name));
    expect(tree.seekLexicographic(bytes, 2, bytes.length - 2, exclusive)).toBe(firstName >= 0);
    this.checkCursor(firstName < 0 ? model.length : firstName);
    const lastName = model.findLastIndex((each) => (exclusive ? each.name < name : each.name <= name));
    expect(tree.seekLexicographicLast(bytes, 2, bytes.length - 2, exclusive)).toBe(lastName >= 0);
    if (lastName >= 0) this.checkCursor(lastName);
  }

  release(): void {
    const out = new EntryList(16);
    let freed = 0;
    for (let done = false; !done; ) {
      done = this.tree.releaseInto(2, out);
      expect(out.count).toBeLessThanOrEqual(2 * 84);
      freed += out.count;
      while (out.count > 0) this.destroy(out.pop());
    }
    expect(freed).toBe(this.model.length);
  }
}

function freshName(random: Random, serial: number, habit: Habit): string {
  const prefix = habit === "equal scores" || habit === "few scores" ? "p".repeat(uniform(random, 3) * 20) : "";
  const kind = uniform(random, 20);
  if (kind === 0) return `${prefix}${"long".repeat(70)}${serial}`;
  return `${prefix}${String.fromCharCode(uniform(random, 256))}${kind < 10 ? serial : random.int32()}`;
}

function scoreFor(random: Random, serial: number, habit: Habit): number {
  const odd = uniform(random, 200);
  switch (habit) {
    case "ascending":
      return serial;
    case "descending":
      return -serial;
    case "equal scores":
      return 1.5;
    case "few scores":
      return odd === 0 ? Number.POSITIVE_INFINITY : odd === 1 ? Number.NEGATIVE_INFINITY : uniform(random, 5) - 2;
    case "random":
      if (odd === 0) return Number.POSITIVE_INFINITY;
      if (odd === 1) return Number.NEGATIVE_INFINITY;
      return odd < 50 ? uniform(random, 100) / 4 : random.int32() / 1000;
  }
}

/** Where a removal happens: at the ends or anywhere. */
function removalAt(random: Random, length: number, kind: number): number {
  if (kind === 0) return 0;
  if (kind === 1) return length - 1;
  return uniform(random, length);
}

function checkSortedSet(seed: number, firstSegment: number, habit: Habit, size: number, steps: number): void {
  const random = seededRandom(seed);
  const allocator = createAllocator(seed, firstSegment);
  if (firstSegment === 255) exhaustSegment(allocator);
  const before = allocator.allocatedBytes;
  const subject = new SortedSet(allocator);
  const barrier = new BarrierCheck(subject.arena);
  let removal = 2;
  for (let step = 0; step < steps; step++) {
    const growing = Math.floor(step / size) % 2 === 0;
    if (step % size === 0) removal = uniform(random, 4);
    const name = freshName(random, step, habit);
    const score = scoreFor(random, step, habit);
    const kind = uniform(random, 100);
    if (kind < 4 && subject.model.length > 0) subject.move(uniform(random, subject.model.length), score);
    else if (kind < 8) subject.checkSearches(random, score, name);
    else if (kind < (growing ? 85 : 30)) {
      if (!subject.names.has(name)) expect(subject.insert(score, name)).toBe(true);
    } else if (subject.model.length > 0) {
      subject.removeAt(removalAt(random, subject.model.length, removal), uniform(random, 2) === 0);
    }
    if (step % 401 === 0) subject.checkEqual();
    if (step % 1301 === 0) {
      const other = new SortedSet(allocator);
      other.tree.attach(subject.tree.address);
      other.model.push(...subject.model);
      other.checkEqual();
      allocator.free(Tree.create(allocator, false), 32);
    }
  }
  subject.checkEqual();
  expect(barrier.violations(3)).toEqual([]);
  subject.release();
  expect(allocator.allocatedBytes).toBeGreaterThanOrEqual(before);
}

/** Takes all of the first segment, so that what follows lies in the next one, whose addresses are negative. */
function exhaustSegment(allocator: Allocator): void {
  for (let bytes = 63 * 1024 * 1024; bytes >= 4096; bytes >>>= 1) {
    while (allocator.statistics().freePageBytes > bytes && allocator.arena.segmentCount === 1)
      allocator.allocate(bytes);
  }
}

describe("sorted set model", () => {
  for (const habit of HABITS) {
    for (const [size, steps] of [
      [60, 1500],
      [900, 8000],
      [9000, 30000],
    ] as const) {
      test(`${habit}, about ${size} members`, () =>
        withSeed(FILE, (seed) => checkSortedSet(seed, 0, habit, size, steps)));
    }
    test(`${habit}, across the sign of the address`, () =>
      withSeed(FILE, (seed) => checkSortedSet(seed, 255, habit, 3000, 12000)));
  }
});
