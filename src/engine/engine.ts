/**
 * The engine: arena, dataset, commands and log put together, without a socket. The server's turns and the in-process API are its
 * two users.
 *
 * A turn:
 * 1. `beginTurn` sets the clock, reserves space in the log and with it decides whether writes are refused // D15
 * 2. requests are executed through `executor`; effects gather in the log's buffer
 * 3. `commit` makes them a frame, in order; `released` says which log position replies may show // D12
 *
 * Invariant: an effect enters the log in the order of execution, before any reply that shows it can leave.
 */
import { check } from "../base/check.ts";
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { DATABASES_DEFAULT, EFFECT_BYTES_RESERVED, TURN_INPUT_BYTES } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { Call } from "../command/call.ts";
import { Executor } from "../command/executor.ts";
import { Session } from "../command/session.ts";
import type { CommandTable } from "../command/table.ts";
import { Dataset } from "../dataset/dataset.ts";
import { Eviction, type EvictionOptions } from "../dataset/eviction.ts";
import { Journal } from "../dataset/journal.ts";
import { errorText, misconf } from "../disk/errno.ts";
import { Allocator } from "../memory/allocator.ts";
import { Arena } from "../memory/arena.ts";
import type { MemoryCalls } from "../memory/calls.ts";
import { growingSink, type ReplySink, ReplyWriter } from "../protocol/reply_writer.ts";
import { RequestWriter } from "../protocol/request_writer.ts";

/** What the engine needs of a log; `log/writer.ts` is one. */
export interface CommitLog {
  /** The buffer for the current turn's effects, and where they begin in it; stays the same until `commit`. */
  payloadBytes(): Uint8Array;
  payloadStart(): number;
  /**
   * Makes the `commands` effects in `bytes[payloadStart, end)` one unit; `bytes` is the current buffer or a larger copy of it.
   * `database` is the one selected before them, -1 for none.
   */
  commit(bytes: Uint8Array, end: number, commands: number, database: number): void;
  /** Reserves space for a turn; false: the disk is full. */
  reserve(bytes: number): boolean;
  /** Position that replies may show under the policy in force. */
  readonly releasedSequence: number;
  /** So much waits to be written that no further turns may be taken until the log has progressed. */
  readonly congested: boolean;
  /** Why `reserve` said no: a negative error number. */
  readonly reserveErrno: number;
  /** Of the `expected` clients that the last sync has let go, `returned` have sent more: see log/sync_schedule.ts. */
  cohort(returned: number, expected: number): void;
  /** Microseconds until a sync is due that waits for them, -1 for none: `cohort` is to be called then. */
  syncDueUs(): number;
  /** Why writes are refused, as a RESP error; undefined while they are not. */
  readonly refusal: string | undefined;
}

export interface EngineOptions {
  clock: Clock;
  random: Random;
  table: CommandTable;
  databases: number;
  memoryCalls?: MemoryCalls;
  /** Address space, bytes. */
  bytesMax?: number;
  firstSegment?: number;
  /** Memory of the journal, zeros; its own when not given. */
  positions?: Float64Array;
}

export class Engine {
  readonly arena: Arena;
  readonly dataset: Dataset;
  readonly journal: Journal;
  readonly executor: Executor;
  readonly eviction: Eviction;
  readonly table: CommandTable;
  readonly call: Call;
  readonly clock: Clock;
  readonly random: Random;
  log: CommitLog | undefined;
  /** A log that takes no more and is not closed yet: what shows its writes waits for them as before. */
  private retiring: CommitLog | undefined;
  /** What the clients' buffers take, bytes: asked when a turn begins, with the monotonic clock. There are none without a server. */
  measureClients: ((nowUs: number) => number) | undefined;
  /** Why writes are refused although the log takes them, as a RESP error: the disk is nearly full. */
  withheld: string | undefined;

  private readonly sink: { target: ReplySink };
  /** The database selected before the effects that gather now. */
  private frameDatabase = -1;

  constructor(options: EngineOptions) {
    const { clock, random, table } = options;
    this.clock = clock;
    this.random = random;
    this.table = table;
    this.arena = new Arena({
      random,
      ...(options.memoryCalls === undefined ? {} : { calls: options.memoryCalls }),
      ...(options.bytesMax === undefined ? {} : { bytesMax: options.bytesMax }),
      ...(options.firstSegment === undefined ? {} : { firstSegment: options.firstSegment }),
    });
    this.journal = new Journal(new RequestWriter(new Uint8Array(4096)), options.positions);
    this.dataset = new Dataset(this.arena, new Allocator(this.arena), this.journal, options.databases);
    this.executor = new Executor(table);
    this.executor.reserve = (bytes) => this.reserve(bytes * 2 + EFFECT_BYTES_RESERVED);
    this.eviction = new Eviction(this.dataset, clock, random, (bytes) => this.reserve(bytes));
    this.sink = { target: growingSink };
    const reply = new ReplyWriter(new Uint8Array(64 * 1024), {
      makeRoom: (writer, length) => this.sink.target.makeRoom(writer, length),
    });
    this.call = new Call(this.dataset, this.executor, new Session(0), reply, clock, random);
  }

  /** An image has been put into the arena's memory: everything goes on from there. Throws where it holds databases that are not configured. */
  adoptImage(): void {
    this.arena.adopt();
    this.dataset.adopt();
    for (let index = this.dataset.databaseCount; index < DATABASES_DEFAULT; index++) {
      if (this.dataset.keysBeyond(index) === 0) continue;
      throw new EmberlogError(
        "CONFIG_INVALID",
        `the data has keys in database ${index}, but databases is ${this.dataset.databaseCount}`,
      );
    }
  }

  /** An image has turned out to be damaged after part of it was in memory: everything begins empty. */
  clearMemory(): void {
    this.arena.clear();
    this.dataset.adopt();
  }

  /** Who makes room when the reply buffer is full. */
  setReplySink(sink: ReplySink): void {
    this.sink.target = sink;
  }

  /** maxmemory and how it is kept, from here on. */
  limitMemory(options: EvictionOptions): void {
    this.eviction.configure(options);
    this.executor.limitMemory(options.limitBytes === 0 ? undefined : this.eviction);
  }

  /** Effects are logged from here on; `sequence` is the last one recovered. */
  attachLog(log: CommitLog, sequence: number): void {
    check(this.retiring === undefined, "a log is closed before the next one begins");
    this.log = log;
    this.journal.sequence = sequence;
    this.journal.selected = -1;
    this.journal.recording = true;
    this.useLogBuffer(log);
    this.refreshReleased();
  }

  /** Nothing is logged from here on. Replies that wait for what was logged go on waiting, until `forgetLog`. // D12 */
  detachLog(): void {
    this.retiring ??= this.log;
    this.log = undefined;
    this.withheld = undefined;
    this.dataset.removalsHeld = false;
    this.executor.restrict(undefined);
    this.journal.recording = false;
    this.journal.effects.use(new Uint8Array(4096), 0);
  }

  /** The detached log is closed, all of it durable, or given up: nothing waits for it any more. */
  forgetLog(): void {
    this.retiring = undefined;
  }

  /** Log position that a reply may show. */
  get released(): number {
    const log = this.log ?? this.retiring;
    return log === undefined ? Number.POSITIVE_INFINITY : log.releasedSequence;
  }

  /** The log or its policy has changed in the middle of a turn: replies from here on are judged by the new one. */
  refreshReleased(): void {
    this.executor.released = this.released;
  }

  /** No turns may be taken until the log has progressed. */
  get congested(): boolean {
    return this.log?.congested === true;
  }

  beginTurn(): void {
    const nowMs = this.clock.wallMs();
    this.dataset.setTime(nowMs);
    this.call.nowMs = nowMs;
    this.executor.turnUs = this.clock.monotonicUs();
    if (this.measureClients !== undefined) this.dataset.memory.clientBytes = this.measureClients(this.executor.turnUs);
    this.refreshReleased();
    this.reserve(TURN_INPUT_BYTES * 2 + EFFECT_BYTES_RESERVED);
    this.eviction.beginTurn(this.executor.turnUs);
  }

  /** Sets space aside for `bytes` of effects; without it writes are refused from here on in this turn. // D15 */
  reserve(bytes: number): void {
    const { log } = this;
    if (log === undefined) return;
    const space = log.reserve(bytes);
    const refusal = log.refusal ?? this.withheld ?? (space ? undefined : misconf(errorText(log.reserveErrno)));
    this.dataset.removalsHeld = refusal !== undefined;
    this.executor.restrict(refusal);
  }

  /** Makes the effects since the last commit one frame of the log. */
  commit(): void {
    const { journal, log } = this;
    const { effects } = journal;
    if (effects.requests === 0) return;
    effects.finish();
    if (log === undefined) {
      effects.use(effects.bytes, 0);
      return;
    }
    log.commit(effects.bytes, effects.position, effects.requests, this.frameDatabase);
    this.useLogBuffer(log);
  }

  private useLogBuffer(log: CommitLog): void {
    this.frameDatabase = this.journal.selected;
    const bytes = log.payloadBytes();
    this.journal.effects.use(bytes, log.payloadStart());
  }
}
