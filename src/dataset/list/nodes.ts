/**
 * The nodes of one big list: a weighted Tree whose items are described in node_words.ts, with the blocks that they own.
 *
 * One object speaks for whatever list it is attached to. The tree's cursor stands on one node; `view` or `edit` opens it, and then the
 * listpack lies at `bytes[base]`, in the arena (`segment`) or, where a compressed node was only viewed, in a copy outside of it.
 *
 * What pushes and pops at the ends do is here, what happens in the middle in node_edits.ts.
 *
 * Invariants: every node has an element or more, and its weight is how many; a node of several elements is RAW or SQUEEZED; the bytes of a
 * block outside of its listpack mean nothing. Where a function returns false the address space is full and the elements are as they were.
 */
import { copyBytes, moveBytes } from "../../base/bytes.ts";
import { check } from "../../base/check.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../../memory/layout.ts";
import { Blob, blobBytes, copyBlob, createBlob, freeBlob, writeBlob } from "../../structure/blob.ts";
import { EntryList } from "../../structure/entry_list.ts";
import {
  EMPTY_LISTPACK_BYTES,
  elementBytes,
  encodedBytes,
  encodeElementIn,
  LISTPACK_HEADER_BYTES,
  lastElement,
  listpackBytes,
  writeEmptyListpack,
} from "../../structure/listpack.ts";
import { END, writeWord } from "../../structure/listpack_encoding.ts";
import { Tree } from "../../structure/tree.ts";
import { LENGTH_MAX } from "../../structure/tree_shape.ts";
import type { Dataset } from "../dataset.ts";
import { exceedsNode, isLargeElement, nodeBytesMax, openDepth } from "./limits.ts";
import {
  BLOCK_BYTES_MAX,
  blockBytesOf,
  formOf,
  nodeWord,
  numberOf,
  PLAIN,
  PLAIN_BYTES,
  RAW,
  SQUEEZED,
  withNumber,
} from "./node_words.ts";
import { expandPack, squeezePack } from "./squeeze.ts";

/** What a new element is expected to take besides its bytes when a node is asked for room: Redis's guess, which shapes the nodes. */
const GUESSED_OVERHEAD_BYTES = 8;
/** Room that the first element of a node gets, where the list has few of them; otherwise a whole node's, because it will be filled. */
const NEW_NODE_BYTES = 256;
const FEW_NODES = 8;
const COUNT_UNKNOWN = 65535;
/** Shorter listpacks are not worth it. */
const SQUEEZED_BYTES_MIN = 64;

/** What a node is compressed into, before it is known how long it gets. */
const squeezed = new Uint8Array(96 * 1024);
/** Counts the blocks freed: what was decompressed for reading is right as long as none has been. */
let frees = 0;

export class ListNodes {
  readonly dataset: Dataset;
  readonly tree: Tree;
  /** The opened listpack. */
  segment = 0;
  bytes: Uint8Array = new Uint8Array(0);
  base = 0;
  /** The opened plain element. */
  readonly blob = new Blob();

  /** Decompressed nodes that are only read lie here; which one it is. */
  private scratch = new Uint8Array(0);
  private scratchView = new DataView(this.scratch.buffer);
  private scratchOf = NIL;
  private scratchFrees = 0;
  /** Nodes that `push` has added; where it `squeezesLater`, whoever said so sees to those that are now far from the end. */
  added = 0;
  squeezesLater = false;
  /** A compressed node has been opened for a change in the middle: by list-compress-depth it is to be compressed again. */
  protected thawed = false;

  constructor(dataset: Dataset) {
    this.dataset = dataset;
    this.tree = new Tree(dataset.arena, dataset.allocator);
  }

  attach(root: number): void {
    this.tree.attach(root);
  }

  get plain(): boolean {
    return formOf(this.tree.w1) === PLAIN;
  }

  /** Opens the current node for reading; a plain one has its element in `blob`. */
  view(): void {
    const { tree } = this;
    const { w0, w1 } = tree;
    const form = formOf(w1);
    if (form === RAW) {
      this.segment = w0 >>> SEGMENT_SHIFT;
      this.bytes = this.dataset.arena.bytes[this.segment]!;
      this.base = ((w0 & UNIT_MASK) << 3) + numberOf(w1);
    } else if (form === PLAIN) this.readPlain(w0);
    else {
      this.decompress(w0, w1);
      this.bytes = this.scratch;
      this.base = 0;
    }
  }

  /** `bytes` of the opened listpack, to be read as words. */
  get bytesView(): DataView {
    return this.bytes === this.scratch ? this.scratchView : this.dataset.arena.views[this.segment]!;
  }

  /** Opens the current node for changes. False: the address space is full. */
  edit(): boolean {
    if (formOf(this.tree.w1) === SQUEEZED && !this.thaw()) return false;
    this.view();
    return true;
  }

  /**
   * Pushes `count` texts one after the other to an end; `args` has their starts and lengths in pairs, every `step`th pair from `first` on.
   * False: the address space is full, and no element has been pushed.
   */
  push(atFront: boolean, source: Uint8Array, args: Int32Array, first: number, count: number, step: number): boolean {
    const { tree } = this;
    const { items } = tree;
    if (tree.length + count > LENGTH_MAX) return false;
    for (let i = 0; i < count; ) {
      const pair = first + i * step;
      const fitted = this.pushInto(atFront, source, args, pair, count - i, step);
      if (fitted > 0) i += fitted;
      else if (this.pushElement(atFront, source, args[pair << 1]!, args[(pair << 1) + 1]!)) i++;
      else {
        for (; i > 0; i--) this.unpush(atFront);
        return false;
      }
    }
    this.added = tree.items - items;
    // Not before all are there: taking elements out of a compressed node needs memory.
    if (this.added > 0 && !this.squeezesLater) this.squeezeInterior(atFront, this.added);
    return true;
  }

  /** Pushes as many texts as its first or last node takes, in one go. How many that were; 0 also where the node isn't RAW, or there is no memory. */
  private pushInto(
    atFront: boolean,
    source: Uint8Array,
    args: Int32Array,
    first: number,
    count: number,
    step: number,
  ): number {
    const { tree } = this;
    if (!(atFront ? tree.seekFirst() : tree.seekLast()) || formOf(tree.w1) !== RAW) return 0;
    this.view();
    const { arena, limits } = this.dataset;
    const size = limits.listListpackSize;
    const before = tree.w2;
    const total = listpackBytes(this.bytes, this.base);
    let added = 0;
    let fitted = 0;
    for (let pair = first << 1; fitted < count; pair += step << 1) {
      const length = args[pair + 1]!;
      if (exceedsNode(size, total + added + length + GUESSED_OVERHEAD_BYTES, before + fitted + 1)) break;
      if (isLargeElement(limits, length)) break;
      added += encodedBytes(source, args[pair]!, length);
      fitted++;
    }
    if (fitted === 0 || !this.makeRoom(added, atFront, true)) return 0;
    const { bytes, segment, base } = this;
    const view = arena.views[segment]!;
    const { w1 } = tree;
    let at = atFront ? base - added + LISTPACK_HEADER_BYTES : base + total - 1;
    // What is pushed last to the front stands first.
    let pair = (atFront ? first + (fitted - 1) * step : first) << 1;
    const pairs = (atFront ? -step : step) << 1;
    if (atFront) {
      this.base = base - added;
      arena.touchBytes(segment, base - added, added + LISTPACK_HEADER_BYTES);
    } else {
      arena.touchBytes(segment, base, LISTPACK_HEADER_BYTES);
      arena.touchBytes(segment, at, added + 1);
      bytes[at + added] = END;
    }
    for (let i = 0; i < fitted; i++, pair += pairs) {
      at += encodeElementIn(bytes, view, at, source, args[pair]!, args[pair + 1]!);
    }
    this.writeHeader(total + added, before + fitted);
    tree.reweigh(atFront ? withNumber(w1, numberOf(w1) - added) : w1, before + fitted);
    return fitted;
  }

  private pushElement(atFront: boolean, source: Uint8Array, start: number, length: number): boolean {
    const { tree } = this;
    const found = atFront ? tree.seekFirst() : tree.seekLast();
    if (isLargeElement(this.dataset.limits, length)) return this.insertPlain(!atFront, source, start, length);
    const open = found && formOf(tree.w1) !== PLAIN;
    if (open) {
      if (!this.edit()) return false;
      if (this.takes(length)) return this.extend(atFront, source, start, length);
    }
    if (!this.insertNode(!atFront, source, start, length)) return false;
    if (!open) return true;
    // The node that has been the last one so far won't grow any more.
    if (atFront) tree.next();
    else tree.previous();
    this.view();
    this.fit();
    return true;
  }

  /** Takes back an element just pushed, which lies in a RAW or PLAIN node. */
  private unpush(atFront: boolean): void {
    check(this.openEnd(atFront), "an element just pushed lies open");
    const { bytes, base } = this;
    this.popOpened(atFront, this.plain ? 0 : atFront ? base + LISTPACK_HEADER_BYTES : lastElement(bytes, base));
  }

  /** An end has `added` new nodes: compresses those that are now just far enough from it. The cursor is anywhere afterwards. */
  squeezeInterior(atFront: boolean, added: number): void {
    const { tree } = this;
    const depth = openDepth(this.dataset.limits);
    let left = Math.min(added, tree.items - depth * 2);
    if (left <= 0) return;
    if (atFront) tree.seekFirst();
    else tree.seekLast();
    for (let standing = tree.skip(atFront ? depth : -depth); left > 0 && standing; left--) {
      this.squeeze();
      standing = atFront ? tree.next() : tree.previous();
    }
  }

  /** Compresses the current node, if that saves a quarter of it or more. Where there is no room for less, it stays as it is. */
  squeeze(): void {
    const { tree } = this;
    const { arena, allocator } = this.dataset;
    const { w0, w1, w2 } = tree;
    if (formOf(w1) !== RAW) return;
    this.view();
    const total = listpackBytes(this.bytes, this.base);
    if (total < SQUEEZED_BYTES_MIN || total > squeezed.length) return;
    const length = squeezePack(this.bytes, this.base, total, squeezed);
    const capacity = allocator.sizeOfClass(length);
    if (length === 0 || capacity >= blockBytesOf(w1)) return;
    const address = allocator.allocate(capacity);
    if (address === NIL) return;
    arena.touch(address, length);
    arena.bytes[address >>> SEGMENT_SHIFT]!.set(squeezed.subarray(0, length), (address & UNIT_MASK) << 3);
    this.freeBlock(w0, w1);
    tree.setWords(address, nodeWord(SQUEEZED, capacity, length), w2);
  }

  /** Has the opened node room for an element of so many bytes? */
  protected takes(length: number): boolean {
    const bytes = listpackBytes(this.bytes, this.base) + length + GUESSED_OVERHEAD_BYTES;
    return !exceedsNode(this.dataset.limits.listListpackSize, bytes, this.tree.w2 + 1);
  }

  /** Adds an element at an end of the opened node. */
  protected extend(atFront: boolean, source: Uint8Array, start: number, length: number): boolean {
    const { tree } = this;
    const { arena } = this.dataset;
    const size = encodedBytes(source, start, length);
    if (!this.makeRoom(size, atFront, true)) return false;
    const { bytes, segment, base } = this;
    const view = arena.views[segment]!;
    const { w1 } = tree;
    const total = listpackBytes(bytes, base);
    const count = tree.w2 + 1;
    if (atFront) {
      this.base = base - size;
      arena.touchBytes(segment, base - size, size + LISTPACK_HEADER_BYTES);
      encodeElementIn(bytes, view, base - size + LISTPACK_HEADER_BYTES, source, start, length);
    } else {
      const end = base + total - 1;
      arena.touchBytes(segment, base, LISTPACK_HEADER_BYTES);
      arena.touchBytes(segment, end, size + 1);
      encodeElementIn(bytes, view, end, source, start, length);
      bytes[end + size] = END;
    }
    this.writeHeader(total + size, count);
    tree.reweigh(atFront ? withNumber(w1, numberOf(w1) - size) : w1, count);
    return true;
  }

  /** Opens the first or last node for a change at that end. False: the address space is full. */
  openEnd(atFront: boolean): boolean {
    check(atFront ? this.tree.seekFirst() : this.tree.seekLast(), "a list has nodes");
    return this.edit();
  }

  /** Removes the element at `at`, the first or last one of the node that `openEnd` has opened, with the node if it is alone. */
  popOpened(atFront: boolean, at: number): void {
    if (this.tree.w2 === 1) this.removeNode();
    else this.popRun(atFront, atFront ? at + elementBytes(this.bytes, at) : at, 1);
  }

  /**
   * Removes `count` elements at an end of the node that `openEnd` has opened, fewer than it has. `cut` is where the last ones begin, or the ones
   * behind the first.
   */
  popRun(atFront: boolean, cut: number, count: number): void {
    const { tree, bytes, segment, base } = this;
    const { arena } = this.dataset;
    const { w1 } = tree;
    const left = tree.w2 - count;
    if (atFront) {
      const size = cut - base - LISTPACK_HEADER_BYTES;
      const total = listpackBytes(bytes, base);
      this.base = base + size;
      arena.touchBytes(segment, base + size, LISTPACK_HEADER_BYTES);
      this.writeHeader(total - size, left);
      tree.reweigh(withNumber(w1, numberOf(w1) + size), left);
      return;
    }
    arena.touchBytes(segment, cut, 1);
    bytes[cut] = END;
    arena.touchBytes(segment, base, LISTPACK_HEADER_BYTES);
    this.writeHeader(cut + 1 - base, left);
    tree.reweigh(w1, left);
  }

  /**
   * Moves the element at an end of the list that `openEnd` has opened to an end; `at` is where it lies, `source` its text, `args` start and
   * length of that. It is taken out before it is put in, as by Redis, so that a full node takes it again. False: the address space is full,
   * nothing changed.
   */
  rotate(fromFront: boolean, at: number, toFront: boolean, source: Uint8Array, args: Int32Array): boolean {
    const { tree } = this;
    if (tree.w2 > 1) {
      this.popOpened(fromFront, at);
      if (this.push(toFront, source, args, 0, 1, 1)) return true;
      const back = this.openEnd(fromFront) && this.extend(fromFront, source, args[0]!, args[1]!);
      check(back, "an element finds the place that it had");
      return false;
    }
    // Its node would go, and to have it again would take memory.
    if (fromFront !== toFront) {
      if (!this.push(toFront, source, args, 0, 1, 1)) return false;
    } else {
      const alone = this.plain || !(fromFront ? tree.next() : tree.previous()) || this.plain;
      if (alone) return true;
      if (!this.edit()) return false;
      if (!this.takes(args[1]!)) return true;
      if (!this.extend(fromFront, source, args[0]!, args[1]!)) return false;
    }
    check(fromFront ? tree.seekFirst() : tree.seekLast(), "the node is still there");
    this.removeNode();
    return true;
  }

  /** A new node with one element before or behind the current one, or as the first; the cursor then stands on it. */
  protected insertNode(behind: boolean, source: Uint8Array, start: number, length: number): boolean {
    const { arena, allocator, limits } = this.dataset;
    const size = encodedBytes(source, start, length);
    const total = EMPTY_LISTPACK_BYTES + size;
    const room = this.tree.items < FEW_NODES ? NEW_NODE_BYTES : nodeBytesMax(limits.listListpackSize);
    const capacity = allocator.sizeOfClass(Math.max(total, room));
    const address = allocator.allocate(capacity);
    if (address === NIL) return false;
    // At the front of the list the next elements come before this one.
    const front = behind ? 0 : capacity - total;
    const segment = address >>> SEGMENT_SHIFT;
    const bytes = arena.bytes[segment]!;
    const base = ((address & UNIT_MASK) << 3) + front;
    arena.touchBytes(segment, base, total);
    writeEmptyListpack(bytes, base);
    encodeElementIn(bytes, arena.views[segment]!, base + LISTPACK_HEADER_BYTES, source, start, length);
    bytes[base + total - 1] = END;
    this.segment = segment;
    this.bytes = bytes;
    this.base = base;
    this.writeHeader(total, 1);
    return this.insertItem(behind, address, nodeWord(RAW, capacity, front), 1);
  }

  /** A new node with one large element; otherwise as `insertNode`. */
  protected insertPlain(behind: boolean, source: Uint8Array, start: number, length: number): boolean {
    const { arena, allocator } = this.dataset;
    const { blob } = this;
    const holder = allocator.allocate(PLAIN_BYTES);
    if (holder === NIL) return false;
    if (!createBlob(allocator, blob, length)) {
      allocator.free(holder, PLAIN_BYTES);
      return false;
    }
    writeBlob(arena, blob, 0, source, start, length);
    this.writePlain(holder);
    return this.insertItem(behind, holder, nodeWord(PLAIN, PLAIN_BYTES, 0), 1);
  }

  /** Puts a finished node into the tree; without address space it is freed. */
  protected insertItem(behind: boolean, w0: number, w1: number, w2: number): boolean {
    const { tree } = this;
    if (behind ? tree.insertAfter(w0, w1, w2) : tree.insertBefore(w0, w1, w2)) return true;
    this.freeBlock(w0, w1);
    return false;
  }

  /** Appends a copy of a listpack of `count` elements as a node behind the current one. */
  appendListpack(bytes: Uint8Array, base: number, count: number): boolean {
    const { arena, allocator } = this.dataset;
    const total = listpackBytes(bytes, base);
    const address = allocator.allocate(total);
    if (address === NIL) return false;
    arena.touch(address, total);
    arena.bytes[address >>> SEGMENT_SHIFT]!.set(bytes.subarray(base, base + total), (address & UNIT_MASK) << 3);
    return this.insertItem(true, address, nodeWord(RAW, allocator.sizeOfClass(total), 0), count);
  }

  /** Appends a copy of another list's current node. */
  appendCopy(source: ListNodes): boolean {
    const { arena, allocator } = this.dataset;
    const { w0, w1, w2 } = source.tree;
    this.tree.seekLast();
    source.view();
    if (source.plain) {
      const { blob } = this;
      const holder = allocator.allocate(PLAIN_BYTES);
      if (holder === NIL) return false;
      if (!copyBlob(allocator, source.blob, blob)) {
        allocator.free(holder, PLAIN_BYTES);
        return false;
      }
      this.writePlain(holder);
      return this.insertItem(true, holder, w1, 1);
    }
    if (formOf(w1) === RAW) return this.appendListpack(source.bytes, source.base, w2);
    const bytes = numberOf(w1);
    const address = allocator.allocate(bytes);
    if (address === NIL) return false;
    const from = (w0 & UNIT_MASK) << 3;
    arena.touch(address, bytes);
    arena.bytes[address >>> SEGMENT_SHIFT]!.set(
      arena.bytes[w0 >>> SEGMENT_SHIFT]!.subarray(from, from + bytes),
      (address & UNIT_MASK) << 3,
    );
    return this.insertItem(true, address, w1, w2);
  }

  /** Frees a list that no entry refers to (yet, or any more), at once. */
  dispose(): void {
    const gone = new EntryList(256);
    const done = this.tree.releaseInto(Number.MAX_SAFE_INTEGER, gone);
    check(done, "a list is taken apart as a whole");
    for (let i = 0; i < gone.count; i += 3) this.freeBlock(gone.items[i]!, gone.items[i + 1]!);
  }

  /** Bytes that the current node takes besides its place in the tree. */
  blockBytes(): number {
    const { w0, w1 } = this.tree;
    if (formOf(w1) !== PLAIN) return blockBytesOf(w1);
    this.readPlain(w0);
    return PLAIN_BYTES + blobBytes(this.blob);
  }

  /** Removes the current node with its elements; the cursor then stands on the one that followed, or off the end. */
  removeNode(): boolean {
    this.freeBlock(this.tree.w0, this.tree.w1);
    return this.tree.remove();
  }

  freeBlock(w0: number, w1: number): void {
    const { allocator } = this.dataset;
    if (formOf(w1) === PLAIN) {
      this.readPlain(w0);
      freeBlob(allocator, this.blob);
    }
    allocator.free(w0, blockBytesOf(w1));
    frees++;
  }

  /** Gives back what the opened node's block has too much, where that is a size class or more. */
  fit(): void {
    const { allocator } = this.dataset;
    const { tree } = this;
    if (formOf(tree.w1) !== RAW) return;
    const total = listpackBytes(this.bytes, this.base);
    const capacity = allocator.sizeOfClass(total);
    if (capacity < blockBytesOf(tree.w1)) this.moveTo(capacity, 0);
  }

  /** The listpack's first six bytes; the barrier has been told. */
  protected writeHeader(total: number, count: number): void {
    const { bytes, base } = this;
    const stored = count < COUNT_UNKNOWN ? count : COUNT_UNKNOWN;
    writeWord(bytes, base, total);
    bytes[base + 4] = stored & 0xff;
    bytes[base + 5] = stored >>> 8;
  }

  /** Makes room for `extra` bytes at one side of the opened listpack; `ample`: more of them will come. */
  protected makeRoom(extra: number, atFront: boolean, ample: boolean): boolean {
    const { w1 } = this.tree;
    const front = numberOf(w1);
    const room = atFront ? front : blockBytesOf(w1) - front - listpackBytes(this.bytes, this.base);
    return room >= extra || this.grow(extra, atFront, ample);
  }

  private grow(extra: number, atFront: boolean, ample: boolean): boolean {
    const { tree } = this;
    const { allocator, limits } = this.dataset;
    const capacity = blockBytesOf(tree.w1);
    const needed = listpackBytes(this.bytes, this.base) + extra;
    const generous = ample ? needed * 2 : needed + (needed >>> 3);
    const wanted = Math.max(needed, Math.min(generous, nodeBytesMax(limits.listListpackSize)));
    // Room that lies at the wrong side is used, unless so little is left that it would have to be moved again at once.
    const enough = needed <= capacity && (capacity - needed >= capacity >>> 3 || wanted <= capacity);
    const target = enough ? capacity : allocator.sizeOfClass(wanted);
    if (target > BLOCK_BYTES_MAX) return false;
    const spare = target - needed;
    // The only node of a list grows at both of its sides.
    const front = tree.items === 1 ? spare >>> 1 : atFront ? spare : 0;
    return this.moveTo(target, front + (atFront ? extra : 0));
  }

  /** Moves the opened listpack to `front` bytes behind the beginning of a block of `capacity` bytes, its own one if that has this size. */
  private moveTo(capacity: number, front: number): boolean {
    const { tree } = this;
    const { arena, allocator } = this.dataset;
    const { w0, w1, w2 } = tree;
    const total = listpackBytes(this.bytes, this.base);
    if (capacity === blockBytesOf(w1)) {
      const to = ((w0 & UNIT_MASK) << 3) + front;
      arena.touchBytes(this.segment, to, total);
      moveBytes(this.bytes, to, this.base, total);
      this.base = to;
      return tree.setWords(w0, nodeWord(RAW, capacity, front), w2);
    }
    const address = allocator.allocate(capacity);
    if (address === NIL) return false;
    const segment = address >>> SEGMENT_SHIFT;
    const to = ((address & UNIT_MASK) << 3) + front;
    arena.touchBytes(segment, to, total);
    copyBytes(arena.bytes[segment]!, to, this.bytes, this.base, total);
    allocator.free(w0, blockBytesOf(w1));
    this.segment = segment;
    this.bytes = arena.bytes[segment]!;
    this.base = to;
    return tree.setWords(address, nodeWord(RAW, capacity, front), w2);
  }

  /** Makes the current compressed node RAW. */
  private thaw(): boolean {
    const { tree } = this;
    const { arena, allocator } = this.dataset;
    const { w0, w1, w2 } = tree;
    this.decompress(w0, w1);
    const total = listpackBytes(this.scratch, 0);
    const capacity = allocator.sizeOfClass(total);
    const address = allocator.allocate(capacity);
    if (address === NIL) return false;
    arena.touch(address, total);
    arena.bytes[address >>> SEGMENT_SHIFT]!.set(this.scratch.subarray(0, total), (address & UNIT_MASK) << 3);
    this.freeBlock(w0, w1);
    this.thawed = true;
    return tree.setWords(address, nodeWord(RAW, capacity, 0), w2);
  }

  /** Lets `scratch` hold the listpack of a compressed node. */
  private decompress(w0: number, w1: number): void {
    if (this.scratchOf === w0 && this.scratchFrees === frees) return;
    this.scratchFrees = frees;
    const start = (w0 & UNIT_MASK) << 3;
    const source = this.dataset.arena.bytes[w0 >>> SEGMENT_SHIFT]!;
    if (this.scratch.length === 0) {
      this.scratch = new Uint8Array(BLOCK_BYTES_MAX);
      this.scratchView = new DataView(this.scratch.buffer);
    }
    const length = expandPack(source, start, numberOf(w1), this.scratch);
    check(length > 0 && length === listpackBytes(this.scratch, 0), "a compressed node is whole");
    this.scratchOf = w0;
  }

  protected readPlain(holder: number): void {
    const words = this.dataset.arena.words[holder >>> SEGMENT_SHIFT]!;
    const word = (holder & UNIT_MASK) << 1;
    this.blob.address = words[word]!;
    this.blob.length = words[word + 1]!;
    this.blob.capacity = words[word + 2]!;
  }

  protected writePlain(holder: number): void {
    const { arena } = this.dataset;
    const words = arena.words[holder >>> SEGMENT_SHIFT]!;
    const word = (holder & UNIT_MASK) << 1;
    arena.touch(holder, PLAIN_BYTES);
    words[word] = this.blob.address;
    words[word + 1] = this.blob.length;
    words[word + 2] = this.blob.capacity;
  }
}
