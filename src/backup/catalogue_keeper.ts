/**
 * Keeps the catalogue of a running server, in the thread that ships. Nothing waits for it and nothing fails by it: what the desk does in the store is noted in memory and
 * written when a pass is done, and whatever is wrong with the file is told once and mended here.
 *
 * ```
 * no library                           no catalogue; said once
 * the file is another's, or broken     set aside as catalogue.sqlite.damaged, and made anew from the store
 * the file is gone, or another one     made anew from the store, or brought up to date
 * somebody else holds it               tried again with the next pass; set aside when that never ends
 * disk full, no right to write         tried again a minute later, and then learnt from the store again
 * ```
 * What the file says of the store is brought up to date from a listing at the start, after each of the above, and once a day: others write there, too.
 */
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { type Disk, DiskError } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";
import { openSqlite, SqliteFault, sqliteName } from "../platform/sqlite.ts";
import { CATALOGUE_NAME, Catalogue, type CataloguedObject, type Changes } from "./catalogue.ts";
import { type Listing, learnPrefix, learnStore } from "./catalogue_listing.ts";
import { decodeCheck } from "./checks.ts";
import type { StoreNotes } from "./noted_store.ts";
import type { ObjectStore } from "./object_store.ts";

/** Notes in memory; more of them are let go, and learnt from the store. */
const NOTES_MAX = 10_000;
/** Passes in a row that found the file held by somebody. */
const BUSY_MAX = 10;
const RETRY_MS = 60_000;
const LISTED_MS = 24 * 3_600_000;
const RECENT_MAX = 10;

export interface CatalogueState {
  /** What it is kept by; null: nothing. */
  readonly library: string | null;
  /** When it was last the same as a whole listing of the store, ms; 0: it is being made, or there is none. */
  readonly listedMs: number;
  /** What is to be said in the log, each line once. */
  readonly lines: readonly string[];
}

/** A line of the history that the catalogue keeps. */
export interface CatalogueEvent {
  readonly ms: number;
  readonly text: string;
}

export class CatalogueKeeper implements StoreNotes {
  private readonly disk: Disk;
  private readonly clock: Clock;
  private readonly directory: string;
  private place = "";
  private catalogue: Catalogue | undefined;
  /** Of the file that is open: somebody may have put another one in its place. */
  private inode = 0;
  private readonly notes: ((changes: Changes) => void)[] = [];
  private listed = false;
  private listing: Promise<void> | undefined;
  private readonly removedMeanwhile = new Set<string>();
  private retryMs = 0;
  private mendedMs = 0;
  private busyPasses = 0;
  private readonly lines: string[] = [];
  private toldNone = false;

  constructor(disk: Disk, clock: Clock, directory: string) {
    this.disk = disk;
    this.clock = clock;
    this.directory = directory;
  }

  private get path(): string {
    return joinPath(this.directory, CATALOGUE_NAME);
  }

  /** The store in `place` is this directory's: the file is opened, or made. */
  begin(place: string): void {
    this.place = place;
    this.use(() => undefined);
  }

  stored(name: string, size: number, body: Uint8Array | null): void {
    const object: CataloguedObject = { name, size, body };
    const ms = this.clock.wallMs();
    this.note((changes) => {
      changes.add(object);
      changes.upload({ ms, name, bytes: size });
    });
  }

  removed(name: string): void {
    if (this.listing !== undefined) this.removedMeanwhile.add(name);
    this.note((changes) => changes.remove(name));
  }

  /** Something came to nothing; what is no error of the world is told by its first line. */
  failed(doing: string, thrown: unknown): void {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const ms = this.clock.wallMs();
    this.note((changes) => changes.error(doing, message.split("\n", 1)[0]!, ms));
  }

  private note(change: (changes: Changes) => void): void {
    if (sqliteName() === undefined) return;
    this.notes.push(change);
    if (this.notes.length <= NOTES_MAX) return;
    this.notes.length = 0;
    this.listed = false;
  }

  /** Writes what was noted, and begins to list the store where that is due. */
  flush(store: ObjectStore | undefined): void {
    if (this.place === "") return;
    this.use((catalogue) => {
      const { notes } = this;
      if (notes.length > 0) {
        catalogue.apply((changes) => {
          for (const change of notes) change(changes);
        }, this.clock.wallMs());
        notes.length = 0;
      }
      const ageMs = this.clock.wallMs() - catalogue.time("listed_ms");
      if (Math.abs(ageMs) >= LISTED_MS) this.listed = false;
    });
    if (!this.listed && store !== undefined && this.clock.wallMs() >= this.retryMs) void this.learn(store);
  }

  /** The catalogue is what the store is; resolves also where that came to nothing. */
  learn(store: ObjectStore): Promise<void> {
    this.listing ??= this.list(store, learnStore).then((done) => {
      this.listing = undefined;
      this.removedMeanwhile.clear();
      if (done) this.listed = true;
      else this.retryMs = this.clock.wallMs() + RETRY_MS;
    });
    return this.listing;
  }

  /** Somebody else has written below `prefix`. */
  async learnBelow(store: ObjectStore, prefix: string): Promise<void> {
    await this.listing;
    await this.list(store, (catalogue, listing) => learnPrefix(catalogue, listing, prefix));
  }

  private async list(
    store: ObjectStore,
    work: (catalogue: Catalogue, listing: Listing) => Promise<number>,
  ): Promise<boolean> {
    const catalogue = this.use((opened) => opened);
    if (catalogue === undefined) return false;
    const isRemoved = (name: string): boolean => this.removedMeanwhile.has(name);
    try {
      await work(catalogue, { store, nowMs: () => this.clock.wallMs(), isRemoved });
      return true;
    } catch (thrown) {
      // A store that is away shows elsewhere, and is listed later.
      if (thrown instanceof EmberlogError) return false;
      if (!(thrown instanceof SqliteFault)) throw thrown;
      this.mend(thrown);
      return false;
    }
  }

  get state(): CatalogueState {
    const listedMs = this.listed ? (this.use((catalogue) => catalogue.time("listed_ms")) ?? 0) : 0;
    return {
      library: this.catalogue === undefined ? null : (sqliteName() ?? null),
      listedMs,
      lines: this.lines.splice(0),
    };
  }

  /** Errors, verifications and drills, the newest first. */
  recent(): CatalogueEvent[] {
    const found = this.use((catalogue) => recentEvents(catalogue, RECENT_MAX));
    return found ?? [];
  }

  close(): void {
    this.catalogue?.close();
    this.catalogue = undefined;
  }

  /** undefined: there is none now. */
  private use<T>(work: (catalogue: Catalogue) => T): T | undefined {
    try {
      const catalogue = this.opened();
      if (catalogue === undefined) return undefined;
      const result = work(catalogue);
      this.busyPasses = 0;
      return result;
    } catch (thrown) {
      if (thrown instanceof DiskError) this.mend(new SqliteFault("refused", thrown));
      else if (thrown instanceof SqliteFault) this.mend(thrown);
      else throw thrown;
      return undefined;
    }
  }

  private opened(): Catalogue | undefined {
    if (this.place === "") return undefined;
    const { disk, path } = this;
    if (this.catalogue !== undefined && disk.status(path)?.inode === this.inode) return this.catalogue;
    if (this.catalogue === undefined && this.clock.wallMs() < this.retryMs) return undefined;
    this.close();
    this.listed = false;
    if (sqliteName() === undefined) {
      if (!this.toldNone)
        this.lines.push(
          "There is no catalogue of the backup in the data directory: neither better-sqlite3 nor node:sqlite is there. Nothing depends on it; npm install better-sqlite3 for one",
        );
      this.toldNone = true;
      return undefined;
    }
    Catalogue.create(disk, path);
    const sqlite = openSqlite(path)!;
    let catalogue: Catalogue | undefined;
    try {
      catalogue = Catalogue.open(sqlite);
      catalogue?.begin(this.place);
    } catch (thrown) {
      sqlite.close();
      throw thrown;
    }
    if (catalogue === undefined) sqlite.close();
    if (catalogue === undefined) throw new SqliteFault("damaged", "it is of another version, or another program's");
    this.catalogue = catalogue;
    this.inode = disk.status(path)?.inode ?? 0;
    return catalogue;
  }

  private mend(fault: SqliteFault): void {
    if (fault.kind === "busy" && ++this.busyPasses < BUSY_MAX) return;
    this.close();
    this.listed = false;
    this.busyPasses = 0;
    if (fault.kind === "refused") {
      this.retryMs = this.clock.wallMs() + RETRY_MS;
      this.lines.push(`The catalogue of the backup can't be written: ${fault.message}. It is tried again`);
      return;
    }
    const nowMs = this.clock.wallMs();
    if (nowMs - this.mendedMs < RETRY_MS) this.retryMs = nowMs + RETRY_MS;
    this.mendedMs = nowMs;
    this.lines.push(`The catalogue of the backup is made anew: ${fault.message}. What it was is ${this.path}.damaged`);
    try {
      if (this.disk.status(this.path) !== undefined) this.disk.rename(this.path, `${this.path}.damaged`);
      if (this.disk.status(`${this.path}-journal`) !== undefined) this.disk.unlink(`${this.path}-journal`);
    } catch (thrown) {
      if (!(thrown instanceof EmberlogError)) throw thrown;
      this.retryMs = this.clock.wallMs() + RETRY_MS;
    }
  }
}

/** What a catalogue tells of errors, verifications and drills, the newest first. */
export function recentEvents(catalogue: Catalogue, limit: number): CatalogueEvent[] {
  const errors = catalogue.errors(limit).map(({ doing, message, lastMs, times }) => ({
    ms: lastMs,
    text: `${doing} failed${times > 1 ? ` ${times} times` : ""}: ${message}`,
  }));
  const checks = catalogue.checks(limit).flatMap((name) => {
    const body = catalogue.find(name)?.body ?? null;
    const record = body === null ? undefined : decodeCheck(body);
    if (record === undefined) return [];
    return [{ ms: record.ms, text: `${record.kind} ${record.ok ? "ok" : "DAMAGED"}: ${record.text}` }];
  });
  return [...errors, ...checks].sort((a, b) => b.ms - a.ms).slice(0, limit);
}
