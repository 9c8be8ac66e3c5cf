/**
 * Looks at every node of a Tree and throws where an invariant of tree.ts doesn't hold: for tests and DEBUG. Or at one leaf and what is above it: so a
 * large tree is looked at a little at a time, while it changes. It reads only.
 */
import { check } from "../base/check.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import { keyLength, keyOffset } from "./entry.ts";
import {
  FLAG_WEIGHTED,
  HEIGHT_MAX,
  ROOT_FLAGS,
  ROOT_HEIGHT,
  ROOT_ITEMS,
  ROOT_LENGTH,
  ROOT_NODE,
  ROOT_NODES,
} from "./tree_cursor.ts";
import {
  baseOf,
  childOf,
  countOf,
  INNER_CHILDREN_MAX,
  INNER_THIRD,
  LEAF_ITEMS_MAX,
  LEAF_THIRD,
  NODE_FIRST,
  NODE_LEVEL,
  weightOf,
  weightOfRange,
} from "./tree_node.ts";
import { compareKey } from "./tree_order.ts";

/** Entries that a node must have that is neither root nor at an edge. */
export interface FillMin {
  leaf: number;
  inner: number;
}

class Walk {
  readonly arena: Arena;
  readonly weighted: boolean;
  readonly ordered: boolean;
  readonly fillMin: FillMin;
  items = 0;
  nodes = 0;
  private previousScore = Number.NEGATIVE_INFINITY;
  private previousEntry = NIL;

  constructor(arena: Arena, weighted: boolean, ordered: boolean, fillMin: FillMin) {
    this.arena = arena;
    this.weighted = weighted;
    this.ordered = ordered;
    this.fillMin = fillMin;
  }

  /** Checks a subtree and returns its weight. */
  visit(node: number, level: number, isRoot: boolean, leftEdge: boolean, rightEdge: boolean): number {
    const { arena } = this;
    const count = countOf(arena, node);
    this.nodes++;
    check(arena.words[node >>> SEGMENT_SHIFT]![baseOf(node) + NODE_LEVEL] === level, "a node lies at its level");
    check(count <= (level === 0 ? LEAF_ITEMS_MAX : INNER_CHILDREN_MAX), "a node's entries fit it");
    if (isRoot) check(count >= (level === 0 ? 1 : 2), "an inner root has two children");
    else if (leftEdge || rightEdge) check(count >= 1, "a node at an edge isn't empty");
    else check(count >= (level === 0 ? this.fillMin.leaf : this.fillMin.inner), "a node is filled to its minimum");
    if (level === 0) return this.visitItems(node, count);
    let weight = 0;
    for (let i = 0; i < count; i++) {
      const child = childOf(arena, node, i);
      const childWeight = this.visit(child, level - 1, false, leftEdge && i === 0, rightEdge && i === count - 1);
      check(weightOf(arena, node, i) === childWeight, "a weight is that of the subtree");
      if (!this.weighted) check(sameFirst(arena, node, i, child, level), "a separator is the subtree's first item");
      weight += childWeight;
    }
    return weight;
  }

  visitItems(leaf: number, count: number): number {
    this.items += count;
    for (let i = 0; i < count && this.ordered; i++) this.visitScore(leaf, i);
    return weightOfRange(this.arena, leaf, 0, 0, count, this.weighted);
  }

  private visitScore(leaf: number, index: number): void {
    const { arena } = this;
    const score = arena.doubles[leaf >>> SEGMENT_SHIFT]![(baseOf(leaf) >>> 1) + 1 + index]!;
    const entry = arena.words[leaf >>> SEGMENT_SHIFT]![baseOf(leaf) + LEAF_THIRD + index]!;
    check(!Number.isNaN(score), "a score is a number");
    check(score >= this.previousScore, "scores ascend");
    if (score === this.previousScore && this.previousEntry !== NIL) {
      const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
      const order = compareKey(arena, this.previousEntry, bytes, keyOffset(arena, entry), keyLength(arena, entry));
      check(order < 0, "members of equal scores ascend");
    }
    this.previousScore = score;
    this.previousEntry = entry;
  }
}

/** Whether separator `index` of a node at `level` equals the first entry of the child. */
function sameFirst(arena: Arena, node: number, index: number, child: number, level: number): boolean {
  const words = arena.words[node >>> SEGMENT_SHIFT]!;
  const first = baseOf(node) + NODE_FIRST + (index << 1);
  const childWords = arena.words[child >>> SEGMENT_SHIFT]!;
  const childBase = baseOf(child);
  return (
    words[first] === childWords[childBase + NODE_FIRST] &&
    words[first + 1] === childWords[childBase + NODE_FIRST + 1] &&
    words[baseOf(node) + INNER_THIRD + index] === childWords[childBase + (level === 1 ? LEAF_THIRD : INNER_THIRD)]
  );
}

/** Throws where an invariant doesn't hold; `ordered` says that items are sorted by score and member. */
export function verifyTree(arena: Arena, rootAddress: number, ordered: boolean, fillMin: FillMin): void {
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const height = words[root + ROOT_HEIGHT]!;
  const node = words[root + ROOT_NODE]!;
  check(height >= 0 && height <= HEIGHT_MAX && (height === 0) === (node === NIL), "height and root node agree");
  const walk = new Walk(arena, (words[root + ROOT_FLAGS]! & FLAG_WEIGHTED) !== 0, ordered, fillMin);
  const weight = height === 0 ? 0 : walk.visit(node, height - 1, true, true, true);
  check(words[root + ROOT_LENGTH] === weight, "the root's length is the weight of all items");
  check(words[root + ROOT_ITEMS] === walk.items, "the root counts all items");
  check(words[root + ROOT_NODES] === walk.nodes, "the root counts all nodes");
}

/**
 * Checks the leaf that holds `position`, which is within the tree, and the nodes above it; returns the position behind that leaf. Throws where an
 * invariant doesn't hold.
 */
export function verifyTreeAt(arena: Arena, rootAddress: number, position: number, ordered: boolean): number {
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const height = words[root + ROOT_HEIGHT]!;
  const weighted = (words[root + ROOT_FLAGS]! & FLAG_WEIGHTED) !== 0;
  check(height > 0 && height <= HEIGHT_MAX, "a tree with items has nodes");
  let node = words[root + ROOT_NODE]!;
  let weight = words[root + ROOT_LENGTH]!;
  let rest = position;
  for (let level = height - 1; level > 0; level--) {
    const count = countOf(arena, node);
    checkNode(arena, node, level, count, INNER_CHILDREN_MAX);
    check(weightOfRange(arena, node, level, 0, count, weighted) === weight, "a weight is that of the subtree");
    let index = 0;
    while (index < count - 1 && rest >= weightOf(arena, node, index)) rest -= weightOf(arena, node, index++);
    const child = childOf(arena, node, index);
    check(weighted || sameFirst(arena, node, index, child, level), "a separator is the subtree's first item");
    weight = weightOf(arena, node, index);
    node = child;
  }
  const count = countOf(arena, node);
  checkNode(arena, node, 0, count, LEAF_ITEMS_MAX);
  check(weightOfRange(arena, node, 0, 0, count, weighted) === weight, "a weight is that of the subtree");
  check(rest >= 0 && rest < weight, "a position lies in its leaf");
  const walk = new Walk(arena, weighted, ordered, { leaf: 1, inner: 1 });
  walk.visitItems(node, count);
  return position - rest + weight;
}

function checkNode(arena: Arena, node: number, level: number, count: number, max: number): void {
  check(arena.words[node >>> SEGMENT_SHIFT]![baseOf(node) + NODE_LEVEL] === level, "a node lies at its level");
  check(count >= 1 && count <= max, "a node's entries fit it");
}
