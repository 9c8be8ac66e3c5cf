/**
 * Sorts so much of an array that the positions from `first` to `last` hold what they would if all were sorted.
 *
 * It is the quicksort of Bentley and McIlroy ("Engineering a Sort Function", 1993) with a median of up to nine and three-way partitions, which
 * passes over the parts that lie outside of the range. The choice is Redis's for SORT with BY and LIMIT, and is seen from outside: the
 * order of elements of the same weight is what this very algorithm makes of it.
 */
export type Compare = (a: number, b: number) => number;

/** Shorter ranges are sorted by insertion; longer ones take a pivot of three, and beyond the other bound of nine. */
const INSERTION_MAX = 6;
const NINE_MIN = 41;

export function partialSort(items: Int32Array, compare: Compare, first: number, last: number): void {
  // Ranges that are still to be sorted, as pairs (start, end): disjoint, so that their order does not matter.
  const ranges = [0, items.length];
  while (ranges.length > 0) {
    const end = ranges.pop()!;
    const start = ranges.pop()!;
    if (end - start <= INSERTION_MAX) {
      insertionSort(items, compare, start, end);
      continue;
    }
    partition(items, compare, start, end);
    for (const [from, to] of [
      [start, start + below],
      [end - above, end],
    ] as const) {
      if (to - from > 1 && !(last < from || first > to - 1)) ranges.push(from, to);
    }
  }
}

/** How many items `partition` found smaller and greater than the pivot. */
let below = 0;
let above = 0;

function partition(items: Int32Array, compare: Compare, start: number, end: number): void {
  swap(items, start, pivotOf(items, compare, start, end));
  // Equal items gather at both ends: [start, equalLeft) and (equalRight, end).
  let equalLeft = start + 1;
  let left = start + 1;
  let right = end - 1;
  let equalRight = end - 1;
  for (;;) {
    for (; left <= right; left++) {
      const order = compare(items[left]!, items[start]!);
      if (order > 0) break;
      if (order === 0) swap(items, equalLeft++, left);
    }
    for (; left <= right; right--) {
      const order = compare(items[right]!, items[start]!);
      if (order < 0) break;
      if (order === 0) swap(items, right, equalRight--);
    }
    if (left > right) break;
    swap(items, left++, right--);
  }
  swapRanges(items, start, left, Math.min(equalLeft - start, left - equalLeft));
  swapRanges(items, left, end, Math.min(equalRight - right, end - 1 - equalRight));
  below = left - equalLeft;
  above = equalRight - right;
}

function pivotOf(items: Int32Array, compare: Compare, start: number, end: number): number {
  const count = end - start;
  let low = start;
  let middle = start + (count >> 1);
  let high = end - 1;
  if (count === INSERTION_MAX + 1) return middle;
  if (count >= NINE_MIN) {
    const eighth = count >> 3;
    low = medianOf(items, compare, low, low + eighth, low + 2 * eighth);
    middle = medianOf(items, compare, middle - eighth, middle, middle + eighth);
    high = medianOf(items, compare, high - 2 * eighth, high - eighth, high);
  }
  return medianOf(items, compare, low, middle, high);
}

function medianOf(items: Int32Array, compare: Compare, a: number, b: number, c: number): number {
  const x = items[a]!;
  const y = items[b]!;
  const z = items[c]!;
  if (compare(x, y) < 0) {
    if (compare(y, z) < 0) return b;
    return compare(x, z) < 0 ? c : a;
  }
  if (compare(y, z) > 0) return b;
  return compare(x, z) < 0 ? a : c;
}

function insertionSort(items: Int32Array, compare: Compare, start: number, end: number): void {
  for (let i = start + 1; i < end; i++) {
    for (let j = i; j > start && compare(items[j - 1]!, items[j]!) > 0; j--) swap(items, j, j - 1);
  }
}

/** Exchanges `count` items from `start` on with as many before `end`. */
function swapRanges(items: Int32Array, start: number, end: number, count: number): void {
  for (let i = 0; i < count; i++) swap(items, start + i, end - count + i);
}

function swap(items: Int32Array, i: number, j: number): void {
  const item = items[i]!;
  items[i] = items[j]!;
  items[j] = item;
}
