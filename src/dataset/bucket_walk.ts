/**
 * Walking a table while emptying it.
 *
 * A table shrinks from its last bucket, by merging it into another. The order of SCAN, which visits neighbours in hash far apart in number, would
 * leave empty buckets everywhere: each merge then joins two full ones, and the last thousandth of ten million keys ends up in a single chain. From the
 * last bucket downwards it is the emptied buckets that are merged away, and chains stay as they are.
 *
 * Unlike SCAN's cursor this promises nothing about keys that come or move meanwhile: they are met in the next round.
 */
import type { EntryList } from "../structure/entry_list.ts";
import type { Table } from "../structure/table.ts";

/** Where a round begins: beyond every bucket. */
export const WALK_START = 0x7fffffff;
/** What `walkDown` returns at the end of a round. */
export const WALK_END = -1;

/** Appends the entries of the bucket at `position` (and of the one it was split from) to `out`; returns the next position, or WALK_END. */
export function walkDown(table: Table, position: number, out: EntryList): number {
  const last = table.buckets - 1;
  const bucket = position > last ? last : position;
  // The low bits of its number name it to scanInto, which takes its split half along.
  const half = 1 << (31 - Math.clz32(last + 1));
  table.scanInto(bucket & (half - 1), out);
  return bucket - 1;
}
