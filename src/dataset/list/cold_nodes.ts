/**
 * Nodes in the middle of very long lists that are still to be compressed.
 *
 * Without list-compress-depth nobody sees that they are compressed but in the memory that they take (limits.ts), so that it can wait until
 * there is nothing else to do: a list that is pushed to as fast as clients can spends a sixth of the time of a push on it otherwise.
 * What is noted is a key, and how many nodes its list has got at either end since: these lie just behind the open ones of that end, and pops
 * only move them outwards.
 *
 * It must not be relied on for anything but memory: a key that is another list by then, or no list, is as good as one that isn't noted, and a
 * node that was compressed before stays as it is. Where too much would wait `note` refuses, and the nodes are compressed at once.
 */
import { COLD_LISTS_MAX, COLD_NODES_MAX } from "../../base/limits.ts";
import { NIL, SEGMENT_SHIFT } from "../../memory/layout.ts";
import { entryEncoding, entryType, keyLength, keyOffset } from "../../structure/entry.ts";
import type { Database } from "../database.ts";
import type { Dataset } from "../dataset.ts";
import { bigWord0 } from "../packed.ts";
import { ENCODING_BIG, TYPE_LIST } from "../types.ts";
import { openDepth } from "./limits.ts";
import { ListNodeEdits } from "./node_edits.ts";

/** Nodes that a step compresses, of 10 to 40 µs each. */
const STEP_NODES = 8;

interface ColdList {
  readonly database: number;
  readonly key: Uint8Array;
  readonly root: number;
  front: number;
  back: number;
}

export class ColdNodes {
  /** Off where memory is short, or nobody calls `step`. */
  waits = false;
  /** Nodes that wait, at most. */
  count = 0;
  private readonly dataset: Dataset;
  /** The class that commands use: with another one V8 would see two shapes in all that they share. */
  private readonly nodes: ListNodeEdits;
  private readonly lists: ColdList[] = [];

  constructor(dataset: Dataset) {
    this.dataset = dataset;
    this.nodes = new ListNodeEdits(dataset);
  }

  /** An end of the list with this root has got `added` nodes. False: they are to be compressed now. */
  note(database: Database, entry: number, root: number, atFront: boolean, added: number): boolean {
    if (this.count + added > COLD_NODES_MAX) return false;
    let list = this.find(database.index, root);
    if (list === undefined) {
      if (this.lists.length === COLD_LISTS_MAX) return false;
      const { arena } = this.dataset;
      const start = keyOffset(arena, entry);
      const key = arena.bytes[entry >>> SEGMENT_SHIFT]!.slice(start, start + keyLength(arena, entry));
      list = { database: database.index, key, root, front: 0, back: 0 };
      this.lists.push(list);
    }
    if (atFront) list.front += added;
    else list.back += added;
    this.count += added;
    return true;
  }

  private find(database: number, root: number): ColdList | undefined {
    for (let i = this.lists.length - 1; i >= 0; i--) {
      const list = this.lists[i]!;
      if (list.root === root && list.database === database) return list;
    }
    return undefined;
  }

  /** Compresses a few nodes; false when none is left. */
  step(): boolean {
    const list = this.lists[0];
    if (list === undefined) return false;
    const atFront = list.front > 0;
    const waiting = atFront ? list.front : list.back;
    const left = this.attach(list) ? this.squeezeSome(atFront, waiting) : 0;
    if (left === 0 && (!atFront || list.back === 0)) {
      this.count -= list.front + list.back;
      this.lists.shift();
      return this.lists.length > 0;
    }
    this.count -= waiting - left;
    if (atFront) list.front = left;
    else list.back = left;
    return true;
  }

  /** Nothing waits any more: the lists are others now. */
  clear(): void {
    this.count = 0;
    this.lists.length = 0;
  }

  private attach({ database, key }: ColdList): boolean {
    const { arena } = this.dataset;
    const found = this.dataset.database(database);
    const entry = found.find(key, 0, key.length, found.hash(key, 0, key.length));
    if (entry === NIL || entryType(arena, entry) !== TYPE_LIST || entryEncoding(arena, entry) !== ENCODING_BIG) {
      return false;
    }
    this.nodes.attach(bigWord0(arena, entry));
    return true;
  }

  /** Of `waiting` nodes behind the open ones of an end, compresses the innermost: how many are left. */
  private squeezeSome(atFront: boolean, waiting: number): number {
    const { nodes } = this;
    const { tree } = nodes;
    const depth = openDepth(this.dataset.limits);
    let left = Math.min(waiting, tree.items - depth * 2);
    if (left <= 0) return 0;
    if (atFront) tree.seekFirst();
    else tree.seekLast();
    const innermost = depth + left - 1;
    let standing = tree.skip(atFront ? innermost : -innermost);
    for (let done = 0; done < STEP_NODES && left > 0 && standing; done++, left--) {
      nodes.squeeze();
      standing = atFront ? tree.previous() : tree.next();
    }
    return standing ? left : 0;
  }
}
