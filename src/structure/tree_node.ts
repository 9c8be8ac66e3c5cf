/**
 * The nodes of a Tree (tree.ts): where their fields lie, and how entries are moved within and between them.
 *
 * An item is three words. The first two are a score (a double, low word first) or whatever the owner keeps, the third
 * is an address of an entry or, in a weighted tree, the item's weight. A node is 1 KiB, a leaf as well as an inner
 * node, so that what one gives back the other takes, and slabs have no waste. Fields lie in arrays of their own, so
 * that scores are aligned for reading them as doubles and a search runs over few cache lines.
 * ```
 * leaf                                         inner node
 *   word   0        items                        word   0        children
 *   word   1        0                            word   1        level: 1 above leaves, …
 *   words  2 … 169  84 × first two words         words   2 … 101  50 × first two words of the separator
 *   words 170 … 253 84 × third word              words 102 … 151  50 × third word of the separator
 *   words 254, 255  nothing                      words 152 … 201  50 × address of the child
 *                                                words 202 … 251  50 × weight of the child's subtree
 *                                                words 252 … 255  nothing
 * ```
 * Why 84 and 50: with 1 KiB an item takes 12.4 bytes in a full tree and about 18 after inserts at random; larger nodes
 * save nothing worth having and move more bytes an insert.
 *
 * Words are copied as words, never as doubles: what looks like a NaN must keep its bits. Each function here passes the
 * barrier for exactly what it writes, so that a change dirties two or three blocks and not the node.
 * It must not know what a tree is: counts and weights of other nodes are the caller's.
 */
import type { Arena } from "../memory/arena.ts";
import { SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";

export const NODE_BYTES = 1024;
export const LEAF_ITEMS_MAX = 84;
export const INNER_CHILDREN_MAX = 50;

export const NODE_COUNT = 0;
export const NODE_LEVEL = 1;
export const NODE_FIRST = 2;
export const LEAF_THIRD = NODE_FIRST + 2 * LEAF_ITEMS_MAX;
export const INNER_THIRD = NODE_FIRST + 2 * INNER_CHILDREN_MAX;
export const INNER_CHILD = INNER_THIRD + INNER_CHILDREN_MAX;
export const INNER_WEIGHT = INNER_CHILD + INNER_CHILDREN_MAX;

/** Up to so many words a loop is faster than the bulk copy. */
const LOOP_WORDS_MAX = 24;

/** Word index of a node in its segment. */
export function baseOf(node: number): number {
  return (node & UNIT_MASK) << 1;
}

/** Items of a leaf, children of an inner node. */
export function countOf(arena: Arena, node: number): number {
  return arena.words[node >>> SEGMENT_SHIFT]![baseOf(node)]!;
}

export function setCount(arena: Arena, node: number, count: number): void {
  arena.touch(node, 4);
  arena.words[node >>> SEGMENT_SHIFT]![baseOf(node)] = count;
}

/** Makes a fresh block an empty node. */
export function clearNode(arena: Arena, node: number, level: number): void {
  arena.touch(node, 8);
  const words = arena.words[node >>> SEGMENT_SHIFT]!;
  const base = baseOf(node);
  words[base + NODE_COUNT] = 0;
  words[base + NODE_LEVEL] = level;
}

export function childOf(arena: Arena, node: number, index: number): number {
  return arena.words[node >>> SEGMENT_SHIFT]![baseOf(node) + INNER_CHILD + index]!;
}

/** Weight of the subtree of a child. */
export function weightOf(arena: Arena, node: number, index: number): number {
  return arena.words[node >>> SEGMENT_SHIFT]![baseOf(node) + INNER_WEIGHT + index]!;
}

export function setWeight(arena: Arena, node: number, index: number, weight: number): void {
  const word = baseOf(node) + INNER_WEIGHT + index;
  arena.touchBytes(node >>> SEGMENT_SHIFT, word << 2, 4);
  arena.words[node >>> SEGMENT_SHIFT]![word] = weight;
}

export function addToWeight(arena: Arena, node: number, index: number, weight: number): void {
  const segment = node >>> SEGMENT_SHIFT;
  const words = arena.words[segment]!;
  const word = baseOf(node) + INNER_WEIGHT + index;
  arena.touchBytes(segment, word << 2, 4);
  words[word] = words[word]! + weight;
}

/** Weight of entries [from, to) of a node; in a plain tree an item weighs 1. */
export function weightOfRange(
  arena: Arena,
  node: number,
  level: number,
  from: number,
  to: number,
  weighted: boolean,
): number {
  if (level === 0 && !weighted) return to - from;
  const words = arena.words[node >>> SEGMENT_SHIFT]!;
  const start = baseOf(node) + (level === 0 ? LEAF_THIRD : INNER_WEIGHT);
  let weight = 0;
  for (let i = start + from; i < start + to; i++) weight += words[i]!;
  return weight;
}

/** Writes the three words of an item or separator. */
export function setEntryWords(
  arena: Arena,
  node: number,
  level: number,
  index: number,
  w0: number,
  w1: number,
  w2: number,
): void {
  const segment = node >>> SEGMENT_SHIFT;
  const words = arena.words[segment]!;
  const base = baseOf(node);
  const first = base + NODE_FIRST + (index << 1);
  const third = base + (level === 0 ? LEAF_THIRD : INNER_THIRD) + index;
  arena.touchBytes(segment, first << 2, 8);
  words[first] = w0;
  words[first + 1] = w1;
  arena.touchBytes(segment, third << 2, 4);
  words[third] = w2;
}

/** Puts an item into a leaf that has room. */
export function insertItem(arena: Arena, leaf: number, index: number, w0: number, w1: number, w2: number): void {
  const segment = leaf >>> SEGMENT_SHIFT;
  const words = arena.words[segment]!;
  const base = baseOf(leaf);
  const count = words[base]!;
  const behind = count - index;
  const first = base + NODE_FIRST + (index << 1);
  const third = base + LEAF_THIRD + index;
  arena.touch(leaf, 4);
  words[base] = count + 1;
  arena.touchBytes(segment, first << 2, (behind + 1) << 3);
  if (behind > 0) moveWords(words, first + 2, first, behind << 1);
  words[first] = w0;
  words[first + 1] = w1;
  arena.touchBytes(segment, third << 2, (behind + 1) << 2);
  if (behind > 0) moveWords(words, third + 1, third, behind);
  words[third] = w2;
}

/** Puts a child into an inner node that has room; its separator is written by setEntryWords. */
export function insertChild(arena: Arena, node: number, index: number, child: number, weight: number): void {
  const count = countOf(arena, node);
  moveEntries(arena, node, index, node, index + 1, count - index, 1);
  setCount(arena, node, count + 1);
  const word = baseOf(node) + INNER_CHILD + index;
  arena.touchBytes(node >>> SEGMENT_SHIFT, word << 2, 4);
  arena.words[node >>> SEGMENT_SHIFT]![word] = child;
  setWeight(arena, node, index, weight);
}

/** Takes an entry out of a node. */
export function removeEntry(arena: Arena, node: number, level: number, index: number): void {
  const count = countOf(arena, node);
  moveEntries(arena, node, index + 1, node, index, count - index - 1, level);
  setCount(arena, node, count - 1);
}

/** Copies `count` entries from one node of a level to another or within one; the ranges may overlap. */
export function moveEntries(
  arena: Arena,
  source: number,
  sourceIndex: number,
  target: number,
  targetIndex: number,
  count: number,
  level: number,
): void {
  if (count <= 0) return;
  moveField(arena, source, target, NODE_FIRST + (sourceIndex << 1), NODE_FIRST + (targetIndex << 1), count << 1);
  if (level === 0) {
    moveField(arena, source, target, LEAF_THIRD + sourceIndex, LEAF_THIRD + targetIndex, count);
    return;
  }
  moveField(arena, source, target, INNER_THIRD + sourceIndex, INNER_THIRD + targetIndex, count);
  moveField(arena, source, target, INNER_CHILD + sourceIndex, INNER_CHILD + targetIndex, count);
  moveField(arena, source, target, INNER_WEIGHT + sourceIndex, INNER_WEIGHT + targetIndex, count);
}

function moveField(arena: Arena, source: number, target: number, from: number, to: number, count: number): void {
  const sourceWords = arena.words[source >>> SEGMENT_SHIFT]!;
  const targetWords = arena.words[target >>> SEGMENT_SHIFT]!;
  const start = baseOf(source) + from;
  const end = baseOf(target) + to;
  arena.touchBytes(target >>> SEGMENT_SHIFT, end << 2, count << 2);
  if (sourceWords === targetWords) moveWords(targetWords, end, start, count);
  else targetWords.set(sourceWords.subarray(start, start + count), end);
}

/** Moves words within a segment; the ranges may overlap. */
function moveWords(words: Int32Array, to: number, from: number, count: number): void {
  if (count > LOOP_WORDS_MAX) words.copyWithin(to, from, from + count);
  else if (to > from) for (let i = count - 1; i >= 0; i--) words[to + i] = words[from + i]!;
  else for (let i = 0; i < count; i++) words[to + i] = words[from + i]!;
}
