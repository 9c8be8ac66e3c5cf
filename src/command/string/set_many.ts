/**
 * Storing many strings, all or none: MSET and MSETNX.
 *
 * Each pair is stored as SET would; what it needs to be taken back is kept until the last one is in. When memory runs out, the pairs are
 * taken back in reverse order, so that a key named twice ends as it began. Kept are, by pair:
 * - nothing was there: the new entry;
 * - a short string without expiry, the common case: a copy of its bytes, since the new value mostly takes its block;
 * - anything else: the old entry itself, out of the tables, freed in the end.
 */

import { copyBytes } from "../../base/bytes.ts";
import { check } from "../../base/check.ts";
import type { Database } from "../../dataset/database.ts";
import { releaseEntry } from "../../dataset/entries.ts";
import { EVENT_NEW, EVENT_STRING } from "../../dataset/key_events.ts";
import { NO_EXPIRY, setString, storeString } from "../../dataset/strings.ts";
import { TYPE_STRING } from "../../dataset/types.ts";
import { SEGMENT_SHIFT } from "../../memory/layout.ts";
import { entryEncoding, entryType, hasExpiry, valueIsInline, valueLength, valueOffset } from "../../structure/entry.ts";
import type { Call } from "../call.ts";

/** Words of a record: the entry stored, the old entry kept or 0, where the old bytes are kept (-1: nowhere), their length, their encoding, the key's hash. */
const ENTRY = 0;
const OLD = 1;
const BYTES_AT = 2;
const LENGTH = 3;
const ENCODING = 4;
const HASH = 5;
const RECORD_WORDS = 6;

/** Room kept between commands: a larger one was for an unusual command. */
const RECORDS_KEPT = 1024;
const BYTES_KEPT = 64 * 1024;

export class SetMany {
  private records = new Int32Array(RECORDS_KEPT * RECORD_WORDS);
  private count = 0;
  private kept = new Uint8Array(BYTES_KEPT);
  private keptBytes = 0;

  /** Stores argument i + 1 under argument i for i = 1, 3, …; false: no memory, nothing has changed. */
  store(call: Call): boolean {
    const { events } = call.dataset;
    // What is new is told when all of them are stored.
    events.newHeld = true;
    const stored = this.storeAll(call);
    events.newHeld = false;
    if (stored && events.mask !== 0) this.tell(call);
    this.shrink();
    return stored;
  }

  /** Which keys are new, and that each of them was set. */
  private tell(call: Call): void {
    for (let k = 0; k < this.count; k++) {
      const record = k * RECORD_WORDS;
      const i = 1 + k * 2;
      if (this.records[record + OLD] === 0 && this.records[record + BYTES_AT] === -1) call.notify(EVENT_NEW, "new", i);
      call.notify(EVENT_STRING, "set", i);
    }
  }

  private storeAll(call: Call): boolean {
    this.count = 0;
    this.keptBytes = 0;
    const { dataset, db, input } = call;
    for (let i = 1; i < call.argc; i += 2) {
      const keyStart = call.start(i);
      const keyBytes = call.length(i);
      const hash = call.hash(i);
      const found = db.lookup(input, keyStart, keyBytes, hash, false);
      const record = this.add();
      this.records[record + HASH] = hash;
      const entry = this.keep(db, found, record, hash);
      const start = call.start(i + 1);
      const stored = setString(db, input, keyStart, keyBytes, hash, entry, input, start, call.length(i + 1), NO_EXPIRY);
      if (stored === 0) {
        this.takeBack(call);
        return false;
      }
      this.records[record + ENTRY] = stored;
      // At once: where the key is named twice its next value may free this entry.
      const old = this.records[record + OLD]!;
      if (old !== 0) dataset.inheritFrequency(old, stored);
    }
    for (let k = 0; k < this.count; k++) {
      const old = this.records[k * RECORD_WORDS + OLD]!;
      if (old !== 0) releaseEntry(dataset, old);
      const i = 1 + k * 2;
      const hash = this.records[k * RECORD_WORDS + HASH]!;
      call.journal.changed(db.index, hash, input, call.start(i), call.length(i));
    }
    return true;
  }

  /** Keeps what is needed to restore `found`; returns the entry that the new value may overwrite, 0 for none. */
  private keep(db: Database, found: number, record: number, hash: number): number {
    const { records } = this;
    records[record + ENTRY] = 0;
    records[record + OLD] = 0;
    records[record + BYTES_AT] = -1;
    if (found === 0) return 0;
    const { arena } = db.dataset;
    if (entryType(arena, found) !== TYPE_STRING || !valueIsInline(arena, found) || hasExpiry(arena, found)) {
      db.detach(found, hash);
      records[record + OLD] = found;
      return 0;
    }
    const length = valueLength(arena, found);
    if (this.keptBytes + length > this.kept.length) {
      const larger = new Uint8Array(this.kept.length * 2);
      larger.set(this.kept);
      this.kept = larger;
    }
    copyBytes(this.kept, this.keptBytes, arena.bytes[found >>> SEGMENT_SHIFT]!, valueOffset(arena, found), length);
    records[record + BYTES_AT] = this.keptBytes;
    records[record + LENGTH] = length;
    records[record + ENCODING] = entryEncoding(arena, found);
    this.keptBytes += length;
    return found;
  }

  /** Undoes the records, the last one first. Its own store has failed, so that its entry is 0 and only what was kept counts. */
  private takeBack(call: Call): void {
    const { db, input } = call;
    for (let k = this.count - 1; k >= 0; k--) {
      const record = k * RECORD_WORDS;
      const i = 1 + k * 2;
      const hash = this.records[record + HASH]!;
      const entry = this.records[record + ENTRY]!;
      const old = this.records[record + OLD]!;
      const bytesAt = this.records[record + BYTES_AT]!;
      if (bytesAt === -1) {
        if (entry !== 0) db.remove(entry, hash);
        if (old !== 0) check(db.insert(old, hash), "room in the tables for what was in them a moment ago");
      } else if (entry !== 0) {
        const length = this.records[record + LENGTH]!;
        const encoding = this.records[record + ENCODING]!;
        const { kept } = this;
        check(
          storeString(
            db,
            input,
            call.start(i),
            call.length(i),
            hash,
            entry,
            kept,
            bytesAt,
            length,
            NO_EXPIRY,
            encoding,
          ) !== 0,
          "room for the value that was there a moment ago",
        );
      }
    }
  }

  private shrink(): void {
    if (this.records.length > RECORDS_KEPT * RECORD_WORDS) this.records = new Int32Array(RECORDS_KEPT * RECORD_WORDS);
    if (this.kept.length > BYTES_KEPT) this.kept = new Uint8Array(BYTES_KEPT);
  }

  /** Offset of a new record. */
  private add(): number {
    const record = this.count * RECORD_WORDS;
    if (record + RECORD_WORDS > this.records.length) {
      const larger = new Int32Array(this.records.length * 2);
      larger.set(this.records);
      this.records = larger;
    }
    this.count++;
    return record;
  }
}
