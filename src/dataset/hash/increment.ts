/** Adding to a number where it lies: most counters in small hashes keep the size of their element. */
import { NIL } from "../../memory/layout.ts";
import { elementBytes, encodeInteger, integerOf, isIntegerElement } from "../../structure/listpack.ts";
import { findStored, small } from "./field.ts";
import type { HashTarget } from "./target.ts";

/** Digits and sign of a safe integer: a small hash whose values may be shorter only is left to the way through text. */
const TEXT_BYTES_MAX = 17;

const encoded = new Uint8Array(16);

/**
 * Adds to the field with this name of a small hash without expiries, if it is a whole number and its sum takes as many bytes. The sum; NaN:
 * nothing changed.
 */
export function incrementInPlace(
  target: HashTarget,
  name: Uint8Array,
  start: number,
  length: number,
  by: number,
): number {
  if (target.entry === NIL || target.isBig || target.isExpiring) return Number.NaN;
  const { dataset } = target.db;
  const { limits } = dataset;
  // Otherwise a change makes it a big one.
  if (limits.hashListpackEntries === 0 || limits.hashListpackValueBytes < Math.max(TEXT_BYTES_MAX, length)) {
    return Number.NaN;
  }
  const field = findStored(dataset, target.entry, name, start, length);
  if (field === NIL) return Number.NaN;
  const { bytes } = small;
  const at = field + elementBytes(bytes, field);
  if (!isIntegerElement(bytes, at)) return Number.NaN;
  const sum = integerOf(bytes, at) + by;
  if (!Number.isSafeInteger(sum)) return Number.NaN;
  const size = encodeInteger(encoded, 0, sum);
  if (size !== elementBytes(bytes, at)) return Number.NaN;
  dataset.arena.touchBytes(small.segment, at, size);
  for (let i = 0; i < size; i++) bytes[at + i] = encoded[i]!;
  return sum;
}
