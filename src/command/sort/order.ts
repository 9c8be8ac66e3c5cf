/**
 * The order that SORT gives: by number, or as texts, of the elements or of what BY names for them.
 *
 * Numbers that are equal leave it to the elements' bytes. Texts are compared up to their first zero byte, as C's strings, unless the result
 * is stored; BY's texts that are equal leave the order to the algorithm, which is why it is the one of Redis: a stable sort, or with BY and
 * LIMIT a partial one.
 */
import { latin1 } from "../../base/bytes.ts";
import { parseDoubleText } from "../../base/double.ts";
import { parseIntegerSafe } from "../../base/integer.ts";
import { Piece } from "../../dataset/piece.ts";
import type { Call } from "../call.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { sortOptions } from "./options.ts";
import { type Compare, partialSort } from "./partial_sort.ts";
import { Pattern } from "./pattern.ts";
import { TextList } from "./texts.ts";

/** Smaller numbers make C's strtod report a range error. */
const SMALLEST_NORMAL = 2.2250738585072014e-308;

const NO_NUMBER = "ERR One or more scores can't be converted into double";

const piece = new Piece();
const by = new Pattern();
const byTexts = new TextList();

/**
 * The order of all texts; the positions from `first` to `last` are right. `pattern`: argument that holds BY's, 0 for none. Where the texts
 * can't be sorted, the error.
 */
export function sortTexts(
  call: Call,
  texts: TextList,
  alpha: boolean,
  pattern: number,
  first: number,
  last: number,
): Int32Array | string {
  const { descending, store } = sortOptions;
  const order = new Int32Array(texts.count);
  for (let i = 0; i < order.length; i++) order[i] = i;
  if (pattern !== 0) by.read(call, pattern);
  const asC = store === 0;
  let ascending: Compare;
  if (!alpha) {
    const weights = new Float64Array(texts.count);
    if (!readWeights(call, texts, pattern !== 0, weights)) return NO_NUMBER;
    ascending = (i, j) => {
      const a = weights[i]!;
      const b = weights[j]!;
      return a > b ? 1 : a < b ? -1 : texts.compare(i, j, false);
    };
  } else if (pattern === 0) ascending = (i, j) => texts.compare(i, j, asC);
  else {
    readByTexts(call, texts);
    if (byTexts.full) return OUT_OF_MEMORY;
    ascending = (i, j) => compareByTexts(i, j, asC);
  }
  const compare: Compare = descending ? (i, j) => ascending(j, i) : ascending;
  if (pattern !== 0 && (first !== 0 || last !== texts.count - 1)) partialSort(order, compare, first, last);
  else order.sort(compare);
  return order;
}

/** Fills in the texts' weights; a missing one is 0. False: one is no number. All are looked at even then, as in Redis. */
function readWeights(call: Call, texts: TextList, patterned: boolean, weights: Float64Array): boolean {
  let numbers = true;
  for (let i = 0; i < texts.count; i++) {
    if (!patterned) texts.piece(i, piece);
    else if (!by.lookup(call, texts, i, piece)) continue;
    const weight = weightOf(piece);
    if (weight === weight) weights[i] = weight;
    else numbers = false;
  }
  return numbers;
}

/** A text as C's strtod reads all of it, spaces before it allowed, up to a zero byte; "" is 0. NaN: it is no number. */
function weightOf(text: Piece): number {
  const { bytes, offset, length } = text;
  const whole = parseIntegerSafe(bytes, offset, length);
  if (whole === whole) return whole;
  const seen = latin1(bytes, offset, offset + length).replace(/\0.*$/s, "");
  if (seen === "") return 0;
  const value = parseDoubleText(seen.replace(/^[ \t-\r]+/, ""));
  return value !== 0 && Math.abs(value) < SMALLEST_NORMAL ? Number.NaN : value;
}

function readByTexts(call: Call, texts: TextList): void {
  byTexts.clear();
  for (let i = 0; i < texts.count; i++) {
    if (by.lookup(call, texts, i, piece)) byTexts.add(piece);
    else byTexts.addMissing();
  }
}

/** Missing ones come first. */
function compareByTexts(i: number, j: number, asC: boolean): number {
  const missing = byTexts.length(i) < 0;
  if (missing || byTexts.length(j) < 0) return missing === byTexts.length(j) < 0 ? 0 : missing ? -1 : 1;
  return byTexts.compare(i, j, asC);
}
