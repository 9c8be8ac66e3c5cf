import { Piece } from "../../dataset/piece.ts";
import { convertToBig } from "../../dataset/sorted_set/big.ts";
import { isPacked } from "../../dataset/sorted_set/sorted_set.ts";
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING, TYPE_ZSET } from "../../dataset/types.ts";
import { operationsOf } from "../../dataset/value_operations.ts";
import { NIL } from "../../memory/layout.ts";
import { entryType } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import {
  type Argument,
  argument,
  block,
  type CommandDefinition,
  type FoundKey,
  type KeySpec,
  keysAt,
  oneOf,
  token,
} from "../definition.ts";
import { OUT_OF_MEMORY, WRONG_TYPE } from "../messages.ts";
import { loadElements } from "./load.ts";
import { readSortOptions, sortOptions } from "./options.ts";
import { sortTexts } from "./order.ts";
import { Pattern } from "./pattern.ts";
import { storeTexts } from "./store.ts";
import { TextList } from "./texts.ts";

const COMPLEXITY =
  "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).";

const patternKeys: KeySpec = {
  flags: ["RO", "access"],
  begin: { unknown: true },
  find: { unknown: true },
  notes:
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
};

const storeKey: KeySpec = {
  flags: ["OW", "update"],
  begin: { unknown: true },
  find: { unknown: true },
  notes:
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
};

const args: readonly Argument[] = [
  argument("key", "key", { keySpec: 0 }),
  argument("by-pattern", "pattern", { token: "BY", display: "pattern", keySpec: 1, optional: true }),
  block("limit", [argument("offset", "integer"), argument("count", "integer")], { token: "LIMIT", optional: true }),
  argument("get-pattern", "pattern", {
    token: "GET",
    display: "pattern",
    keySpec: 1,
    optional: true,
    multiple: true,
    multipleToken: true,
  }),
  oneOf("order", [token("ASC"), token("DESC")], { optional: true }),
  argument("sorting", "pure-token", { token: "ALPHA", optional: true }),
];

/** SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC | DESC] [ALPHA] [STORE destination]; logged as what it stored. */
export const sort: CommandDefinition = {
  name: "SORT",
  group: "generic",
  since: "1.0.0",
  summary: "Sorts the elements in a list, a set, or a sorted set, optionally storing the result.",
  complexity: COMPLEXITY,
  arity: -2,
  flags: ["write", "denyoom"],
  categories: ["set", "sortedset", "list", "dangerous"],
  keys: [keysAt(["RO", "access"]), patternKeys, storeKey],
  moreKeys: storeKeyOf,
  args: [...args, argument("destination", "key", { token: "STORE", keySpec: 2, optional: true })],
  run: (call) => sortKey(call, true),
};

/** SORT_RO key …: as SORT, without STORE. */
export const sortRo: CommandDefinition = {
  name: "SORT_RO",
  group: "generic",
  since: "7.0.0",
  summary: "Returns the sorted elements of a list, a set, or a sorted set.",
  complexity: COMPLEXITY,
  arity: -2,
  flags: ["readonly"],
  categories: ["set", "sortedset", "list", "dangerous"],
  keys: [keysAt(["RO", "access"]), patternKeys],
  args,
  run: (call) => sortKey(call, false),
};

/** Arguments behind a keyword that are none themselves. */
const ARGUMENTS_OF: Readonly<Record<string, number>> = { LIMIT: 2, GET: 1, BY: 1 };

/** The key behind the last STORE of a request. */
function storeKeyOf(call: Call, at: number, argc: number): readonly FoundKey[] {
  let store = 0;
  for (let i = 2; i < argc; i++) {
    const word = call.text(at + i).toUpperCase();
    if (word === "STORE" && i + 1 < argc) store = ++i;
    else i += ARGUMENTS_OF[word] ?? 0;
  }
  return store === 0 ? [] : [{ index: store, flags: ["OW", "update"] }];
}

const texts = new TextList();
const result = new TextList();
const piece = new Piece();
const patterns: Pattern[] = [];
const range = { first: 0, last: 0 };

function sortKey(call: Call, mayStore: boolean): void {
  if (!readSortOptions(call, mayStore)) return;
  let entry = call.read(1);
  const type = entry === NIL ? TYPE_LIST : entryType(call.dataset.arena, entry);
  if (type === TYPE_STRING || type === TYPE_HASH) return call.reply.error(WRONG_TYPE);
  // Redis makes a sorted set a skiplist before it sorts, and OBJECT ENCODING shows it. Without memory for that it stays what it is.
  if (type === TYPE_ZSET && isPacked(call.dataset, entry)) entry = convertToBig(call.db, entry, call.hash(1)) || entry;
  const { descending, store } = sortOptions;
  let { alpha, by, unsorted } = sortOptions;
  if (unsorted && type === TYPE_SET && store !== 0) {
    // What is stored must have an order.
    unsorted = false;
    alpha = true;
    by = 0;
  }
  const length = entry === NIL ? 0 : operationsOf(type).count(call.dataset, entry);
  setRange(length);
  texts.clear();
  let order: Int32Array | string;
  if (unsorted) {
    order = loadRange(call, entry, length, descending && type !== TYPE_SET);
  } else {
    if (entry !== NIL) loadElements(call, entry, 0, length, texts);
    order = texts.full ? OUT_OF_MEMORY : sortTexts(call, texts, alpha, by, range.first, range.last);
  }
  if (typeof order === "string") call.reply.error(order);
  else if (store === 0) replySorted(call, order);
  else storeSorted(call, order);
  texts.clear();
}

/** Sets the first and last position of the result within `length` elements; the last may lie before the first. */
function setRange(length: number): void {
  const { offset, count } = sortOptions;
  let first = Math.min(Math.max(offset, 0), length);
  const limit = Math.min(Math.max(count, -1), length);
  let last = limit < 0 ? length - 1 : first + limit - 1;
  if (first >= length) {
    first = length - 1;
    last = length - 2;
  }
  range.first = first;
  range.last = Math.min(last, length - 1);
}

/** Loads only what the range asks for, and makes the range all of that. */
function loadRange(call: Call, entry: number, length: number, backwards: boolean): Int32Array | string {
  const count = range.last - range.first + 1;
  const from = backwards ? length - 1 - range.last : range.first;
  if (entry !== NIL) loadElements(call, entry, from, count, texts);
  if (texts.full) return OUT_OF_MEMORY;
  const order = new Int32Array(texts.count);
  for (let i = 0; i < order.length; i++) order[i] = backwards ? order.length - 1 - i : i;
  range.first = 0;
  range.last = count - 1;
  return order;
}

function readPatterns(call: Call): number {
  const { gets } = sortOptions;
  for (let k = 0; k < gets.length; k++) {
    if (k === patterns.length) patterns.push(new Pattern());
    patterns[k]!.read(call, gets[k]!);
  }
  return gets.length;
}

function replySorted(call: Call, order: Int32Array): void {
  const { reply } = call;
  const gets = readPatterns(call);
  reply.array((range.last - range.first + 1) * Math.max(1, gets));
  for (let position = range.first; position <= range.last; position++) {
    const i = order[position]!;
    if (gets === 0) reply.bulk(texts.bytes, texts.start(i), texts.length(i));
    for (let k = 0; k < gets; k++) {
      if (patterns[k]!.lookup(call, texts, i, piece)) reply.bulk(piece.bytes, piece.offset, piece.length);
      else reply.nil();
    }
  }
}

function storeSorted(call: Call, order: Int32Array): void {
  const gets = readPatterns(call);
  result.clear();
  for (let position = range.first; position <= range.last; position++) {
    const i = order[position]!;
    if (gets === 0) {
      texts.piece(i, piece);
      result.add(piece);
    }
    for (let k = 0; k < gets; k++) {
      // What is missing is stored as an empty text.
      if (!patterns[k]!.lookup(call, texts, i, piece)) piece.length = 0;
      result.add(piece);
    }
  }
  if (result.full) call.reply.error(OUT_OF_MEMORY);
  else storeTexts(call, result);
  result.clear();
}
