/**
 * What a turn changes, on its way to the log: the effects as requests, how many changes, and for each key the log position that
 * a reader of it must wait for.
 *
 * An effect is the deterministic request that repeats a change: mostly the client's own bytes, otherwise a rewritten request with
 * absolute times and results instead of randomness. Every effect has a sequence number, contiguous from 1.
 *
 * Invariants: `sequence` counts exactly the effects written. A key that changed since position p has `positionOf(key) >= p`
 * (a collision of hashes makes a reader wait longer, never shorter).
 */
import { check } from "../base/check.ts";
import type { RequestWriter } from "../protocol/request_writer.ts";

/** Positions kept, by the hash of database and key. */
const POSITIONS = 65536;

/** Memory for the positions of one journal. */
export function journalPositions(): Float64Array {
  return new Float64Array(POSITIONS);
}

/** Learns of each change of a key: WATCH, and notifications later. */
export interface ChangeObserver {
  keyChanged(database: number, bytes: Uint8Array, offset: number, length: number): void;
  /**
   * A database (all of them: -1) is about to be emptied, or swapped with another one (-1: it is not); called before that happens.
   */
  databaseChanged(database: number, swappedWith: number): void;
}

/** Several observers as one. */
class Observers implements ChangeObserver {
  private readonly all: readonly ChangeObserver[];

  constructor(all: readonly ChangeObserver[]) {
    this.all = all;
  }

  keyChanged(database: number, bytes: Uint8Array, offset: number, length: number): void {
    for (const observer of this.all) observer.keyChanged(database, bytes, offset, length);
  }

  databaseChanged(database: number, swappedWith: number): void {
    for (const observer of this.all) observer.databaseChanged(database, swappedWith);
  }
}

export class Journal {
  readonly effects: RequestWriter;
  /** Changes since start, expiries included; Redis's server.dirty without the reset. */
  dirty = 0;
  /** Changes that commands made: the executor logs a command that raises it. */
  changes = 0;
  /** Sequence of the last effect. */
  sequence = 0;
  /** The database that the log has selected at this point; -1 when the next effect must name it. */
  selected = -1;
  /** Off while the log is replayed and where nothing is logged. */
  recording = false;
  /** Set while somebody watches keys or waits for them, so that `changed` costs nothing otherwise. */
  observer: ChangeObserver | undefined;
  /** Effects the running command wrote itself; when none, a change is logged as the request verbatim. */
  explicit = 0;

  private readonly observers: ChangeObserver[] = [];
  private readonly positions: Float64Array;
  private floor = 0;
  private unitOpen = false;
  private unitBegun = false;

  /** `positions` holds zeros. */
  constructor(effects: RequestWriter, positions = journalPositions()) {
    check(positions.length === POSITIONS, "a place for each hash");
    this.effects = effects;
    this.positions = positions;
  }

  /** Tells `observer` of all changes from now on. */
  addObserver(observer: ChangeObserver): void {
    if (!this.observers.includes(observer)) this.observers.push(observer);
    this.chooseObserver();
  }

  removeObserver(observer: ChangeObserver): void {
    const at = this.observers.indexOf(observer);
    if (at !== -1) this.observers.splice(at, 1);
    this.chooseObserver();
  }

  private chooseObserver(): void {
    const { observers } = this;
    this.observer = observers.length < 2 ? observers[0] : new Observers([...observers]);
  }

  /**
   * A key's value or expiry changed. To be called for every change, by the command that makes it, and before it writes its effect: the
   * position that readers wait for is that of the next effect.
   */
  changed(database: number, hash: number, bytes: Uint8Array, offset: number, length: number): void {
    this.dirty++;
    this.changes++;
    // Without a log no effect will ever come, and nobody may wait for one.
    if (this.recording) {
      this.positions[(hash ^ Math.imul(database, 0x9e3779b1)) & (POSITIONS - 1)] = this.sequence + 1;
    }
    if (this.observer !== undefined) this.observer.keyChanged(database, bytes, offset, length);
  }

  /** As `changed`, of `count` changes at once with an effect each, where nobody observes them. */
  changedTimes(database: number, hash: number, count: number): void {
    this.dirty += count;
    this.changes += count;
    if (this.recording) {
      this.positions[(hash ^ Math.imul(database, 0x9e3779b1)) & (POSITIONS - 1)] = this.sequence + count;
    }
  }

  /** A database (all of them: -1) is about to be emptied of `count` keys, or swapped with another one. */
  changedDatabase(database: number, count: number, swappedWith = -1): void {
    this.dirty += count;
    this.changes++;
    if (this.recording) this.floor = this.sequence + 1;
    if (this.observer !== undefined) this.observer.databaseChanged(database, swappedWith);
  }

  /** The position that a reply showing this key must wait for. */
  positionOf(database: number, hash: number): number {
    const position = this.positions[(hash ^ Math.imul(database, 0x9e3779b1)) & (POSITIONS - 1)]!;
    return position > this.floor ? position : this.floor;
  }

  /** Begins an effect of `argc` arguments in `database`; the caller writes the arguments to `effects`. */
  begin(database: number, argc: number): void {
    this.beginEffect(database);
    this.effects.begin(argc);
  }

  /** Begins an effect in `database`; the caller writes the whole request to `effects`. */
  beginEffect(database: number): void {
    this.explicit++;
    if (!this.recording) {
      // Nobody reads it: the same bytes are used again and again.
      this.effects.position = 0;
      return;
    }
    this.prepare(database);
    this.sequence++;
  }

  /** Logs a request in array form as it came. */
  verbatim(database: number, source: Uint8Array, start: number, end: number): void {
    if (!this.recording) return;
    this.prepare(database);
    this.effects.copy(source, start, end);
    this.sequence++;
  }

  /**
   * A key was removed by expiry (or eviction), not by the running command: logged as DEL at once, and not counted as the command's
   * own change or effect.
   */
  removed(database: number, hash: number, bytes: Uint8Array, offset: number, length: number): void {
    const effect = this.beginRemoval(database, hash, bytes, offset, length, 2);
    if (effect === undefined) return;
    effect.text("DEL");
    effect.argument(bytes, offset, length);
  }

  /**
   * As `removed`, of a part of the key's value: begins the effect of `argc` arguments that says so, for the caller to write; undefined
   * where nothing is recorded.
   */
  beginRemoval(
    database: number,
    hash: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    argc: number,
  ): RequestWriter | undefined {
    this.changed(database, hash, bytes, offset, length);
    this.changes--;
    if (!this.recording) return undefined;
    this.prepare(database);
    this.effects.begin(argc);
    this.sequence++;
    return this.effects;
  }

  /** From here to `endUnit` all effects are one unit, recovered whole or not at all. */
  beginUnit(): void {
    this.unitOpen = true;
    this.unitBegun = false;
  }

  endUnit(): void {
    // The log may have been turned off in the middle of the unit.
    if (this.unitBegun && this.recording) {
      this.effects.begin(1);
      this.effects.text("EXEC");
      this.sequence++;
    }
    this.unitOpen = false;
    this.unitBegun = false;
  }

  private prepare(database: number): void {
    if (this.unitOpen && !this.unitBegun) {
      this.unitBegun = true;
      this.effects.begin(1);
      this.effects.text("MULTI");
      this.sequence++;
    }
    if (this.selected !== database) {
      this.selected = database;
      this.effects.begin(2);
      this.effects.text("SELECT");
      this.effects.integer(database);
      this.sequence++;
    }
  }
}
