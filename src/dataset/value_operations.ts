/**
 * What every type of collection can do with its values, so that freeing, COPY, digests, MEMORY USAGE, filling a log and (later) RDB
 * know none of the types.
 *
 * A collection is packed or big (types.ts). A big one's reference is two words of its own, roots of structures, and a third one that
 * belongs to released_values.ts while the value waits to be freed.
 */

import type { Dataset } from "./dataset.ts";
import { hashOperations } from "./hash/operations.ts";
import { listOperations } from "./list/operations.ts";
import type { Piece } from "./piece.ts";
import { setOperations } from "./set/operations.ts";
import { zsetOperations } from "./sorted_set/operations.ts";

export { Piece } from "./piece.ts";

/**
 * Is called for each element. Lists and sets: `first` is the element. Hashes: field and value, and in `number` when the field expires (ms
 * since 1970), -1 for never. Sorted sets: `first` is the member, `number` its score.
 */
export type ElementVisitor = (first: Piece, second: Piece, number: number) => void;

export interface ValueOperations {
  /** Elements of the value; fields that have expired unnoticed count. */
  count(dataset: Dataset, entry: number): number;
  /** Visits all elements, packed or big: lists in order, sorted sets by score, others in any order. Nothing may change in between. */
  forEach(dataset: Dataset, entry: number, visit: ElementVisitor): void;
  /** Frees about `elementsMax` elements of a big value that nobody uses any more; true when all but the entry itself is gone. */
  releaseStep(dataset: Dataset, entry: number, elementsMax: number): boolean;
  /** Makes the reference of `copy` (zeros so far) refer to a copy of a big value. False: the address space is full, nothing is left behind. */
  copyBig(dataset: Dataset, entry: number, copy: number): boolean;
  /** Bytes that a big value takes, structures and elements; elements may be estimated from a few. */
  bigBytes(dataset: Dataset, entry: number): number;
}

/** By type; strings have none. */
const OPERATIONS: readonly (ValueOperations | undefined)[] = [
  undefined,
  listOperations,
  setOperations,
  zsetOperations,
  hashOperations,
];

/** The operations of a collection's type. */
export function operationsOf(type: number): ValueOperations {
  return OPERATIONS[type]!;
}
