/**
 * Reads a list element by element, small or big, in both directions: LRANGE, LINDEX, LPOS, SORT.
 *
 * After `seek`, `next` or `previous` has said true, the element is at `bytes[at]`, an element of a listpack (structure/listpack.ts), or,
 * where `plain`, the bytes of `blob`. Nothing may change the list between two calls.
 */
import { equalBytes } from "../../base/bytes.ts";
import { NIL } from "../../memory/layout.ts";
import { type Blob, locate, readBlob, Span } from "../../structure/blob.ts";
import { entryEncoding } from "../../structure/entry.ts";
import {
  copyElementText,
  elementEquals,
  elementTextLength,
  endPosition,
  firstElement,
  isIntegerElement,
  lastElement,
  listpackCount,
  nextElement,
  previousElement,
  seekElement,
  stringLength,
  stringOffset,
} from "../../structure/listpack.ts";
import type { Dataset } from "../dataset.ts";
import { bigWord0, openPack, Pack } from "../packed.ts";
import { ENCODING_BIG } from "../types.ts";
import type { Piece } from "../value_operations.ts";
import { ListNodes } from "./nodes.ts";

const span = new Span();

export class ListCursor {
  bytes: Uint8Array = new Uint8Array(0);
  at = -1;
  plain = false;
  /** Where the listpack ends that `runLength` has looked at. */
  end = 0;
  /** Elements of the list. */
  length = 0;
  private readonly dataset: Dataset;
  private readonly nodes: ListNodes;
  private readonly pack = new Pack();
  private readonly digits = new Uint8Array(20);
  private packed = true;
  private base = 0;
  /** Elements from the current one to the end of its listpack. */
  private left = 0;

  constructor(dataset: Dataset) {
    this.dataset = dataset;
    this.nodes = new ListNodes(dataset);
  }

  /** The element itself where `plain`. */
  get blob(): Blob {
    return this.nodes.blob;
  }

  /** Opens the list of an entry; 0 is an empty list. */
  open(entry: number): void {
    const { arena } = this.dataset;
    this.plain = false;
    if (entry === NIL) {
      this.length = 0;
    } else if (entryEncoding(arena, entry) === ENCODING_BIG) {
      this.packed = false;
      this.nodes.attach(bigWord0(arena, entry));
      this.length = this.nodes.tree.length;
    } else {
      openPack(arena, entry, this.pack);
      this.packed = true;
      this.bytes = this.pack.bytes;
      this.base = this.pack.offset;
      this.length = listpackCount(this.bytes, this.base);
    }
  }

  /** To the element at an index from 0; false when there is none. */
  seek(index: number): boolean {
    if (index < 0 || index >= this.length) return false;
    if (this.packed) {
      this.at = seekElement(this.bytes, this.base, index);
      this.left = this.length - index;
      return true;
    }
    const { tree } = this.nodes;
    tree.seekPosition(index);
    this.openNode();
    if (this.plain) return true;
    this.at = seekElement(this.bytes, this.base, tree.within);
    this.left = tree.w2 - tree.within;
    return true;
  }

  /**
   * How many elements, up to `max` and the current one counted, lie one behind the other in its listpack, which ends at `end`. Not for a
   * plain element.
   */
  runLength(max: number): number {
    this.end = endPosition(this.bytes, this.base);
    return max < this.left ? max : this.left;
  }

  /** To the first element behind the current one's listpack; false when there is none. */
  nextRun(): boolean {
    if (this.packed || !this.nodes.tree.next()) return false;
    this.openNode();
    if (this.plain) return true;
    this.at = firstElement(this.bytes, this.base);
    this.left = this.nodes.tree.w2;
    return true;
  }

  /** `bytes`, to be read as words. */
  get view(): DataView {
    return this.packed ? this.dataset.arena.views[this.pack.segment]! : this.nodes.bytesView;
  }

  next(): boolean {
    if (!this.plain) {
      const at = nextElement(this.bytes, this.at);
      if (at !== -1) {
        this.at = at;
        this.left--;
        return true;
      }
    }
    return this.nextRun();
  }

  previous(): boolean {
    if (!this.plain) {
      const at = previousElement(this.bytes, this.base, this.at);
      if (at !== -1) {
        this.at = at;
        this.left++;
        return true;
      }
      if (this.packed) return false;
    }
    if (!this.nodes.tree.previous()) return false;
    this.openNode();
    if (this.plain) return true;
    this.at = lastElement(this.bytes, this.base);
    this.left = 1;
    return true;
  }

  private openNode(): void {
    const { nodes } = this;
    nodes.view();
    this.plain = nodes.plain;
    if (this.plain) return;
    this.bytes = nodes.bytes;
    this.base = nodes.base;
  }

  /** Is the element's text this one? */
  equals(source: Uint8Array, start: number, length: number): boolean {
    if (!this.plain) return elementEquals(this.bytes, this.at, source, start, length);
    const { blob } = this.nodes;
    const { arena } = this.dataset;
    if (blob.length !== length) return false;
    for (let at = 0; at < length; at += span.length) {
      locate(arena, blob, at, length - at, span);
      if (!equalBytes(arena.bytes[span.segment]!, span.offset, source, start + at, span.length)) return false;
    }
    return true;
  }

  /** From the current element on, the first of all: index of the first that equals a text, -1 when there is none. */
  find(source: Uint8Array, start: number, length: number): number {
    let index = 0;
    do {
      if (this.equals(source, start, length)) return index;
      index++;
    } while (this.next());
    return -1;
  }

  /** Length of the element's text, bytes. */
  get textLength(): number {
    return this.plain ? this.nodes.blob.length : elementTextLength(this.bytes, this.at);
  }

  /** Is the element kept as an integer? */
  get isInteger(): boolean {
    return !this.plain && isIntegerElement(this.bytes, this.at);
  }

  /** Copies the element's text, returns its length. */
  copyText(target: Uint8Array, at: number): number {
    if (!this.plain) return copyElementText(this.bytes, this.at, target, at);
    const { blob } = this.nodes;
    readBlob(this.dataset.arena, blob, 0, target, at, blob.length);
    return blob.length;
  }

  /** Lets `piece` stand for the element's text, until the next step. */
  piece(piece: Piece): void {
    if (!this.plain && !isIntegerElement(this.bytes, this.at)) {
      piece.bytes = this.bytes;
      piece.offset = stringOffset(this.bytes, this.at);
      piece.length = stringLength(this.bytes, this.at);
      return;
    }
    piece.offset = 0;
    piece.bytes = this.plain ? new Uint8Array(this.nodes.blob.length) : this.digits;
    piece.length = this.copyText(piece.bytes, 0);
  }
}
