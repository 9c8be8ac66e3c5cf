/**
 * Active expiry: removes keys whose time has passed though nobody asks for them.
 *
 * It walks the table of expiring keys of one database after the other, bucket by bucket, which is as good as drawing keys at random. A database is left when among the last keys looked at hardly any had expired: then at most a tenth of its expiring keys are
 * stale, which is what Redis promises (less with a higher active-expire-effort). Each database goes on where it was left.
 *
 * Invariants: a step never lasts longer than one bucket beyond what `mayGoOn` allows; when time runs out in one database the next step
 * begins with the next one, so that a flood of expiring keys in one starves no other.
 */
import { EFFECT_BYTES_RESERVED } from "../base/limits.ts";
import { expiryMs } from "../structure/entry.ts";
import { EntryList } from "../structure/entry_list.ts";
import { WALK_END, WALK_START, walkDown } from "./bucket_walk.ts";
import type { Database } from "./database.ts";
import type { Dataset } from "./dataset.ts";

/** Keys looked at before it is asked whether going on is worth it: with the least effort, and more for each step of it. */
const SAMPLE_KEYS = 40;
const SAMPLE_KEYS_AN_EFFORT = 10;
/** Of those, percent expired above which it is; each step of effort takes one off. */
const STALE_PERCENT_MAX = 10;

export class ActiveExpiry {
  private readonly dataset: Dataset;
  private readonly found = new EntryList(256);
  /** By database: where its walk goes on, see bucket_walk.ts. */
  private readonly positions: number[];
  private next = 0;
  private looked = 0;
  private removed = 0;
  private logStart = 0;

  constructor(dataset: Dataset, databases: number) {
    this.dataset = dataset;
    this.positions = new Array<number>(databases).fill(WALK_START);
  }

  /** Visits each database once, until `mayGoOn` says no. False: it did, and there is more to do. */
  step(mayGoOn: () => boolean): boolean {
    const { dataset } = this;
    this.looked = 0;
    this.removed = 0;
    this.logStart = dataset.journal.effects.length;
    let inTime = true;
    for (let visited = 0; inTime && visited < dataset.databaseCount; visited++) {
      const index = this.next;
      this.next = (index + 1) % dataset.databaseCount;
      inTime = this.visit(dataset.database(index), index, mayGoOn);
    }
    if (!inTime) dataset.expireTimeCapReached++;
    if (this.looked > 0) {
      const percent = (this.removed * 100) / this.looked;
      dataset.expiredStalePercent = dataset.expiredStalePercent * 0.95 + percent * 0.05;
    }
    return inTime;
  }

  /** False: out of time. */
  private visit(database: Database, index: number, mayGoOn: () => boolean): boolean {
    const fromStart = this.positions[index] === WALK_START;
    const effort = this.dataset.expireEffort - 1;
    const sampleKeys = SAMPLE_KEYS + SAMPLE_KEYS_AN_EFFORT * effort;
    const stalePercentMax = STALE_PERCENT_MAX - effort;
    let rounds = 0;
    let looked = 0;
    let removed = 0;
    while (database.expires.count > 0) {
      const { found } = this;
      found.clear();
      const next = walkDown(database.expires, this.positions[index]!, found);
      this.positions[index] = next === WALK_END ? WALK_START : next;
      const expired = this.removeExpired(database);
      looked += found.count;
      removed += expired;
      this.looked += found.count;
      this.removed += expired;
      if (!mayGoOn() || this.logIsFull()) return false;
      if (next === WALK_END && ++rounds === (fromStart ? 1 : 2)) return true;
      if (looked < sampleKeys) continue;
      if (removed * 100 <= looked * stalePercentMax) return true;
      looked = 0;
      removed = 0;
    }
    return true;
  }

  /** Removes the expired of the keys found, returns how many; the others' time to live enters the average. */
  private removeExpired(database: Database): number {
    const { found, dataset } = this;
    let removed = 0;
    let ttlSum = 0;
    for (let i = 0; i < found.count; i++) {
      const entry = found.items[i]!;
      if (database.isExpired(entry)) {
        database.expire(entry, database.hashOf(entry));
        removed++;
      } else ttlSum += expiryMs(dataset.arena, entry) - dataset.nowMs;
    }
    const living = found.count - removed;
    if (living > 0) {
      const average = ttlSum / living;
      database.averageTtlMs = database.averageTtlMs === 0 ? average : database.averageTtlMs * 0.98 + average * 0.02;
    }
    return removed;
  }

  /** Removals are logged: no more of them in a turn than there is space set aside for. // D15 */
  private logIsFull(): boolean {
    return this.dataset.journal.effects.length - this.logStart > EFFECT_BYTES_RESERVED / 2;
  }
}
