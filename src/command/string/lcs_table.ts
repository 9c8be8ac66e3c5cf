/**
 * The longest common subsequence of two byte strings, by the table of the lengths for all pairs of prefixes.
 *
 * ```
 * cells[i × (|b| + 1) + j]   length for the first i bytes of a and the first j bytes of b; row 0 and column 0 are zero
 * ```
 * Where several subsequences are equally long, which one is found is part of Redis's replies: on a tie the walk back goes left, in b.
 */

export interface LcsTable {
  readonly cells: Uint16Array | Uint32Array;
  readonly columns: number;
  /** Length of the longest common subsequence. */
  readonly length: number;
}

/** The table; undefined when the machine refuses the memory. */
export function lcsTable(a: Uint8Array, b: Uint8Array): LcsTable | undefined {
  const columns = b.length + 1;
  const count = (a.length + 1) * columns;
  // No length exceeds the shorter string's, which is short where both together fit the limit on the table.
  const narrow = Math.min(a.length, b.length) < 65536;
  try {
    if (narrow) {
      const cells = new Uint16Array(count);
      fillNarrow(cells, a, b);
      return { cells, columns, length: cells[count - 1]! };
    }
    const cells = new Uint32Array(count);
    fillWide(cells, a, b);
    return { cells, columns, length: cells[count - 1]! };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The length alone, for which two rows are enough. */
export function lcsLength(a: Uint8Array, b: Uint8Array): number {
  let above = new Uint32Array(b.length + 1);
  let row = new Uint32Array(b.length + 1);
  for (let i = 0; i < a.length; i++) {
    fillRow(row, above, a[i]!, b);
    const next = above;
    above = row;
    row = next;
  }
  return above[b.length]!;
}

/** The subsequence itself. */
export function lcsText(table: LcsTable, a: Uint8Array, b: Uint8Array): Uint8Array {
  const text = new Uint8Array(table.length);
  let end = table.length;
  walkMatches(table, a, b, (aStart, _bStart, length) => {
    text.set(a.subarray(aStart, aStart + length), end - length);
    end -= length;
  });
  return text;
}

/** Calls `found` for each run of equal bytes that is contiguous in both strings, from the last to the first. */
export function walkMatches(
  table: LcsTable,
  a: Uint8Array,
  b: Uint8Array,
  found: (aStart: number, bStart: number, length: number) => void,
): void {
  const { cells, columns } = table;
  let i = a.length;
  let j = b.length;
  let run = 0;
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      run++;
      i--;
      j--;
      continue;
    }
    if (run > 0) found(i, j, run);
    run = 0;
    if (cells[(i - 1) * columns + j]! > cells[i * columns + j - 1]!) i--;
    else j--;
  }
  if (run > 0) found(i, j, run);
}

function fillNarrow(cells: Uint16Array, a: Uint8Array, b: Uint8Array): void {
  const columns = b.length + 1;
  for (let i = 0; i < a.length; i++) {
    const byte = a[i]!;
    const above = i * columns;
    const row = above + columns;
    let left = 0;
    for (let j = 1; j < columns; j++) {
      if (b[j - 1] === byte) left = cells[above + j - 1]! + 1;
      else if (cells[above + j]! > left) left = cells[above + j]!;
      cells[row + j] = left;
    }
  }
}

function fillWide(cells: Uint32Array, a: Uint8Array, b: Uint8Array): void {
  const columns = b.length + 1;
  for (let i = 0; i < a.length; i++) {
    const above = cells.subarray(i * columns, (i + 1) * columns);
    fillRow(cells.subarray((i + 1) * columns, (i + 2) * columns), above, a[i]!, b);
  }
}

/** One row from the one above it. */
function fillRow(row: Uint32Array, above: Uint32Array, byte: number, b: Uint8Array): void {
  let left = 0;
  for (let j = 1; j <= b.length; j++) {
    if (b[j - 1] === byte) left = above[j - 1]! + 1;
    else if (above[j]! > left) left = above[j]!;
    row[j] = left;
  }
}
