/**
 * All databases of one arena, with what they share: the clock of the turn, the journal, expiry and freeing in bounded steps.
 */

import type { Allocator } from "../memory/allocator.ts";
import type { Arena } from "../memory/arena.ts";
import { entryAccess, setEntryAccess } from "../structure/entry.ts";
import { Table } from "../structure/table.ts";
import { Tree } from "../structure/tree.ts";
import { countedAccess, frequencyBits, timeBits } from "./access.ts";
import { ActiveExpiry } from "./active_expiry.ts";
import { WALK_START } from "./bucket_walk.ts";
import { Database, rootedKeys } from "./database.ts";
import { EncodingLimits } from "./encoding_limits.ts";
import { ActiveFieldExpiry } from "./hash/active_field_expiry.ts";
import type { Journal } from "./journal.ts";
import { KeyEvents } from "./key_events.ts";
import { Lists } from "./list/lists.ts";
import { MemoryUse } from "./memory_use.ts";
import { ReleasedTables } from "./released_tables.ts";
import { countReleased, releaseValueStep } from "./released_values.ts";

/** Keys removed at a time when a database must be emptied without memory for an empty one. */
const REMOVED_KEYS = 64;

export class Dataset {
  readonly arena: Arena;
  readonly allocator: Allocator;
  readonly journal: Journal;
  readonly events = new KeyEvents();
  readonly memory: MemoryUse;
  /** Up to what size collections stay packed. */
  readonly limits = new EncodingLimits();
  /** Shared Table objects for the members of whatever collections are open: see members.ts. */
  readonly members: Table;
  readonly otherMembers: Table;
  /** Shared Tree object for the order of whatever sorted set is open. */
  readonly order: Tree;
  /** Lists of this dataset: see list/lists.ts. */
  readonly lists: Lists;
  /** Big values that wait to be freed. */
  releasedValues = 0;
  seed0: number;
  seed1: number;
  /** Wall clock of the current turn, ms. */
  nowMs = 0;
  /** The 24 bits that an entry created now gets (and, unless `byFrequency`, one that is read): see access.ts. */
  accessClock = 0;
  /** Nothing expires by the clock: while the log is replayed, only its DELs remove. */
  clockHeld = false;
  /** Keys removed because their time had come, since start. */
  expiredKeys = 0;
  /** Fields of hashes removed for the same reason. */
  expiredFields = 0;
  /** Share of keys with an expiry that have expired unnoticed, estimated by active expiry, 0 … 100. */
  expiredStalePercent = 0;
  /** Keys and values freed in steps since start, after UNLINK, FLUSHALL ASYNC and whatever else removes big ones. */
  lazyFreed = 0;
  /** Active expiry stopped because its time was up. */
  expireTimeCapReached = 0;

  /** DEBUG SET-ACTIVE-EXPIRE: off, keys expire only when they are looked up. */
  activeExpiry = true;
  /** While nothing can be logged, keys whose time has passed are hidden but not removed. // D15 */
  removalsHeld = false;
  /** active-expire-effort, 1 … 10: how few expired keys active expiry leaves behind, for more time. */
  expireEffort = 1;
  /** lazyfree-lazy-user-flush: FLUSHALL and FLUSHDB without a modifier mean ASYNC. */
  lazyUserFlush = false;
  /** How LFU counters decay and rise: lfu-decay-time and lfu-log-factor. */
  frequencyDecayMinutes = 1;
  frequencyLogFactor = 10;
  /** Small integers are one value that keys share, as OBJECT REFCOUNT shows it: not while a policy must know when each was used. */
  sharesIntegers = true;
  /** rdbcompression: texts in RDB files and DUMP payloads are compressed where that makes them shorter. */
  rdbCompression = true;
  /** Entries keep how often they are read (an LFU policy), not when; `trackFrequency` sets it. */
  byFrequency = false;

  private readonly databases: Database[] = [];
  private readonly expiry: ActiveExpiry;
  private readonly fieldExpiry: ActiveFieldExpiry;
  /** Which of the two goes first: it may leave no time for the other. */
  private fieldsFirst = false;
  private readonly released: ReleasedTables;
  /** State of a small generator: how a counter rises is a draw, and no part of the data. */
  private draws: number;

  constructor(arena: Arena, allocator: Allocator, journal: Journal, databases: number) {
    this.arena = arena;
    this.allocator = allocator;
    this.journal = journal;
    this.memory = new MemoryUse(allocator);
    this.seed0 = arena.seed0;
    this.seed1 = arena.seed1;
    this.members = new Table(arena, allocator, arena.databaseRootAddress(0));
    this.otherMembers = new Table(arena, allocator, arena.databaseRootAddress(0));
    this.order = new Tree(arena, allocator);
    this.lists = new Lists(this);
    for (let index = 0; index < databases; index++) {
      this.databases.push(new Database(this, index));
    }
    this.expiry = new ActiveExpiry(this, databases);
    this.fieldExpiry = new ActiveFieldExpiry(this, databases);
    this.released = new ReleasedTables(this);
    this.draws = arena.seed0 | 1;
    this.memory.startBytes = allocator.allocatedBytes;
  }

  /** Takes over what an image has put into the arena; nothing of what was there before is used any more. */
  adopt(): void {
    this.allocator.adopt();
    this.seed0 = this.arena.seed0;
    this.seed1 = this.arena.seed1;
    for (const database of this.databases) database.adopt();
    this.lists.cold.clear();
    this.released.adopt();
    this.releasedValues = countReleased(this);
  }

  /** Keys of a database that is beyond those configured; an image may have some. */
  keysBeyond(index: number): number {
    return rootedKeys(this, index);
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
    this.accessClock = this.byFrequency ? frequencyBits(nowMs) : timeBits(nowMs);
    this.memory.sample();
  }

  /** Entries keep from now on how often they are read, or when. */
  trackFrequency(on: boolean): void {
    this.byFrequency = on;
    this.setTime(this.nowMs);
  }

  /** Under an LFU policy, how often a key was used outlives the entry that it is taken over from. */
  inheritFrequency(from: number, to: number): void {
    if (this.byFrequency) setEntryAccess(this.arena, to, entryAccess(this.arena, from));
  }

  /** Counts one access of an entry; only while `byFrequency`. */
  countAccess(entry: number): void {
    const { arena, nowMs, frequencyDecayMinutes, frequencyLogFactor } = this;
    let x = this.draws;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.draws = x;
    const draw = (x >>> 0) / 4294967296;
    const access = entryAccess(arena, entry);
    setEntryAccess(arena, entry, countedAccess(access, nowMs, frequencyDecayMinutes, frequencyLogFactor, draw));
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
      let position = WALK_START;
      while (database.count > 0) {
        const old = database.detachAll();
        if (old !== undefined) this.released.add(...old);
        else position = database.removeSome(position, REMOVED_KEYS);
      }
    }
    if (wait) while (this.releaseStep());
  }

  /** Keys and values that wait to be freed, for INFO lazyfree_pending_objects. */
  get releasingCount(): number {
    return this.released.count + this.releasedValues;
  }

  /** Frees a few elements of what UNLINK, or a few buckets of what FLUSHALL ASYNC left behind; false when nothing is left. */
  releaseStep(): boolean {
    return releaseValueStep(this) || this.released.step();
  }

  /**
   * Active expiry until `mayGoOn` says no; to be called at least ten times a second. Returns true when there was little to do, so that
   * there is no hurry.
   */
  expireStep(mayGoOn: () => boolean): boolean {
    if (this.clockHeld || this.removalsHeld || !this.activeExpiry) return true;
    this.fieldsFirst = !this.fieldsFirst;
    const first = this.fieldsFirst ? this.fieldExpiry : this.expiry;
    const second = this.fieldsFirst ? this.expiry : this.fieldExpiry;
    return first.step(mayGoOn) && second.step(mayGoOn);
  }
}
