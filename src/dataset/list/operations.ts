/** What a list is to code that knows no types. */
import { NIL } from "../../memory/layout.ts";
import { setValueReference } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { Tree } from "../../structure/tree.ts";
import { bigWord0 } from "../packed.ts";
import { Piece, type ValueOperations } from "../value_operations.ts";
import { ListNodeEdits } from "./node_edits.ts";

/** Nodes looked at to estimate the bytes of all. */
const SAMPLE_NODES = 64;

const released = new EntryList(512);

export const listOperations: ValueOperations = {
  count(dataset, entry) {
    return dataset.lists.length(entry);
  },

  forEach(dataset, entry, visit) {
    const { cursor } = dataset.lists;
    const piece = new Piece();
    const none = new Piece();
    cursor.open(entry);
    if (!cursor.seek(0)) return;
    do {
      cursor.piece(piece);
      visit(piece, none, 0);
    } while (cursor.next());
  },

  releaseStep(dataset, entry) {
    const { arena } = dataset;
    const nodes = new ListNodeEdits(dataset);
    nodes.attach(bigWord0(arena, entry));
    released.clear();
    const done = nodes.tree.releaseInto(1, released);
    for (let i = 0; i < released.count; i += 3) nodes.freeBlock(released.items[i]!, released.items[i + 1]!);
    return done;
  },

  copyBig(dataset, entry, copy) {
    const { arena, allocator } = dataset;
    const root = Tree.create(allocator, true);
    if (root === NIL) return false;
    const source = new ListNodeEdits(dataset);
    const target = new ListNodeEdits(dataset);
    source.attach(bigWord0(arena, entry));
    target.attach(root);
    for (let standing = source.tree.seekFirst(); standing; standing = source.tree.next()) {
      if (target.appendCopy(source)) continue;
      target.dispose();
      return false;
    }
    setValueReference(arena, copy, root, 0, 0);
    return true;
  },

  bigBytes(dataset, entry) {
    const nodes = new ListNodeEdits(dataset);
    nodes.attach(bigWord0(dataset.arena, entry));
    const { tree } = nodes;
    let bytes = 0;
    let seen = 0;
    if (tree.items <= SAMPLE_NODES) {
      for (let standing = tree.seekFirst(); standing; standing = tree.next(), seen++) bytes += nodes.blockBytes();
    } else {
      // Nodes at the ends differ from those in the middle: looked at is one here and there.
      for (; seen < SAMPLE_NODES; seen++) {
        tree.seekPosition(Math.floor((tree.length * seen) / SAMPLE_NODES));
        bytes += nodes.blockBytes();
      }
    }
    return tree.bytes + Math.round((bytes / Math.max(1, seen)) * tree.items);
  },
};
