/**
 * Takes keys from elsewhere into an engine and its log, a piece at a time, so that the log can keep up.
 *
 * What is logged is what makes the key: SET for a string, RESTORE with a payload of our own for a collection, and element by element where that
 * would be too large for one effect.
 */
import { EmberlogError } from "../base/errors.ts";
import { counterBits, idleBits } from "../dataset/access.ts";
import type { Database } from "../dataset/database.ts";
import { readExpiry, releaseEntry, writeExpiry } from "../dataset/entries.ts";
import { entryMemoryBytes } from "../dataset/memory_usage.ts";
import { isBig, TYPE_STRING } from "../dataset/types.ts";
import { DiskError } from "../disk/disk.ts";
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import type { RequestWriter } from "../protocol/request_writer.ts";
import { PayloadReader, PayloadWriter } from "../rdb/payload.ts";
import { RdbError } from "../rdb/rdb_error.ts";
import { entryEncoding, entryType, hasExpiry, keyLength, keyOffset, setEntryAccess } from "../structure/entry.ts";
import type { Engine } from "./engine.ts";
import { writeEntry } from "./entry_effects.ts";
import type { Storage } from "./storage.ts";

/** Effects of one unit of the log, bytes. */
const PIECE_BYTES = 512 * 1024;
/** A collection that takes more than this is logged element by element, bytes. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

export interface ImportCounts {
  /** Keys taken from RDB files, and commands executed from append-only files. */
  keys: number;
  commands: number;
  /** Keys whose time had passed already: left out. */
  expired: number;
  /** Collections without elements: left out, as by redis-server. */
  empty: number;
  /** Values of kinds that there are not here, by kind: left out where that was asked for. */
  readonly skipped: Map<string, number>;
  /** Libraries of functions, set aside. */
  readonly functions: Uint8Array[];
}

export class Importer {
  readonly engine: Engine;
  readonly counts: ImportCounts = { keys: 0, commands: 0, expired: 0, empty: 0, skipped: new Map(), functions: [] };
  private readonly storage: Storage | undefined;
  private readonly payloads: PayloadWriter;
  private readonly payloadReader: PayloadReader;
  private limit = 0;
  private readonly begin = (argc: number): RequestWriter => {
    this.engine.journal.begin(this.database, argc);
    return this.engine.journal.effects;
  };
  private database = 0;

  /** Without storage nothing is logged: an import that is only looked at. */
  constructor(engine: Engine, storage?: Storage) {
    this.engine = engine;
    this.storage = storage;
    this.payloads = new PayloadWriter(engine.dataset);
    this.payloadReader = new PayloadReader(engine.dataset);
    // What was stored elsewhere is taken as it was stored: time goes on when all of it is there.
    engine.dataset.clockHeld = true;
    this.beginPiece();
  }

  private beginPiece(): void {
    const { engine } = this;
    engine.beginTurn();
    this.reserve(2 * PIECE_BYTES);
    this.limit = engine.journal.effects.length + PIECE_BYTES;
  }

  /** Makes sure that the log has room for so many bytes of effects. Throws DISK_FULL. */
  reserve(bytes: number): void {
    const { engine } = this;
    engine.reserve(bytes);
    if (!engine.dataset.removalsHeld) return;
    const failed = this.storage?.writer.failed;
    if (failed) throw new DiskError(failed.kind, "the log", failed.errno);
    throw new EmberlogError("DISK_FULL", `the log takes no more: ${engine.log?.refusal ?? "the disk is full"}`);
  }

  /** Is it time to call `endPiece`? */
  get pieceIsFull(): boolean {
    return this.engine.journal.effects.length >= this.limit;
  }

  /** Hands what has gathered to the log, and waits until that has kept up. */
  async endPiece(): Promise<void> {
    const { engine } = this;
    engine.commit();
    this.storage?.tick();
    while (engine.congested && this.storage?.writer.failed === null)
      await new Promise((resolve) => setImmediate(resolve));
    this.beginPiece();
  }

  /** Puts an entry that is in no table into a database. Throws where its key is there already or the address space is full. */
  put(database: number, entry: number, idleSeconds: number, frequency: number): void {
    const { dataset } = this.engine;
    const { arena } = dataset;
    const db = dataset.database(database);
    const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
    const start = keyOffset(arena, entry);
    const length = keyLength(arena, entry);
    const hash = db.hash(bytes, start, length);
    if (db.keys.find(hash, bytes, start, length) !== NIL) {
      releaseEntry(dataset, entry);
      throw new EmberlogError("IMPORT_REFUSED", "a key stands twice");
    }
    if (!db.insert(entry, hash)) {
      releaseEntry(dataset, entry);
      throw outOfAddressSpace();
    }
    if (dataset.byFrequency && frequency >= 0) setEntryAccess(arena, entry, counterBits(frequency, dataset.nowMs));
    else if (idleSeconds >= 0) setEntryAccess(arena, entry, idleBits(idleSeconds, dataset.nowMs));
    this.counts.keys++;
    if (this.engine.journal.recording) this.log(db, entry);
  }

  private log(db: Database, entry: number): void {
    const { dataset, journal } = this.engine;
    const { arena } = dataset;
    this.database = db.index;
    const type = entryType(arena, entry);
    if (type === TYPE_STRING) {
      writeEntry(dataset, entry, this.begin);
      return;
    }
    if (isBig(type, entryEncoding(arena, entry))) {
      const bytes = entryMemoryBytes(dataset, entry);
      this.reserve(bytes * 2);
      if (bytes > PAYLOAD_BYTES_MAX) {
        writeEntry(dataset, entry, this.begin);
        return;
      }
    }
    const { payloads } = this;
    payloads.write(entry, false);
    journal.begin(db.index, 5);
    const { effects } = journal;
    effects.text("RESTORE");
    effects.argument(arena.bytes[entry >>> SEGMENT_SHIFT]!, keyOffset(arena, entry), keyLength(arena, entry));
    effects.integer(hasExpiry(arena, entry) ? readExpiry(arena, entry) : 0);
    effects.argument(payloads.out.bytes, 0, payloads.out.position);
    effects.text("ABSTTL");
  }

  /** The entry of a DUMP payload, in no table; a text that says why there is none. `expiryMs`: since 1970, -1 for never. */
  build(key: Uint8Array, payload: Uint8Array, expiryMs: number): number | string {
    const { payloadReader } = this;
    const { dataset } = this.engine;
    if (!payloadReader.verify(payload, 0, payload.length)) {
      return "a payload that is damaged or of a later RDB version than can be read";
    }
    let entry: number;
    try {
      entry = payloadReader.read(payload, 0, payload.length, key, 0, key.length, expiryMs >= 0);
    } catch (thrown) {
      if (thrown instanceof RdbError) return thrown.message;
      throw thrown;
    }
    if (entry === NIL) throw outOfAddressSpace();
    if (expiryMs >= 0) writeExpiry(dataset.arena, entry, expiryMs);
    return entry;
  }

  /** Puts what a DUMP payload holds under a key, unless the key is there already; a text says why it can't be. */
  restore(database: number, key: Uint8Array, payload: Uint8Array, expiryMs: number): string | undefined {
    if (this.engine.dataset.database(database).exists(key)) return undefined;
    const entry = this.build(key, payload, expiryMs);
    if (typeof entry === "string") return entry;
    this.put(database, entry, -1, -1);
    return undefined;
  }

  /** Frees an entry that was built and is in no table. */
  forget(entry: number): void {
    const { dataset } = this.engine;
    releaseEntry(dataset, entry);
    while (dataset.releaseStep());
  }

  /** Counts a value that is left out. */
  skip(kind: string): void {
    this.counts.skipped.set(kind, (this.counts.skipped.get(kind) ?? 0) + 1);
  }

  /** Commits the rest; time goes on. */
  async finish(): Promise<void> {
    await this.endPiece();
    this.engine.dataset.clockHeld = false;
    this.engine.journal.dirty = 0;
  }
}

export function outOfAddressSpace(): EmberlogError {
  return new EmberlogError("OUT_OF_ADDRESS_SPACE", "the dataset is larger than the address space of 32 GiB");
}
