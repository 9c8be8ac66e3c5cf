/**
 * All databases of one arena, with what they share: the clock of the turn, the journal, expiry and freeing in bounded steps.
 */
import { check } from "../base/check.ts";
import type { Arena } from "../memory/arena.ts";
import type { Allocator } from "../memory/allocator.ts";
import { NIL } from "../memory/layout.ts";
import { EntryList } from "../structure/entry_list.ts";
import { Table } from "../structure/table.ts";
import { Database } from "./database.ts";
import { releaseEntry } from "./entries.ts";
import type { Journal } from "./journal.ts";

/**
 * Global roots of the arena: tables taken out of use, to be taken apart in steps. The entries of the first half are freed with them;
 * those of the second half (tables of expiring keys) belong to another table.
 */
const RELEASING_MAX = 64;
const RELEASING_BARE_FIRST = 32;

/** Buckets emptied in one step of freeing. */
const RELEASE_BUCKETS = 16;

export class Dataset {
  readonly arena: Arena;
  readonly allocator: Allocator;
  readonly journal: Journal;
  readonly seed0: number;
  readonly seed1: number;
  /** Wall clock of the current turn, ms. */
  nowMs = 0;
  /** The 24 bits that a read leaves in an entry: seconds. */
  accessClock = 0;
  /** Nothing expires by the clock: while the log is replayed, only its DELs remove. */
  clockHeld = false;
  /** Keys removed because their time had come, since start. */
  expiredKeys = 0;
  /** Share of keys with an expiry that have expired unnoticed, estimated by active expiry, 0 … 100. */
  expiredStalePercent = 0;
  /** Active expiry stopped because its time was up. */
  expireTimeCapReached = 0;

  private readonly databases: Database[] = [];
  private readonly found = new EntryList(256);
  private expireDatabase = 0;
  private readonly expireCursors: number[] = [];

  constructor(arena: Arena, allocator: Allocator, journal: Journal, databases: number) {
    this.arena = arena;
    this.allocator = allocator;
    this.journal = journal;
    this.seed0 = arena.seed0;
    this.seed1 = arena.seed1;
    for (let index = 0; index < databases; index++) {
      this.databases.push(new Database(this, index));
      this.expireCursors.push(0);
    }
  }

  get databaseCount(): number {
    return this.databases.length;
  }

  database(index: number): Database {
    return this.databases[index]!;
  }

  /** Sets the time that all commands of the turn see. */
  setTime(nowMs: number): void {
    this.nowMs = nowMs;
    this.accessClock = Math.floor(nowMs / 1000) & 0xffffff;
  }

  /** Keys in all databases. */
  get keyCount(): number {
    let count = 0;
    for (const database of this.databases) count += database.count;
    return count;
  }

  /** Empties a database (all: -1). `wait`: everything is freed on return, otherwise in steps by `releaseStep`. */
  flush(index: number, wait: boolean): void {
    for (const database of this.databases) {
      if (index !== -1 && database.index !== index) continue;
      if (database.count === 0) continue;
      const old = database.detachAll();
      check(old !== undefined, "memory for two empty tables");
      this.release(old.keys, 0);
      this.release(old.expires, RELEASING_BARE_FIRST);
    }
    if (wait) while (this.releaseStep());
  }

  /** Keys that wait to be freed, for INFO lazyfree_pending_objects. */
  get releasingCount(): number {
    let count = 0;
    for (let i = 0; i < RELEASING_BARE_FIRST; i++) {
      const root = this.arena.root(i);
      if (root !== NIL) count += new Table(this.arena, this.allocator, root).count;
    }
    return count;
  }

  /** Frees a few buckets of what FLUSHALL ASYNC left behind; false when nothing is left. */
  releaseStep(): boolean {
    for (let i = 0; i < RELEASING_MAX; i++) {
      if (this.arena.root(i) === NIL) continue;
      this.releaseSome(i);
      return true;
    }
    return false;
  }

  private releaseSome(place: number): void {
    const table = new Table(this.arena, this.allocator, this.arena.root(place));
    this.found.clear();
    const done = table.releaseInto(RELEASE_BUCKETS, this.found);
    if (place < RELEASING_BARE_FIRST) {
      for (let k = 0; k < this.found.count; k++) releaseEntry(this, this.found.items[k]!);
    }
    if (done) this.arena.setRoot(place, NIL);
  }

  /** Leaves a table that nobody uses any more to `releaseStep`, in one of the 32 places from `first` on. */
  private release(rootAddress: number, first: number): void {
    for (let place = first; place < first + RELEASING_BARE_FIRST; place++) {
      if (this.arena.root(place) !== NIL) continue;
      this.arena.setRoot(place, rootAddress);
      return;
    }
    // All places are taken: empty one, however long that takes.
    while (this.arena.root(first) !== NIL) this.releaseSome(first);
    this.arena.setRoot(first, rootAddress);
  }

  /**
   * Active expiry: walks the expiring keys of one database after the other and removes those whose time has come, until `mayGoOn`
   * says no. Returns true when a pass found little to do, so that there is no hurry.
   */
  expireStep(mayGoOn: () => boolean): boolean {
    if (this.clockHeld) return true;
    for (let visited = 0; visited < this.databases.length; visited++) {
      const database = this.databases[this.expireDatabase]!;
      const { expires } = database;
      let looked = 0;
      let removed = 0;
      while (expires.count > 0) {
        this.found.clear();
        const before = this.expireCursors[this.expireDatabase]!;
        const next = expires.scanInto(before, this.found);
        this.expireCursors[this.expireDatabase] = next;
        for (let k = 0; k < this.found.count; k++) {
          const entry = this.found.items[k]!;
          looked++;
          if (!database.isExpired(entry)) continue;
          database.expire(entry, database.hashOf(entry));
          removed++;
        }
        if (!mayGoOn()) {
          this.expireTimeCapReached++;
          this.noteStale(looked, removed);
          return false;
        }
        // A whole round, or a sample in which hardly anything had expired: the next database's turn.
        if (next === 0 || (looked >= 40 && removed * 10 < looked)) break;
      }
      this.noteStale(looked, removed);
      this.expireDatabase = (this.expireDatabase + 1) % this.databases.length;
    }
    return true;
  }

  private noteStale(looked: number, removed: number): void {
    if (looked > 0) this.expiredStalePercent = this.expiredStalePercent * 0.95 + ((removed * 100) / looked) * 0.05;
  }
}
