/**
 * How a Tree (tree.ts, which states the invariants) keeps its shape: nodes that split at an insert, merge or share at
 * a removal, and the weights and separators along the path.
 *
 * The path of the cursor is kept right through all of it, so that it stands on the new item after an insert and on the
 * item that followed after a removal.
 */
import { check } from "../base/check.ts";
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import {
  HEIGHT_MAX,
  ROOT_HEIGHT,
  ROOT_ITEMS,
  ROOT_LENGTH,
  ROOT_NODE,
  ROOT_NODES,
  TREE_ROOT_BYTES,
  TreeCursor,
} from "./tree_cursor.ts";
import {
  addToWeight,
  baseOf,
  childOf,
  clearNode,
  countOf,
  INNER_CHILDREN_MAX,
  INNER_THIRD,
  insertChild,
  insertItem,
  LEAF_ITEMS_MAX,
  LEAF_THIRD,
  moveEntries,
  NODE_BYTES,
  NODE_FIRST,
  removeEntry,
  setCount,
  setEntryWords,
  setWeight,
  weightOf,
  weightOfRange,
} from "./tree_node.ts";

/** Elements of a tree; an insert beyond it is refused like one without address space. */
export const LENGTH_MAX = 0x7fffffff;
/** Entries below which a node looks for a neighbour to share with; at an edge of the tree it may do without. */
export const LEAF_MIN = 28;
export const INNER_MIN = 16;
/** Entries that a merge may leave in one node: less than it holds, or the next inserts would split it again. */
const LEAF_MERGED_MAX = 75;
const INNER_MERGED_MAX = 45;

export class TreeShape extends TreeCursor {
  /** Nodes allocated for the splits of one insert, the leaf's first. */
  private readonly fresh = new Int32Array(HEIGHT_MAX + 1);

  /** Inserts at an index of the path's leaf, 0 … its count; the cursor then stands there. */
  protected insertAt(index: number, w0: number, w1: number, w2: number): boolean {
    const weight = this.weighted ? w2 : 1;
    if (this.length + weight > LENGTH_MAX) return false;
    if (this.height === 0) return this.insertFirst(w0, w1, w2, weight);
    check(this.leafCount > 0, "a cursor that inserts has been put somewhere");
    if (this.leafCount === LEAF_ITEMS_MAX) return this.insertSplitting(index, w0, w1, w2, weight);
    insertItem(this.arena, this.nodes[0]!, index, w0, w1, w2);
    this.leafCount++;
    this.at = index;
    this.addWeight(1, weight);
    this.addTotals(weight, 1, 0);
    if (index === 0) this.raiseFirst(0);
    return true;
  }

  private insertFirst(w0: number, w1: number, w2: number, weight: number): boolean {
    const leaf = this.allocator.allocate(NODE_BYTES);
    if (leaf === NIL) return false;
    clearNode(this.arena, leaf, 0);
    insertItem(this.arena, leaf, 0, w0, w1, w2);
    this.setRootNode(leaf, 1);
    this.addTotals(weight, 1, 1);
    this.setLeaf(leaf);
    this.at = 0;
    return true;
  }

  /** Inserts into a full leaf: it is split, and so is each full node above it. */
  private insertSplitting(index: number, w0: number, w1: number, w2: number, weight: number): boolean {
    const { nodes, indexes, fresh } = this;
    const height = this.height;
    let splits = 1;
    while (splits < height && countOf(this.arena, nodes[splits]!) === INNER_CHILDREN_MAX) splits++;
    const allocated = splits === height ? splits + 1 : splits;
    if (!this.allocateFresh(allocated)) return false;
    // What is new at an end of the tree is alone in its node, the other half stays full.
    const atEnd = index === LEAF_ITEMS_MAX && this.onRightEdge(0);
    const atStart = index === 0 && this.onLeftEdge(0);

    const kept = atEnd ? LEAF_ITEMS_MAX : atStart ? 0 : LEAF_ITEMS_MAX >>> 1;
    this.splitNode(nodes[0]!, fresh[0]!, kept, 0);
    /** Whether the path goes to the right half of what was split last. */
    let right = index > kept || atEnd;
    const leaf = right ? fresh[0]! : nodes[0]!;
    this.at = right ? index - kept : index;
    insertItem(this.arena, leaf, this.at, w0, w1, w2);
    this.setLeaf(leaf);

    for (let level = 1; level < splits; level++) {
      const node = nodes[level]!;
      const half = fresh[level]!;
      const added = indexes[level]! + 1;
      const keptChildren = atEnd ? INNER_CHILDREN_MAX : atStart ? 1 : INNER_CHILDREN_MAX >>> 1;
      this.weighChild(node, level, added - 1);
      this.splitNode(node, half, keptChildren, level);
      if (added > keptChildren || atEnd || atStart) this.addChild(half, level, added - keptChildren, fresh[level - 1]!);
      else this.addChild(node, level, added, fresh[level - 1]!);
      const own = right ? added : added - 1;
      const left = countOf(this.arena, node);
      right = own >= left;
      nodes[level] = right ? half : node;
      indexes[level] = right ? own - left : own;
    }
    if (splits < height) {
      const added = indexes[splits]! + 1;
      this.weighChild(nodes[splits]!, splits, added - 1);
      this.addChild(nodes[splits]!, splits, added, fresh[splits - 1]!);
      if (right) indexes[splits] = added;
      this.addWeight(splits + 1, weight);
    } else {
      this.addRoot(fresh[splits]!, fresh[splits - 1]!);
      indexes[height] = right ? 1 : 0;
    }
    this.addTotals(weight, 1, allocated);
    if (this.at === 0) this.raiseFirst(0);
    return true;
  }

  /** A new root above the old one and its right half. */
  private addRoot(root: number, half: number): void {
    const level = this.height;
    check(level < HEIGHT_MAX, "height of a tree");
    const old = this.rootWords[this.root + ROOT_NODE]!;
    clearNode(this.arena, root, level);
    this.addChild(root, level, 0, old);
    this.addChild(root, level, 1, half);
    this.setRootNode(root, level + 1);
    this.nodes[level] = root;
  }

  private allocateFresh(count: number): boolean {
    for (let i = 0; i < count; i++) {
      const node = this.allocator.allocate(NODE_BYTES);
      if (node === NIL) {
        while (--i >= 0) this.allocator.free(this.fresh[i]!, NODE_BYTES);
        return false;
      }
      this.fresh[i] = node;
    }
    return true;
  }

  /** Moves all entries but the first `kept` to a fresh node. */
  private splitNode(node: number, half: number, kept: number, level: number): void {
    const { arena } = this;
    const moved = countOf(arena, node) - kept;
    clearNode(arena, half, level);
    moveEntries(arena, node, kept, half, 0, moved, level);
    setCount(arena, half, moved);
    setCount(arena, node, kept);
  }

  /** Puts a node with entries into the list of children, with its weight and separator. */
  private addChild(node: number, level: number, index: number, child: number): void {
    insertChild(this.arena, node, index, child, this.weightOfNode(child, level - 1));
    if (!this.weighted) this.copySeparator(node, level, index, child);
  }

  /** Sets the weight beside a child to what it holds. */
  private weighChild(node: number, level: number, index: number): void {
    setWeight(this.arena, node, index, this.weightOfNode(childOf(this.arena, node, index), level - 1));
  }

  protected weightOfNode(node: number, level: number): number {
    return weightOfRange(this.arena, node, level, 0, countOf(this.arena, node), this.weighted);
  }

  private copySeparator(node: number, level: number, index: number, child: number): void {
    const words = this.words[child >>> SEGMENT_SHIFT]!;
    const base = baseOf(child);
    const third = base + (level === 1 ? LEAF_THIRD : INNER_THIRD);
    setEntryWords(
      this.arena,
      node,
      level,
      index,
      words[base + NODE_FIRST]!,
      words[base + NODE_FIRST + 1]!,
      words[third]!,
    );
  }

  /** After a change of the first entry of the path's node at `level`: brings the separators above up to date. */
  protected raiseFirst(level: number): void {
    if (this.weighted) return;
    const height = this.height;
    for (let above = level + 1; above < height; above++) {
      this.copySeparator(this.nodes[above]!, above, this.indexes[above]!, this.nodes[above - 1]!);
      if (this.indexes[above]! > 0) return;
    }
  }

  /** Adds to the weights along the path, from a level up. */
  protected addWeight(from: number, weight: number): void {
    const height = this.height;
    for (let level = from; level < height; level++) {
      addToWeight(this.arena, this.nodes[level]!, this.indexes[level]!, weight);
    }
  }

  protected addLength(length: number): void {
    const word = this.root + ROOT_LENGTH;
    this.arena.touchBytes(this.rootAddress >>> SEGMENT_SHIFT, word << 2, 4);
    this.rootWords[word] = this.rootWords[word]! + length;
  }

  protected addTotals(length: number, items: number, nodes: number): void {
    this.arena.touch(this.rootAddress, TREE_ROOT_BYTES);
    const { rootWords, root } = this;
    rootWords[root + ROOT_LENGTH] = rootWords[root + ROOT_LENGTH]! + length;
    rootWords[root + ROOT_ITEMS] = rootWords[root + ROOT_ITEMS]! + items;
    rootWords[root + ROOT_NODES] = rootWords[root + ROOT_NODES]! + nodes;
  }

  protected setRootNode(node: number, height: number): void {
    this.arena.touch(this.rootAddress, TREE_ROOT_BYTES);
    this.rootWords[this.root + ROOT_NODE] = node;
    this.rootWords[this.root + ROOT_HEIGHT] = height;
  }

  protected freeNode(node: number): void {
    this.allocator.free(node, NODE_BYTES);
    this.addTotals(0, 0, -1);
  }

  protected onLeftEdge(level: number): boolean {
    const height = this.height;
    for (let above = level + 1; above < height; above++) if (this.indexes[above] !== 0) return false;
    return true;
  }

  protected onRightEdge(level: number): boolean {
    const height = this.height;
    for (let above = level + 1; above < height; above++) {
      if (this.indexes[above] !== countOf(this.arena, this.nodes[above]!) - 1) return false;
    }
    return true;
  }

  /**
   * After a removal that left the path's leaf with less than LEAF_MIN items: merges it with a neighbour, lets it share
   * with one, or drops it when it is empty, and goes up as long as that leaves the node above with too few children.
   */
  protected mend(): void {
    const { arena, nodes, indexes } = this;
    const height = this.height;
    const emptyLeafAtEnd = this.leafCount === 0 && this.onRightEdge(0);
    let dropped = false;
    for (let level = 0; level < height - 1; level++) {
      const count = countOf(arena, nodes[level]!);
      if (count >= (level === 0 ? LEAF_MIN : INNER_MIN)) break;
      const mergedMax = level === 0 ? LEAF_MERGED_MAX : INNER_MERGED_MAX;
      const parent = nodes[level + 1]!;
      const index = indexes[level + 1]!;
      const last = countOf(arena, parent) - 1;
      if (index > 0 && countOf(arena, childOf(arena, parent, index - 1)) + count <= mergedMax) {
        this.merge(level, index - 1);
      } else if (index < last && countOf(arena, childOf(arena, parent, index + 1)) + count <= mergedMax) {
        this.merge(level, index);
      } else if (count === 0) {
        this.drop(level);
        dropped = true;
      } else {
        if (!this.onLeftEdge(level) && !this.onRightEdge(level)) this.share(level, index > 0 ? index - 1 : index);
        break;
      }
    }
    this.lowerRoot();
    if (!dropped) return;
    // Only at the edges of the tree is a node ever dropped.
    if (emptyLeafAtEnd) this.seekEnd();
    else this.seekFirst();
  }

  /** Moves all entries of the right one of two neighbours at `level` to the left one, at `index` of their parent. */
  private merge(level: number, index: number): void {
    const { arena, nodes, indexes } = this;
    const parent = nodes[level + 1]!;
    const left = childOf(arena, parent, index);
    const right = childOf(arena, parent, index + 1);
    const leftCount = countOf(arena, left);
    const rightCount = countOf(arena, right);
    moveEntries(arena, right, 0, left, leftCount, rightCount, level);
    setCount(arena, left, leftCount + rightCount);
    setWeight(arena, parent, index, weightOf(arena, parent, index) + weightOf(arena, parent, index + 1));
    removeEntry(arena, parent, level + 1, index + 1);
    this.freeNode(right);
    if (indexes[level + 1] !== index) {
      indexes[level + 1] = index;
      nodes[level] = left;
      if (level === 0) this.at += leftCount;
      else indexes[level] = indexes[level]! + leftCount;
    }
    if (level === 0) this.setLeaf(left);
    // The left one was empty: its first entry is another now.
    if (leftCount === 0) this.raiseFirst(level);
  }

  /** Takes an empty node at `level` of the path out of its parent. */
  private drop(level: number): void {
    const parent = this.nodes[level + 1]!;
    const index = this.indexes[level + 1]!;
    check(this.onLeftEdge(level) || this.onRightEdge(level), "only at an edge of a tree a node runs empty");
    removeEntry(this.arena, parent, level + 1, index);
    this.freeNode(this.nodes[level]!);
    if (index === 0 && countOf(this.arena, parent) > 0) this.raiseFirst(level + 1);
  }

  /** Lets two neighbours at `level`, the left one at `index` of their parent, have the same number of entries. */
  private share(level: number, index: number): void {
    const { arena, nodes, indexes } = this;
    const parent = nodes[level + 1]!;
    const left = childOf(arena, parent, index);
    const right = childOf(arena, parent, index + 1);
    const leftCount = countOf(arena, left);
    const rightCount = countOf(arena, right);
    const kept = (leftCount + rightCount) >>> 1;
    const own = level === 0 ? this.at : indexes[level]!;
    const position = indexes[level + 1] === index ? own : leftCount + own;
    if (leftCount < kept) {
      const moved = kept - leftCount;
      moveEntries(arena, right, 0, left, leftCount, moved, level);
      moveEntries(arena, right, moved, right, 0, rightCount - moved, level);
    } else {
      const moved = leftCount - kept;
      moveEntries(arena, right, 0, right, moved, rightCount, level);
      moveEntries(arena, left, kept, right, 0, moved, level);
    }
    setCount(arena, left, kept);
    setCount(arena, right, leftCount + rightCount - kept);
    this.weighChild(parent, level + 1, index);
    this.weighChild(parent, level + 1, index + 1);
    if (!this.weighted) this.copySeparator(parent, level + 1, index + 1, right);
    const atRight = position >= kept;
    indexes[level + 1] = atRight ? index + 1 : index;
    nodes[level] = atRight ? right : left;
    if (level > 0) {
      indexes[level] = atRight ? position - kept : position;
      return;
    }
    this.at = atRight ? position - kept : position;
    this.setLeaf(nodes[0]!);
  }

  /** Takes away roots that have one child only, and the leaf of an empty tree. */
  private lowerRoot(): void {
    let height = this.height;
    let node = this.rootWords[this.root + ROOT_NODE]!;
    for (; height > 1 && countOf(this.arena, node) === 1; height--) {
      const child = childOf(this.arena, node, 0);
      this.freeNode(node);
      node = child;
      this.setRootNode(node, height - 1);
    }
    if (height === 1 && countOf(this.arena, node) === 0) {
      this.freeNode(node);
      this.setRootNode(NIL, 0);
      this.leafCount = 0;
      this.at = 0;
    }
  }
}
