/**
 * A list made from back to front of nothing: of elements, or of whole nodes as RDB files have them. It is in no table until it is finished, and a
 * list that fits one listpack becomes a packed one, as Redis's does.
 *
 * `begin`, then any of the functions that add, then `finish` or `giveUp`. Where one that adds returns false the address space is full.
 */
import { NIL } from "../../memory/layout.ts";
import { createEntry, OUT_OF_LINE, setValueReference } from "../../structure/entry.ts";
import { listpackBytes } from "../../structure/listpack.ts";
import { Tree } from "../../structure/tree.ts";
import { LENGTH_MAX } from "../../structure/tree_shape.ts";
import { newPacked, openPack, PACK_BYTES_MAX, Pack } from "../packed.ts";
import { ENCODING_BIG, ENCODING_LISTPACK, TYPE_LIST } from "../types.ts";
import { exceedsNode } from "./limits.ts";
import { formOf, RAW } from "./node_words.ts";
import { ListNodes } from "./nodes.ts";

/** Longer listpacks than any node of Redis's has are taken apart. */
const NODE_BYTES_MAX = 64 * 1024;

const pack = new Pack();

export class ListBuilder extends ListNodes {
  private readonly one = new Int32Array(2);

  /** False: the address space is full. */
  begin(): boolean {
    const root = Tree.create(this.dataset.allocator, true);
    if (root === NIL) return false;
    this.attach(root);
    return true;
  }

  /** Elements so far. */
  get count(): number {
    return this.tree.length;
  }

  /** May a listpack of this size be a node as it is? */
  takesNode(bytes: number): boolean {
    return bytes <= NODE_BYTES_MAX;
  }

  /** Adds an element where RPUSH would put it. */
  addText(source: Uint8Array, start: number, length: number): boolean {
    this.one[0] = start;
    this.one[1] = length;
    return this.push(false, source, this.one, 0, 1, 1);
  }

  /** Adds a node of its own for one element. */
  addPlain(source: Uint8Array, start: number, length: number): boolean {
    if (this.tree.length === LENGTH_MAX) return false;
    this.tree.seekLast();
    return this.insertPlain(true, source, start, length);
  }

  /** Adds a copy of a listpack of `count` elements, one at least, as a node. */
  addNode(bytes: Uint8Array, base: number, count: number): boolean {
    if (this.tree.length + count > LENGTH_MAX) return false;
    this.tree.seekLast();
    return this.appendListpack(bytes, base, count);
  }

  /** Frees what was built. */
  giveUp(): void {
    this.dispose();
  }

  /** The list as an entry that is in no table yet, with room for an expiry or without. NIL: the address space is full, nothing is left behind. */
  finish(key: Uint8Array, keyStart: number, keyBytes: number, expires: boolean): number {
    const { dataset, tree } = this;
    const { arena, allocator, limits } = dataset;
    if (tree.items === 1) {
      tree.seekFirst();
      this.view();
      const total = formOf(tree.w1) === RAW ? listpackBytes(this.bytes, this.base) : PACK_BYTES_MAX + 1;
      if (total <= PACK_BYTES_MAX && !exceedsNode(limits.listListpackSize, total, tree.w2)) {
        const small = newPacked(dataset, TYPE_LIST, ENCODING_LISTPACK, key, keyStart, keyBytes, total, expires);
        if (small !== NIL) {
          openPack(arena, small, pack);
          pack.bytes.set(this.bytes.subarray(this.base, this.base + total), pack.offset);
        }
        this.dispose();
        return small;
      }
    } else this.squeezeInterior(false, tree.items);
    const root = tree.address;
    const entry = createEntry(allocator, TYPE_LIST, ENCODING_BIG, key, keyStart, keyBytes, OUT_OF_LINE, expires);
    if (entry === NIL) this.dispose();
    else setValueReference(arena, entry, root, 0, 0);
    return entry;
  }
}
