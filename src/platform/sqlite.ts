/**
 * SQLite by whichever library there is: the package better-sqlite3 where the user has installed it (it is an optional peer: compiling it takes a minute, and
 * nothing depends on it), else the module node:sqlite that Node has from 22.13 on, else none. Both have the same few calls, which are all that is used.
 *
 * `EMBERLOG_SQLITE` decides otherwise: 0 for none, or the module to load: `node:sqlite`, or the folder of a better-sqlite3.
 */
import { createRequire } from "node:module";

export type SqliteValue = string | number | null;
export type SqliteRow = Readonly<Record<string, unknown>>;

/** `busy`: somebody else holds the file; `damaged`: it is none of ours, or broken; `refused`: the disk, a missing right. */
export class SqliteFault extends Error {
  readonly kind: "busy" | "damaged" | "refused";

  constructor(kind: SqliteFault["kind"], cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "SqliteFault";
    this.kind = kind;
  }
}

interface Statement {
  run(...values: readonly SqliteValue[]): unknown;
  all(...values: readonly SqliteValue[]): unknown[];
}

interface Connection {
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
  close(): void;
}

interface Library {
  readonly name: string;
  open(path: string, readOnly: boolean): Connection;
}

const BUSY = 5;
const LOCKED = 6;
const REFUSED: ReadonlySet<string> = new Set(["FULL", "IOERR", "CANTOPEN", "READONLY", "PERM", "AUTH", "NOMEM"]);
const REFUSED_CODES: ReadonlySet<number> = new Set([13, 10, 14, 8, 3, 23, 7]);

function faultOf(thrown: unknown): SqliteFault {
  const { code, errcode } = thrown as { readonly code?: unknown; readonly errcode?: unknown };
  if (typeof errcode === "number") {
    const primary = errcode & 0xff;
    if (primary === BUSY || primary === LOCKED) return new SqliteFault("busy", thrown);
    return new SqliteFault(REFUSED_CODES.has(primary) ? "refused" : "damaged", thrown);
  }
  // better-sqlite3 says "directory does not exist" by a TypeError.
  const [, word = ""] = /^SQLITE_([A-Z]+)/.exec(String(code)) ?? [];
  if (word === "BUSY" || word === "LOCKED") return new SqliteFault("busy", thrown);
  return new SqliteFault(word === "" || REFUSED.has(word) ? "refused" : "damaged", thrown);
}

/** A file that is open. Every call throws a SqliteFault. */
export class Sqlite {
  private readonly connection: Connection;
  private readonly statements = new Map<string, Statement>();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  exec(sql: string): void {
    try {
      this.connection.exec(sql);
    } catch (thrown) {
      throw faultOf(thrown);
    }
  }

  run(sql: string, ...values: readonly SqliteValue[]): void {
    try {
      this.prepared(sql).run(...values);
    } catch (thrown) {
      throw faultOf(thrown);
    }
  }

  all(sql: string, ...values: readonly SqliteValue[]): SqliteRow[] {
    try {
      return this.prepared(sql).all(...values) as SqliteRow[];
    } catch (thrown) {
      throw faultOf(thrown);
    }
  }

  /** All of `work` or nothing. */
  transaction(work: () => void): void {
    this.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.exec("COMMIT");
    } catch (thrown) {
      try {
        this.exec("ROLLBACK");
      } catch {
        // It was rolled back by the fault itself.
      }
      throw thrown;
    }
  }

  close(): void {
    try {
      this.connection.close();
    } catch {
      // What was committed is in the file, and nobody uses the connection any more.
    }
  }

  private prepared(sql: string): Statement {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.connection.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

type BetterSqlite = new (path: string, options: { readonly readonly: boolean; readonly timeout: number }) => Connection;
interface NodeSqlite {
  readonly DatabaseSync: new (path: string, options: { readonly readOnly: boolean }) => Connection;
}

/** So long a call waits for somebody else's transaction, ms. */
const BUSY_MS = 1000;

const require = createRequire(import.meta.url);

function nodeLibrary(): Library {
  const { DatabaseSync } = require("node:sqlite") as NodeSqlite;
  return { name: "node:sqlite", open: (path, readOnly) => new DatabaseSync(path, { readOnly }) };
}

function betterLibrary(module: string): Library {
  const Database = require(module) as BetterSqlite;
  return {
    name: "better-sqlite3",
    open: (path, readOnly) => new Database(path, { readonly: readOnly, timeout: BUSY_MS }),
  };
}

/** undefined: it is not there, or can't be loaded (a package that was built for another Node). */
function attempt(load: () => Library): Library | undefined {
  try {
    const library = load();
    library.open(":memory:", false).close();
    return library;
  } catch {
    return undefined;
  }
}

let looked = false;
let found: Library | undefined;

function library(): Library | undefined {
  if (looked) return found;
  looked = true;
  const wanted = process.env["EMBERLOG_SQLITE"] ?? "";
  if (wanted === "0") found = undefined;
  else if (wanted === "node:sqlite") found = attempt(nodeLibrary);
  else if (wanted !== "") found = attempt(() => betterLibrary(wanted));
  else found = attempt(() => betterLibrary("better-sqlite3")) ?? attempt(nodeLibrary);
  return found;
}

/** The library in use; undefined: there is none. */
export function sqliteName(): string | undefined {
  return library()?.name;
}

/** Opens a file, which is made where there is none, unless it is only to be read. undefined: there is no library. Throws a SqliteFault. */
export function openSqlite(path: string, readOnly = false): Sqlite | undefined {
  const used = library();
  if (used === undefined) return undefined;
  let sqlite: Sqlite;
  try {
    sqlite = new Sqlite(used.open(path, readOnly));
  } catch (thrown) {
    throw faultOf(thrown);
  }
  try {
    sqlite.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    return sqlite;
  } catch (thrown) {
    sqlite.close();
    throw thrown;
  }
}
