/**
 * A walk over the members of a sorted set in order, packed or big. What it stands on is lent: nothing may change meanwhile, and no other
 * walk over a big set may be under way unless it has a Tree of its own.
 */
import { SEGMENT_SHIFT } from "../../memory/layout.ts";
import { keyLength, keyOffset } from "../../structure/entry.ts";
import {
  copyElementText,
  isIntegerElement,
  nextElement,
  previousElement,
  seekElement,
  stringLength,
  stringOffset,
} from "../../structure/listpack.ts";
import type { Tree } from "../../structure/tree.ts";
import type { Dataset } from "../dataset.ts";
import { bigWord1, openPack, Pack } from "../packed.ts";
import { scorePosition } from "./packed.ts";
import { scoreAt } from "./scores.ts";
import { isPacked } from "./sorted_set.ts";

const DIGITS_MAX = 20;

export class Walk {
  /** The member's bytes. */
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;
  length = 0;
  score = 0;
  private readonly pack = new Pack();
  private readonly digits = new Uint8Array(DIGITS_MAX);
  private dataset: Dataset | undefined;
  private tree: Tree | undefined;
  /** In a packed set: where the member stands, -1 for nowhere. */
  private position = -1;
  /** A Tree of its own, where the shared one may be needed in between. */
  private readonly own: Tree | undefined;

  constructor(own?: Tree) {
    this.own = own;
  }

  /** To the member at a rank; false when there is none. */
  seek(dataset: Dataset, entry: number, rank: number): boolean {
    this.dataset = dataset;
    if (isPacked(dataset, entry)) {
      this.tree = undefined;
      openPack(dataset.arena, entry, this.pack);
      this.position = seekElement(this.pack.bytes, this.pack.offset, rank * 2);
      return this.readPacked();
    }
    const tree = this.own ?? dataset.order;
    tree.attach(bigWord1(dataset.arena, entry));
    this.tree = tree;
    return tree.seekPosition(rank) && this.readBig(tree, dataset);
  }

  next(): boolean {
    const { tree, pack } = this;
    if (tree !== undefined) return tree.next() && this.readBig(tree, this.dataset!);
    this.position = nextElement(pack.bytes, scorePosition(pack.bytes, this.position));
    return this.readPacked();
  }

  previous(): boolean {
    const { tree, pack } = this;
    if (tree !== undefined) return tree.previous() && this.readBig(tree, this.dataset!);
    const score = previousElement(pack.bytes, pack.offset, this.position);
    this.position = score < 0 ? -1 : previousElement(pack.bytes, pack.offset, score);
    return this.readPacked();
  }

  private readBig(tree: Tree, dataset: Dataset): boolean {
    const { arena } = dataset;
    const member = tree.entry;
    this.score = tree.score;
    this.bytes = arena.bytes[member >>> SEGMENT_SHIFT]!;
    this.offset = keyOffset(arena, member);
    this.length = keyLength(arena, member);
    return true;
  }

  private readPacked(): boolean {
    const { position, digits } = this;
    const { bytes } = this.pack;
    if (position < 0) return false;
    this.score = scoreAt(bytes, scorePosition(bytes, position));
    if (isIntegerElement(bytes, position)) {
      this.bytes = digits;
      this.offset = 0;
      this.length = copyElementText(bytes, position, digits, 0);
    } else {
      this.bytes = bytes;
      this.offset = stringOffset(bytes, position);
      this.length = stringLength(bytes, position);
    }
    return true;
  }
}
