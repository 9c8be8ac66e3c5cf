/**
 * Writes a dataset that lives in memory only into a new log, a little at a time, while commands go on (`CONFIG SET appendonly yes`).
 *
 * Problem: an effect may need a key that is not in the log yet (RENAME, APPEND). Therefore a write command's keys are written out just
 * before it runs. Writing a key twice does no harm: what is written is its whole value at that moment, and effects follow in order.
 *
 * Invariant: at every point of the log, replaying it up to there gives each key that an effect has touched so far the value that it had
 * then; and when the walk is done, every key.
 */

import { check } from "../base/check.ts";
import type { Call } from "../command/call.ts";
import { keysOf } from "../command/derive.ts";
import type { Database } from "../dataset/database.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { readExpiry } from "../dataset/entries.ts";
import { locateString } from "../dataset/strings.ts";
import { TYPE_STRING } from "../dataset/types.ts";
import { SEGMENT_SHIFT } from "../memory/layout.ts";
import type { RequestWriter } from "../protocol/request_writer.ts";
import { Span } from "../structure/blob.ts";
import { entryType, hasExpiry, keyLength, keyOffset, valueLength } from "../structure/entry.ts";
import { EntryList } from "../structure/entry_list.ts";
import type { Engine } from "./engine.ts";

/** Effects in one unit when all that is left is written at once, bytes: what is written on the calling thread. */
const PIECE_BYTES = 512 * 1024;

export class Fill {
  private readonly engine: Engine;
  private readonly found = new EntryList(64);
  private readonly span = new Span();
  private database = 0;
  private cursor = 0;
  private finished = false;

  constructor(engine: Engine) {
    this.engine = engine;
    engine.executor.beforeWrite = (call, id) => this.beforeWrite(call, id);
  }

  get done(): boolean {
    return this.finished;
  }

  /** Writes keys until `mayGoOn` says no, as effects of the current turn; true when all are written. */
  step(mayGoOn: () => boolean): boolean {
    const { dataset } = this.engine;
    while (!this.finished && mayGoOn()) {
      const db = dataset.database(this.database);
      this.found.clear();
      this.cursor = db.keys.scanInto(this.cursor, this.found);
      for (let i = 0; i < this.found.count; i++) this.write(db, this.found.items[i]!);
      if (this.cursor !== 0) continue;
      this.database++;
      this.finished = this.database === dataset.databaseCount;
    }
    if (this.finished) this.engine.executor.beforeWrite = undefined;
    return this.finished;
  }

  /** Writes all that is left, a unit of the log for each piece: one for all could be larger than a unit may be. */
  finish(): void {
    const { effects } = this.engine.journal;
    while (!this.finished) {
      this.engine.commit();
      const enough = effects.length + PIECE_BYTES;
      this.step(() => effects.length < enough);
    }
  }

  /** Gives up: appendonly was turned off again. */
  stop(): void {
    this.engine.executor.beforeWrite = undefined;
    this.finished = true;
  }

  private beforeWrite(call: Call, id: number): void {
    const definition = this.engine.table.definitions[id]!;
    if (definition.name === "SWAPDB") this.finish();
    for (const { index: i } of keysOf(definition, call, 0, call.argc) ?? []) {
      const db = call.db;
      const entry = db.keys.find(call.hash(i), call.input, call.start(i), call.length(i));
      if (entry !== 0) this.write(db, entry);
    }
  }

  private write(db: Database, entry: number): void {
    const { dataset } = db;
    const { journal } = dataset;
    journal.beginEffect(db.index);
    writeEntry(dataset, journal.effects, entry, this.span);
  }
}

/** One key as the request that makes it. */
export function writeEntry(dataset: Dataset, effects: RequestWriter, entry: number, span: Span): void {
  const { arena } = dataset;
  check(entryType(arena, entry) === TYPE_STRING, "strings are the only type there is");
  const expires = hasExpiry(arena, entry);
  effects.begin(expires ? 5 : 3);
  effects.text("SET");
  effects.argument(arena.bytes[entry >>> SEGMENT_SHIFT]!, keyOffset(arena, entry), keyLength(arena, entry));
  const length = valueLength(arena, entry);
  effects.beginArgument(length);
  for (let at = 0; at < length; at += span.length) {
    locateString(arena, entry, at, length - at, span);
    effects.argumentPiece(arena.bytes[span.segment]!, span.offset, span.length);
  }
  effects.endArgument();
  if (!expires) return;
  effects.text("PXAT");
  effects.integer(readExpiry(arena, entry));
}
