/**
 * What the simulated clients' requests mean, without an arena, a log or a disk: two databases as maps, executed in the order in
 * which the server must execute, giving each reply to the byte.
 *
 * Each request (EXEC: the whole transaction) that changes something is a write with a number, 1, 2, 3 …. A reply knows the last
 * write that it shows: once a client has it under `always`, a prefix that ends before that write is a lie. `stateAt` makes the state after any
 * prefix, which recovery must give back.
 */

export interface Entry {
  readonly value: string;
  /** When it expires, wall clock ms; 0: never. */
  readonly expireMs: number;
}

interface Change {
  readonly database: number;
  readonly key: string;
  /** Undefined: removed. */
  readonly entry: Entry | undefined;
}

interface Write {
  readonly number: number;
  /** When it was executed. */
  readonly timeUs: number;
  readonly changes: readonly Change[];
}

export interface ModelReply {
  readonly text: string;
  /** The last write that it shows or acknowledges. */
  readonly shows: number;
}

/** A connection as the model knows it. */
export class ModelSession {
  database = 0;
  inMulti = false;
  failed = false;
  queued: string[][] = [];
  /** Watched keys and the last change of each when it was watched. */
  readonly watched = new Map<string, number>();
}

export type ModelState = ReadonlyMap<string, Entry>;

const WRITES = new Set("SET GETSET GETDEL DEL INCR APPEND MSET FLUSHDB PEXPIRE PERSIST RENAME".split(" "));
const OK = "+OK\r\n";
const NIL = "$-1\r\n";
const NOT_AN_INTEGER = "-ERR value is not an integer or out of range\r\n";

export function nameOf(database: number, key: string): string {
  return `${database}:${key}`;
}

export class Model {
  /** Writes so far. */
  writes = 0;
  private readonly history: Write[] = [];
  private current = new Map<string, Entry>();
  /** The last write that changed a key, and the last that emptied a database. */
  private changed = new Map<string, number>();
  private readonly emptied = [0, 0];
  private pending: Change[] = [];
  private nowMs = 0;
  private shows = 0;

  /** Executes one request; `refusal` is the error that writes get in this turn. */
  execute(
    session: ModelSession,
    args: readonly string[],
    nowMs: number,
    timeUs: number,
    refusal: string | undefined,
  ): ModelReply {
    this.nowMs = nowMs;
    this.shows = 0;
    this.pending = [];
    const text = this.dispatch(session, args, refusal);
    if (this.pending.length > 0) {
      this.writes++;
      this.shows = this.writes;
      this.history.push({ number: this.writes, timeUs, changes: this.pending });
      for (const { database, key } of this.pending) this.changed.set(nameOf(database, key), this.writes);
    }
    return { text, shows: this.shows };
  }

  /** The last write that was executed at `timeUs` or before. */
  lastWriteBefore(timeUs: number): number {
    let last = 0;
    for (let i = this.history.length - 1; i >= 0 && last === 0; i--) {
      if (this.history[i]!.timeUs <= timeUs) last = this.history[i]!.number;
    }
    return last;
  }

  /**
   * The shortest prefix of at least `least` writes whose state, as it is visible at `nowMs`, equals `found`; -1 if there is none.
   * That prefix is the truth from then on.
   */
  settle(found: ModelState, least: number, nowMs: number): number {
    const state = new Map<string, Entry>();
    for (let number = 0; number <= this.history.length; number++) {
      if (number > 0) applyTo(state, this.history[number - 1]!);
      if (number < least || !sameState(state, found, nowMs)) continue;
      this.history.length = number;
      this.current = new Map(state);
      this.writes = number;
      for (const [name, last] of this.changed) if (last > number) this.changed.set(name, number);
      for (const db of [0, 1]) this.emptied[db] = Math.min(this.emptied[db]!, number);
      return number;
    }
    return -1;
  }

  /** How the state after `number` writes differs from `found`, for people. */
  difference(found: ModelState, number: number, nowMs: number): string {
    const state = new Map<string, Entry>();
    for (const write of this.history) if (write.number <= number) applyTo(state, write);
    const wrong: string[] = [];
    for (const name of new Set([...state.keys(), ...found.keys()])) {
      const expected = show(visible(state.get(name), nowMs));
      const got = show(found.get(name));
      if (expected !== got) wrong.push(`${name} holds ${got} instead of ${expected}`);
    }
    return wrong.slice(0, 4).join("; ");
  }

  private dispatch(session: ModelSession, args: readonly string[], refusal: string | undefined): string {
    const [name, ...rest] = args as [string, ...string[]];
    switch (name) {
      case "MULTI":
        session.inMulti = true;
        return OK;
      case "DISCARD":
        endTransaction(session);
        return OK;
      case "EXEC":
        return this.exec(session, refusal);
      case "WATCH":
        for (const key of rest) {
          const watched = nameOf(session.database, key);
          this.look(session.database, key);
          if (!session.watched.has(watched)) session.watched.set(watched, this.changed.get(watched) ?? 0);
        }
        return OK;
      default:
    }
    if (refusal !== undefined && WRITES.has(name)) {
      if (session.inMulti) session.failed = true;
      return `-${refusal}\r\n`;
    }
    if (session.inMulti) {
      session.queued.push([...args]);
      return "+QUEUED\r\n";
    }
    return this.run(session, name, rest);
  }

  private exec(session: ModelSession, refusal: string | undefined): string {
    const { queued, failed } = session;
    let broken = false;
    for (const [name, number] of session.watched) {
      const last = this.changed.get(name) ?? 0;
      if (last > this.shows) this.shows = last;
      if (last !== number) broken = true;
    }
    endTransaction(session);
    if (failed) return "-EXECABORT Transaction discarded because of previous errors.\r\n";
    if (broken) return "*-1\r\n";
    if (refusal !== undefined && queued.some(([name]) => WRITES.has(name!))) {
      return `-EXECABORT Transaction discarded because of: ${refusal}\r\n`;
    }
    return `*${queued.length}\r\n${queued.map(([name, ...rest]) => this.run(session, name!, rest)).join("")}`;
  }

  private run(session: ModelSession, name: string, args: string[]): string {
    const db = session.database;
    const [key, value] = args as [string, string];
    switch (name) {
      case "SELECT":
        session.database = Number(key);
        return OK;
      case "SET":
        return this.set(db, key, value, args.slice(2));
      case "GET":
        return bulk(this.look(db, key)?.value);
      case "GETSET": {
        const before = this.look(db, key);
        this.put(db, key, { value, expireMs: 0 });
        return bulk(before?.value);
      }
      case "GETDEL": {
        const before = this.look(db, key);
        if (before !== undefined) this.put(db, key, undefined);
        return bulk(before?.value);
      }
      case "DEL": {
        let removed = 0;
        for (const each of args) {
          if (this.look(db, each) === undefined) continue;
          this.put(db, each, undefined);
          removed++;
        }
        return `:${removed}\r\n`;
      }
      case "EXISTS":
        return `:${args.filter((each) => this.look(db, each) !== undefined).length}\r\n`;
      case "INCR": {
        const before = this.look(db, key);
        if (before !== undefined && !/^-?[0-9]{1,15}$/.test(before.value)) return NOT_AN_INTEGER;
        const sum = Number(before?.value ?? 0) + 1;
        this.put(db, key, { value: String(sum), expireMs: before?.expireMs ?? 0 });
        return `:${sum}\r\n`;
      }
      case "APPEND": {
        const before = this.look(db, key);
        const joined = (before?.value ?? "") + value;
        this.put(db, key, { value: joined, expireMs: before?.expireMs ?? 0 });
        return `:${joined.length}\r\n`;
      }
      case "STRLEN":
        return `:${this.look(db, key)?.value.length ?? 0}\r\n`;
      case "MSET":
        for (let i = 0; i < args.length; i += 2) this.put(db, args[i]!, { value: args[i + 1]!, expireMs: 0 });
        return OK;
      case "MGET":
        return `*${args.length}\r\n${args.map((each) => bulk(this.look(db, each)?.value)).join("")}`;
      case "DBSIZE":
        return this.size(db);
      case "FLUSHDB":
        return this.flush(db);
      default:
        return this.runKeyspace(db, name, args);
    }
  }

  private runKeyspace(db: number, name: string, args: string[]): string {
    const [key, value] = args as [string, string];
    const before = this.look(db, key);
    switch (name) {
      case "PEXPIRE":
        if (before === undefined) return ":0\r\n";
        this.put(db, key, { value: before.value, expireMs: this.nowMs + Number(value) });
        return ":1\r\n";
      case "PERSIST":
        if (before === undefined || before.expireMs === 0) return ":0\r\n";
        this.put(db, key, { value: before.value, expireMs: 0 });
        return ":1\r\n";
      case "PTTL":
        return `:${before === undefined ? -2 : before.expireMs === 0 ? -1 : before.expireMs - this.nowMs}\r\n`;
      case "RENAME":
        if (before === undefined) return "-ERR no such key\r\n";
        this.look(db, value);
        this.put(db, value, before);
        this.put(db, key, undefined);
        return OK;
      default:
        throw new Error(`the model has no ${name}`);
    }
  }

  private set(db: number, key: string, value: string, options: readonly string[]): string {
    const exists = this.look(db, key) !== undefined;
    if ((options.includes("NX") && exists) || (options.includes("XX") && !exists)) return NIL;
    const px = options.indexOf("PX");
    this.put(db, key, { value, expireMs: px === -1 ? 0 : this.nowMs + Number(options[px + 1]) });
    return OK;
  }

  /** Keys without expiry only: one that has expired counts until somebody notices. */
  private size(db: number): string {
    let count = 0;
    for (const name of this.current.keys()) if (name.startsWith(`${db}:`)) count++;
    this.shows = Math.max(this.shows, this.emptied[db]!);
    for (const [name, number] of this.changed) {
      if (name.startsWith(`${db}:`) && number > this.shows) this.shows = number;
    }
    return `:${count}\r\n`;
  }

  private flush(db: number): string {
    const names = [...this.current.keys()].filter((name) => name.startsWith(`${db}:`));
    for (const name of names) this.put(db, name.slice(2), undefined);
    if (names.length > 0) this.emptied[db] = this.writes + 1;
    else this.shows = Math.max(this.shows, this.emptied[db]!);
    return OK;
  }

  /** What a reader sees of a key; seeing it is noted. */
  private look(database: number, key: string): Entry | undefined {
    const name = nameOf(database, key);
    this.shows = Math.max(this.shows, this.changed.get(name) ?? 0, this.emptied[database]!);
    return visible(this.current.get(name), this.nowMs);
  }

  private put(database: number, key: string, entry: Entry | undefined): void {
    const name = nameOf(database, key);
    if (entry === undefined) this.current.delete(name);
    else this.current.set(name, entry);
    this.pending.push({ database, key, entry });
  }
}

function endTransaction(session: ModelSession): void {
  session.inMulti = false;
  session.failed = false;
  session.queued = [];
  session.watched.clear();
}

function visible(entry: Entry | undefined, nowMs: number): Entry | undefined {
  return entry !== undefined && entry.expireMs !== 0 && nowMs > entry.expireMs ? undefined : entry;
}

function applyTo(state: Map<string, Entry>, { changes }: Write): void {
  for (const { database, key, entry } of changes) {
    if (entry === undefined) state.delete(nameOf(database, key));
    else state.set(nameOf(database, key), entry);
  }
}

function sameState(state: ModelState, found: ModelState, nowMs: number): boolean {
  let count = 0;
  for (const [name, entry] of state) {
    if (visible(entry, nowMs) === undefined) continue;
    count++;
    const other = found.get(name);
    if (other === undefined || other.value !== entry.value || other.expireMs !== entry.expireMs) return false;
  }
  return count === found.size;
}

function bulk(value: string | undefined): string {
  return value === undefined ? NIL : `$${value.length}\r\n${value}\r\n`;
}

function show(entry: Entry | undefined): string {
  if (entry === undefined) return "nothing";
  const { value, expireMs } = entry;
  return `${value.length > 40 ? `${value.slice(0, 40)}… (${value.length})` : value}${expireMs === 0 ? "" : ` until ${expireMs}`}`;
}
