/**
 * One of the numbered databases: a table of all keys, and a second one of those that expire, over the same entries.
 *
 * Keys are given as (bytes, offset, length, hash), so that the common path makes no JS value of them. All state is in the arena;
 * the objects here are handles that can be made anew from the root block.
 *
 * ```
 * root block (16 words of the header page)
 *   word 0   address of the root of the table of keys
 *   word 1   address of the root of the table of expiring keys
 *   word 2   address of the root of the table of hashes whose fields may expire (hash/expiring.ts)
 * ```
 * Invariants: every entry is in `keys`, those with an expiry in `expires`, those whose encoding says that fields may expire in `hashes`. An entry that has expired is never
 * returned by `lookup`, unless the clock is held (replay). Every change is told to the journal by whoever makes it, but for
 * expiry, which tells it itself.
 */

import { hashBytes } from "../base/hash.ts";
import type { Random } from "../base/random.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import {
  entryAccess,
  expiryMs,
  freeEntry,
  hasExpiry,
  keyLength,
  keyOffset,
  setEntryAccess,
} from "../structure/entry.ts";
import { EntryList } from "../structure/entry_list.ts";
import { Table } from "../structure/table.ts";
import { WALK_END, WALK_START, walkDown } from "./bucket_walk.ts";
import type { Dataset } from "./dataset.ts";
import { releaseEntry, releaseUnused, withExpiry, writeExpiry } from "./entries.ts";
import { hasExpiringFields } from "./hash/expiring.ts";
import { EVENT_EXPIRED, EVENT_NEW } from "./key_events.ts";

const ROOT_KEYS = 0;
const ROOT_EXPIRES = 1;
const ROOT_HASHES = 2;

/** Draws of a random key before it is looked for in order. */
const RANDOM_TRIES = 100;

const found = new EntryList(64);

export class Database {
  /** Number of the database as clients see it. */
  index: number;
  keys: Table;
  expires: Table;
  hashes: Table;
  /** Average time to live of the expiring keys that active expiry saw lately, ms; 0: unknown. INFO shows it. */
  averageTtlMs = 0;
  readonly dataset: Dataset;
  private readonly arena: Arena;

  constructor(dataset: Dataset, index: number) {
    this.dataset = dataset;
    this.arena = dataset.arena;
    this.index = index;
    const address = this.arena.databaseRootAddress(index);
    this.keys = new Table(this.arena, dataset.allocator, address);
    this.expires = new Table(this.arena, dataset.allocator, address);
    this.hashes = new Table(this.arena, dataset.allocator, address);
    this.adopt();
  }

  /** Uses the tables that the root block names, or new ones where it names none. */
  adopt(): void {
    const { allocator } = this.dataset;
    const address = this.arena.databaseRootAddress(this.index);
    const words = this.arena.words[address >>> SEGMENT_SHIFT]!;
    const word = (address & 0x7fffff) << 1;
    this.averageTtlMs = 0;
    if (words[word + ROOT_KEYS] === NIL) {
      this.keys.attach(Table.create(allocator));
      this.expires.attach(Table.create(allocator));
      this.hashes.attach(Table.create(allocator));
      this.storeRoots();
      return;
    }
    this.keys.attach(words[word + ROOT_KEYS]!);
    this.expires.attach(words[word + ROOT_EXPIRES]!);
    this.hashes.attach(words[word + ROOT_HASHES]!);
  }

  /** Keys, expired ones that nobody has noticed yet included. */
  get count(): number {
    return this.keys.count;
  }

  hash(bytes: Uint8Array, offset: number, length: number): number {
    return hashBytes(bytes, offset, length, this.arena.seed0, this.arena.seed1);
  }

  /** The entry of a key, 0 when there is none. A key that has expired is removed now. The access time is set unless `noTouch`. */
  lookup(bytes: Uint8Array, offset: number, length: number, hash: number, noTouch: boolean): number {
    const entry = this.keys.find(hash, bytes, offset, length);
    if (entry === NIL) return NIL;
    const arena = this.arena;
    if (hasExpiry(arena, entry) && this.isExpired(entry)) {
      this.expire(entry, hash);
      return NIL;
    }
    if (!noTouch) {
      if (this.dataset.byFrequency) this.dataset.countAccess(entry);
      else {
        const access = this.dataset.accessClock;
        if (entryAccess(arena, entry) !== access) setEntryAccess(arena, entry, access);
      }
    }
    return entry;
  }

  /** Does the table hold this key, expired or not? Changes nothing. */
  exists(key: Uint8Array): boolean {
    return this.keys.find(this.hash(key, 0, key.length), key, 0, key.length) !== NIL;
  }

  /** The entry of a key, expired or not, 0 when there is none. Changes nothing. */
  find(bytes: Uint8Array, offset: number, length: number, hash: number): number {
    return this.keys.find(hash, bytes, offset, length);
  }

  /** Has the time of this entry, one with an expiry, passed, and may the clock remove it? In its very millisecond it still lives, as in Redis. */
  isExpired(entry: number): boolean {
    return expiryMs(this.arena, entry) < this.dataset.nowMs && !this.dataset.clockHeld;
  }

  /** When the entry expires, ms since 1970; -1 for never. */
  expiryOf(entry: number): number {
    return hasExpiry(this.arena, entry) ? expiryMs(this.arena, entry) : -1;
  }

  /** Puts a new entry under its key, where there is none. False: the address space is full, nothing changed. */
  insert(entry: number, hash: number): boolean {
    setEntryAccess(this.arena, entry, this.dataset.accessClock);
    if (!this.keys.insert(hash, entry)) return false;
    if (hasExpiry(this.arena, entry) && !this.expires.insert(hash, entry)) {
      this.keys.remove(hash, entry);
      return false;
    }
    if (hasExpiringFields(this.arena, entry) && !this.hashes.insert(hash, entry)) {
      if (hasExpiry(this.arena, entry)) this.expires.remove(hash, entry);
      this.keys.remove(hash, entry);
      return false;
    }
    const { events } = this.dataset;
    if ((events.mask & EVENT_NEW) !== 0 && !events.newHeld) this.emit(EVENT_NEW, "new", entry);
    return true;
  }

  /**
   * Puts a new entry in the place of an old one with the same key, whose value is freed. False: the address space is full, nothing
   * changed.
   */
  replace(old: number, entry: number, hash: number): boolean {
    const before = hasExpiry(this.arena, old);
    const after = hasExpiry(this.arena, entry);
    const fieldsAfter = hasExpiringFields(this.arena, entry);
    if (fieldsAfter && !this.hashes.insert(hash, entry)) return false;
    if (after) {
      if (before) this.expires.replaceAddress(hash, old, entry);
      else if (!this.expires.insert(hash, entry)) {
        if (fieldsAfter) this.hashes.remove(hash, entry);
        return false;
      }
    } else if (before) this.expires.remove(hash, old);
    if (hasExpiringFields(this.arena, old)) this.hashes.remove(hash, old);
    this.keys.replaceAddress(hash, old, entry);
    // How often a key was read outlives its value; when it was read is now.
    const { byFrequency, accessClock } = this.dataset;
    setEntryAccess(this.arena, entry, byFrequency ? entryAccess(this.arena, old) : accessClock);
    releaseEntry(this.dataset, old);
    return true;
  }

  /** Moves an entry to another address after it was copied there: the tables follow, nothing is freed. */
  moved(old: number, entry: number, hash: number): void {
    if (hasExpiry(this.arena, entry)) this.expires.replaceAddress(hash, old, entry);
    if (hasExpiringFields(this.arena, entry)) this.hashes.replaceAddress(hash, old, entry);
    this.keys.replaceAddress(hash, old, entry);
  }

  /** Removes an entry and frees it with its value. */
  remove(entry: number, hash: number): void {
    this.detach(entry, hash);
    releaseEntry(this.dataset, entry);
  }

  /** Takes an entry out of the tables; it and its value stay allocated. */
  detach(entry: number, hash: number): void {
    if (hasExpiry(this.arena, entry)) this.expires.remove(hash, entry);
    if (hasExpiringFields(this.arena, entry)) this.hashes.remove(hash, entry);
    this.keys.remove(hash, entry);
  }

  /**
   * Sets when an entry expires (ms since 1970), or with -1 that it never does. The entry may move: the new address is returned, 0
   * when the address space is full and nothing changed.
   */
  setExpiry(entry: number, hash: number, at: number | bigint): number {
    const arena = this.arena;
    if (hasExpiry(arena, entry)) {
      if (at !== -1) {
        writeExpiry(arena, entry, at);
        return entry;
      }
      const plain = withExpiry(this.dataset, entry, false);
      if (plain === NIL) return NIL;
      this.expires.remove(hash, entry);
      if (hasExpiringFields(arena, plain)) this.hashes.replaceAddress(hash, entry, plain);
      this.keys.replaceAddress(hash, entry, plain);
      freeEntry(this.dataset.allocator, entry);
      return plain;
    }
    if (at === -1) return entry;
    const expiring = withExpiry(this.dataset, entry, true);
    if (expiring === NIL) return NIL;
    writeExpiry(arena, expiring, at);
    if (!this.expires.insert(hash, expiring)) {
      releaseUnused(this.dataset, entry, expiring);
      return NIL;
    }
    if (hasExpiringFields(arena, expiring)) this.hashes.replaceAddress(hash, entry, expiring);
    this.keys.replaceAddress(hash, entry, expiring);
    freeEntry(this.dataset.allocator, entry);
    return expiring;
  }

  /** Removes an entry whose time has come: logged as DEL, and told to whoever watches the key. */
  expire(entry: number, hash: number): void {
    if (this.dataset.removalsHeld) return;
    const { journal } = this.dataset;
    const bytes = this.arena.bytes[entry >>> SEGMENT_SHIFT]!;
    journal.removed(this.index, hash, bytes, keyOffset(this.arena, entry), keyLength(this.arena, entry));
    this.emit(EVENT_EXPIRED, "expired", entry);
    // The journal remembers verbatim requests by reference, but copies keys at once: the entry may go now.
    this.remove(entry, hash);
    this.dataset.expiredKeys++;
  }

  /** Tells what happened to an entry's key. */
  emit(eventClass: number, name: string, entry: number): void {
    const { arena } = this;
    const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
    this.dataset.events.emit(eventClass, name, this.index, bytes, keyOffset(arena, entry), keyLength(arena, entry));
  }

  /** The hash of an entry's own key. */
  hashOf(entry: number): number {
    return this.hash(
      this.arena.bytes[entry >>> SEGMENT_SHIFT]!,
      keyOffset(this.arena, entry),
      keyLength(this.arena, entry),
    );
  }

  /** A random entry that has not expired, 0 when there is none. */
  random(random: Random): number {
    for (let attempt = 0; attempt < RANDOM_TRIES && this.keys.count > 0; attempt++) {
      const entry = this.keys.random(random);
      if (!(hasExpiry(this.arena, entry) && this.isExpired(entry))) return entry;
      this.expire(entry, this.hashOf(entry));
    }
    return this.keys.count === 0 ? NIL : this.nextLiving(random.int32());
  }

  /** Nearly all keys have expired: the first one alive behind a cursor. Removes nothing, so that it stays one walk at worst. */
  private nextLiving(start: number): number {
    let cursor = start;
    for (let walk = 0; walk < 2; ) {
      found.clear();
      cursor = this.keys.scanInto(cursor, found);
      for (let i = 0; i < found.count; i++) {
        const entry = found.items[i]!;
        if (!(hasExpiry(this.arena, entry) && this.isExpired(entry))) return entry;
      }
      if (cursor === 0) walk++;
    }
    return NIL;
  }

  /**
   * Takes all keys away at once. Returns the roots of the old tables, now the caller's: the first one of keys, the others of entries that
   * are in it, too. Undefined when there is no memory for empty ones and nothing changed.
   */
  detachAll(): [keys: number, expires: number, hashes: number] | undefined {
    const { allocator } = this.dataset;
    const empty: number[] = [];
    for (let i = 0; i < 3; i++) {
      const root = Table.create(allocator);
      if (root !== NIL) {
        empty.push(root);
        continue;
      }
      found.clear();
      for (const other of empty) new Table(this.arena, allocator, other).releaseInto(1, found);
      return undefined;
    }
    const old: [number, number, number] = [this.keys.address, this.expires.address, this.hashes.address];
    this.keys = new Table(this.arena, allocator, empty[0]!);
    this.expires = new Table(this.arena, allocator, empty[1]!);
    this.hashes = new Table(this.arena, allocator, empty[2]!);
    this.storeRoots();
    return old;
  }

  /**
   * Removes a few keys from a position of bucket_walk.ts on, and returns the next one: how a database is emptied when the address space is too
   * full for two empty tables.
   */
  removeSome(position: number, keysMax: number): number {
    let next = position;
    for (let removed = 0; removed < keysMax && this.keys.count > 0; removed += found.count) {
      found.clear();
      next = walkDown(this.keys, next, found);
      if (next === WALK_END) next = WALK_START;
      for (let i = 0; i < found.count; i++) this.remove(found.items[i]!, this.hashOf(found.items[i]!));
    }
    return next;
  }

  /** Exchanges the contents with another database. */
  swap(other: Database): void {
    const { keys, expires, hashes } = this;
    this.keys = other.keys;
    this.expires = other.expires;
    this.hashes = other.hashes;
    other.keys = keys;
    other.expires = expires;
    other.hashes = hashes;
    const { averageTtlMs } = this;
    this.averageTtlMs = other.averageTtlMs;
    other.averageTtlMs = averageTtlMs;
    this.storeRoots();
    other.storeRoots();
  }

  private storeRoots(): void {
    const address = this.arena.databaseRootAddress(this.index);
    const word = (address & 0x7fffff) << 1;
    this.arena.touch(address, 12);
    const words = this.arena.words[address >>> SEGMENT_SHIFT]!;
    words[word + ROOT_KEYS] = this.keys.address;
    words[word + ROOT_EXPIRES] = this.expires.address;
    words[word + ROOT_HASHES] = this.hashes.address;
  }
}

/** Keys of whatever database has its root block at this number, opened or not. */
export function rootedKeys(dataset: Dataset, index: number): number {
  const address = dataset.arena.databaseRootAddress(index);
  const root = dataset.arena.words[address >>> SEGMENT_SHIFT]![((address & 0x7fffff) << 1) + ROOT_KEYS]!;
  return root === NIL ? 0 : new Table(dataset.arena, dataset.allocator, root).count;
}
