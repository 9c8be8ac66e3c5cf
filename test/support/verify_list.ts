/** Looks at every node of a big list and says what contradicts the layout of node_words.ts. */

import type { Dataset } from "../../src/dataset/dataset.ts";
import { blockBytesOf, formOf, numberOf, RAW } from "../../src/dataset/list/node_words.ts";
import { ListNodes } from "../../src/dataset/list/nodes.ts";
import { bigWord0, openPack, Pack } from "../../src/dataset/packed.ts";
import { ENCODING_BIG } from "../../src/dataset/types.ts";
import { entryEncoding } from "../../src/structure/entry.ts";
import { isCanonicalListpack, listpackBytes, listpackCount, validateListpack } from "../../src/structure/listpack.ts";

/** What is wrong with a list; nothing when all is well. */
export function verifyList(dataset: Dataset, entry: number): string[] {
  const problems: string[] = [];
  if (entryEncoding(dataset.arena, entry) !== ENCODING_BIG) {
    const pack = new Pack();
    openPack(dataset.arena, entry, pack);
    const length = listpackBytes(pack.bytes, pack.offset);
    if (length > pack.length || !validateListpack(pack.bytes, pack.offset, length)) problems.push("no valid listpack");
    else if (!isCanonicalListpack(pack.bytes, pack.offset)) problems.push("an element not in its shortest form");
    if (listpackCount(pack.bytes, pack.offset) === 0) problems.push("an empty list");
    return problems;
  }
  const nodes = new ListNodes(dataset);
  nodes.attach(bigWord0(dataset.arena, entry));
  nodes.tree.verify(false);
  if (nodes.tree.items === 0) problems.push("a list without nodes");
  let node = 0;
  for (let standing = nodes.tree.seekFirst(); standing; standing = nodes.tree.next(), node++) {
    const { w1, w2 } = nodes.tree;
    nodes.view();
    if (nodes.plain) {
      if (w2 !== 1) problems.push(`plain node ${node} has ${w2} elements`);
      continue;
    }
    const length = listpackBytes(nodes.bytes, nodes.base);
    if (formOf(w1) === RAW && numberOf(w1) + length > blockBytesOf(w1)) problems.push(`node ${node} leaves its block`);
    if (!validateListpack(nodes.bytes, nodes.base, length)) problems.push(`node ${node} is no valid listpack`);
    else if (!isCanonicalListpack(nodes.bytes, nodes.base)) problems.push(`node ${node} has a long form`);
    if (listpackCount(nodes.bytes, nodes.base) !== w2) problems.push(`node ${node} weighs ${w2}`);
  }
  return problems;
}

/** Elements of each node of a big list, −1 for a plain one; undefined for a small list. */
export function nodeCounts(dataset: Dataset, entry: number): number[] | undefined {
  if (entryEncoding(dataset.arena, entry) !== ENCODING_BIG) return undefined;
  const nodes = new ListNodes(dataset);
  nodes.attach(bigWord0(dataset.arena, entry));
  const counts: number[] = [];
  for (let standing = nodes.tree.seekFirst(); standing; standing = nodes.tree.next()) {
    counts.push(nodes.plain ? -1 : nodes.tree.w2);
  }
  return counts;
}
