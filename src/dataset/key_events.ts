/**
 * Keyspace events: what Redis calls notifications. Commands, expiry and eviction say what happened to a key; whoever publishes that is
 * the server's to decide.
 *
 * While nobody has asked for a class of events (`notify-keyspace-events`), saying so costs one test of `mask`.
 */

/** Classes, each a bit of `mask`, with the letter that `notify-keyspace-events` names it by. */
export const EVENT_GENERIC = 1; // g
export const EVENT_STRING = 2; // $
export const EVENT_LIST = 4; // l
export const EVENT_SET = 8; // s
export const EVENT_HASH = 16; // h
export const EVENT_ZSET = 32; // z
export const EVENT_EXPIRED = 64; // x
export const EVENT_EVICTED = 128; // e
export const EVENT_KEY_MISS = 256; // m
export const EVENT_NEW = 512; // n

/** Learns of events; the key's bytes are only lent. */
export type KeyEventSink = (name: string, database: number, key: Uint8Array, offset: number, length: number) => void;

export class KeyEvents {
  /** The classes that somebody wants to hear of. */
  mask = 0;
  /** What is put into a table now was there before: it is not new. */
  newHeld = false;
  sink: KeyEventSink | undefined;

  emit(eventClass: number, name: string, database: number, key: Uint8Array, offset: number, length: number): void {
    if ((this.mask & eventClass) !== 0) this.sink?.(name, database, key, offset, length);
  }
}
