/**
 * Big values whose key is gone (DEL, UNLINK, overwritten, expired, evicted) and that are freed a few elements at a time, so that no
 * command waits for a collection of millions of elements.
 *
 * Their entries, out of the tables, form a list in the arena, so that a restart goes on where it stopped:
 * ```
 * global root RELEASED_VALUES_ROOT ──> entry ──> entry ──> 0      linked by the third word of the reference
 * ```
 */
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import { entryType, freeEntry, referenceWord } from "../structure/entry.ts";
import type { Dataset } from "./dataset.ts";
import { operationsOf } from "./value_operations.ts";

/** Which of the arena's global roots; released_tables.ts has those below. */
export const RELEASED_VALUES_ROOT = 62;

/** A value with at most so many elements is freed at once. */
const AT_ONCE_ELEMENTS_MAX = 64;
/** Elements freed in one step. */
const STEP_ELEMENTS = 128;

/** Frees a big value with its entry, at once if it is small, later by `releaseValueStep` if not. */
export function releaseBig(dataset: Dataset, entry: number): void {
  const { arena } = dataset;
  const operations = operationsOf(entryType(arena, entry));
  if (operations.count(dataset, entry) <= AT_ONCE_ELEMENTS_MAX) {
    while (!operations.releaseStep(dataset, entry, STEP_ELEMENTS));
    freeEntry(dataset.allocator, entry);
    return;
  }
  setNext(dataset, entry, arena.root(RELEASED_VALUES_ROOT));
  arena.setRoot(RELEASED_VALUES_ROOT, entry);
  dataset.releasedValues++;
}

/** Frees a few elements; false when nothing is left to free. */
export function releaseValueStep(dataset: Dataset): boolean {
  const { arena } = dataset;
  const entry = arena.root(RELEASED_VALUES_ROOT);
  if (entry === NIL) return false;
  if (operationsOf(entryType(arena, entry)).releaseStep(dataset, entry, STEP_ELEMENTS)) {
    arena.setRoot(RELEASED_VALUES_ROOT, next(dataset, entry));
    freeEntry(dataset.allocator, entry);
    dataset.releasedValues--;
    dataset.lazyFreed++;
  }
  return true;
}

/** Values that wait in the arena to be freed. */
export function countReleased(dataset: Dataset): number {
  let count = 0;
  for (let entry = dataset.arena.root(RELEASED_VALUES_ROOT); entry !== NIL; entry = next(dataset, entry)) count++;
  return count;
}

function next(dataset: Dataset, entry: number): number {
  return dataset.arena.words[entry >>> SEGMENT_SHIFT]![referenceWord(dataset.arena, entry) + 2]!;
}

function setNext(dataset: Dataset, entry: number, following: number): void {
  const { arena } = dataset;
  const word = referenceWord(arena, entry) + 2;
  arena.touchBytes(entry >>> SEGMENT_SHIFT, word << 2, 4);
  arena.words[entry >>> SEGMENT_SHIFT]![word] = following;
}
