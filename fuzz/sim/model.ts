/**
 * What the simulated clients' requests mean, without an arena, a log or a disk: two databases as maps. It follows the server request by request,
 * in the order in which that executes them, and says what each reply must be, to the byte.
 *
 * Each request (EXEC: the whole transaction) that changes something is a write with a number, 1, 2, 3 …. A reply or a message knows the last
 * write that it shows: once a client has it under `always`, a prefix that ends before that write is a lie.
 */
import { datasetCommands } from "../../src/command/commands.ts";
import type { Message } from "./channels.ts";
import { type Change, type FoundState, History, nameOf, type State } from "./history.ts";
import { runOnValues, type Store, WrongAnswer } from "./model_values.ts";
import { array, bulk, elementsOf, integer, NIL, NIL_ARRAY, OK, stringsOf, WRONG_TYPE } from "./replies.ts";
import { type Entry, type Kind, text, visible } from "./value.ts";

/** When and how a request is executed. */
export interface Circumstances {
  readonly nowMs: number;
  /** The error that writes get at this moment. */
  readonly refusal: string | undefined;
  /** What the server answers. */
  readonly answer: string;
}

export interface ModelReply {
  /** "": the request waits for a key. */
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
  /** The request that waits for keys. */
  waiting: readonly string[] | undefined;
  /** The last write that its replies show so far. */
  known = 0;
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();

  get subscriptions(): number {
    return this.channels.size + this.patterns.size;
  }
}

/** Commands that a full disk refuses. */
const WRITES = new Set(datasetCommands.filter(({ flags }) => flags?.includes("write")).map(({ name }) => name));
/** Blocking commands: how many keys stand in front of the other arguments, counted from the end where negative, and what they wait for. */
const BLOCKING: Readonly<Record<string, { readonly keys: number; readonly kind: Kind; readonly nil: string }>> = {
  BLPOP: { keys: -1, kind: "list", nil: NIL_ARRAY },
  BRPOP: { keys: -1, kind: "list", nil: NIL_ARRAY },
  BLMOVE: { keys: 1, kind: "list", nil: NIL },
  BZPOPMIN: { keys: -1, kind: "zset", nil: NIL_ARRAY },
};

export class Model implements Store {
  nowMs = 0;
  /** How many hear a message. */
  receiversOf: (message: Message) => number = () => 0;
  private readonly history = new History();
  private current: State = new Map();
  /** The last write that changed a key. */
  private changed = new Map<string, number>();
  /** How often a key counted as changed for those who watch it, though nothing was: no write, and nothing waits for it. */
  private touched = new Map<string, number>();
  /** The last that emptied a database or put another in its place. */
  private readonly emptied = [0, 0];
  private pending: Change[] = [];
  private shows = 0;
  private answers = "";

  /** Writes so far. */
  get writes(): number {
    return this.history.length;
  }

  /** Executes one request. */
  execute(session: ModelSession, args: readonly string[], at: Circumstances): ModelReply {
    return this.perform(session, at, () => this.dispatch(session, args, at.refusal));
  }

  /** The request that waits is executed again, for this key. */
  resume(session: ModelSession, key: string, at: Circumstances): ModelReply {
    const args = session.waiting;
    if (args === undefined) throw new WrongAnswer("a request goes on that did not wait");
    session.waiting = undefined;
    if (at.refusal !== undefined) return { text: `-${at.refusal}\r\n`, shows: 0 };
    return this.perform(session, at, () => {
      const reply = this.block(session, args, [key], false);
      if (reply === undefined) session.waiting = args;
      return reply ?? "";
    });
  }

  private perform(session: ModelSession, at: Circumstances, run: () => string): ModelReply {
    this.nowMs = at.nowMs;
    this.shows = 0;
    this.pending = [];
    this.answers = at.answer;
    const reply = run();
    if (this.pending.length > 0) {
      this.shows = this.history.add(this.pending);
      for (const { database, key } of this.pending) this.changed.set(nameOf(database, key), this.shows);
    }
    session.known = Math.max(session.known, this.shows);
    return { text: reply, shows: this.shows };
  }

  /** A key that the session waits for, and that has what it waits for: it should not wait any more. "" when there is none. */
  wakes({ waiting, database }: ModelSession): string {
    if (waiting === undefined) return "";
    const { kind } = BLOCKING[waiting[0]!]!;
    const ready = keysOf(waiting).find(
      (key) => visible(this.current.get(nameOf(database, key)), this.nowMs)?.value.kind === kind,
    );
    return ready ?? "";
  }

  /** The last write that changed a key. */
  changeOf(database: number, key: string): number {
    return Math.max(this.changed.get(nameOf(database, key)) ?? 0, this.emptied[database]!);
  }

  /** See History.settle; -1 where no prefix fits. Afterwards nothing but that prefix has ever happened. */
  settle(found: FoundState, least: number, nowMs: number): number {
    const state = this.history.settle(found, least, nowMs);
    if (state === undefined) return -1;
    this.current = state;
    const number = this.history.length;
    for (const [name, last] of this.changed) if (last > number) this.changed.set(name, number);
    for (const db of [0, 1]) this.emptied[db] = Math.min(this.emptied[db]!, number);
    return number;
  }

  /** See History.fits. */
  fits(found: FoundState, number: number, nowMs: number): boolean {
    return this.history.fits(found, number, nowMs);
  }

  difference(found: FoundState, number: number, nowMs: number): string {
    return this.history.difference(found, number, nowMs);
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
          if (!session.watched.has(watched)) session.watched.set(watched, this.versionOf(watched));
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
    return this.run(session, args, false);
  }

  touch(database: number, key: string): void {
    const name = nameOf(database, key);
    this.touched.set(name, (this.touched.get(name) ?? 0) + 1);
  }

  /** What WATCH remembers of a key: it is another one after each write and each touch. */
  private versionOf(name: string): number {
    return (this.changed.get(name) ?? 0) + (this.touched.get(name) ?? 0) / 2 ** 20;
  }

  private exec(session: ModelSession, refusal: string | undefined): string {
    const { queued, failed } = session;
    let broken = false;
    for (const [name, number] of session.watched) {
      const last = this.changed.get(name) ?? 0;
      if (last > this.shows) this.shows = last;
      if (this.versionOf(name) !== number) broken = true;
    }
    endTransaction(session);
    if (failed) return "-EXECABORT Transaction discarded because of previous errors.\r\n";
    if (broken) return NIL_ARRAY;
    if (refusal !== undefined && queued.some(([name]) => WRITES.has(name!))) {
      return `-EXECABORT Transaction discarded because of: ${refusal}\r\n`;
    }
    const answers = elementsOf(this.answers);
    return array(
      queued.map((args, i) => {
        this.answers = answers?.[i] ?? "";
        return this.run(session, args, true);
      }),
    );
  }

  private run(session: ModelSession, args: readonly string[], inTransaction: boolean): string {
    const [name, ...rest] = args as [string, ...string[]];
    const blocking = BLOCKING[name];
    if (blocking !== undefined) {
      const reply = this.block(session, args, keysOf(args), inTransaction);
      if (reply === undefined) session.waiting = args;
      return reply ?? "";
    }
    return runOnValues(this, session.database, name, rest) ?? this.runKeyspace(session, name, rest);
  }

  /** A blocking command on these of its keys; undefined: it waits. */
  private block(
    { database }: ModelSession,
    args: readonly string[],
    keys: readonly string[],
    inTransaction: boolean,
  ): string | undefined {
    const { kind, nil } = BLOCKING[args[0]!]!;
    for (const key of keys) {
      const entry = this.look(database, key);
      if (entry === undefined) continue;
      if (entry.value.kind !== kind) return WRONG_TYPE;
      switch (args[0]) {
        case "BLMOVE":
          return runOnValues(this, database, "LMOVE", args.slice(1, 5))!;
        case "BZPOPMIN": {
          const popped = stringsOf(runOnValues(this, database, "ZPOPMIN", [key])!)!;
          return array([key, ...popped].map(bulk));
        }
        default: {
          const value = stringsOf(runOnValues(this, database, args[0] === "BLPOP" ? "LPOP" : "RPOP", [key])!)!;
          return array([key, ...value].map(bulk));
        }
      }
    }
    return inTransaction ? nil : undefined;
  }

  private runKeyspace(session: ModelSession, name: string, args: readonly string[]): string {
    const db = session.database;
    const [key, value] = args as [string, string];
    switch (name) {
      case "SELECT":
        session.database = Number(key);
        return OK;
      case "PUBLISH":
        return integer(this.receiversOf({ channel: key, payload: value }));
      case "SET":
        return this.set(db, key, value, args.slice(2));
      case "DEL": {
        let removed = 0;
        for (const each of args) {
          if (this.look(db, each) === undefined) continue;
          this.put(db, each, undefined);
          removed++;
        }
        return integer(removed);
      }
      case "EXISTS":
        return integer(args.filter((each) => this.look(db, each) !== undefined).length);
      case "TYPE":
        return `+${this.look(db, key)?.value.kind ?? "none"}\r\n`;
      case "DBSIZE":
        return this.size(db);
      case "FLUSHDB":
        return this.flush([db]);
      case "FLUSHALL":
        return this.flush([0, 1]);
      case "SWAPDB":
        return this.swap();
      case "MOVE":
        return this.copy(db, key, Number(value), key, false, true);
      case "COPY":
        return this.copy(
          db,
          key,
          args.includes("DB") ? Number(args[args.indexOf("DB") + 1]) : db,
          value,
          args.includes("REPLACE"),
          false,
        );
      default:
        return this.runOnKey(db, name, args);
    }
  }

  private runOnKey(db: number, name: string, args: readonly string[]): string {
    const [key, value] = args as [string, string];
    const before = this.look(db, key);
    switch (name) {
      case "PEXPIRE":
        if (before === undefined) return integer(0);
        this.put(db, key, { value: before.value, expireMs: this.nowMs + Number(value) });
        return integer(1);
      case "PERSIST":
        if (before === undefined || before.expireMs === 0) return integer(0);
        this.put(db, key, { value: before.value, expireMs: 0 });
        return integer(1);
      case "PTTL":
        return integer(before === undefined ? -2 : before.expireMs === 0 ? -1 : before.expireMs - this.nowMs);
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
    this.put(db, key, { value: text(value), expireMs: px === -1 ? 0 : this.nowMs + Number(options[px + 1]) });
    return OK;
  }

  /** COPY and, with `away`, MOVE. */
  private copy(from: number, key: string, to: number, name: string, replace: boolean, away: boolean): string {
    const entry = this.look(from, key);
    if (entry === undefined) return integer(0);
    if (this.look(to, name) !== undefined && !replace) return integer(0);
    this.put(to, name, entry);
    if (away) this.put(from, key, undefined);
    return integer(1);
  }

  /** Keys without expiry only: one that has expired counts until somebody notices. */
  private size(db: number): string {
    let count = 0;
    for (const name of this.current.keys()) if (name.startsWith(`${db}:`)) count++;
    this.shows = Math.max(this.shows, this.emptied[db]!);
    for (const [name, number] of this.changed) {
      if (name.startsWith(`${db}:`) && number > this.shows) this.shows = number;
    }
    return integer(count);
  }

  private flush(databases: readonly number[]): string {
    for (const db of databases) {
      const names = [...this.current.keys()].filter((name) => name.startsWith(`${db}:`));
      for (const name of names) this.put(db, name.slice(2), undefined);
      if (names.length > 0) this.emptied[db] = this.writes + 1;
      else this.shows = Math.max(this.shows, this.emptied[db]!);
    }
    return OK;
  }

  private swap(): string {
    const keys = new Set([...this.current.keys()].map((name) => name.slice(2)));
    const entries = [...keys].map((key) => [key, this.current.get(nameOf(0, key)), this.current.get(nameOf(1, key))]);
    for (const [key, first, second] of entries as [string, Entry | undefined, Entry | undefined][]) {
      this.put(0, key, second);
      this.put(1, key, first);
    }
    if (keys.size > 0) this.emptied.fill(this.writes + 1);
    return OK;
  }

  look(database: number, key: string): Entry | undefined {
    const name = nameOf(database, key);
    this.shows = Math.max(this.shows, this.changed.get(name) ?? 0, Math.min(this.emptied[database]!, this.writes));
    return visible(this.current.get(name), this.nowMs);
  }

  put(database: number, key: string, entry: Entry | undefined): void {
    const name = nameOf(database, key);
    if (entry === undefined) this.current.delete(name);
    else this.current.set(name, entry);
    this.pending.push({ database, key, entry });
  }

  answer(): string {
    return this.answers;
  }
}

/** The keys of a blocking command. */
function keysOf(args: readonly string[]): readonly string[] {
  return args.slice(1, BLOCKING[args[0]!]!.keys === 1 ? 2 : -1);
}

function endTransaction(session: ModelSession): void {
  session.inMulti = false;
  session.failed = false;
  session.queued = [];
  session.watched.clear();
}
