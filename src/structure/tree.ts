/**
 * A counted B+tree in the arena: sequences in which both an order and a position are found in O(log n). Sorted sets
 * (by score and member), lists (by position, an item being a listpack of several elements) and streams stand on it.
 *
 * ```
 * root, 32 bytes: what the owner keeps            nodes, 1 KiB each (tree_node.ts)
 *   word 0   root node, 0 = empty                    ┌──────── inner ────────┐
 *   word 1   height: 0 empty, 1 a leaf, …            │ separator weight child│ …
 *   word 2   length: elements, Σ weights             └───────────────────┬───┘
 *   word 3   items                                      ┌──────┐     ┌───▼──┐
 *   word 4   nodes                                      │ leaf │  …  │ leaf │
 *   word 5   flags: bit 0 weighted                      └──────┘     └──────┘
 *   words 6, 7   zero
 * ```
 * A plain tree's items weigh 1; a weighted tree's weigh what their third word says. A plain tree keeps separators, a
 * weighted one is searched by position only and leaves them as they are.
 *
 * Invariants:
 *  1. all leaves lie at level 0, all children of a node at level k at level k − 1;
 *  2. the weight beside a child is the sum of its items' weights, the root's length and items are those of all;
 *  3. in a plain tree each separator equals the first item of its child's subtree, to the bit: an entry that left the
 *     tree may be freed at once, so nothing may point to it;
 *  4. an inner root has two children or more, every other node one entry or more, and a node that is on neither edge
 *     of the tree at least MIN of them;
 *  5. an empty tree has no node.
 *
 * A node at an edge may be nearly empty so that the ends are cheap: appending and prepending leave full nodes behind,
 * a queue's end is drained and dropped without moving anything. Everywhere else nodes split in half, and one that has
 * become too empty is merged with a neighbour or takes half of its surplus. A path is at most one such step a level,
 * so that each change is O(log n).
 *
 * What a split needs is allocated before anything is changed. It must not know what items mean, but for the order of
 * members (tree_order.ts): the caller frees entries and blocks.
 */
import { check } from "../base/check.ts";
import type { Allocator } from "../memory/allocator.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import { keyLength, keyOffset } from "./entry.ts";
import type { EntryList } from "./entry_list.ts";
import { FLAG_WEIGHTED, ROOT_FLAGS, ROOT_NODES, TREE_ROOT_BYTES } from "./tree_cursor.ts";
import {
  countOf,
  LEAF_THIRD,
  NODE_BYTES,
  NODE_FIRST,
  removeEntry,
  setCount,
  setEntryWords,
  weightOfRange,
} from "./tree_node.ts";
import { INNER_MIN, LEAF_MIN, LENGTH_MAX, TreeShape } from "./tree_shape.ts";
import { verifyTree } from "./tree_verify.ts";

/** A score and its two words. */
const scoreDouble = new Float64Array(1);
const scoreWords = new Int32Array(scoreDouble.buffer);

export class Tree extends TreeShape {
  /** A new empty tree: the address of its root, or NIL when the address space is full. */
  static create(allocator: Allocator, weighted: boolean): number {
    const address = allocator.allocate(TREE_ROOT_BYTES);
    if (address === NIL) return NIL;
    allocator.arena.touch(address, TREE_ROOT_BYTES);
    const words = allocator.arena.words[address >>> SEGMENT_SHIFT]!;
    const root = (address & UNIT_MASK) << 1;
    words.fill(0, root, root + TREE_ROOT_BYTES / 4);
    words[root + ROOT_FLAGS] = weighted ? FLAG_WEIGHTED : 0;
    return address;
  }

  /** Bytes that root and nodes take of the allocator. */
  get bytes(): number {
    return TREE_ROOT_BYTES + this.rootWords[this.root + ROOT_NODES]! * NODE_BYTES;
  }

  /**
   * Inserts before the current item, off the end behind the last one, into an empty tree either way; the cursor then
   * stands on the new item. False: the address space is full (or the tree, at 2^31 elements), and nothing changed.
   */
  insertBefore(w0: number, w1: number, w2: number): boolean {
    return this.insertAt(Math.max(0, this.at), w0, w1, w2);
  }

  /** As insertBefore, but behind the current item; before the start in front of the first. */
  insertAfter(w0: number, w1: number, w2: number): boolean {
    return this.insertAt(Math.min(this.at + 1, this.leafCount), w0, w1, w2);
  }

  /** Inserts behind the last item, as insertBefore does otherwise. */
  append(w0: number, w1: number, w2: number): boolean {
    this.seekEnd();
    return this.insertAt(this.at, w0, w1, w2);
  }

  /** Inserts in front of the first item, as insertBefore does otherwise. */
  prepend(w0: number, w1: number, w2: number): boolean {
    this.seekFirst();
    return this.insertAt(0, w0, w1, w2);
  }

  /**
   * Inserts an entry where its score and its key put it; it is known to be absent. False: the address space is full,
   * and nothing changed.
   */
  insertScore(score: number, entry: number): boolean {
    const bytes = this.arena.bytes[entry >>> SEGMENT_SHIFT]!;
    this.descendToItem(score, bytes, keyOffset(this.arena, entry), keyLength(this.arena, entry));
    scoreDouble[0] = score;
    return this.insertAt(this.at, scoreWords[0]!, scoreWords[1]!, entry);
  }

  /** As insertScore, for an entry that sorts behind all others. */
  appendScore(score: number, entry: number): boolean {
    scoreDouble[0] = score;
    return this.append(scoreWords[0]!, scoreWords[1]!, entry);
  }

  /** Puts the cursor on the item of an entry with this score; false when it isn't in the tree. */
  seekEntry(score: number, entry: number): boolean {
    const bytes = this.arena.bytes[entry >>> SEGMENT_SHIFT]!;
    return this.descendToEntry(score, entry, bytes, keyOffset(this.arena, entry), keyLength(this.arena, entry));
  }

  /** Removes the item of an entry with this score; false when it isn't in the tree. */
  removeScore(score: number, entry: number): boolean {
    if (!this.seekEntry(score, entry)) return false;
    this.remove();
    return true;
  }

  /**
   * Gives an entry that is in the tree another score: in place where its neighbours allow it. False: the address
   * space is full, and nothing changed.
   */
  moveScore(oldScore: number, entry: number, score: number): boolean {
    check(this.seekEntry(oldScore, entry), "an entry whose score changes is in the tree");
    if (this.at > 0 && this.at < this.leafCount - 1) {
      const item = (this.leafBase >>> 1) + 1 + this.at;
      // Strictly between: equal scores would ask for the members' order.
      if (this.leafDoubles[item - 1]! < score && score < this.leafDoubles[item + 1]!) {
        scoreDouble[0] = score;
        return this.setWords(scoreWords[0]!, scoreWords[1]!, entry);
      }
    }
    if (score === oldScore) return true;
    // In this order a failure leaves all as it was. The two differ in score, so that each is found for itself.
    this.keepPath();
    const nodes = this.rootWords[this.root + ROOT_NODES]!;
    if (!this.insertScore(score, entry)) return false;
    // Without a split only this leaf's items may have moved.
    if (nodes === this.rootWords[this.root + ROOT_NODES]!) this.restorePath();
    else check(this.seekEntry(oldScore, entry), "the old item of a moved entry is found");
    this.remove();
    return true;
  }

  /**
   * Changes the current item in place; its order is the caller's to keep. False, and nothing changed, only when a
   * weight would make the tree longer than 2^31 elements.
   */
  setWords(w0: number, w1: number, w2: number): boolean {
    check(this.valid, "the cursor stands on the item that is changed");
    if (this.weighted) {
      const difference = w2 - this.w2;
      if (this.length + difference > LENGTH_MAX) return false;
      if (difference !== 0) {
        this.addWeight(1, difference);
        this.addTotals(difference, 0, 0);
      }
    }
    setEntryWords(this.arena, this.nodes[0]!, 0, this.at, w0, w1, w2);
    if (this.at === 0) this.raiseFirst(0);
    return true;
  }

  /** As setWords, of the second word and the weight alone, which doesn't make the tree too long: what each push to a list and each pop does. */
  reweigh(w1: number, w2: number): void {
    const { arena, leafWords } = this;
    const second = this.leafBase + NODE_FIRST + 1 + (this.at << 1);
    const third = this.leafBase + LEAF_THIRD + this.at;
    const difference = w2 - leafWords[third]!;
    const segment = this.nodes[0]! >>> SEGMENT_SHIFT;
    arena.touchBytes(segment, second << 2, 4);
    leafWords[second] = w1;
    arena.touchBytes(segment, third << 2, 4);
    leafWords[third] = w2;
    this.addWeight(1, difference);
    this.addLength(difference);
  }

  /**
   * Removes the current item. The cursor then stands on the item that followed; false: there is none, it is off the
   * end.
   */
  remove(): boolean {
    check(this.valid, "the cursor stands on the item that is removed");
    const { arena } = this;
    const weight = this.weighted ? this.w2 : 1;
    const leaf = this.nodes[0]!;
    removeEntry(arena, leaf, 0, this.at);
    this.leafCount--;
    this.addWeight(1, -weight);
    this.addTotals(-weight, -1, 0);
    if (this.at === 0 && this.leafCount > 0) this.raiseFirst(0);
    if (this.leafCount < LEAF_MIN) this.mend();
    return this.at < this.leafCount || this.nextLeaf();
  }

  /**
   * Takes a tree apart that nobody uses any more: frees up to `leavesMax` leaves, appends their items to `out` for the
   * caller to free (the third word; of a weighted tree all three), and says whether it is done, the root freed as well.
   * Between the steps only `releaseInto`, `length` and `items` may be used.
   */
  releaseInto(leavesMax: number, out: EntryList): boolean {
    const { arena, allocator } = this;
    for (let step = 0; step < leavesMax && this.seekEnd(); step++) {
      const third = this.leafBase + LEAF_THIRD;
      for (let i = 0; i < this.leafCount; i++) {
        if (this.weighted) {
          out.push(this.leafWords[this.leafBase + NODE_FIRST + (i << 1)]!);
          out.push(this.leafWords[this.leafBase + NODE_FIRST + (i << 1) + 1]!);
        }
        out.push(this.leafWords[third + i]!);
      }
      this.addTotals(-weightOfRange(arena, this.nodes[0]!, 0, 0, this.leafCount, this.weighted), -this.leafCount, 0);
      const height = this.height;
      let level = 0;
      // A node goes with its last child.
      do this.freeNode(this.nodes[level]!);
      while (++level < height && countOf(arena, this.nodes[level]!) === 1);
      if (level === height) this.setRootNode(NIL, 0);
      else setCount(arena, this.nodes[level]!, countOf(arena, this.nodes[level]!) - 1);
    }
    if (this.height > 0) return false;
    this.leafCount = 0;
    this.at = 0;
    allocator.free(this.rootAddress, TREE_ROOT_BYTES);
    return true;
  }

  /** Throws where an invariant doesn't hold; `ordered` says that items are sorted by score and member. */
  verify(ordered: boolean): void {
    verifyTree(this.arena, this.rootAddress, ordered, { leaf: LEAF_MIN, inner: INNER_MIN });
  }
}
