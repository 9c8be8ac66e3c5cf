/**
 * How long a value is in an RDB file, for DEBUG OBJECT: by the rules of the format, but for LZF compression, which is left out.
 *
 * Packed values are one string, their own bytes. Big ones are a count and their elements, a sorted set's scores eight bytes each; a list is its
 * nodes, each with a byte that says which kind it is.
 */
import { parseIntegerSafe } from "../../base/integer.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { listShape } from "../../dataset/list/shape.ts";
import { stringBytes } from "../../dataset/strings.ts";
import { isBig, TYPE_HASH, TYPE_LIST, TYPE_STRING, TYPE_ZSET } from "../../dataset/types.ts";
import { operationsOf, type Piece } from "../../dataset/value_operations.ts";
import { entryEncoding, entryType, valueLength } from "../../structure/entry.ts";

const SCORE_BYTES = 8;

export function serializedBytes(dataset: Dataset, entry: number): number {
  const { arena } = dataset;
  const type = entryType(arena, entry);
  if (type === TYPE_STRING) return textBytes(stringBytes(arena, entry), 0, valueLength(arena, entry));
  if (!isBig(type, entryEncoding(arena, entry))) {
    const length = valueLength(arena, entry);
    return length + lengthBytes(length);
  }
  if (type === TYPE_LIST) {
    const { nodeBytes } = listShape(dataset, entry);
    return nodeBytes.reduce((sum, length) => sum + 1 + lengthBytes(length) + length, lengthBytes(nodeBytes.length));
  }
  const operations = operationsOf(type);
  let bytes = lengthBytes(operations.count(dataset, entry));
  operations.forEach(dataset, entry, (first, second) => {
    bytes += pieceBytes(first);
    if (type === TYPE_HASH) bytes += pieceBytes(second);
    if (type === TYPE_ZSET) bytes += SCORE_BYTES;
  });
  return bytes;
}

function pieceBytes(piece: Piece): number {
  return textBytes(piece.bytes, piece.offset, piece.length);
}

/** A string: an integer in 2, 3 or 5 bytes, otherwise its length and its bytes. */
function textBytes(bytes: Uint8Array, offset: number, length: number): number {
  if (length <= 11) {
    const value = parseIntegerSafe(bytes, offset, length);
    if (value >= -128 && value <= 127) return 2;
    if (value >= -32768 && value <= 32767) return 3;
    if (value >= -2147483648 && value <= 2147483647) return 5;
  }
  return length + lengthBytes(length);
}

function lengthBytes(length: number): number {
  return length < 64 ? 1 : length < 16384 ? 2 : 5;
}
