/**
 * One execution of a command: the arguments as offsets into the request's bytes, the database, the reply, the journal.
 *
 * There is one Call an engine, filled in anew for each request, so that the common path allocates nothing. A handler must not
 * keep it, nor the offsets, beyond its own return.
 */

import { latin1 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { hashBytes } from "../base/hash.ts";
import { parseInteger64, parseIntegerSafe } from "../base/integer.ts";
import type { Random } from "../base/random.ts";
import type { Database } from "../dataset/database.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Journal } from "../dataset/journal.ts";
import { EVENT_KEY_MISS } from "../dataset/key_events.ts";
import type { ReplyWriter } from "../protocol/reply_writer.ts";
import type { RequestWriter } from "../protocol/request_writer.ts";
import type { WaitHost } from "./blocking.ts";
import type { Executor } from "./executor.ts";
import type { Session } from "./session.ts";
import { Watchers } from "./watch.ts";

export class Call {
  /** The bytes that hold the request. */
  input: Uint8Array;
  /** Pairs (start, length) of arguments. */
  args: Int32Array;
  /** Index in `args`, in pairs, of the command's name. */
  first = 0;
  /** Arguments with the name. */
  argc = 0;
  /** Hash of argument 1 where `hashed`, computed by the touching pass. */
  firstHash = 0;
  hashed = false;
  db: Database;
  session: Session;
  readonly dataset: Dataset;
  readonly reply: ReplyWriter;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
  /** Wall clock at the start of the turn, ms: all commands of a turn see the same time. */
  nowMs = 0;
  /** Keyspace hits and misses of reads, for INFO. */
  hits = 0;
  misses = 0;
  /** proto-max-bulk-len: no string may grow beyond it. */
  stringBytesMax = 512 * 1024 * 1024;
  /** Runs requests; EXEC needs it. */
  readonly executor: Executor;
  readonly watchers: Watchers;
  /** Lets connections wait for keys; undefined where nobody can wait. */
  waitHost: WaitHost | undefined;
  /** Somebody waits for a key that has changed: to be served when the running command is done. */
  keysReady = false;
  /** Inside EXEC. */
  inTransaction = false;
  /** A request that waited is run again because of the key that this argument names; 0: it is run for the first time. */
  resumedAt = 0;
  /** True while the log is replayed: no expiry by the clock, no randomness, no effects. */
  replaying = false;

  constructor(
    dataset: Dataset,
    executor: Executor,
    session: Session,
    reply: ReplyWriter,
    clock: Clock,
    random: Random,
  ) {
    this.dataset = dataset;
    this.executor = executor;
    this.watchers = new Watchers(dataset.journal, (database, key) => dataset.database(database).exists(key));
    this.journal = dataset.journal;
    this.db = dataset.database(0);
    this.session = session;
    this.reply = reply;
    this.clock = clock;
    this.random = random;
    this.input = new Uint8Array(0);
    this.args = new Int32Array(2);
  }

  start(i: number): number {
    return this.args[(this.first + i) << 1]!;
  }

  length(i: number): number {
    return this.args[((this.first + i) << 1) + 1]!;
  }

  /** Argument i as a latin1 string: for names, options and messages, not for values on the hot path. */
  text(i: number): string {
    const start = this.start(i);
    return latin1(this.input, start, start + this.length(i));
  }

  /** A copy of argument i. */
  copyOf(i: number): Uint8Array {
    const start = this.start(i);
    return this.input.slice(start, start + this.length(i));
  }

  /** Is argument i this keyword? `upper` is ASCII upper case; the argument may have any case. */
  is(i: number, upper: string): boolean {
    const length = upper.length;
    if (this.length(i) !== length) return false;
    const start = this.start(i);
    for (let k = 0; k < length; k++) {
      let byte = this.input[start + k]!;
      if (byte >= 97 && byte <= 122) byte -= 32;
      if (byte !== upper.charCodeAt(k)) return false;
    }
    return true;
  }

  /** Argument i as a whole number within ±(2^53 - 1), NaN when it is anything else (also when it is a larger 64-bit number). */
  integer(i: number): number {
    return parseIntegerSafe(this.input, this.start(i), this.length(i));
  }

  /** Argument i as a signed 64-bit number, strictly as Redis's string2ll reads it; undefined when it is none. */
  integer64(i: number): bigint | undefined {
    return parseInteger64(this.input, this.start(i), this.length(i));
  }

  /** The hash of argument i as a key. */
  hash(i: number): number {
    if (i === 1 && this.hashed) return this.firstHash;
    return hashBytes(this.input, this.start(i), this.length(i), this.dataset.seed0, this.dataset.seed1);
  }

  /** The entry of key argument i for reading: expired keys are gone, the access time is updated, hit or miss counted. 0: none. */
  read(i: number): number {
    const entry = this.db.lookup(this.input, this.start(i), this.length(i), this.hash(i), this.session.noTouch);
    if (entry === 0) this.missed(i);
    else this.hits++;
    return entry;
  }

  /** A read found no key argument i. */
  missed(i: number): void {
    this.misses++;
    this.notify(EVENT_KEY_MISS, "keymiss", i);
  }

  /** The entry of key argument i for writing: as `read`, but not counted. */
  write(i: number): number {
    return this.db.lookup(this.input, this.start(i), this.length(i), this.hash(i), this.session.noTouch);
  }

  /** Key argument i changed: to be called once a change, before or after it is made. */
  changed(i: number): void {
    this.journal.changed(this.db.index, this.hash(i), this.input, this.start(i), this.length(i));
  }

  /** Key argument 1 has changed `count` times, for as many requests that are executed at once: nobody observes changes then. */
  changedTimes(count: number): void {
    this.journal.changedTimes(this.db.index, this.hash(1), count);
  }

  /** Tells whoever listens what happened to key argument i: an event of dataset/key_events.ts, named as Redis names it. */
  notify(eventClass: number, name: string, i: number): void {
    this.notifyIn(this.db.index, eventClass, name, i);
  }

  /** The same in another database than the selected one. */
  notifyIn(database: number, eventClass: number, name: string, i: number): void {
    const { events } = this.dataset;
    if ((events.mask & eventClass) !== 0) {
      events.emit(eventClass, name, database, this.input, this.start(i), this.length(i));
    }
  }

  /**
   * Begins an effect that replaces the request in the log; `argc` argument calls on the result must follow. A command that
   * changes something and writes no effect of its own is logged verbatim.
   */
  effect(argc: number): RequestWriter {
    this.journal.begin(this.db.index, argc);
    return this.journal.effects;
  }
}
