/** What must hold of a hash whose fields may expire. */
import type { Dataset } from "../../src/dataset/dataset.ts";
import { hashOperations } from "../../src/dataset/hash/operations.ts";
import { bigWord1 } from "../../src/dataset/packed.ts";
import { ENCODING_BIG_EXPIRING } from "../../src/dataset/types.ts";
import { entryEncoding } from "../../src/structure/entry.ts";
import { Table } from "../../src/structure/table.ts";

/** Fields of a small hash stand in the order of their expiries; members of a big one that expire, and no others, are in its second table. */
export function verifyExpiringHash(dataset: Dataset, entry: number, name: string, problems: string[]): void {
  const { arena } = dataset;
  let expiring = 0;
  let last = 0;
  let ordered = true;
  hashOperations.forEach(dataset, entry, (_first, _second, expiryMs) => {
    if (expiryMs > 0) expiring++;
    const ms = expiryMs === -1 ? Number.POSITIVE_INFINITY : expiryMs;
    if (ms < last) ordered = false;
    last = ms;
  });
  if (entryEncoding(arena, entry) !== ENCODING_BIG_EXPIRING) {
    if (!ordered) problems.push(`${name}: fields of a small hash out of order`);
    return;
  }
  const root = bigWord1(arena, entry);
  const table = new Table(arena, dataset.allocator, root);
  if (table.count !== expiring) problems.push(`${name}: ${table.count} expiring members, ${expiring} expected`);
}
