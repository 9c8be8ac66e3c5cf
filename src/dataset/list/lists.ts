/**
 * Lists as commands see them: small ones are one listpack (packed.ts), big ones a tree of nodes (nodes.ts), and which of the two a list
 * is follows Redis's rules, which OBJECT ENCODING shows.
 *
 * ```
 * packed ──> big      before elements are added, when their bytes or their number would exceed list-max-listpack-size
 * big ──> packed      after elements have gone, when one node is left and it is below half of that
 * ```
 * Functions take a database, an entry of it and the hash of its key; the entry may move. None of them tells the journal. Where one fails
 * the address space is full and the elements are what they were.
 */
import { check } from "../../base/check.ts";
import { NIL } from "../../memory/layout.ts";
import type { Blob } from "../../structure/blob.ts";
import { entryEncoding } from "../../structure/entry.ts";
import {
  copyElementText,
  EMPTY_LISTPACK_BYTES,
  elementBytes,
  elementTextLength,
  encodedBytes,
  encodeElement,
  encodeElementIn,
  endPosition,
  findElement,
  firstElement,
  LISTPACK_HEADER_BYTES,
  lastElement,
  listpackBytes,
  listpackCount,
  previousElement,
  seekElement,
  splice,
  writeEmptyListpack,
} from "../../structure/listpack.ts";
import { Tree } from "../../structure/tree.ts";
import type { Database } from "../database.ts";
import type { Dataset } from "../dataset.ts";
import {
  becomeBig,
  becomePacked,
  bigWord0,
  createPack,
  openPack,
  PACK_BYTES_MAX,
  Pack,
  resizePack,
} from "../packed.ts";
import { ENCODING_BIG, ENCODING_LISTPACK, TYPE_LIST } from "../types.ts";
import { ColdNodes } from "./cold_nodes.ts";
import { ListCursor } from "./cursor.ts";
import { exceedsNode, isHalfEmpty, openDepth } from "./limits.ts";
import { findEqualBackwards, ListNodeEdits, removeEqualElements } from "./node_edits.ts";
import { formOf, PLAIN } from "./node_words.ts";

/** What `rotateRun` moves at most: elements, and bytes of their texts. */
const ROTATED_MAX = 16;
const ROTATED_BYTES_MAX = 4096;

export class Lists {
  /** For reading; whoever opens it has it until somebody else does. */
  readonly cursor: ListCursor;
  /** What is still to be compressed. */
  readonly cold: ColdNodes;
  private readonly dataset: Dataset;
  private readonly nodes: ListNodeEdits;
  private readonly pack = new Pack();
  /** One argument, where a function that takes several is to take one. */
  private readonly one = new Int32Array(2);
  /** Elements of the list that `push` has pushed to last. */
  pushedLength = 0;

  constructor(dataset: Dataset) {
    this.dataset = dataset;
    this.cursor = new ListCursor(dataset);
    this.nodes = new ListNodeEdits(dataset);
    this.cold = new ColdNodes(dataset);
  }

  /** Elements of the list. */
  length(entry: number): number {
    const { arena } = this.dataset;
    if (this.isBig(entry)) {
      this.nodes.attach(bigWord0(arena, entry));
      return this.nodes.tree.length;
    }
    openPack(arena, entry, this.pack);
    return listpackCount(this.pack.bytes, this.pack.offset);
  }

  /** A new list without elements yet, which must get some at once, under a key that has none. NIL: nothing changed. */
  private create(db: Database, key: Uint8Array, keyStart: number, keyLength: number, hash: number): number {
    const { pack } = this;
    const bytes = EMPTY_LISTPACK_BYTES;
    const entry = createPack(db, TYPE_LIST, ENCODING_LISTPACK, key, keyStart, keyLength, hash, bytes, pack);
    if (entry !== NIL) writeEmptyListpack(pack.bytes, pack.offset);
    return entry;
  }

  /**
   * Pushes `count` texts of `source` one after the other to an end of a list; `args` has their starts and lengths in pairs, every `step`th
   * pair from `first` on. Without an entry (NIL) the list is created under the key. Returns the entry, NIL when nothing changed.
   */
  push(
    db: Database,
    entry: number,
    key: Uint8Array,
    keyStart: number,
    keyLength: number,
    hash: number,
    atFront: boolean,
    source: Uint8Array,
    args: Int32Array,
    first: number,
    count: number,
    step: number,
  ): number {
    if (entry !== NIL) {
      if (this.isBig(entry)) return this.pushBig(db, entry, atFront, source, args, first, count, step);
      return this.pushSmall(db, entry, hash, atFront, source, args, first, count, step);
    }
    const created = this.create(db, key, keyStart, keyLength, hash);
    if (created === NIL) return NIL;
    const filled = this.pushSmall(db, created, hash, atFront, source, args, first, count, step);
    if (filled === NIL) db.remove(db.find(key, keyStart, keyLength, hash), hash);
    return filled;
  }

  /** Pushes to a small list. */
  private pushSmall(
    db: Database,
    entry: number,
    hash: number,
    atFront: boolean,
    source: Uint8Array,
    args: Int32Array,
    first: number,
    count: number,
    step: number,
  ): number {
    openPack(this.dataset.arena, entry, this.pack);
    if (!this.outgrows(textBytes(args, first, count, step), count)) {
      let added = 0;
      for (let i = 0, pair = first << 1; i < count; i++, pair += step << 1) {
        added += encodedBytes(source, args[pair]!, args[pair + 1]!);
      }
      if (added + listpackBytes(this.pack.bytes, this.pack.offset) <= PACK_BYTES_MAX) {
        return this.pushPacked(db, entry, hash, atFront, source, args, first, count, step, added);
      }
    }
    const big = this.enlarge(db, entry, hash);
    return big === NIL ? NIL : this.pushBig(db, big, atFront, source, args, first, count, step);
  }

  /** May `push` take these texts of several requests at once, the list being the same afterwards as if it had been asked for each? */
  takesTogether(
    entry: number,
    source: Uint8Array,
    args: Int32Array,
    first: number,
    count: number,
    step: number,
  ): boolean {
    if (this.isBig(entry)) return true;
    openPack(this.dataset.arena, entry, this.pack);
    // It becomes big at the one that is too much: elements count with all their bytes, the next one as a text.
    let added = 0;
    for (let i = 0, pair = first << 1; i < count; i++, pair += step << 1) {
      const length = args[pair + 1]!;
      if (this.outgrows(added + length, i + 1)) return false;
      added += encodedBytes(source, args[pair]!, length);
    }
    return true;
  }

  private pushBig(
    db: Database,
    entry: number,
    atFront: boolean,
    source: Uint8Array,
    args: Int32Array,
    first: number,
    count: number,
    step: number,
  ): number {
    const { nodes, cold } = this;
    const { limits } = this.dataset;
    const { tree } = nodes;
    nodes.attach(bigWord0(this.dataset.arena, entry));
    nodes.squeezesLater = cold.waits && limits.listCompressDepth === 0;
    const pushed = nodes.push(atFront, source, args, first, count, step);
    const later = nodes.squeezesLater;
    nodes.squeezesLater = false;
    if (!pushed) return NIL;
    if (later && nodes.added > 0 && tree.items > 2 * openDepth(limits)) {
      if (!cold.note(db, entry, tree.address, atFront, nodes.added)) nodes.squeezeInterior(atFront, nodes.added);
    }
    this.pushedLength = nodes.tree.length;
    return entry;
  }

  /**
   * Pushes one text to an end of a list, as `push`. `integer`: it was an integer element, whose bytes Redis doesn't count when it asks
   * whether the list becomes big.
   */
  pushOne(
    db: Database,
    entry: number,
    key: Uint8Array,
    keyStart: number,
    keyLength: number,
    hash: number,
    atFront: boolean,
    source: Uint8Array,
    length: number,
    integer: boolean,
  ): number {
    const { one, pack } = this;
    one[0] = 0;
    one[1] = length;
    if (entry === NIL || !integer || this.isBig(entry)) {
      return this.push(db, entry, key, keyStart, keyLength, hash, atFront, source, one, 0, 1, 1);
    }
    openPack(this.dataset.arena, entry, pack);
    if (this.outgrows(0, 1)) return this.pushSmall(db, entry, hash, atFront, source, one, 0, 1, 1);
    return this.pushPacked(db, entry, hash, atFront, source, one, 0, 1, 1, encodedBytes(source, 0, length));
  }

  /** Moves the element that `openEnd` has opened, whose text is `source[0, length)`, to an end of the same list. As `push`. */
  rotate(
    db: Database,
    entry: number,
    hash: number,
    fromFront: boolean,
    toFront: boolean,
    source: Uint8Array,
    length: number,
    integer: boolean,
  ): number {
    const { nodes, pack } = this;
    let list = entry;
    if (!this.isBig(list)) {
      const { bytes, offset, segment } = pack;
      const { arena } = this.dataset;
      const size = elementBytes(bytes, this.at);
      if (!this.outgrows((integer ? 0 : length) - size, 0)) {
        splice(arena, segment, bytes, offset, this.at, size, 0, -1);
        const at = toFront ? offset + LISTPACK_HEADER_BYTES : endPosition(bytes, offset);
        splice(arena, segment, bytes, offset, at, 0, size, 1);
        encodeElement(bytes, at, source, 0, length);
        return list;
      }
      list = this.enlarge(db, list, hash);
      if (list === NIL || !this.openEnd(list, fromFront)) return NIL;
    }
    const { one } = this;
    one[0] = 0;
    one[1] = length;
    if (!nodes.rotate(fromFront, this.at, toFront, source, one)) return NIL;
    return nodes.tree.items === 1 ? this.shrink(db, list, hash) : list;
  }

  /** The texts that `rotateRun` has moved, in the order in which they went, and their starts and lengths in pairs. */
  readonly rotated = new Uint8Array(ROTATED_BYTES_MAX);
  readonly rotatedTexts = new Int32Array(ROTATED_MAX * 2);

  /**
   * Moves elements from one end of a list to the other, one after the other: `wanted` of them, or as many as `openRun` allows and `rotated`
   * holds. How many that were; 0: nothing changed, or there is no address space for it.
   */
  rotateRun(entry: number, fromFront: boolean, wanted: number): number {
    const { nodes, rotated, rotatedTexts } = this;
    const open = this.openRun(entry, fromFront, Math.min(wanted, ROTATED_MAX));
    let count = 0;
    for (let used = 0, { at } = this; count < open; at = this.beside(at, fromFront)) {
      const length = elementTextLength(this.bytes, at);
      if (used + length > rotated.length) break;
      rotatedTexts[count << 1] = used;
      rotatedTexts[(count << 1) + 1] = length;
      used += copyElementText(this.bytes, at, rotated, used);
      count++;
    }
    // They are put in first: that may fail, and the ends are different nodes.
    if (count === 0 || !nodes.push(!fromFront, rotated, rotatedTexts, 0, count, 1)) return 0;
    check(this.openEnd(entry, fromFront), "a node that was open is still");
    let last = this.at;
    for (let i = 1; i < count; i++) last = this.beside(last, fromFront);
    this.popRun(fromFront, last, count);
    return count;
  }

  private pushPacked(
    db: Database,
    entry: number,
    hash: number,
    atFront: boolean,
    source: Uint8Array,
    args: Int32Array,
    first: number,
    count: number,
    step: number,
    added: number,
  ): number {
    const { pack } = this;
    const total = listpackBytes(pack.bytes, pack.offset);
    const moved = resizePack(db, entry, hash, total + added, pack);
    if (moved === NIL) return NIL;
    const { bytes, offset, segment } = pack;
    const view = this.dataset.arena.views[segment]!;
    let at = atFront ? offset + LISTPACK_HEADER_BYTES : offset + total - 1;
    splice(this.dataset.arena, segment, bytes, offset, at, 0, added, count);
    // What is pushed last to the front stands first.
    for (let i = 0; i < count; i++) {
      const arg = (first + (atFront ? count - 1 - i : i) * step) << 1;
      at += encodeElementIn(bytes, view, at, source, args[arg]!, args[arg + 1]!);
    }
    this.pushedLength = listpackCount(bytes, offset);
    return moved;
  }

  /** Makes the list big if adding texts of so many bytes would exceed the limits: Redis does so before it knows whether it adds them. */
  prepareToAdd(db: Database, entry: number, hash: number, texts: number, count: number): number {
    if (this.isBig(entry)) return entry;
    openPack(this.dataset.arena, entry, this.pack);
    return this.outgrows(texts, count) ? this.enlarge(db, entry, hash) : entry;
  }

  private outgrows(texts: number, count: number): boolean {
    const { bytes, offset } = this.pack;
    const { listListpackSize } = this.dataset.limits;
    return exceedsNode(listListpackSize, listpackBytes(bytes, offset) + texts, listpackCount(bytes, offset) + count);
  }

  /** Makes a packed list big, with what it holds as its first node. */
  private enlarge(db: Database, entry: number, hash: number): number {
    const { nodes, pack } = this;
    const { arena, allocator } = this.dataset;
    const root = Tree.create(allocator, true);
    if (root === NIL) return NIL;
    openPack(arena, entry, pack);
    nodes.attach(root);
    const count = listpackCount(pack.bytes, pack.offset);
    const filled = count === 0 || nodes.appendListpack(pack.bytes, pack.offset, count);
    const big = filled ? becomeBig(db, entry, hash, root, 0) : NIL;
    if (big === NIL) nodes.dispose();
    return big;
  }

  /** Makes a big list small again where so little is left of it. Returns the entry, which may have moved. */
  shrink(db: Database, entry: number, hash: number): number {
    if (!this.isBig(entry)) return entry;
    const { nodes, pack } = this;
    const { tree } = nodes;
    nodes.attach(bigWord0(this.dataset.arena, entry));
    if (tree.items !== 1) return entry;
    tree.seekFirst();
    if (formOf(tree.w1) === PLAIN) return entry;
    nodes.view();
    const total = listpackBytes(nodes.bytes, nodes.base);
    if (!isHalfEmpty(this.dataset.limits.listListpackSize, total, tree.w2) || total > PACK_BYTES_MAX) return entry;
    const packed = becomePacked(db, entry, hash, ENCODING_LISTPACK, total, pack);
    if (packed === NIL) return entry;
    pack.bytes.set(nodes.bytes.subarray(nodes.base, nodes.base + total), pack.offset);
    nodes.dispose();
    return packed;
  }

  /** Removes `count` elements from `index` on, some but not all. Returns the entry, which may have moved; NIL: nothing changed. */
  removeRange(db: Database, entry: number, hash: number, index: number, count: number): number {
    const { nodes, pack } = this;
    const { arena } = this.dataset;
    if (this.isBig(entry)) {
      nodes.attach(bigWord0(arena, entry));
      return nodes.removeRange(index, count) ? this.shrink(db, entry, hash) : NIL;
    }
    openPack(arena, entry, pack);
    const { bytes, offset } = pack;
    const begin = seekElement(bytes, offset, index);
    const behind = seekElement(bytes, offset, index + count);
    const end = behind === -1 ? endPosition(bytes, offset) : behind;
    return this.cut(db, entry, hash, begin, end - begin, count);
  }

  /** Makes sure that `removeRange` of the same elements won't fail; false: the address space is full, nothing changed. */
  prepareRemoval(entry: number, index: number, count: number): boolean {
    if (!this.isBig(entry)) return true;
    this.nodes.attach(bigWord0(this.dataset.arena, entry));
    return this.nodes.prepareRemoval(index, count);
  }

  /** Where `openEnd` has found the element: at `bytes[at]`, or in `blob` where `plain`. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  plain = false;

  get blob(): Blob {
    return this.nodes.blob;
  }

  /** Is it a big list that `openEnd` has opened? */
  private opensBig = false;

  /** Opens the first or last element, so that it can be looked at and then be popped. False: the address space is full, nothing changed. */
  openEnd(entry: number, atFront: boolean): boolean {
    const { nodes, pack } = this;
    this.opensBig = this.isBig(entry);
    if (this.opensBig) {
      nodes.attach(bigWord0(this.dataset.arena, entry));
      if (!nodes.openEnd(atFront)) return false;
      this.plain = nodes.plain;
      if (this.plain) return true;
      this.bytes = nodes.bytes;
      this.at = atFront ? nodes.base + LISTPACK_HEADER_BYTES : lastElement(nodes.bytes, nodes.base);
      return true;
    }
    openPack(this.dataset.arena, entry, pack);
    this.plain = false;
    this.bytes = pack.bytes;
    this.at = atFront ? firstElement(pack.bytes, pack.offset) : lastElement(pack.bytes, pack.offset);
    return true;
  }

  /** Elements of the list that `openEnd` has opened. */
  get openLength(): number {
    return this.opensBig ? this.nodes.tree.length : listpackCount(this.pack.bytes, this.pack.offset);
  }

  /** Removes the element that `openEnd` has opened, of a list that has more. Returns the entry, which may have moved. */
  popOpened(db: Database, entry: number, hash: number, atFront: boolean): number {
    if (!this.opensBig) return this.cut(db, entry, hash, this.at, elementBytes(this.bytes, this.at), 1);
    this.nodes.popOpened(atFront, this.at);
    return this.nodes.tree.items === 1 ? this.shrink(db, entry, hash) : entry;
  }

  /**
   * Opens the first or last element as `openEnd`, and tells how many elements from there on, up to `wanted`, may be popped together: the list
   * being the same afterwards as if they had been popped one by one, neither small nor gone. 0: none, and nothing is open.
   */
  openRun(entry: number, atFront: boolean, wanted: number): number {
    const { nodes } = this;
    if (!this.isBig(entry) || !this.openEnd(entry, atFront) || this.plain || nodes.tree.items === 1) return 0;
    return Math.min(wanted, nodes.tree.w2 - 1);
  }

  /** `bytes`, to be read as words. */
  get view(): DataView {
    return this.nodes.bytesView;
  }

  /** The element behind the one at `position`, or before it; `bytes` are those of `openRun`. */
  beside(position: number, forwards: boolean): number {
    const { bytes, nodes } = this;
    return forwards ? position + elementBytes(bytes, position) : previousElement(bytes, nodes.base, position);
  }

  /** Removes `count` elements that `openRun` has opened; `last` is the innermost of them. */
  popRun(atFront: boolean, last: number, count: number): void {
    this.nodes.popRun(atFront, atFront ? last + elementBytes(this.bytes, last) : last, count);
  }

  /** Takes bytes out of the opened pack. Where giving room back fails, it stays. */
  private cut(db: Database, entry: number, hash: number, at: number, bytes: number, count: number): number {
    const { pack } = this;
    splice(this.dataset.arena, pack.segment, pack.bytes, pack.offset, at, bytes, 0, -count);
    const moved = resizePack(db, entry, hash, listpackBytes(pack.bytes, pack.offset), pack);
    return moved === NIL ? entry : moved;
  }

  /** Inserts a text before or behind the element at `index`; `prepareToAdd` has been called. */
  insert(
    db: Database,
    entry: number,
    hash: number,
    index: number,
    after: boolean,
    source: Uint8Array,
    start: number,
    length: number,
  ): number {
    const { nodes, pack } = this;
    const { arena } = this.dataset;
    if (this.isBig(entry)) {
      nodes.attach(bigWord0(arena, entry));
      return nodes.insert(index, after, source, start, length) ? entry : NIL;
    }
    openPack(arena, entry, pack);
    const at = after ? index + 1 : index;
    return this.replacePacked(db, entry, hash, at, false, source, start, length);
  }

  /** Replaces the element at `index` by a text; `prepareToAdd` has been called. */
  replace(
    db: Database,
    entry: number,
    hash: number,
    index: number,
    source: Uint8Array,
    start: number,
    length: number,
  ): number {
    const { nodes } = this;
    const { arena } = this.dataset;
    if (this.isBig(entry)) {
      nodes.attach(bigWord0(arena, entry));
      return nodes.replace(index, source, start, length) ? this.shrink(db, entry, hash) : NIL;
    }
    openPack(arena, entry, this.pack);
    return this.replacePacked(db, entry, hash, index, true, source, start, length);
  }

  /** Puts a text in the place of element `at` of the opened pack, or in front of it. */
  private replacePacked(
    db: Database,
    entry: number,
    hash: number,
    at: number,
    replaces: boolean,
    source: Uint8Array,
    start: number,
    length: number,
  ): number {
    const { pack } = this;
    const { arena } = this.dataset;
    const total = listpackBytes(pack.bytes, pack.offset);
    const found = seekElement(pack.bytes, pack.offset, at);
    const position = (found === -1 ? endPosition(pack.bytes, pack.offset) : found) - pack.offset;
    const old = replaces ? elementBytes(pack.bytes, pack.offset + position) : 0;
    const size = encodedBytes(source, start, length);
    let moved = entry;
    if (size > old) moved = resizePack(db, entry, hash, total + size - old, pack);
    if (moved === NIL) return NIL;
    const place = pack.offset + position;
    splice(arena, pack.segment, pack.bytes, pack.offset, place, old, size, replaces ? 0 : 1);
    encodeElement(pack.bytes, place, source, start, length);
    if (size >= old) return moved;
    const smaller = resizePack(db, entry, hash, total + size - old, pack);
    return smaller === NIL ? entry : smaller;
  }

  /** How many elements the last `removeEqual` has removed; ~removed: it stopped there, the address space being full. */
  removed = 0;

  /**
   * Removes up to `countMax` elements equal to a text, from the end if `backwards`. A list that has lost all of them is left for the caller
   * to remove. Returns the entry, which may have moved.
   */
  removeEqual(
    db: Database,
    entry: number,
    hash: number,
    countMax: number,
    backwards: boolean,
    source: Uint8Array,
    start: number,
    length: number,
  ): number {
    const { nodes, pack } = this;
    const { arena } = this.dataset;
    if (this.isBig(entry)) {
      nodes.attach(bigWord0(arena, entry));
      this.removed = nodes.removeEqual(countMax, backwards, source, start, length);
      return this.removed === 0 ? entry : this.shrink(db, entry, hash);
    }
    openPack(arena, entry, pack);
    const { bytes, offset } = pack;
    const from = backwards
      ? findEqualBackwards(bytes, offset, lastElement(bytes, offset), source, start, length)
      : findElement(bytes, offset, firstElement(bytes, offset), source, start, length, 0);
    const open = { dataset: this.dataset, segment: pack.segment, bytes, base: offset };
    this.removed = removeEqualElements(open, from, countMax, backwards, source, start, length);
    if (this.removed === 0) return entry;
    const moved = resizePack(db, entry, hash, listpackBytes(bytes, offset), pack);
    return moved === NIL ? entry : moved;
  }

  private isBig(entry: number): boolean {
    return entryEncoding(this.dataset.arena, entry) === ENCODING_BIG;
  }
}

/** The length of `count` texts, every `step`th pair of `args`. */
function textBytes(args: Int32Array, first: number, count: number, step: number): number {
  let bytes = 0;
  for (let i = 0, pair = first << 1; i < count; i++, pair += step << 1) bytes += args[pair + 1]!;
  return bytes;
}
