/** Looks at every element of a collection and says what contradicts its layout, for verify_dataset.ts. It reads only. */
import type { Dataset } from "../../src/dataset/dataset.ts";
import { membersOf } from "../../src/dataset/members.ts";
import { bigWord0, bigWord1, openPack, Pack } from "../../src/dataset/packed.ts";
import {
  ENCODING_INTSET,
  isBig,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_NAMES,
  TYPE_SET,
  TYPE_ZSET,
} from "../../src/dataset/types.ts";
import { operationsOf } from "../../src/dataset/value_operations.ts";
import { entryEncoding, entryType } from "../../src/structure/entry.ts";
import { intsetBytes, validateIntset } from "../../src/structure/intset.ts";
import { isCanonicalListpack, listpackBytes, listpackCount, validateListpack } from "../../src/structure/listpack.ts";
import { Tree } from "../../src/structure/tree.ts";

/** What is wrong with the value of a collection's entry, a sentence each. */
export function verifyCollection(dataset: Dataset, entry: number): string[] {
  const { arena } = dataset;
  const type = entryType(arena, entry);
  const problems = isBig(type, entryEncoding(arena, entry))
    ? bigProblems(dataset, entry, type)
    : packedProblems(dataset, entry, type);
  if (problems.length === 0) problems.push(...elementProblems(dataset, entry, type));
  return problems.map((problem) => `a ${TYPE_NAMES[type]}: ${problem}`);
}

function packedProblems(dataset: Dataset, entry: number, type: number): string[] {
  const pack = new Pack();
  openPack(dataset.arena, entry, pack);
  const { bytes, offset } = pack;
  // Without memory for a smaller block a value keeps an end that means nothing.
  if (type === TYPE_SET && entryEncoding(dataset.arena, entry) === ENCODING_INTSET) {
    const length = Math.min(pack.length, intsetBytes(bytes, offset));
    return validateIntset(bytes, offset, length) ? [] : ["no valid intset"];
  }
  const length = Math.min(pack.length, listpackBytes(bytes, offset));
  if (!validateListpack(bytes, offset, length)) return ["no valid listpack"];
  return isCanonicalListpack(bytes, offset) ? [] : ["a listpack with an element that isn't in its shortest form"];
}

/** The structures that the type is known to be made of, one against the other. */
function bigProblems(dataset: Dataset, entry: number, type: number): string[] {
  const { arena, allocator } = dataset;
  const problems: string[] = [];
  if (type === TYPE_LIST) {
    const tree = new Tree(arena, allocator);
    tree.attach(bigWord0(arena, entry));
    problems.push(...thrown(() => tree.verify(false)));
  }
  if (type !== TYPE_ZSET) return problems;
  const tree = new Tree(arena, allocator);
  tree.attach(bigWord1(arena, entry));
  problems.push(...thrown(() => tree.verify(true)));
  const { count } = membersOf(dataset, bigWord0(arena, entry));
  if (count !== tree.length) problems.push(`${count} members in its table, ${tree.length} in its tree`);
  return problems;
}

/** As many elements as are counted, none twice, those of a sorted set in order. */
function elementProblems(dataset: Dataset, entry: number, type: number): string[] {
  const problems: string[] = [];
  const operations = operationsOf(type);
  const count = operations.count(dataset, entry);
  const seen = new Set<string>();
  let visited = 0;
  let before = Number.NEGATIVE_INFINITY;
  let last = "";
  operations.forEach(dataset, entry, (first, _second, number) => {
    visited++;
    const text = Buffer.from(first.bytes.buffer, first.bytes.byteOffset + first.offset, first.length).toString(
      "latin1",
    );
    if (type !== TYPE_LIST && seen.has(text)) problems.push(`${JSON.stringify(text.slice(0, 80))} is there twice`);
    if (type !== TYPE_LIST) seen.add(text);
    if (type === TYPE_ZSET && visited > 1 && !(number > before || (number === before && text > last)))
      problems.push(`${JSON.stringify(text.slice(0, 80))} of ${number} stands behind one of ${before}`);
    before = number;
    last = text;
  });
  if (count === 0) problems.push("no elements");
  if (visited !== count) problems.push(`${count} elements counted, ${visited} found`);
  if ((type === TYPE_HASH || type === TYPE_ZSET) && !isBig(type, entryEncoding(dataset.arena, entry)))
    problems.push(...pairProblems(dataset, entry, count));
  if (type === TYPE_SET && seen.size !== count) problems.push(`${count} members counted, ${seen.size} different ones`);
  return problems;
}

/** A listpack of two or, with expiries, three elements for each. */
function pairProblems(dataset: Dataset, entry: number, count: number): string[] {
  const pack = new Pack();
  openPack(dataset.arena, entry, pack);
  const elements = listpackCount(pack.bytes, pack.offset);
  return elements === 2 * count || elements === 3 * count
    ? []
    : [`${elements} elements in a listpack of ${count} pairs`];
}

function thrown(look: () => void): string[] {
  try {
    look();
    return [];
  } catch (error) {
    return [String(error)];
  }
}
