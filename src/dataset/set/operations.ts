/** What a set is to code that knows no types. */
import { setValueReference } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Dataset } from "../dataset.ts";
import { copyMembers, membersBytes, releaseMembersStep } from "../members.ts";
import { bigWord0 } from "../packed.ts";
import { Piece } from "../piece.ts";
import type { ElementVisitor, ValueOperations } from "../value_operations.ts";
import { collectRefs, openSet, refPiece, SetView } from "./view.ts";

const NOTHING = new Piece();

export const setOperations: ValueOperations = {
  count(dataset, entry) {
    const view = new SetView();
    openSet(dataset, entry, view);
    return view.count;
  },

  forEach(dataset, entry, visit) {
    const view = new SetView();
    openSet(dataset, entry, view);
    visitMembers(dataset, view, visit);
  },

  releaseStep: (dataset, entry, elementsMax) =>
    releaseMembersStep(dataset, bigWord0(dataset.arena, entry), elementsMax),

  copyBig(dataset, entry, copy) {
    const root = copyMembers(dataset, bigWord0(dataset.arena, entry));
    if (root === 0) return false;
    setValueReference(dataset.arena, copy, root, 0, 0);
    return true;
  },

  bigBytes: (dataset, entry) => membersBytes(dataset, bigWord0(dataset.arena, entry)),
};

function visitMembers(dataset: Dataset, view: SetView, visit: ElementVisitor): void {
  // Lists of their own: a visitor may look at other sets.
  const refs = new EntryList(256);
  const piece = new Piece();
  collectRefs(dataset, view, refs);
  for (let i = 0; i < refs.count; i++) {
    refPiece(dataset, view, refs.items[i]!, piece);
    visit(piece, NOTHING, 0);
  }
}
