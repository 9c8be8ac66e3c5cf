/**
 * Eviction: keeps the memory in use below `maxmemory` by removing keys that the policy can do without.
 *
 * Before a command runs, room is made until memory is below the limit again, so that what commands add is paid for at once and the
 * dataset never drifts away from the limit. Only a backlog (the limit was lowered, a table has grown by an extent) may be larger than a
 * command should wait for: then evicting stops when its time is up, and goes on in the next turn and in slices of the server's timer.
 *
 * ```
 * memory  ▲      ceiling after the time was up: what exceeds it is evicted by the command that comes next
 *         │ ─────────────────────────────┐
 *         │                              └───────────────┐   the next turn tries again
 *         │ ═════════════════════════════════════════════╧══════ limit
 * ```
 * An evicted key is logged as DEL and told to whoever watches it. Which one it is, is decided by sampling and never logged, so a replay
 * of the log evicts nothing.
 *
 * Invariants: while the ceiling is above the limit, memory does not rise beyond the ceiling by more than one command adds. Nothing is
 * evicted while nothing can be logged (D15), nor while clients are paused or the log is replayed; then nothing is refused for memory either.
 */
import type { Clock } from "../base/clock.ts";
import { EFFECT_BYTES_RESERVED, TURN_INPUT_BYTES } from "../base/limits.ts";
import { type Random, uniform } from "../base/random.ts";
import { SEGMENT_SHIFT } from "../memory/layout.ts";
import { entryAccess, expiryMs, keyLength, keyOffset } from "../structure/entry.ts";
import { EntryList } from "../structure/entry_list.ts";
import type { Table } from "../structure/table.ts";
import { decayedFrequency, idleSeconds } from "./access.ts";
import type { Database } from "./database.ts";
import type { Dataset } from "./dataset.ts";
import { EvictionPool } from "./eviction_pool.ts";
import { EVENT_EVICTED } from "./key_events.ts";

/** The values of maxmemory-policy, in the order in which Redis lists them. */
export const EVICTION_POLICIES = [
  "volatile-lru",
  "volatile-lfu",
  "volatile-random",
  "volatile-ttl",
  "allkeys-lru",
  "allkeys-lfu",
  "allkeys-random",
  "noeviction",
] as const;
export type EvictionPolicy = (typeof EVICTION_POLICIES)[number];

export interface EvictionOptions {
  /** maxmemory, bytes; 0 for no limit. */
  readonly limitBytes: number;
  readonly policy: EvictionPolicy;
  /** maxmemory-samples: keys looked at for each one evicted. 5 when not given. */
  readonly samples?: number;
  /** maxmemory-eviction-tenacity, 0 … 100: how long a command may evict a backlog. 10 when not given. */
  readonly tenacity?: number;
}

/** What makes a key the one to go: its score is greatest. */
const BY_NOTHING = 0;
const BY_IDLE_TIME = 1;
const BY_FREQUENCY = 2;
const BY_EXPIRY = 3;
const BY_CHANCE = 4;

/** Keys evicted between two looks at the clock. */
const KEYS_A_LOOK = 16;
/** Bytes of a DEL besides its key, at most, a SELECT included. */
const DEL_BYTES = 64;
/** Effects of evictions in a turn that the space set aside for every turn has room for; for more, more is asked for. // D15 */
const LOGGED_BYTES_MAX = EFFECT_BYTES_RESERVED / 4;

/** How an attempt to make room has ended. */
const ENOUGH = 0;
const OUT_OF_TIME = 1;
const NOTHING_LEFT = 2;
const HELD = 3;

export class Eviction {
  /** Arena bytes above which room is made before a command runs; Infinity while that is not done. */
  ceilingBytes = Number.POSITIVE_INFINITY;
  /** maxmemory, bytes; 0 for no limit. */
  limitBytes = 0;
  /** Keys evicted since start. */
  evictedKeys = 0;
  /** CLIENT PAUSE: the dataset stands still. */
  paused = false;
  /** Is told how long each attempt to make room took, µs. */
  onCycle: ((us: number) => void) | undefined;

  private readonly dataset: Dataset;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly reserve: (bytes: number) => void;
  private readonly pool = new EvictionPool();
  private readonly sampled = new EntryList(64);
  private criterion = BY_NOTHING;
  private volatileOnly = false;
  private samples = 5;
  private timeLimitUs = 500;
  /** The database that was looked at first last time: with equal scores the first in the pool goes first. */
  private lastDatabase = 0;
  /** Bytes logged by evictions since space for them was last asked for. */
  private loggedBytes = 0;
  /** Since when memory has exceeded the limit, monotonic µs, -1 while it does not; and how long it did before. */
  private exceededSinceUs = -1;
  private exceededBeforeUs = 0;

  /** `reserve` sets space in the log aside for so many bytes of effects in this turn; when there is none, removals are held. */
  constructor(dataset: Dataset, clock: Clock, random: Random, reserve: (bytes: number) => void) {
    this.dataset = dataset;
    this.clock = clock;
    this.random = random;
    this.reserve = reserve;
  }

  configure(options: EvictionOptions): void {
    const { policy } = options;
    this.limitBytes = options.limitBytes;
    this.samples = options.samples ?? 5;
    this.timeLimitUs = timeLimitUs(options.tenacity ?? 10);
    this.volatileOnly = policy.startsWith("volatile-");
    const before = this.criterion;
    this.criterion = criterionOf(policy);
    // Scores of different kinds can't be compared.
    if (this.criterion !== before) this.pool.clear();
    this.dataset.trackFrequency(this.criterion === BY_FREQUENCY);
    this.beginTurn(this.clock.monotonicUs());
  }

  /** Memory is above what it may be: room must be made before the next command. */
  get exceeded(): boolean {
    return this.dataset.allocator.allocatedBytes > this.ceilingBytes;
  }

  /** How long memory has exceeded the limit so far, and in all, µs. */
  get exceededUs(): { readonly current: number; readonly total: number } {
    const current = this.exceededSinceUs < 0 ? 0 : this.clock.monotonicUs() - this.exceededSinceUs;
    return { current, total: this.exceededBeforeUs + current };
  }

  /** `nowUs`: the monotonic clock. What clients take is measured anew, and evicting may take its time again. */
  beginTurn(nowUs: number): void {
    const { dataset } = this;
    this.loggedBytes = 0;
    this.ceilingBytes =
      this.limitBytes === 0 || this.paused || dataset.clockHeld
        ? Number.POSITIVE_INFINITY
        : this.limitBytes - dataset.memory.clientBytes;
    if (this.exceededSinceUs >= 0 && !this.exceeded && !this.paused) {
      this.exceededBeforeUs += nowUs - this.exceededSinceUs;
      this.exceededSinceUs = -1;
    }
  }

  /** Makes room before a command runs. False: there is none to be had, so what takes memory is to be refused. */
  makeRoom(): boolean {
    if (!this.exceeded) return true;
    // Without a policy there is only what waits to be freed: a value just deleted counts until then.
    if (this.criterion === BY_NOTHING && !this.dataset.releaseStep()) {
      this.noteExceeded();
      return false;
    }
    const beganUs = this.clock.monotonicUs();
    const outcome = this.evict(beganUs + this.timeLimitUs);
    this.onCycle?.(this.clock.monotonicUs() - beganUs);
    return outcome !== NOTHING_LEFT;
  }

  /** Goes on evicting a backlog between turns, in a turn of its own, until the monotonic clock says `untilUs`. True when there is no more to do. */
  step(untilUs: number): boolean {
    if (!this.exceeded || this.criterion === BY_NOTHING) return true;
    return this.evict(untilUs) !== OUT_OF_TIME;
  }

  private evict(untilUs: number): number {
    const { dataset } = this;
    // What waits to be freed goes first: it is nobody's any more.
    let releasing = true;
    for (let steps = 1; this.exceeded; steps++) {
      if (releasing) releasing = dataset.releaseStep();
      else {
        const outcome = this.evictOne();
        if (outcome === NOTHING_LEFT) this.noteExceeded();
        if (outcome !== ENOUGH) return outcome;
        releasing = dataset.releasedValues > 0;
      }
      if (steps % KEYS_A_LOOK !== 0 || this.clock.monotonicUs() < untilUs) continue;
      if (!this.exceeded) break;
      this.ceilingBytes = dataset.allocator.allocatedBytes;
      this.noteExceeded();
      return OUT_OF_TIME;
    }
    return ENOUGH;
  }

  private evictOne(): number {
    if (this.criterion === BY_NOTHING) return NOTHING_LEFT;
    if (this.dataset.removalsHeld) return this.hold();
    return this.criterion === BY_CHANCE ? this.evictByChance() : this.evictByScore();
  }

  /** Every database in turn gives a key, so that a small one is not emptied by a large one's demand any sooner. */
  private evictByChance(): number {
    const { dataset, random } = this;
    for (let visited = 0; visited < dataset.databaseCount; visited++) {
      this.lastDatabase = (this.lastDatabase + 1) % dataset.databaseCount;
      const database = dataset.database(this.lastDatabase);
      const table = this.tableOf(database);
      if (table.count === 0) continue;
      const entry = table.random(random);
      return this.remove(database, entry, database.hashOf(entry));
    }
    return NOTHING_LEFT;
  }

  private evictByScore(): number {
    const { dataset, pool } = this;
    for (;;) {
      let keys = 0;
      const { databaseCount } = dataset;
      this.lastDatabase = (this.lastDatabase + 1) % databaseCount;
      for (let i = 0; i < databaseCount; i++) {
        const database = dataset.database((this.lastDatabase + i) % databaseCount);
        const table = this.tableOf(database);
        if (table.count === 0) continue;
        keys += table.count;
        this.sample(database, table);
      }
      if (keys === 0) return NOTHING_LEFT;
      while (pool.take()) {
        const database = dataset.database(pool.database);
        // Gone since, or used since: then it is no candidate any more.
        if (!this.tableOf(database).holds(pool.hash, pool.entry) || this.score(pool.entry) < pool.score) continue;
        return this.remove(database, pool.entry, pool.hash);
      }
    }
  }

  /**
   * Adds a few keys of a table to the pool. They are neighbours in a bucket: their hashes say nothing about their use, and a bucket is
   * one cache line where keys drawn one by one are many.
   */
  private sample(database: Database, table: Table): void {
    const { sampled, pool, random } = this;
    const wanted = Math.min(this.samples, table.count);
    sampled.clear();
    for (let cursor = random.int32(); sampled.count < wanted; ) cursor = table.scanInto(cursor, sampled);
    let at = uniform(random, sampled.count);
    for (let i = 0; i < wanted; i++) {
      const entry = sampled.items[at]!;
      if (++at === sampled.count) at = 0;
      const score = this.score(entry);
      if (pool.wants(entry, score)) pool.add(entry, database.hashOf(entry), database.index, score);
    }
  }

  /** The greater, the sooner the entry is to go. */
  private score(entry: number): number {
    const { dataset } = this;
    const { arena } = dataset;
    if (this.criterion === BY_IDLE_TIME) return idleSeconds(entryAccess(arena, entry), dataset.accessClock);
    if (this.criterion === BY_EXPIRY) return -expiryMs(arena, entry);
    return -decayedFrequency(entryAccess(arena, entry), dataset.nowMs, dataset.frequencyDecayMinutes);
  }

  private tableOf(database: Database): Table {
    return this.volatileOnly ? database.expires : database.keys;
  }

  /** Logged as DEL and told like any other removal. */
  private remove(database: Database, entry: number, hash: number): number {
    const { arena, events, journal } = this.dataset;
    const length = keyLength(arena, entry);
    if (journal.recording && !this.mayLog(length + DEL_BYTES)) return this.hold();
    const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
    const offset = keyOffset(arena, entry);
    journal.removed(database.index, hash, bytes, offset, length);
    events.emit(EVENT_EVICTED, "evicted", database.index, bytes, offset, length);
    database.remove(entry, hash);
    this.evictedKeys++;
    return ENOUGH;
  }

  /** Is there space in the log for so many more bytes? // D15 */
  private mayLog(bytes: number): boolean {
    this.loggedBytes += bytes;
    if (this.loggedBytes <= LOGGED_BYTES_MAX) return true;
    this.loggedBytes = 0;
    // The commands of this turn that are still to come have no less of it than before.
    this.reserve(this.dataset.journal.effects.length + bytes + TURN_INPUT_BYTES * 2 + EFFECT_BYTES_RESERVED);
    return !this.dataset.removalsHeld;
  }

  /** Nothing can be logged, so nothing is removed in this turn; writes are refused for that reason. // D15 */
  private hold(): number {
    this.ceilingBytes = Number.POSITIVE_INFINITY;
    return HELD;
  }

  private noteExceeded(): void {
    if (this.exceededSinceUs < 0) this.exceededSinceUs = this.clock.monotonicUs();
  }
}

function criterionOf(policy: EvictionPolicy): number {
  if (policy.endsWith("lru")) return BY_IDLE_TIME;
  if (policy.endsWith("lfu")) return BY_FREQUENCY;
  if (policy.endsWith("random")) return BY_CHANCE;
  return policy === "volatile-ttl" ? BY_EXPIRY : BY_NOTHING;
}

/** How long a command may evict, µs, as Redis derives it from maxmemory-eviction-tenacity: 500 at its default of 10, two minutes at 99. */
function timeLimitUs(tenacity: number): number {
  if (tenacity <= 10) return 50 * tenacity;
  return tenacity < 100 ? Math.floor(500 * 1.15 ** (tenacity - 10)) : Number.POSITIVE_INFINITY;
}
