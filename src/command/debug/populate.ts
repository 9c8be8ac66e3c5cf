/**
 * DEBUG POPULATE count [prefix] [size]: keys "prefix:0" … with values "value:0" …, zero-padded or cut to `size` bytes; existing keys stay.
 *
 * Unlike Redis, which loses them at a restart, it is logged: as itself, which is deterministic, with the count reached where memory ran out.
 */
import { latin1Bytes } from "../../base/bytes.ts";
import { NO_EXPIRY, setString, storeString } from "../../dataset/strings.ts";
import { EMBEDDED_BYTES_MAX, ENCODING_EMBSTR, ENCODING_RAW } from "../../dataset/types.ts";
import type { Call } from "../call.ts";
import { readPositive } from "../keyspace/numbers.ts";
import { OUT_OF_MEMORY, STRING_TOO_LONG } from "../messages.ts";

/** Redis prints key and value into a buffer of so many bytes. */
const NAME_BYTES_MAX = 127;

export function populate(call: Call): void {
  const count = readPositive(call, 2);
  if (count === undefined) return;
  const prefix = call.argc > 3 ? call.text(3).replace(/\0.*$/s, "") : "key";
  let size = 0;
  if (call.argc > 4) {
    const wanted = readPositive(call, 4);
    if (wanted === undefined) return;
    size = wanted;
  }
  if (size > call.stringBytesMax) return call.reply.error(STRING_TOO_LONG);
  const { changes } = call.journal;
  const reached = insertKeys(call, count, prefix, size);
  if (call.journal.changes !== changes) {
    const effect = call.effect(call.argc);
    effect.text("DEBUG");
    effect.text("POPULATE");
    effect.integer(reached);
    for (let i = 3; i < call.argc; i++) effect.argument(call.input, call.start(i), call.length(i));
  }
  if (reached < count) call.reply.error(OUT_OF_MEMORY);
  else call.reply.ok();
}

/** Returns how many of the keys have been seen to. */
function insertKeys(call: Call, count: number, prefix: string, size: number): number {
  const { db, journal } = call;
  const padded = new Uint8Array(size);
  const encoding = size <= EMBEDDED_BYTES_MAX ? ENCODING_EMBSTR : ENCODING_RAW;
  for (let i = 0; i < count; i++) {
    const key = latin1Bytes(`${prefix}:${i}`.slice(0, NAME_BYTES_MAX));
    const hash = db.hash(key, 0, key.length);
    if (db.lookup(key, 0, key.length, hash, false) !== 0) continue;
    const text = latin1Bytes(`value:${i}`);
    let stored: number;
    if (size === 0) stored = setString(db, key, 0, key.length, hash, 0, text, 0, text.length, NO_EXPIRY);
    else {
      padded.set(text.length > size ? text.subarray(0, size) : text);
      stored = storeString(db, key, 0, key.length, hash, 0, padded, 0, size, NO_EXPIRY, encoding);
    }
    if (stored === 0) return i;
    journal.changed(db.index, hash, key, 0, key.length);
  }
  return count;
}
