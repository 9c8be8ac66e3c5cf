/**
 * A place in a Tree: the path from the root to an item, and the ways to find one.
 *
 * `nodes[k]` is the node of the path at level k (0 = leaf), `indexes[k]` the child taken in it for k ≥ 1, `at` the
 * index in the leaf. The path is kept by every step, so that there are no links between leaves to maintain: the step
 * to the next leaf goes up as far as needed and down again, on average to the parent only.
 *
 * Off the end `at` is the number of items of the last leaf, before the start it is -1 in the first leaf; an empty tree
 * has no leaf and is off the end. Another Tree object that changes the same tree makes the cursor meaningless.
 */
import type { Allocator } from "../memory/allocator.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import { baseOf, countOf, INNER_CHILD, INNER_THIRD, INNER_WEIGHT, LEAF_THIRD, NODE_FIRST } from "./tree_node.ts";
import { firstAbove, firstMember, firstNotBelow, setProbe } from "./tree_order.ts";

export const TREE_ROOT_BYTES = 32;
export const ROOT_NODE = 0;
export const ROOT_HEIGHT = 1;
export const ROOT_LENGTH = 2;
export const ROOT_ITEMS = 3;
export const ROOT_NODES = 4;
export const ROOT_FLAGS = 5;
export const FLAG_WEIGHTED = 1;

/** Levels of a tree of 2^31 items whose nodes are as empty as they may be, and some. */
export const HEIGHT_MAX = 12;

const NO_WORDS: Int32Array = new Int32Array(1);
const NO_DOUBLES: Float64Array = new Float64Array(1);

export class TreeCursor {
  readonly arena: Arena;
  readonly allocator: Allocator;
  protected readonly words: Int32Array[];
  protected readonly doubles: Float64Array[];
  protected rootAddress = NIL;
  protected rootWords = NO_WORDS;
  protected root = 0;
  protected weighted = false;
  protected readonly nodes = new Int32Array(HEIGHT_MAX);
  protected readonly indexes = new Int32Array(HEIGHT_MAX);
  private readonly keptNodes = new Int32Array(HEIGHT_MAX);
  private readonly keptIndexes = new Int32Array(HEIGHT_MAX);
  private keptAt = 0;
  protected leafWords = NO_WORDS;
  protected leafDoubles = NO_DOUBLES;
  protected leafBase = 0;
  protected leafCount = 0;
  protected at = 0;
  /** After seekPosition: which of the item's elements has the position, 0 = its first. */
  within = 0;

  constructor(arena: Arena, allocator: Allocator) {
    this.arena = arena;
    this.allocator = allocator;
    this.words = arena.words;
    this.doubles = arena.doubles;
  }

  /** Makes this object speak for the tree with this root; the cursor stands nowhere until a seek. */
  attach(rootAddress: number): void {
    this.rootAddress = rootAddress;
    this.rootWords = this.words[rootAddress >>> SEGMENT_SHIFT]!;
    this.root = (rootAddress & UNIT_MASK) << 1;
    this.weighted = (this.rootWords[this.root + ROOT_FLAGS]! & FLAG_WEIGHTED) !== 0;
    this.leafCount = 0;
    this.at = 0;
  }

  get address(): number {
    return this.rootAddress;
  }

  /** Elements: the sum of the items' weights. */
  get length(): number {
    return this.rootWords[this.root + ROOT_LENGTH]!;
  }

  get items(): number {
    return this.rootWords[this.root + ROOT_ITEMS]!;
  }

  get height(): number {
    return this.rootWords[this.root + ROOT_HEIGHT]!;
  }

  /** Whether the cursor stands on an item. */
  get valid(): boolean {
    return this.at >= 0 && this.at < this.leafCount;
  }

  get w0(): number {
    return this.leafWords[this.leafBase + NODE_FIRST + (this.at << 1)]!;
  }

  get w1(): number {
    return this.leafWords[this.leafBase + NODE_FIRST + 1 + (this.at << 1)]!;
  }

  get w2(): number {
    return this.leafWords[this.leafBase + LEAF_THIRD + this.at]!;
  }

  /** The first two words as a double. */
  get score(): number {
    return this.leafDoubles[(this.leafBase >>> 1) + 1 + this.at]!;
  }

  /** The third word as what it is in a sorted set: the address of the member's entry. */
  get entry(): number {
    return this.leafWords[this.leafBase + LEAF_THIRD + this.at]!;
  }

  /** Items from the current one on that lie one behind the other: their entries are `entries[entryAt, entryAt + runLength)`. */
  get runLength(): number {
    return this.leafCount - this.at;
  }

  get entries(): Int32Array {
    return this.leafWords;
  }

  get entryAt(): number {
    return this.leafBase + LEAF_THIRD + this.at;
  }

  seekFirst(): boolean {
    const height = this.startDescent();
    if (height === 0) return false;
    this.descendFirst(height - 1);
    return this.leafCount > 0;
  }

  seekLast(): boolean {
    if (!this.seekEnd()) return false;
    this.at--;
    return true;
  }

  /** Off the end; false when there is no item at all. */
  protected seekEnd(): boolean {
    const height = this.startDescent();
    if (height === 0) return false;
    this.descendLast(height - 1);
    this.at = this.leafCount;
    return true;
  }

  /**
   * The item that holds the element at a position (from 0), with `within` as the element's offset in it. False, and
   * off the end, when there is no such position.
   */
  seekPosition(position: number): boolean {
    if (position < 0 || position >= this.length) {
      this.seekEnd();
      return false;
    }
    let rest = position;
    let node = this.rootWords[this.root + ROOT_NODE]!;
    for (let level = this.rootWords[this.root + ROOT_HEIGHT]! - 1; level > 0; level--) {
      const words = this.words[node >>> SEGMENT_SHIFT]!;
      const weights = baseOf(node) + INNER_WEIGHT;
      let index = 0;
      for (let weight = words[weights]!; rest >= weight; weight = words[weights + index]!) {
        rest -= weight;
        index++;
      }
      this.nodes[level] = node;
      this.indexes[level] = index;
      node = words[weights - INNER_WEIGHT + INNER_CHILD + index]!;
    }
    this.setLeaf(node);
    if (!this.weighted) {
      this.at = rest;
      this.within = 0;
      return true;
    }
    const weights = this.leafBase + LEAF_THIRD;
    let at = 0;
    for (let weight = this.leafWords[weights]!; rest >= weight; weight = this.leafWords[weights + at]!) {
      rest -= weight;
      at++;
    }
    this.at = at;
    this.within = rest;
    return true;
  }

  /**
   * Position of the first element of the current item, which in a sorted set is its rank; off the end the length of
   * the tree, before the start -1.
   */
  position(): number {
    if (this.at < 0) return -1;
    let position = this.at;
    if (this.weighted) position = sumWords(this.leafWords, this.leafBase + LEAF_THIRD, this.at);
    const height = this.rootWords[this.root + ROOT_HEIGHT]!;
    for (let level = 1; level < height; level++) {
      const node = this.nodes[level]!;
      const words = this.words[node >>> SEGMENT_SHIFT]!;
      position += sumWords(words, baseOf(node) + INNER_WEIGHT, this.indexes[level]!);
    }
    return position;
  }

  /** To the next item; false: off the end. From before the start it goes to the first. */
  next(): boolean {
    const at = this.at + 1;
    if (at < this.leafCount) {
      this.at = at;
      return true;
    }
    return this.nextLeaf();
  }

  /** To the previous item; false: before the start. From off the end it goes to the last. */
  previous(): boolean {
    const at = this.at - 1;
    if (at >= 0) {
      this.at = at;
      return true;
    }
    return this.previousLeaf();
  }

  /** As so many times `next`, where negative `previous`, but leaf by leaf; false: off the end, or before the start. */
  skip(items: number): boolean {
    let to = this.at + items;
    while (to >= this.leafCount) {
      to -= this.leafCount;
      if (!this.nextLeaf()) return false;
    }
    while (to < 0) {
      if (!this.previousLeaf()) return false;
      to += this.leafCount;
    }
    this.at = to;
    return true;
  }

  /** The first item with a score >= `score` (exclusive: > `score`); false, and off the end, when there is none. */
  seekScore(score: number, exclusive: boolean): boolean {
    const height = this.startDescent();
    if (height === 0) return false;
    let node = this.nodes[height - 1]!;
    for (let level = height - 1; level > 0; level--) {
      const words = this.words[node >>> SEGMENT_SHIFT]!;
      const doubles = this.doubles[node >>> SEGMENT_SHIFT]!;
      const base = baseOf(node);
      const first = (base >>> 1) + 1;
      const count = words[base]!;
      const index = exclusive
        ? firstAbove(doubles, first, 1, count, score) - 1
        : firstNotBelow(doubles, first, 1, count, score) - 1;
      this.nodes[level] = node;
      this.indexes[level] = index;
      node = words[base + INNER_CHILD + index]!;
    }
    this.setLeaf(node);
    const first = (this.leafBase >>> 1) + 1;
    this.at = exclusive
      ? firstAbove(this.leafDoubles, first, 0, this.leafCount, score)
      : firstNotBelow(this.leafDoubles, first, 0, this.leafCount, score);
    return this.at < this.leafCount || this.nextLeaf();
  }

  /** The last item with a score <= `score` (exclusive: < `score`); false, and before the start, when there is none. */
  seekScoreLast(score: number, exclusive: boolean): boolean {
    this.seekScore(score, !exclusive);
    return this.previous();
  }

  /** The first item that is not before (score, member) in order; false, and off the end, when there is none. */
  seekItem(score: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (!this.descendToItem(score, bytes, start, length)) return false;
    return this.at < this.leafCount || this.nextLeaf();
  }

  /**
   * Where all scores are equal: the first item with a member >= the bytes (exclusive: > the bytes); false, and off the
   * end, when there is none.
   */
  seekLexicographic(bytes: Uint8Array, start: number, length: number, exclusive: boolean): boolean {
    const { arena } = this;
    const height = this.startDescent();
    if (height === 0) return false;
    setProbe(bytes, start, length);
    let node = this.nodes[height - 1]!;
    for (let level = height - 1; level > 0; level--) {
      const words = this.words[node >>> SEGMENT_SHIFT]!;
      const base = baseOf(node);
      const third = base + INNER_THIRD;
      const index = firstMember(arena, words, third, 1, words[base]!, exclusive) - 1;
      this.nodes[level] = node;
      this.indexes[level] = index;
      node = words[base + INNER_CHILD + index]!;
    }
    this.setLeaf(node);
    const third = this.leafBase + LEAF_THIRD;
    this.at = firstMember(arena, this.leafWords, third, 0, this.leafCount, exclusive);
    return this.at < this.leafCount || this.nextLeaf();
  }

  /** Where all scores are equal: the last item with a member <= the bytes (exclusive: < the bytes). */
  seekLexicographicLast(bytes: Uint8Array, start: number, length: number, exclusive: boolean): boolean {
    this.seekLexicographic(bytes, start, length, !exclusive);
    return this.previous();
  }

  /**
   * To the place where (score, member) stands or belongs, which may be behind the last item of a leaf that isn't the
   * last one. False when the tree is empty.
   */
  protected descendToItem(score: number, bytes: Uint8Array, start: number, length: number): boolean {
    const at = this.descendToScore(score, bytes, start, length);
    if (at < 0) return false;
    const count = this.leafCount;
    const doubles = this.leafDoubles;
    const first = (this.leafBase >>> 1) + 1;
    if (at < count && doubles[first + at] === score) {
      setProbe(bytes, start, length);
      const high = firstAbove(doubles, first, at, count, score);
      this.at = firstMember(this.arena, this.leafWords, this.leafBase + LEAF_THIRD, at, high, false);
    } else this.at = at;
    return true;
  }

  /** To the item of an entry with this score and key; false when it isn't in the tree. Keys are compared above the leaf only. */
  protected descendToEntry(score: number, entry: number, bytes: Uint8Array, start: number, length: number): boolean {
    let at = this.descendToScore(score, bytes, start, length);
    if (at < 0) return false;
    const count = this.leafCount;
    const words = this.leafWords;
    const third = this.leafBase + LEAF_THIRD;
    while (at < count && words[third + at] !== entry) at++;
    this.at = at;
    return at < count && this.score === score;
  }

  /** To the leaf where (score, member) stands or belongs: the index of its first item with this score or more; -1 when the tree is empty. */
  private descendToScore(score: number, bytes: Uint8Array, start: number, length: number): number {
    const { arena } = this;
    const height = this.startDescent();
    if (height === 0) return -1;
    let node = this.nodes[height - 1]!;
    for (let level = height - 1; level > 0; level--) {
      const words = this.words[node >>> SEGMENT_SHIFT]!;
      const doubles = this.doubles[node >>> SEGMENT_SHIFT]!;
      const base = baseOf(node);
      const first = (base >>> 1) + 1;
      const count = words[base]!;
      let index = firstNotBelow(doubles, first, 1, count, score);
      if (index < count && doubles[first + index] === score) {
        setProbe(bytes, start, length);
        const high = firstAbove(doubles, first, index, count, score);
        index = firstMember(arena, words, base + INNER_THIRD, index, high, true);
      }
      this.nodes[level] = node;
      this.indexes[level] = index - 1;
      node = words[base + INNER_CHILD + index - 1]!;
    }
    this.setLeaf(node);
    return firstNotBelow(this.leafDoubles, (this.leafBase >>> 1) + 1, 0, this.leafCount, score);
  }

  /** Puts the root at the top of the path and returns the height. */
  private startDescent(): number {
    const height = this.rootWords[this.root + ROOT_HEIGHT]!;
    if (height > 0) {
      this.nodes[height - 1] = this.rootWords[this.root + ROOT_NODE]!;
    } else {
      this.leafCount = 0;
      this.at = 0;
    }
    return height;
  }

  /** From the node at `level` of the path down to its first item. */
  private descendFirst(level: number): void {
    let node = this.nodes[level]!;
    for (let below = level; below > 0; below--) {
      this.indexes[below] = 0;
      node = this.words[node >>> SEGMENT_SHIFT]![baseOf(node) + INNER_CHILD]!;
      this.nodes[below - 1] = node;
    }
    this.setLeaf(node);
    this.at = 0;
  }

  /** From the node at `level` of the path down to its last leaf. */
  private descendLast(level: number): void {
    let node = this.nodes[level]!;
    for (let below = level; below > 0; below--) {
      const words = this.words[node >>> SEGMENT_SHIFT]!;
      const base = baseOf(node);
      const index = words[base]! - 1;
      this.indexes[below] = index;
      node = words[base + INNER_CHILD + index]!;
      this.nodes[below - 1] = node;
    }
    this.setLeaf(node);
  }

  /** Remembers where the cursor stands. */
  protected keepPath(): void {
    const height = this.rootWords[this.root + ROOT_HEIGHT]!;
    for (let level = 0; level < height; level++) {
      this.keptNodes[level] = this.nodes[level]!;
      this.keptIndexes[level] = this.indexes[level]!;
    }
    this.keptAt = this.at;
  }

  /** Back to the item that the cursor stood on at keepPath, after an insert that split nothing, on whose item it stands now. */
  protected restorePath(): void {
    const height = this.rootWords[this.root + ROOT_HEIGHT]!;
    const at = this.keptNodes[0] === this.nodes[0] && this.at <= this.keptAt ? this.keptAt + 1 : this.keptAt;
    for (let level = 1; level < height; level++) {
      this.nodes[level] = this.keptNodes[level]!;
      this.indexes[level] = this.keptIndexes[level]!;
    }
    this.setLeaf(this.keptNodes[0]!);
    this.at = at;
  }

  /** Makes a node the leaf of the path. */
  protected setLeaf(node: number): void {
    this.nodes[0] = node;
    this.leafWords = this.words[node >>> SEGMENT_SHIFT]!;
    this.leafDoubles = this.doubles[node >>> SEGMENT_SHIFT]!;
    this.leafBase = baseOf(node);
    this.leafCount = this.leafWords[this.leafBase]!;
  }

  /** To the first item of the next leaf; off the end when there is none. */
  protected nextLeaf(): boolean {
    const height = this.rootWords[this.root + ROOT_HEIGHT]!;
    for (let level = 1; level < height; level++) {
      const node = this.nodes[level]!;
      const index = this.indexes[level]! + 1;
      if (index === countOf(this.arena, node)) continue;
      this.indexes[level] = index;
      this.nodes[level - 1] = this.words[node >>> SEGMENT_SHIFT]![baseOf(node) + INNER_CHILD + index]!;
      this.descendFirst(level - 1);
      return true;
    }
    this.at = this.leafCount;
    return false;
  }

  private previousLeaf(): boolean {
    const height = this.rootWords[this.root + ROOT_HEIGHT]!;
    for (let level = 1; level < height; level++) {
      const node = this.nodes[level]!;
      const index = this.indexes[level]! - 1;
      if (index < 0) continue;
      this.indexes[level] = index;
      this.nodes[level - 1] = this.words[node >>> SEGMENT_SHIFT]![baseOf(node) + INNER_CHILD + index]!;
      this.descendLast(level - 1);
      this.at = this.leafCount - 1;
      return true;
    }
    this.at = this.leafCount === 0 ? 0 : -1;
    return false;
  }
}

function sumWords(words: Int32Array, from: number, count: number): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum += words[i]!;
  return sum;
}
