/** What the commands that write strings have in common: storing arguments, changing lengths, and the limit on them. */

import { check } from "../../base/check.ts";
import { STRING_BYTES_MAX } from "../../base/limits.ts";
import { readExpiry, releaseEntry } from "../../dataset/entries.ts";
import { KEEP_EXPIRY, NO_EXPIRY, resizeString, setString, storeString } from "../../dataset/strings.ts";
import { ENCODING_RAW, TYPE_STRING } from "../../dataset/types.ts";
import { entryEncoding, entryType, hasExpiry, setEntryType } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { replyString } from "./reply.ts";

const NO_BYTES = new Uint8Array(0);

/** The longest string that may be made now, bytes. What has been logged was allowed when it was executed. */
export function lengthMax(call: Call): number {
  return call.replaying ? STRING_BYTES_MAX : Math.min(call.stringBytesMax, STRING_BYTES_MAX);
}

/**
 * Stores argument `valueIndex` under key argument 1, whatever `entry` (what the key holds, 0 for nothing) is. False: there is no memory
 * for it, nothing has changed and the error has been replied.
 */
export function storeArgument(call: Call, entry: number, valueIndex: number, expiry: number | bigint): boolean {
  const { input } = call;
  const stored = setString(
    call.db,
    input,
    call.start(1),
    call.length(1),
    call.hash(1),
    entry,
    input,
    call.start(valueIndex),
    call.length(valueIndex),
    expiry,
  );
  if (stored === 0) {
    call.reply.error(OUT_OF_MEMORY);
    return false;
  }
  call.changed(1);
  return true;
}

/** Stores bytes made here under key argument 1, with the expiry it has. As `storeArgument`. */
export function storeBytes(call: Call, entry: number, bytes: Uint8Array, length: number, encoding: number): boolean {
  const stored = storeString(
    call.db,
    call.input,
    call.start(1),
    call.length(1),
    call.hash(1),
    entry,
    bytes,
    0,
    length,
    KEEP_EXPIRY,
    encoding,
  );
  if (stored === 0) {
    call.reply.error(OUT_OF_MEMORY);
    return false;
  }
  call.changed(1);
  return true;
}

/**
 * Stores argument `valueIndex` in the place of a string and replies with the old one. Only when the new one is safe may the old one be
 * replied, and only when it has been replied may it go: until then it waits outside the tables. False as in `storeArgument`.
 */
export function exchangeArgument(call: Call, entry: number, valueIndex: number, expiry: number | bigint): boolean {
  const { db } = call;
  const hash = call.hash(1);
  if (expiry === KEEP_EXPIRY)
    expiry = hasExpiry(db.dataset.arena, entry) ? readExpiry(db.dataset.arena, entry) : NO_EXPIRY;
  const { events } = db.dataset;
  db.detach(entry, hash);
  events.newHeld = true;
  const stored = storeArgument(call, 0, valueIndex, expiry);
  if (!stored) check(db.insert(entry, hash), "room in the tables for what was in them a moment ago");
  events.newHeld = false;
  if (!stored) return false;
  const created = db.find(call.input, call.start(1), call.length(1), hash);
  // An expiry in the past has removed it already.
  if (created !== 0) {
    db.dataset.inheritFrequency(entry, created);
    countWrite(call, created);
  }
  replyString(call, entry);
  releaseEntry(db.dataset, entry);
  return true;
}

/** What is read and then written has two accesses, as in Redis. */
export function countWrite(call: Call, entry: number): void {
  if (call.dataset.byFrequency && !call.session.noTouch) call.dataset.countAccess(entry);
}

/** A new empty string under key argument 1, to be written to; 0: no memory. */
export function createEmpty(call: Call): number {
  return storeString(
    call.db,
    call.input,
    call.start(1),
    call.length(1),
    call.hash(1),
    0,
    NO_BYTES,
    0,
    0,
    NO_EXPIRY,
    ENCODING_RAW,
  );
}

/**
 * Makes a string that holds at least `length` bytes, new ones being zero, of what key argument 1 holds (0: nothing), and marks it raw, as
 * Redis does to write in it. Returns the entry; 0: no memory, nothing changed.
 */
export function growRaw(call: Call, entry: number, length: number, oldLength: number): number {
  const { db } = call;
  const { arena } = db.dataset;
  const hash = call.hash(1);
  let target = entry;
  if (entry === 0) {
    target = createEmpty(call);
    if (target === 0) return 0;
  }
  if (length > oldLength) {
    const grown = resizeString(db, target, hash, length);
    if (grown === 0) {
      if (entry === 0) db.remove(target, hash);
      return 0;
    }
    target = grown;
  }
  if (entryEncoding(arena, target) !== ENCODING_RAW) setEntryType(arena, target, TYPE_STRING, ENCODING_RAW);
  return target;
}

/** Does the entry hold something else than a string? 0, no entry, does not. */
export function isOtherType(call: Call, entry: number): boolean {
  return entry !== 0 && entryType(call.dataset.arena, entry) !== TYPE_STRING;
}
