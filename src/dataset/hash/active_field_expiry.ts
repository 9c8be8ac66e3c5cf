/**
 * Active expiry of fields: removes those whose time has passed though nobody asks for them, and hashes that are left without any.
 *
 * It walks each database's table of hashes whose fields may expire. In a small hash one look tells whether there is anything to do. Of a
 * big one some buckets of its expiring members are looked at, each time others, and it is left when hardly any of them had expired:
 * then at most a tenth of its expiring fields are stale, as with keys (active_expiry.ts).
 *
 * Invariants: as there. A step lasts no longer than one bucket beyond what `mayGoOn` allows, and the database and the bucket where time ran
 * out are not the first ones of the next step.
 */
import { EFFECT_BYTES_RESERVED } from "../../base/limits.ts";
import { NIL, SEGMENT_SHIFT } from "../../memory/layout.ts";
import { keyLength, keyOffset } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { WALK_END, WALK_START, walkDown } from "../bucket_walk.ts";
import type { Database } from "../database.ts";
import type { Dataset } from "../dataset.ts";
import { membersOf } from "../members.ts";
import { memberExpiry } from "./big.ts";
import { expireSmall, removeExpired } from "./expire_fields.ts";
import { isPast } from "./expiring.ts";
import { isBigHash } from "./field.ts";
import { HashTarget } from "./target.ts";

/** Buckets of a big hash looked at before it is asked whether going on is worth it. */
const SAMPLE_BUCKETS = 16;
/** Of their members, percent expired above which it is. */
const STALE_PERCENT_MAX = 10;
/** Where in a big hash the next look begins, as a share of its buckets: steps of the golden ratio leave no gaps. */
const START_STEP = 0.6180339887498949;

export class ActiveFieldExpiry {
  private readonly dataset: Dataset;
  private readonly target = new HashTarget();
  private readonly found = new EntryList(64);
  private readonly members = new EntryList(256);
  /** By database: where its walk goes on, see bucket_walk.ts. */
  private readonly positions: number[];
  private next = 0;
  private start = 0;
  private key = new Uint8Array(256);
  private logStart = 0;

  constructor(dataset: Dataset, databases: number) {
    this.dataset = dataset;
    this.positions = new Array<number>(databases).fill(WALK_START);
  }

  /** Visits each database once, until `mayGoOn` says no. False: it did, and there is more to do. */
  step(mayGoOn: () => boolean): boolean {
    const { dataset } = this;
    this.logStart = dataset.journal.effects.length;
    let inTime = true;
    for (let visited = 0; inTime && visited < dataset.databaseCount; visited++) {
      const index = this.next;
      this.next = (index + 1) % dataset.databaseCount;
      const database = dataset.database(index);
      if (database.hashes.count > 0) inTime = this.visit(database, index, mayGoOn);
    }
    if (!inTime) dataset.expireTimeCapReached++;
    return inTime;
  }

  /** One round over the hashes of a database, from where it was left; false: out of time. */
  private visit(database: Database, index: number, mayGoOn: () => boolean): boolean {
    const { found } = this;
    const fromStart = this.positions[index] === WALK_START;
    for (let rounds = 0; database.hashes.count > 0; ) {
      found.clear();
      const next = walkDown(database.hashes, this.positions[index]!, found);
      this.positions[index] = next === WALK_END ? WALK_START : next;
      for (let i = 0; i < found.count; i++) {
        this.aim(database, found.items[i]!);
        if (!isBigHash(this.dataset.arena, this.target.entry)) expireSmall(this.target);
        else if (!this.expireBig(mayGoOn)) return false;
      }
      if (!mayGoOn() || this.logIsFull()) return false;
      if (next === WALK_END && ++rounds === (fromStart ? 1 : 2)) break;
    }
    return true;
  }

  /** Points `target` at a hash. The key is copied, since it is named when the entry may be gone. */
  private aim(database: Database, entry: number): void {
    const { target, dataset } = this;
    const { arena } = dataset;
    const length = keyLength(arena, entry);
    const offset = keyOffset(arena, entry);
    if (this.key.length < length) this.key = new Uint8Array(length * 2);
    this.key.set(arena.bytes[entry >>> SEGMENT_SHIFT]!.subarray(offset, offset + length));
    target.db = database;
    target.key = this.key;
    target.keyStart = 0;
    target.keyBytes = length;
    target.hash = database.hashOf(entry);
    target.entry = entry;
  }

  /** A big hash, until hardly anything in it has expired; false: out of time. */
  private expireBig(mayGoOn: () => boolean): boolean {
    const { dataset, target } = this;
    this.start = (this.start + START_STEP) % 1;
    const root = target.expiringMembers;
    let position = Math.floor(membersOf(dataset, root).buckets * this.start);
    let rounds = 0;
    let looked = 0;
    let removed = 0;
    for (let buckets = 1; target.entry !== NIL; buckets++) {
      const table = membersOf(dataset, root);
      if (table.count === 0) return true;
      this.members.clear();
      position = walkDown(table, position, this.members);
      if (position === WALK_END) {
        position = WALK_START;
        if (++rounds === 2) return true;
      }
      looked += this.members.count;
      removed += this.removePast();
      if (!mayGoOn() || this.logIsFull()) return false;
      if (buckets % SAMPLE_BUCKETS !== 0) continue;
      if (removed * 100 <= looked * STALE_PERCENT_MAX) return true;
      looked = 0;
      removed = 0;
    }
    return true;
  }

  /** Removes those of `members` whose time has passed, and returns how many. */
  private removePast(): number {
    const { dataset, members } = this;
    let kept = 0;
    for (let i = 0; i < members.count; i++) {
      const member = members.items[i]!;
      if (isPast(dataset, memberExpiry(dataset, member))) members.items[kept++] = member;
    }
    members.count = kept;
    removeExpired(this.target, members);
    return kept;
  }

  /** Removals are logged: no more of them in a turn than there is space set aside for. Keys that expire have as much. // D15 */
  private logIsFull(): boolean {
    return this.dataset.journal.effects.length - this.logStart > EFFECT_BYTES_RESERVED / 4;
  }
}
