/**
 * Writes a dataset that lives in memory only into a new log, a little at a time, while commands go on (`CONFIG SET appendonly yes`).
 *
 * Problem: an effect may need a key that is not in the log yet (RENAME, APPEND). Therefore a write command's keys are written out just
 * before it runs. Writing a key twice does no harm: what is written is its whole value at that moment, and effects follow in order.
 *
 * Invariant: at every point of the log, replaying it up to there gives each key that an effect has touched so far the value that it had
 * then; and when the walk is done, every key.
 */

import type { Call } from "../command/call.ts";
import { keysOf } from "../command/derive.ts";
import type { Database } from "../dataset/database.ts";
import { EntryList } from "../structure/entry_list.ts";
import type { Engine } from "./engine.ts";
import { writeEntry } from "./entry_effects.ts";

/** Effects in one unit when all that is left is written at once, bytes: what is written on the calling thread. */
const PIECE_BYTES = 512 * 1024;

export class Fill {
  private readonly engine: Engine;
  private readonly found = new EntryList(64);
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
    const { journal } = db.dataset;
    writeEntry(db.dataset, entry, (argc) => {
      journal.begin(db.index, argc);
      return journal.effects;
    });
  }
}
