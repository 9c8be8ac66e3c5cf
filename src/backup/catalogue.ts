/**
 * The catalogue: what a store holds and what was done with it, in an SQLite file in the data directory, so that it is known without asking the store. A cache:
 * all but the uploads and errors is learnt from the store again when it is lost (catalogue_keeper.ts), and nothing that is kept or restored depends on it.
 *
 * ```
 * about     place, listed_ms: when the store was last listed whole; written_ms; a row each
 * objects   every object of the store: name, size, and what the name tells; of the small texts (claims, generations, counts, checks) their bytes
 * uploads   what this server has stored, when
 * errors    what went wrong here, when first and last, how often
 * views     segments, images, verifications, drills, timeline: of objects, for people with sqlite3
 * ```
 * It is written in transactions and never synced: a power cut may break it, and then it is made anew. `user_version` is that of this table of tables; a
 * file of another version is none of ours. Every call throws a SqliteFault.
 */
import type { Disk } from "../disk/disk.ts";
import type { Sqlite, SqliteRow } from "../platform/sqlite.ts";
import {
  parseCheckRecordName,
  parseClaimName,
  parseCountsName,
  parseGenerationName,
  parseImageObject,
  parsePrunedName,
  parseSegmentObject,
} from "./layout.ts";

export const CATALOGUE_NAME = "catalogue.sqlite";
const CATALOGUE_VERSION = 1;
/** "EMBR": whose file it is. */
const APPLICATION = 0x454d4252;

/** The newest are kept. */
const UPLOADS_MAX = 10_000;
const ERRORS_MAX = 1000;

const SCHEMA = `
CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE objects (
  name TEXT PRIMARY KEY, size INTEGER NOT NULL, kind TEXT NOT NULL,
  claim INTEGER, first INTEGER, last INTEGER, ms INTEGER, body TEXT
) WITHOUT ROWID;
CREATE TABLE uploads (id INTEGER PRIMARY KEY, ms INTEGER NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE errors (
  id INTEGER PRIMARY KEY, doing TEXT NOT NULL, message TEXT NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, times INTEGER NOT NULL
);
CREATE VIEW segments AS SELECT name, size, claim, first, last, ms FROM objects WHERE kind = 'segment';
CREATE VIEW images AS SELECT name, size, claim, last AS sequence FROM objects WHERE kind = 'image';
CREATE VIEW verifications AS SELECT ms, json_extract(body, '$.ok') AS ok, json_extract(body, '$.tookMs') AS took_ms,
  json_extract(body, '$.sequence') AS sequence, json_extract(body, '$.text') AS text
  FROM objects WHERE kind = 'verify' AND json_valid(body);
CREATE VIEW drills AS SELECT ms, json_extract(body, '$.ok') AS ok, json_extract(body, '$.tookMs') AS took_ms,
  json_extract(body, '$.sequence') AS sequence, json_extract(body, '$.text') AS text
  FROM objects WHERE kind = 'drill' AND json_valid(body);
CREATE VIEW timeline AS SELECT json_extract(value, '$[0]') * 60000 AS ms, sum(json_extract(value, '$[1]')) AS commands,
  sum(json_extract(value, '$[2]')) AS deleted
  FROM objects, json_each(objects.body, '$.minutes') WHERE kind = 'counts' AND json_valid(objects.body) GROUP BY 1;
PRAGMA application_id = ${APPLICATION};
PRAGMA user_version = ${CATALOGUE_VERSION};
`;

type Kind = "claim" | "segment" | "image" | "generation" | "counts" | "pruned" | "verify" | "drill";

interface Named {
  readonly kind: Kind;
  readonly claim: number | null;
  readonly first: number | null;
  readonly last: number | null;
  readonly ms: number | null;
}

/** What a name tells; undefined: it is no object that is kept (a probe, somebody else's). */
function namedBy(name: string): Named | undefined {
  const claim = parseClaimName(name);
  if (claim !== undefined) return { kind: "claim", claim, first: null, last: null, ms: null };
  const segment = parseSegmentObject(name);
  if (segment !== undefined) {
    const { firstSequence: first, lastSequence: last, lastMs: ms } = segment;
    return { kind: "segment", claim: segment.claim, first, last, ms };
  }
  const image = parseImageObject(name);
  if (image !== undefined) return { kind: "image", claim: image.claim, first: null, last: image.sequence, ms: null };
  const generation = parseGenerationName(name);
  if (generation !== undefined) {
    const { sequence: last, lastMs: ms } = generation;
    return { kind: "generation", claim: generation.claim, first: null, last, ms };
  }
  const counts = parseCountsName(name);
  if (counts !== undefined) {
    const { firstSequence: first, lastSequence: last } = counts;
    return { kind: "counts", claim: counts.claim, first, last, ms: null };
  }
  const pruned = parsePrunedName(name);
  if (pruned !== undefined)
    return { kind: "pruned", claim: pruned.claim, first: null, last: pruned.sequence, ms: null };
  const check = parseCheckRecordName(name);
  if (check !== undefined) return { kind: check.kind, claim: null, first: null, last: null, ms: check.ms };
  return undefined;
}

/** Objects of which the bytes are kept, since they are small and all of what they are for. */
export function isKeptWhole(name: string): boolean {
  const kind = namedBy(name)?.kind;
  return kind !== undefined && kind !== "segment" && kind !== "image" && kind !== "pruned";
}

export interface CataloguedObject {
  readonly name: string;
  readonly size: number;
  /** null: it is not kept. */
  readonly body: Uint8Array | null;
}

export interface CataloguedError {
  readonly doing: string;
  readonly message: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly times: number;
}

export interface CataloguedUpload {
  readonly ms: number;
  readonly name: string;
  readonly bytes: number;
}

export class Catalogue {
  private readonly sqlite: Sqlite;

  private constructor(sqlite: Sqlite) {
    this.sqlite = sqlite;
  }

  /** As readable as the other files of the directory: SQLite would make it anybody's. An empty file is an empty database. */
  static create(disk: Disk, path: string): void {
    if (disk.status(path) === undefined) disk.close(disk.open(path, "create"));
  }

  /** Makes the tables where the file is new. undefined: the file is another program's, or of another version. */
  static open(sqlite: Sqlite, readOnly = false): Catalogue | undefined {
    if (!readOnly) sqlite.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF");
    const version = pragma(sqlite, "user_version");
    const application = pragma(sqlite, "application_id");
    const tables = sqlite.all("SELECT name FROM sqlite_master LIMIT 1").length;
    if (application === APPLICATION && version === CATALOGUE_VERSION) return new Catalogue(sqlite);
    if (readOnly || tables > 0 || application !== 0 || version !== 0) return undefined;
    sqlite.transaction(() => sqlite.exec(SCHEMA));
    return new Catalogue(sqlite);
  }

  close(): void {
    this.sqlite.close();
  }

  text(name: "place"): string {
    return String(this.about(name) ?? "");
  }

  /** 0: never. */
  time(name: "listed_ms" | "written_ms"): number {
    return Number(this.about(name) ?? 0);
  }

  private about(name: string): unknown {
    return this.sqlite.all("SELECT value FROM about WHERE name = ?", name)[0]?.["value"];
  }

  private setAbout(name: string, value: string | number): void {
    this.sqlite.run("INSERT OR REPLACE INTO about VALUES (?, ?)", name, value);
  }

  /** It is of the store in `place` from here on; what it knew of another one goes. */
  begin(place: string): void {
    if (this.text("place") === place) return;
    this.sqlite.transaction(() => {
      for (const table of ["about", "objects", "uploads", "errors"]) this.sqlite.exec(`DELETE FROM ${table}`);
      this.setAbout("place", place);
    });
  }

  /** What is known of the store goes, to be learnt anew. */
  forgetObjects(): void {
    this.sqlite.transaction(() => {
      this.sqlite.exec("DELETE FROM objects");
      this.setAbout("listed_ms", 0);
    });
  }

  /** All of it or nothing, as of `nowMs`. */
  apply(work: (changes: Changes) => void, nowMs: number): void {
    this.sqlite.transaction(() => {
      work(new Changes(this.sqlite));
      this.setAbout("written_ms", nowMs);
    });
  }

  /** The store has been listed whole. */
  setListed(nowMs: number): void {
    this.sqlite.transaction(() => this.setAbout("listed_ms", nowMs));
  }

  /** In the order of their bytes (no letter of a name is as high as ~), those after `after` only; at most `limit`. */
  list(prefix: string, after: string, limit: number): { readonly name: string; readonly size: number }[] {
    const rows = this.sqlite.all(
      "SELECT name, size FROM objects WHERE name > ? AND name >= ? AND name < ? ORDER BY name LIMIT ?",
      after,
      prefix,
      `${prefix}~`,
      limit,
    );
    return rows.map(({ name, size }) => ({ name: String(name), size: Number(size) }));
  }

  /** undefined: there is no such object; `body` null: it is not kept. */
  find(name: string): CataloguedObject | undefined {
    const row = this.sqlite.all("SELECT size, body FROM objects WHERE name = ?", name)[0];
    if (row === undefined) return undefined;
    const { size, body } = row;
    return { name, size: Number(size), body: typeof body === "string" ? Buffer.from(body) : null };
  }

  /** The newest first. */
  errors(limit: number): CataloguedError[] {
    return this.sqlite.all("SELECT * FROM errors ORDER BY last_ms DESC, id DESC LIMIT ?", limit).map((row) => ({
      doing: String(row["doing"]),
      message: String(row["message"]),
      firstMs: Number(row["first_ms"]),
      lastMs: Number(row["last_ms"]),
      times: Number(row["times"]),
    }));
  }

  /** The newest first. */
  uploads(limit: number): CataloguedUpload[] {
    return this.sqlite
      .all("SELECT ms, name, bytes FROM uploads ORDER BY id DESC LIMIT ?", limit)
      .map(({ ms, name, bytes }) => ({ ms: Number(ms), name: String(name), bytes: Number(bytes) }));
  }

  /** Names of the records of verifications and drills, the newest first. */
  checks(limit: number): string[] {
    return this.sqlite
      .all("SELECT name FROM objects WHERE kind IN ('verify', 'drill') ORDER BY ms DESC LIMIT ?", limit)
      .map(({ name }) => String(name));
  }
}

/** What one transaction changes. */
export class Changes {
  private readonly sqlite: Sqlite;

  constructor(sqlite: Sqlite) {
    this.sqlite = sqlite;
  }

  add({ name, size, body }: CataloguedObject): void {
    const named = namedBy(name);
    if (named === undefined) return;
    const { kind, claim, first, last, ms } = named;
    const text = body === null ? null : Buffer.from(body).toString();
    this.sqlite.run(
      "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      name,
      size,
      kind,
      claim,
      first,
      last,
      ms,
      text,
    );
  }

  remove(name: string): void {
    this.sqlite.run("DELETE FROM objects WHERE name = ?", name);
  }

  upload({ ms, name, bytes }: CataloguedUpload): void {
    if (namedBy(name) === undefined) return;
    this.sqlite.run("INSERT INTO uploads (ms, name, bytes) VALUES (?, ?, ?)", ms, name, bytes);
    this.sqlite.run("DELETE FROM uploads WHERE id <= (SELECT max(id) FROM uploads) - ?", UPLOADS_MAX);
  }

  /** The same again is the same row, as long as nothing else has happened meanwhile. */
  error(doing: string, message: string, ms: number): void {
    const newest: SqliteRow | undefined = this.sqlite.all("SELECT * FROM errors ORDER BY id DESC LIMIT 1")[0];
    if (newest?.["doing"] === doing && newest["message"] === message) {
      this.sqlite.run("UPDATE errors SET last_ms = ?, times = times + 1 WHERE id = ?", ms, Number(newest["id"]));
      return;
    }
    this.sqlite.run(
      "INSERT INTO errors (doing, message, first_ms, last_ms, times) VALUES (?, ?, ?, ?, 1)",
      doing,
      message,
      ms,
      ms,
    );
    this.sqlite.run("DELETE FROM errors WHERE id <= (SELECT max(id) FROM errors) - ?", ERRORS_MAX);
  }
}

function pragma(sqlite: Sqlite, name: "user_version" | "application_id"): number {
  return Number(sqlite.all(`PRAGMA ${name}`)[0]?.[name] ?? 0);
}
