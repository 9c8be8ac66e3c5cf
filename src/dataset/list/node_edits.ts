/**
 * What happens in the middle of a big list: elements inserted, replaced and removed, nodes split and merged.
 *
 * When nodes split and merge is Redis's choice, because OBJECT ENCODING shows how many nodes there are: a full node is split where the
 * element belongs and its halves merged with neighbours that have room; a removal merges nothing.
 */
import { equalBytes } from "../../base/bytes.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../../memory/layout.ts";
import { Blob, createBlob, freeBlob, locate, Span, writeBlob } from "../../structure/blob.ts";
import {
  EMPTY_LISTPACK_BYTES,
  elementBytes,
  elementEquals,
  encodedBytes,
  encodeElement,
  endPosition,
  findElement,
  firstElement,
  LISTPACK_HEADER_BYTES,
  lastElement,
  listpackBytes,
  previousElement,
  seekElement,
  splice,
  writeEmptyListpack,
} from "../../structure/listpack.ts";
import { END } from "../../structure/listpack_encoding.ts";
import { LENGTH_MAX } from "../../structure/tree_shape.ts";
import { exceedsNode, isLargeElement, nodeBytesMax } from "./limits.ts";
import { blockBytesOf, nodeWord, RAW } from "./node_words.ts";
import { ListNodes } from "./nodes.ts";

/** A node whose elements are replaced by longer ones may grow to so many times its limit before it is split. */
const REPLACED_GROWTH_MAX = 4;

const span = new Span();
const replaced = new Blob();

export class ListNodeEdits extends ListNodes {
  /** Inserts before or behind the element at `index`. */
  insert(index: number, after: boolean, source: Uint8Array, start: number, length: number): boolean {
    if (this.tree.length === LENGTH_MAX) return false;
    this.thawed = false;
    const done = this.insertAt(index, after, source, start, length);
    this.squeezeAgain();
    return done;
  }

  /** Replaces the element at `index`. */
  replace(index: number, source: Uint8Array, start: number, length: number): boolean {
    this.thawed = false;
    const done = this.replaceAt(index, source, start, length);
    this.squeezeAgain();
    return done;
  }

  /**
   * The current node has been changed: by list-compress-depth it is compressed again. Where that says nothing it stays open, because a list
   * that is changed in its middle is not the queue that is compressed for its size alone.
   */
  private squeezeAgain(): void {
    if (this.thawed && this.dataset.limits.listCompressDepth > 0 && this.tree.valid) this.squeeze();
  }

  private insertAt(index: number, after: boolean, source: Uint8Array, start: number, length: number): boolean {
    const { tree } = this;
    tree.seekPosition(index);
    const { within } = tree;
    const atTail = after && within === tree.w2 - 1;
    const atHead = !after && within === 0;
    const at = after ? within + 1 : within;
    if (isLargeElement(this.dataset.limits, length)) {
      if (atTail || atHead) return this.insertPlain(after, source, start, length);
      return this.split(at) && this.insertPlain(true, source, start, length);
    }
    if (!this.plain) {
      if (!this.edit()) return false;
      if (this.takes(length)) return this.insertInto(at, source, start, length);
    }
    if (atTail || atHead) return this.insertBeside(after, source, start, length);
    if (!this.split(at)) return false;
    // The cursor stands on the left half; the other one is the new node, and takes the element at the cut.
    if (after) {
      tree.next();
      this.view();
      if (!this.extend(true, source, start, length)) return false;
      tree.previous();
    } else {
      this.view();
      if (!this.extend(false, source, start, length)) return false;
      tree.next();
    }
    this.mergeAround();
    return true;
  }

  /** The element belongs at an end of the current node, which takes no more: to its neighbour if that does, else in between. */
  private insertBeside(after: boolean, source: Uint8Array, start: number, length: number): boolean {
    const { tree } = this;
    if ((after ? tree.next() : tree.previous()) && !this.plain) {
      this.view();
      if (this.takes(length)) return this.edit() && this.extend(after, source, start, length);
    }
    if (after) tree.previous();
    else tree.next();
    return this.insertNode(after, source, start, length);
  }

  /** Puts an element into the opened node, as its element `at`. */
  private insertInto(at: number, source: Uint8Array, start: number, length: number): boolean {
    const { tree } = this;
    const count = tree.w2;
    if (at === 0 || at === count) return this.extend(at === 0, source, start, length);
    const size = encodedBytes(source, start, length);
    if (!this.makeRoom(size, false, false)) return false;
    const position = seekElement(this.bytes, this.base, at);
    splice(this.dataset.arena, this.segment, this.bytes, this.base, position, 0, size, 1);
    encodeElement(this.bytes, position, source, start, length);
    return tree.setWords(tree.w0, tree.w1, count + 1);
  }

  private replaceAt(index: number, source: Uint8Array, start: number, length: number): boolean {
    const { tree } = this;
    const { arena, limits } = this.dataset;
    tree.seekPosition(index);
    const { within } = tree;
    const large = isLargeElement(limits, length);
    if (this.plain) {
      if (large) return this.replacePlain(source, start, length);
      if (!this.insertAt(index, true, source, start, length)) return false;
      tree.seekPosition(index);
      this.removeNode();
      return true;
    }
    if (!this.edit()) return false;
    const size = encodedBytes(source, start, length);
    const old = elementBytes(this.bytes, seekElement(this.bytes, this.base, within));
    const total = listpackBytes(this.bytes, this.base) + size - old;
    if (large || (size > old && total > nodeBytesMax(limits.listListpackSize) * REPLACED_GROWTH_MAX)) {
      return this.replaceApart(within, large, source, start, length);
    }
    if (size > old && !this.makeRoom(size - old, false, false)) return false;
    const position = seekElement(this.bytes, this.base, within);
    splice(arena, this.segment, this.bytes, this.base, position, old, size, 0);
    encodeElement(this.bytes, position, source, start, length);
    if (size < old) this.fitLoose();
    return true;
  }

  private replacePlain(source: Uint8Array, start: number, length: number): boolean {
    const { arena, allocator } = this.dataset;
    const holder = this.tree.w0;
    if (!createBlob(allocator, replaced, length)) return false;
    writeBlob(arena, replaced, 0, source, start, length);
    this.readPlain(holder);
    freeBlob(allocator, this.blob);
    this.blob.address = replaced.address;
    this.blob.length = replaced.length;
    this.blob.capacity = replaced.capacity;
    this.writePlain(holder);
    return true;
  }

  /** Replaces element `within` of the opened node by one that gets a node of its own. */
  private replaceApart(within: number, large: boolean, source: Uint8Array, start: number, length: number): boolean {
    const { tree } = this;
    if (within < tree.w2 - 1 && !this.split(within + 1)) return false;
    if (!(large ? this.insertPlain(true, source, start, length) : this.insertNode(true, source, start, length))) {
      return false;
    }
    tree.previous();
    if (tree.w2 === 1) this.removeNode();
    else {
      this.view();
      this.removeInNode(within, 1);
    }
    return true;
  }

  /** Makes the two nodes ready of which something stays when elements are removed: after that nothing can fail. */
  prepareRemoval(index: number, count: number): boolean {
    const { tree } = this;
    tree.seekPosition(index);
    if ((tree.within > 0 || count < tree.w2) && !this.edit()) return false;
    tree.seekPosition(index + count - 1);
    return tree.within === tree.w2 - 1 || this.edit();
  }

  /** Removes `count` elements from `index` on; they are there. False: nothing changed. */
  removeRange(index: number, count: number): boolean {
    const { tree } = this;
    if (!this.prepareRemoval(index, count)) return false;
    tree.seekPosition(index);
    let { within } = tree;
    for (let left = count; left > 0; ) {
      const taken = Math.min(left, tree.w2 - within);
      left -= taken;
      if (taken === tree.w2) this.removeNode();
      else {
        this.view();
        this.removeInNode(within, taken);
        if (left > 0) tree.next();
      }
      within = 0;
    }
    return true;
  }

  /**
   * Removes elements equal to a text: at most `countMax` of them, from the end if `backwards`. Returns how many; ~removed when the address
   * space was too full to go on.
   */
  removeEqual(countMax: number, backwards: boolean, source: Uint8Array, start: number, length: number): number {
    const { tree } = this;
    let removed = 0;
    let standing = backwards ? tree.seekLast() : tree.seekFirst();
    while (standing && removed < countMax) {
      this.view();
      if (this.plain) {
        if (this.plainEquals(source, start, length)) {
          removed++;
          standing = this.removeNode();
          if (backwards) standing = tree.previous();
          continue;
        }
      } else {
        const count = tree.w2;
        const found = this.removeEqualInNode(countMax - removed, backwards, source, start, length);
        if (found < 0) return ~removed;
        removed += found;
        if (found === count) {
          standing = tree.valid;
          if (backwards) standing = tree.previous();
          continue;
        }
      }
      standing = backwards ? tree.previous() : tree.next();
    }
    return removed;
  }

  /** Removes equal elements of the viewed node, and the node with its last one; -1: the address space is full. */
  private removeEqualInNode(
    countMax: number,
    backwards: boolean,
    source: Uint8Array,
    start: number,
    length: number,
  ): number {
    const { tree } = this;
    let position = this.findEqual(backwards, source, start, length);
    if (position === -1) return 0;
    const offset = position - this.base;
    if (!this.edit()) return -1;
    position = this.base + offset;
    const count = tree.w2;
    const removed = removeEqualElements(this, position, countMax, backwards, source, start, length);
    if (removed === count) this.removeNode();
    else {
      tree.setWords(tree.w0, tree.w1, count - removed);
      this.fitLoose();
    }
    return removed;
  }

  private findEqual(backwards: boolean, source: Uint8Array, start: number, length: number): number {
    const { bytes, base } = this;
    if (!backwards) return findElement(bytes, base, firstElement(bytes, base), source, start, length, 0);
    return findEqualBackwards(bytes, base, lastElement(bytes, base), source, start, length);
  }

  private plainEquals(source: Uint8Array, start: number, length: number): boolean {
    const { blob, dataset } = this;
    if (blob.length !== length) return false;
    for (let at = 0; at < length; at += span.length) {
      locate(dataset.arena, blob, at, length - at, span);
      const bytes = dataset.arena.bytes[span.segment]!;
      if (!equalBytes(bytes, span.offset, source, start + at, span.length)) return false;
    }
    return true;
  }

  /** Removes `count` elements of the opened node, fewer than it has. */
  private removeInNode(from: number, count: number): void {
    const { tree, bytes, base } = this;
    const left = tree.w2 - count;
    const begin = seekElement(bytes, base, from);
    const end = from + count < tree.w2 ? seekElement(bytes, base, from + count) : endPosition(bytes, base);
    splice(this.dataset.arena, this.segment, bytes, base, begin, end - begin, 0, -count);
    tree.setWords(tree.w0, tree.w1, left);
    this.fitLoose();
  }

  /** Gives room back when less than half of the opened node's block is used. */
  private fitLoose(): void {
    if (listpackBytes(this.bytes, this.base) < blockBytesOf(this.tree.w1) >>> 1) this.fit();
  }

  /** Moves the elements from `at` on, some but not all, to a new node behind the current one, on which the cursor stays. */
  private split(at: number): boolean {
    if (!this.edit()) return false;
    const { tree, bytes, base, segment } = this;
    const { arena, allocator } = this.dataset;
    const count = tree.w2;
    const position = seekElement(bytes, base, at);
    const end = endPosition(bytes, base);
    const total = EMPTY_LISTPACK_BYTES + end - position;
    const capacity = allocator.sizeOfClass(total);
    const address = allocator.allocate(capacity);
    if (address === NIL) return false;
    const to = (address & UNIT_MASK) << 3;
    const target = arena.bytes[address >>> SEGMENT_SHIFT]!;
    arena.touch(address, total);
    writeEmptyListpack(target, to);
    target.set(bytes.subarray(position, end + 1), to + LISTPACK_HEADER_BYTES);
    this.bytes = target;
    this.base = to;
    this.writeHeader(total, count - at);
    this.bytes = bytes;
    this.base = base;
    if (!this.insertItem(true, address, nodeWord(RAW, capacity, 0), count - at)) return false;
    tree.previous();
    arena.touchBytes(segment, base, LISTPACK_HEADER_BYTES);
    arena.touchBytes(segment, position, 1);
    bytes[position] = END;
    this.writeHeader(position + 1 - base, at);
    return tree.setWords(tree.w0, tree.w1, at);
  }

  /** Merges what a split has left around the current node, in Redis's order; what can't be merged stays as it is. */
  private mergeAround(): void {
    const { tree } = this;
    // The two nodes in front of it: afterwards the cursor is on what precedes the current node, and steps back to it.
    if (tree.previous()) {
      if (!tree.previous() || !this.mergeWithNext()) tree.next();
    }
    tree.next();
    // The two nodes behind it.
    if (tree.next()) this.mergeWithNext();
    tree.previous();
    // The node itself with the one in front, and the result with the one behind.
    if (!tree.previous() || !this.mergeWithNext()) tree.next();
    this.mergeWithNext();
  }

  /** Takes the next node's elements into the current one, if both together are short enough; the cursor stays. */
  private mergeWithNext(): boolean {
    const { tree } = this;
    if (this.plain) return false;
    this.view();
    const bytes = listpackBytes(this.bytes, this.base);
    const count = tree.w2;
    if (!tree.next()) {
      tree.previous();
      return false;
    }
    if (this.plain) {
      tree.previous();
      return false;
    }
    this.view();
    const added = listpackBytes(this.bytes, this.base) - EMPTY_LISTPACK_BYTES;
    const addedCount = tree.w2;
    const from = this.base + LISTPACK_HEADER_BYTES;
    const exceeds = exceedsNode(this.dataset.limits.listListpackSize, bytes + added, count + addedCount);
    const elements = exceeds ? undefined : this.bytes.slice(from, from + added);
    tree.previous();
    if (elements === undefined || !this.edit() || !this.makeRoom(added, false, false)) return false;
    const end = endPosition(this.bytes, this.base);
    this.dataset.arena.touchBytes(this.segment, this.base, LISTPACK_HEADER_BYTES);
    this.dataset.arena.touchBytes(this.segment, end, added + 1);
    this.bytes.set(elements, end);
    this.bytes[end + added] = END;
    this.writeHeader(bytes + added, count + addedCount);
    tree.next();
    this.removeNode();
    tree.previous();
    return tree.setWords(tree.w0, tree.w1, count + addedCount);
  }
}

/** Where the elements lie, and who is told of changes. */
interface OpenListpack {
  readonly dataset: ListNodes["dataset"];
  readonly segment: number;
  readonly bytes: Uint8Array;
  readonly base: number;
}

/** Removes equal elements of a listpack, beginning with the one at `position`; how many. */
export function removeEqualElements(
  open: OpenListpack,
  position: number,
  countMax: number,
  backwards: boolean,
  source: Uint8Array,
  start: number,
  length: number,
): number {
  const { bytes, base, segment } = open;
  const { arena } = open.dataset;
  let removed = 0;
  let at = position;
  while (at !== -1 && removed < countMax) {
    const before = backwards ? previousElement(bytes, base, at) : -1;
    splice(arena, segment, bytes, base, at, elementBytes(bytes, at), 0, -1);
    removed++;
    if (backwards) at = before === -1 ? -1 : findEqualBackwards(bytes, base, before, source, start, length);
    else at = bytes[at] === END ? -1 : findElement(bytes, base, at, source, start, length, 0);
  }
  return removed;
}

/** The last element up to `from` (-1: none) that equals a text, -1 when there is none. */
export function findEqualBackwards(
  bytes: Uint8Array,
  base: number,
  from: number,
  source: Uint8Array,
  start: number,
  length: number,
): number {
  let at = from;
  while (at !== -1 && !elementEquals(bytes, at, source, start, length)) at = previousElement(bytes, base, at);
  return at;
}
