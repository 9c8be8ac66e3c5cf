/** What a sorted set is to code that knows no types. */
import { setValueReference } from "../../structure/entry.ts";
import { Tree } from "../../structure/tree.ts";
import { membersBytes } from "../members.ts";
import { bigWord0 } from "../packed.ts";
import { Piece, type ValueOperations } from "../value_operations.ts";
import { copyBigInto, Roots, releaseBigStep, treeOf } from "./big.ts";
import { cardinality, isPacked } from "./sorted_set.ts";
import { Walk } from "./walk.ts";

const roots = new Roots();

export const zsetOperations: ValueOperations = {
  count: cardinality,
  forEach(dataset, entry, visit) {
    // A tree of its own: the visitor may look into other sets.
    const walk = new Walk(isPacked(dataset, entry) ? undefined : new Tree(dataset.arena, dataset.allocator));
    const piece = new Piece();
    const nothing = new Piece();
    for (let more = walk.seek(dataset, entry, 0); more; more = walk.next()) {
      piece.bytes = walk.bytes;
      piece.offset = walk.offset;
      piece.length = walk.length;
      visit(piece, nothing, walk.score);
    }
  },
  releaseStep: releaseBigStep,
  copyBig(dataset, entry, copy) {
    if (!copyBigInto(dataset, entry, roots)) return false;
    setValueReference(dataset.arena, copy, roots.table, roots.tree, 0);
    return true;
  },
  bigBytes(dataset, entry) {
    return membersBytes(dataset, bigWord0(dataset.arena, entry)) + treeOf(dataset, entry).bytes;
  },
};
