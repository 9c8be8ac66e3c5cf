/**
 * Types and encodings of values, as they stand in an entry's first word. Part of the stored layout: numbers never change.
 *
 * A collection is either packed (its value is a listpack or intset, the contiguous bytes that packed.ts handles) or big (the value's
 * reference holds roots of structures, see value_operations.ts).
 */
export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_ZSET = 3;
export const TYPE_HASH = 4;

/** As TYPE prints them; the position is the number that a type has or will have. */
export const TYPE_NAMES: readonly string[] = ["string", "list", "set", "zset", "hash", "none", "stream"];

/** Encodings of strings: all are stored as their bytes; the encoding says what Redis would have chosen. */
export const ENCODING_RAW = 0;
export const ENCODING_INT = 1;
export const ENCODING_EMBSTR = 2;

/** Encodings of collections. */
export const ENCODING_LISTPACK = 0;
/** Sets only. */
export const ENCODING_INTSET = 1;
/** Hashes only: as ENCODING_LISTPACK, with each field's expiry behind its value (hash/expiring.ts). */
export const ENCODING_LISTPACK_EXPIRING = 1;
/** Roots of structures: a Table, or a Tree, or both. */
export const ENCODING_BIG = 2;
/** Hashes only: as ENCODING_BIG, and some fields have an expiry. */
export const ENCODING_BIG_EXPIRING = 3;

/** Longest string that Redis embeds in its object. */
export const EMBEDDED_BYTES_MAX = 44;

const STRING_NAMES: readonly string[] = ["raw", "int", "embstr"];
/** By type: what Redis calls the big encoding. */
const BIG_NAMES: readonly string[] = ["", "quicklist", "hashtable", "skiplist", "hashtable"];

/** As OBJECT ENCODING prints it. */
export function encodingName(type: number, encoding: number): string {
  if (type === TYPE_STRING) return STRING_NAMES[encoding] ?? "unknown";
  if (encoding === ENCODING_LISTPACK) return "listpack";
  if (encoding >= ENCODING_BIG) return BIG_NAMES[type] ?? "unknown";
  return type === TYPE_HASH ? "listpackex" : "intset";
}

/** Is the value's reference made of roots of structures? Otherwise the value is bytes, inline or in a blob. */
export function isBig(type: number, encoding: number): boolean {
  return type !== TYPE_STRING && encoding >= ENCODING_BIG;
}
