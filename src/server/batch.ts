/**
 * The requests of one pass through a buffer, split and their keys touched, but not yet executed: parallel arrays, so that the passes run over integers.
 * All requests of a batch lie in the same buffer; those of one connection are neighbours.
 */
import { hashBytes } from "../base/hash.ts";
import { TURN_ROWS_MAX } from "../base/limits.ts";
import { type CommandTable, UNKNOWN_COMMAND } from "../command/table.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { largeMembers, membersOf } from "../dataset/members.ts";
import { NIL } from "../memory/layout.ts";
import { EMPTY, REQUEST, type RequestParser } from "../protocol/request_parser.ts";
import type { Connection } from "./connection.ts";
import { LOOK_AFTER_BYTES, REQUESTS_A_LOOK } from "./turn_time.ts";

/** Requests in a batch: enough to overlap cache misses, few enough that what was touched is still in the cache when it is used. */
export const BATCH_REQUESTS_MAX = 512;

export class RequestBatch {
  /** Requests in the batch. */
  count = 0;
  /** First argument as a pair index into the parser's table, and the arguments, of each request. */
  readonly first = new Int32Array(BATCH_REQUESTS_MAX);
  readonly argc = new Int32Array(BATCH_REQUESTS_MAX);
  /** Where each request's bytes begin and end. */
  readonly start = new Int32Array(BATCH_REQUESTS_MAX);
  readonly end = new Int32Array(BATCH_REQUESTS_MAX);
  /** Command id, and hash of the first key (0 where there is none). */
  readonly command = new Int32Array(BATCH_REQUESTS_MAX);
  readonly hash = new Int32Array(BATCH_REQUESTS_MAX);
  readonly hashed = new Int8Array(BATCH_REQUESTS_MAX);
  /** 1: as the request before it up to the last argument (RequestParser.alike). */
  readonly alike = new Int8Array(BATCH_REQUESTS_MAX);
  /** Requests before this one have been tried together already. */
  private alone = 0;
  /** Hashes of members that are touched together. */
  private readonly members = new Int32Array(BATCH_REQUESTS_MAX);
  /** Runs of requests by connection: slot, first request. */
  runs = 0;
  readonly runSlot = new Int32Array(TURN_ROWS_MAX);
  readonly runFirst = new Int32Array(TURN_ROWS_MAX + 1);

  get full(): boolean {
    return this.count === BATCH_REQUESTS_MAX || this.runs === TURN_ROWS_MAX;
  }

  clear(): void {
    this.alone = 0;
    this.count = 0;
    this.runs = 0;
  }

  /** Adds the whole requests in `bytes[at, end)` of the connection in this slot; returns where it stopped. */
  split(parser: RequestParser, table: CommandTable, slot: number, bytes: Uint8Array, at: number, end: number): number {
    if (this.full) return at;
    const before = this.count;
    this.runSlot[this.runs] = slot;
    this.runFirst[this.runs] = before;
    while (at < end) {
      const first = parser.argCount;
      const found = parser.next(bytes, at, end);
      if (found !== REQUEST) {
        if (found !== EMPTY) break;
        at = parser.end;
        continue;
      }
      const count = this.count;
      const name = first << 1;
      this.first[count] = first;
      this.argc[count] = parser.argc;
      this.start[count] = at;
      this.end[count] = parser.end;
      if (parser.alike && count > 0 && parser.argc > 1) {
        this.alike[count] = 1;
        this.command[count] = this.command[count - 1]!;
      } else {
        this.alike[count] = 0;
        this.command[count] = table.lookup(bytes, parser.args[name]!, parser.args[name + 1]!);
      }
      at = parser.end;
      this.count = count + 1;
      if (this.full) break;
    }
    if (this.count !== before) {
      this.runs++;
      this.runFirst[this.runs] = this.count;
    }
    return at;
  }

  /**
   * How many requests from `i` on, before `last`, may be tried at once: alike but for their last arguments, none of them long, and no more than
   * up to the next look at the clock. Unless `done` is called they then go one by one.
   */
  together(i: number, last: number): number {
    if (i < this.alone || this.end[i]! - this.start[i]! > LOOK_AFTER_BYTES) return 1;
    const end = Math.min(last, (i | (REQUESTS_A_LOOK - 1)) + 1);
    let next = i + 1;
    while (next < end && this.alike[next] === 1 && this.end[next]! - this.start[next]! <= LOOK_AFTER_BYTES) next++;
    this.alone = next;
    return next - i;
  }

  /** `count` requests from `i` on have been executed at once: the last of them. */
  done(i: number, count: number): number {
    this.alone = 0;
    return i + count - 1;
  }

  /** The one request that the parser has just found in `bytes[start, end)`, as a this. */
  single(
    parser: RequestParser,
    table: CommandTable,
    slot: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.runSlot[0] = slot;
    this.runFirst[0] = 0;
    this.runFirst[1] = 1;
    this.runs = 1;
    this.count = 1;
    this.first[0] = 0;
    this.argc[0] = parser.argc;
    this.start[0] = start;
    this.end[0] = end;
    this.alike[0] = 0;
    this.command[0] = table.lookup(bytes, parser.args[0]!, parser.args[1]!);
  }

  /** Hashes the first keys and touches what they lead to, database by database. Only a hint: execution decides. */
  touchKeys(
    bytes: Uint8Array,
    args: Int32Array,
    table: CommandTable,
    dataset: Dataset,
    host: { connection(slot: number): Connection | undefined },
  ): void {
    let group = 0;
    let database = 0;
    for (let run = 0; run < this.runs; run++) {
      const selected = host.connection(this.runSlot[run]!)?.database ?? 0;
      const first = this.runFirst[run]!;
      if (selected !== database) {
        this.touch(bytes, args, table, dataset, database, group, first);
        group = first;
        database = selected;
      }
      this.hashKeys(bytes, args, table, dataset, first, this.runFirst[run + 1]!);
    }
    this.touch(bytes, args, table, dataset, database, group, this.count);
  }

  /** Touches what the keys of requests [from, to) lead to, then what the members lead to where neighbours have the same key. */
  private touch(
    bytes: Uint8Array,
    args: Int32Array,
    table: CommandTable,
    dataset: Dataset,
    database: number,
    from: number,
    to: number,
  ): void {
    const { keys } = dataset.database(database);
    keys.prefetch(this.hash, from, to - from);
    const { memberAt } = table;
    let root = NIL;
    let rootHash = 0;
    let count = 0;
    for (let i = from + 1; i < to; i++) {
      const hash = this.hash[i]!;
      if (hash !== this.hash[i - 1]! || this.hashed[i] === 0) continue;
      const member = memberAt[this.command[i]!]!;
      if (member === 0 || this.argc[i]! <= member) continue;
      const first = this.first[i]!;
      if (hash !== rootHash) {
        if (count > 0) membersOf(dataset, root).prefetch(this.members, 0, count);
        count = 0;
        rootHash = hash;
        const key = (first + 1) << 1;
        root = largeMembers(dataset, keys.find(hash, bytes, args[key]!, args[key + 1]!));
      }
      if (root === NIL) continue;
      const at = (first + member) << 1;
      this.members[count++] = hashBytes(bytes, args[at]!, args[at + 1]!, dataset.seed0, dataset.seed1);
    }
    if (count > 0) membersOf(dataset, root).prefetch(this.members, 0, count);
  }

  private hashKeys(
    bytes: Uint8Array,
    args: Int32Array,
    table: CommandTable,
    dataset: Dataset,
    first: number,
    last: number,
  ): void {
    const { firstKey } = table;
    const { seed0, seed1 } = dataset;
    for (let i = first; i < last; i++) {
      const id = this.command[i]!;
      if (id === UNKNOWN_COMMAND || firstKey[id] !== 1 || this.argc[i]! < 2) {
        this.hashed[i] = 0;
        this.hash[i] = 0;
        continue;
      }
      this.hashed[i] = 1;
      // The key stands before the last argument.
      if (this.alike[i] === 1 && this.argc[i]! > 2) {
        this.hash[i] = this.hash[i - 1]!;
        continue;
      }
      const arg = (this.first[i]! + 1) << 1;
      this.hash[i] = hashBytes(bytes, args[arg]!, args[arg + 1]!, seed0, seed1);
    }
  }
}
