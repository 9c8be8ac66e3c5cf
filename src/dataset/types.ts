/**
 * Types and encodings of values, as they stand in an entry's first word. Part of the stored layout: numbers never change.
 */
export const TYPE_STRING = 0;

/** As TYPE prints them; the position is the number that a type has or will have. */
export const TYPE_NAMES: readonly string[] = ["string", "list", "set", "zset", "hash", "none", "stream"];

/** Encodings of strings: all are stored as their bytes; the encoding says what Redis would have chosen. */
export const ENCODING_RAW = 0;
export const ENCODING_INT = 1;
export const ENCODING_EMBSTR = 2;

/** Longest string that Redis embeds in its object. */
export const EMBEDDED_BYTES_MAX = 44;

/** As OBJECT ENCODING prints a string's. */
export const STRING_ENCODING_NAMES: readonly string[] = ["raw", "int", "embstr"];
