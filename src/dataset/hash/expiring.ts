/**
 * Hashes whose fields may expire.
 *
 * ```
 * ENCODING_LISTPACK            field, value, …
 * ENCODING_LISTPACK_EXPIRING   field, value, expiry, …      expiry in ms since 1970, 0 for never; those that expire first, the
 *                                                           earliest at the front, so that one look tells whether anything has
 * ENCODING_BIG                 word 0: Table of members
 * ENCODING_BIG_EXPIRING        word 0: the same, members that expire have an expiry; word 1: Table of those, over the same entries
 * ```
 * A hash whose field is given an expiry changes to the encoding below its own, and stays there when the field has lost it, as Redis's
 * do. From then on it is in its database's table of such hashes, which active expiry walks.
 *
 * Invariant: nobody is shown a field whose time has passed. Removing it is another matter: it is logged as HDEL, which can wait.
 */
import type { Arena } from "../../memory/arena.ts";
import { entryEncoding, entryType } from "../../structure/entry.ts";
import type { Dataset } from "../dataset.ts";
import { ENCODING_LISTPACK_EXPIRING, TYPE_HASH } from "../types.ts";

/** An expiry may not lie beyond this: Redis's limit, ms since 1970. */
export const FIELD_EXPIRY_MS_MAX = 2 ** 46 - 1;

/** May fields of what the entry holds expire? False for anything but a hash. */
export function hasExpiringFields(arena: Arena, entry: number): boolean {
  return entryType(arena, entry) === TYPE_HASH && (entryEncoding(arena, entry) & ENCODING_LISTPACK_EXPIRING) !== 0;
}

/** Has this time passed (-1 and 0: never), and may the clock say so? In its very millisecond a field still lives. */
export function isPast(dataset: Dataset, expiryMs: number): boolean {
  return expiryMs > 0 && expiryMs < dataset.nowMs && !dataset.clockHeld;
}
