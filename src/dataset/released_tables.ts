/**
 * What FLUSHALL and FLUSHDB leave behind: tables that nobody uses any more, taken apart a few buckets at a time.
 *
 * Their roots stand in the arena's global roots, so that a restart goes on where it stopped:
 * ```
 * roots 0 … 30    tables of keys: the entries are freed with their values
 * roots 31 … 61   tables of expiring keys and of hashes with expiring fields: the entries belong to a table of the first half
 * ```
 * Small tables are freed at once and take no place; when all places are taken the smallest table gives up its own.
 */
import type { Arena } from "../memory/arena.ts";
import { NIL } from "../memory/layout.ts";
import { EntryList } from "../structure/entry_list.ts";
import { Table } from "../structure/table.ts";
import type { Dataset } from "./dataset.ts";
import { releaseEntry } from "./entries.ts";

const PLACES = 31;
/** First place of the tables whose entries are others'. */
const BARE_FIRST = PLACES;
/** Buckets emptied in one step. */
const STEP_BUCKETS = 16;
/** A table with at most so many entries is freed at once. */
const AT_ONCE_ENTRIES_MAX = 128;

export class ReleasedTables {
  private readonly dataset: Dataset;
  private readonly arena: Arena;
  private readonly found = new EntryList(256);
  private readonly table: Table;
  /** There may be something left to free: asked so often that looking at every place would be slow. */
  private pending = true;

  constructor(dataset: Dataset) {
    this.dataset = dataset;
    this.arena = dataset.arena;
    this.table = new Table(dataset.arena, dataset.allocator, dataset.arena.databaseRootAddress(0));
  }

  /** Takes over the tables of a database that is being emptied. */
  add(keys: number, expires: number, hashes: number): void {
    this.pending = true;
    this.place(keys, 0);
    this.place(expires, BARE_FIRST);
    this.place(hashes, BARE_FIRST);
  }

  /** An image may have brought some. */
  adopt(): void {
    this.pending = true;
  }

  /** Keys that are not freed yet. */
  get count(): number {
    let count = 0;
    for (let place = 0; place < PLACES; place++) {
      const root = this.arena.root(place);
      if (root !== NIL) count += this.countOf(root);
    }
    return count;
  }

  /** Frees a few buckets; false when nothing is left. */
  step(): boolean {
    if (!this.pending) return false;
    for (let place = 0; place < PLACES * 2; place++) {
      const root = this.arena.root(place);
      if (root === NIL) continue;
      if (this.empty(root, STEP_BUCKETS, place >= BARE_FIRST)) this.arena.setRoot(place, NIL);
      if (place < BARE_FIRST) this.dataset.lazyFreed += this.found.count;
      return true;
    }
    this.pending = false;
    return false;
  }

  private place(root: number, first: number): void {
    if (this.countOf(root) <= AT_ONCE_ENTRIES_MAX) {
      this.emptyWholly(root, first === BARE_FIRST);
      return;
    }
    let smallest = first;
    for (let place = first; place < first + PLACES; place++) {
      const other = this.arena.root(place);
      if (other === NIL) {
        this.arena.setRoot(place, root);
        return;
      }
      if (this.countOf(other) < this.countOf(this.arena.root(smallest))) smallest = place;
    }
    const given = this.arena.root(smallest);
    const smaller = this.countOf(root) < this.countOf(given) ? root : given;
    if (smaller === given) this.arena.setRoot(smallest, root);
    this.emptyWholly(smaller, first === BARE_FIRST);
  }

  private countOf(root: number): number {
    this.table.attach(root);
    return this.table.count;
  }

  private emptyWholly(root: number, bare: boolean): void {
    while (!this.empty(root, STEP_BUCKETS, bare));
  }

  /** Empties up to `buckets` buckets of a table; true when nothing is left of it. */
  private empty(root: number, buckets: number, bare: boolean): boolean {
    const { dataset, found, table } = this;
    table.attach(root);
    found.clear();
    const done = table.releaseInto(buckets, found);
    if (!bare) for (let i = 0; i < found.count; i++) releaseEntry(dataset, found.items[i]!);
    return done;
  }
}
