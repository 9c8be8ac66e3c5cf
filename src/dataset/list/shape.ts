/** What DEBUG OBJECT tells about a big list: how many nodes it has, and what their elements take. Looks at every node. */
import { listpackBytes } from "../../structure/listpack.ts";
import type { Dataset } from "../dataset.ts";
import { bigWord0 } from "../packed.ts";
import { ListNodes } from "./nodes.ts";

export interface ListShape {
  /** Bytes of each node's listpack, or of its one element, none of them compressed. */
  readonly nodeBytes: readonly number[];
}

export function listShape(dataset: Dataset, entry: number): ListShape {
  const nodes = new ListNodes(dataset);
  nodes.attach(bigWord0(dataset.arena, entry));
  const nodeBytes: number[] = [];
  for (let standing = nodes.tree.seekFirst(); standing; standing = nodes.tree.next()) {
    nodes.view();
    nodeBytes.push(nodes.plain ? nodes.blob.length : listpackBytes(nodes.bytes, nodes.base));
  }
  return { nodeBytes };
}
