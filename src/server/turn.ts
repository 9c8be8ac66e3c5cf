/**
 * A turn: what the transport hands over in one call, executed and answered.
 *
 * ```
 * rows of input ─> split into a batch ─> hash keys, touch their buckets ─> execute in order ─> commit to the log
 *                                                                                                  │
 *        sockets <── rows of output (log position reached) <── replies ──> parked (not yet reached) <──┘
 * ```
 *
 * The fast way: complete requests of connections in an ordinary state are executed where they lie, in the input region, many
 * connections in one batch. Everything else (requests in pieces, inline requests, protocol errors, limits before authentication,
 * CLIENT PAUSE) goes through the connection's pending bytes, one connection at a time, with the same batch and the same executor.
 *
 * Invariants: requests of a connection are executed in the order of arrival and its replies leave in that order; no reply leaves
 * before the log position that it depends on is reached.
 */
import { EFFECT_BYTES_RESERVED, TURN_INPUT_BYTES, UNAUTHENTICATED_QUERY_BYTES_MAX } from "../base/limits.ts";
import type { Call } from "../command/call.ts";
import type { Executor } from "../command/executor.ts";
import type { CommandTable } from "../command/table.ts";
import type { Engine } from "../engine/engine.ts";
import { threadCpuClock } from "../platform/thread_calls.ts";
import { CLOSED, DATA, DRAINED, INPUT_ROW_WORDS, LOG, OPENED, type Transport } from "../platform/transport.ts";
import type { ReplySink, ReplyWriter } from "../protocol/reply_writer.ts";
import { EMPTY, INCOMPLETE, INLINE, PROTOCOL_ERROR, RequestParser, splitInline } from "../protocol/request_parser.ts";
import { encodeRequest } from "../protocol/request_writer.ts";
import { BackPressure } from "./back_pressure.ts";
import { Backlog } from "./backlog.ts";
import { RequestBatch } from "./batch.ts";
import type { BlockedRequest } from "./blocking/blocked_clients.ts";
import { Cohort } from "./cohort.ts";
import type { Connection } from "./connection.ts";
import { parkedIn, repliesIn } from "./parked_space.ts";
import { mayRunPaused } from "./paused.ts";
import { Delivery, type DeliveryHost } from "./pubsub/delivery.ts";
import { LOG_CONGESTED, letRead, WORK_LEFT } from "./reading.ts";
import { ReplyQueue } from "./reply_queue.ts";
import { TurnTimes } from "./statistics.ts";
import type { TurnHost, WaitingRequests } from "./turn_host.ts";
import { TurnTime } from "./turn_time.ts";

/** Effects of requests that waited are covered by what every turn sets aside up to here; one is so much longer than its request, bytes. */
const SERVED_BYTES_COVERED = EFFECT_BYTES_RESERVED / 4;
const EFFECT_BYTES_MORE = 64;

/** Turns within this time share one reading of the processor time, µs. */
const ACCOUNT_US = 250;

export class TurnRunner implements ReplySink, DeliveryHost {
  /** Bytes and requests taken in, bytes of replies; for INFO. */
  inputBytes = 0;
  outputBytes = 0;
  /** Pieces of input and of replies: what Redis counts as reads and writes. */
  reads = 0;
  writes = 0;
  turns = 0;
  readonly times = new TurnTimes(threadCpuClock());

  private readonly engine: Engine;
  private readonly transport: Transport;
  private readonly host: TurnHost;
  private readonly blocked: WaitingRequests;
  private readonly call: Call;
  private readonly executor: Executor;
  private readonly table: CommandTable;
  private readonly reply: ReplyWriter;
  private readonly parser = new RequestParser();
  private readonly batch = new RequestBatch();
  /** What sends messages to subscribers. */
  readonly delivery: Delivery;
  readonly queue: ReplyQueue;
  readonly pressure: BackPressure;
  private readonly backlog: Backlog;
  private readonly cohort: Cohort;
  /** Where the reply of the connection being executed begins in the output region. */
  private rowStart = 0;
  /** The log is congested in this turn. */
  private stalled = false;
  private readonly time = new TurnTime();
  /** A request of the running batch has paused the clients: those behind it wait. */
  private interrupted = false;
  /** Bytes of the requests that waited and went on since space was last set aside for them. */
  private servedBytes = 0;
  /** In pending bytes: where the first of those begins, -1 for none. */
  private leftAt = -1;
  private stopped = false;
  /** The connection whose command is running. */
  running: Connection | undefined;
  /** What the reply being executed has to wait for so far, a log position. */
  private gate = 0;
  /** Who watches the commands; its lines leave with the replies of their turn. */
  monitors: { flush(): void } | undefined;

  constructor(engine: Engine, transport: Transport, host: TurnHost, blocked: WaitingRequests) {
    this.engine = engine;
    this.transport = transport;
    this.host = host;
    this.blocked = blocked;
    this.call = engine.call;
    this.executor = engine.executor;
    this.table = engine.table;
    this.reply = engine.call.reply;
    const { output } = transport;
    this.reply.bytes = repliesIn(output);
    this.cohort = new Cohort(transport);
    this.queue = new ReplyQueue(transport, host, engine, this.cohort, parkedIn(output));
    this.pressure = new BackPressure(() => engine.clock.monotonicUs());
    this.backlog = new Backlog(transport, this.pressure);
    this.delivery = new Delivery(this, output);
  }

  /** The transport's callback: `rows` rows of input wait. Returns the rows of output. */
  run(rows: number): number {
    if (this.stopped) return 0;
    const ready = this.runRows(rows);
    this.times.account(this.executor.turnUs, ACCOUNT_US);
    return ready;
  }

  private runRows(rows: number): number {
    this.turns++;
    // The transport has taken the last turn's replies: the region's head, still in the cache, is used again.
    this.reply.position = 0;
    this.rowStart = 0;
    this.stalled = this.engine.congested;
    this.engine.beginTurn();
    this.time.begin(this.executor.turnUs);
    const { inputTable, input } = this.transport;
    // Left over from when clients were paused.
    if (this.call.keysReady && this.host.paused === "no") {
      this.serveBlocked(input, this.parser.args);
      this.executor.stopTimer(this.call);
    }
    if (this.backlog.waiting.length > 0) this.runSlow();
    for (let row = 0; row < rows; row++) {
      const at = row * INPUT_ROW_WORDS;
      const slot = inputTable[at]!;
      const length = inputTable[at + 2]!;
      const flags = inputTable[at + 3]!;
      if (flags === DATA) {
        this.receive(slot, inputTable[at + 1]!, length, input);
        continue;
      }
      this.event(slot, inputTable[at + 1]!, length, flags, input);
    }
    this.runBatch(input, this.parser.args);
    this.parser.reset();
    this.runSlow();
    if (this.time.isUp && this.backlog.waiting.length > 0) this.transport.wake();
    this.settle();
    this.cohort.tell(this.engine.log);
    return this.queue.takeRows();
  }

  /** The slow way for all connections that have work there, until the turn's time is up. */
  private runSlow(): void {
    if (this.stalled) return;
    const { waiting } = this.backlog;
    let done = 0;
    while (done < waiting.length && !this.time.isUp) {
      const connection = waiting[done++]!;
      this.runPending(connection);
      // Left again: it stands at the end.
      if (waiting.length > done && waiting[waiting.length - 1] === connection) continue;
      letRead(this.transport, connection, WORK_LEFT);
      if (connection.inputEnded && (connection.holds & LOG_CONGESTED) === 0) this.endInput(connection);
    }
    waiting.splice(0, done);
  }

  /** Executes what waits in a connection's pending bytes, outside of the transport's callback (CLIENT UNPAUSE). */
  resume(connection: Connection): void {
    this.backlog.add(connection);
  }

  /** The requests behind the one that is running are not executed now: clients are paused from here on. */
  interrupt(): void {
    this.interrupted = true;
  }

  /** Nothing is executed or leaves any more. // D9 */
  stop(): void {
    this.stopped = true;
  }

  /** proto-max-bulk-len. */
  setBulkBytesMax(bytes: number): void {
    this.parser.bulkBytesMax = bytes;
  }

  /** Cuts a connection: nothing more of it is executed or sent. */
  closeNow(connection: Connection): void {
    if (connection === this.running) this.queue.closeWhenSent(connection);
    else this.queue.close(connection);
  }

  /** From here on time counts: what came before was the start, not a turn. */
  beginAccounting(): void {
    this.times.begin(this.call.clock.monotonicUs());
  }

  /** Runs work of the server's own between turns and counts its time on the processor like a turn's. */
  measure(work: () => void): void {
    this.beginAccounting();
    work();
    this.times.account(this.executor.turnUs, 0);
  }

  /** Sends what the log's progress has released, outside of the transport's callback. */
  release(): void {
    this.queue.release(this.engine.released);
    this.cohort.tell(this.engine.log);
    if (!this.engine.congested) this.backlog.unstall();
  }

  /** Bytes that answer no request, queued behind the replies written so far. */
  push(connection: Connection, bytes: Uint8Array): void {
    this.queue.append(connection, bytes, this.call.journal.sequence);
  }

  private event(slot: number, offset: number, length: number, flags: number, input: Uint8Array): void {
    if ((flags & LOG) !== 0) this.release();
    if ((flags & OPENED) !== 0) this.host.opened(slot);
    if ((flags & DATA) !== 0) this.receive(slot, offset, length, input);
    const connection = this.host.connection(slot);
    if (connection === undefined) return;
    if ((flags & DRAINED) !== 0) this.host.outputGrew(connection, 0);
    if ((flags & CLOSED) !== 0) {
      this.cohort.back(connection);
      // What the peer sent before it closed is executed first: it may have half-closed and still be reading.
      this.runBatch(input, this.parser.args);
      this.parser.reset();
      if (this.backlog.take(connection)) this.runPending(connection);
      if ((connection.holds & LOG_CONGESTED) !== 0) connection.inputEnded = true;
      else if (this.time.isUp) {
        connection.inputEnded = true;
        this.backlog.leave(connection);
      } else this.endInput(connection);
    }
  }

  /** What the peer has sent before it ended its side is executed. */
  private endInput(connection: Connection): void {
    if (connection.closing) return;
    connection.closing = true;
    connection.refresh();
    this.blocked.forget(connection);
    this.queue.closeWhenSent(connection);
  }

  /** Splits what a connection sent into the batch, or leaves it to the slow way. */
  private receive(slot: number, offset: number, length: number, input: Uint8Array): void {
    const connection = this.host.connection(slot);
    if (connection === undefined || connection.closing) return;
    this.reads++;
    this.cohort.back(connection);
    this.inputBytes += length;
    connection.lastActiveMs = this.call.nowMs;
    const end = offset + length;
    let at = offset;
    if (this.stalled) {
      connection.append(input, offset, end);
      this.backlog.stall(connection);
      return;
    }
    if (
      connection.pending === undefined &&
      connection.authenticated &&
      connection.blocked === undefined &&
      this.host.paused === "no" &&
      !this.time.isUp
    ) {
      at = this.batch.split(this.parser, this.table, connection.slot, input, offset, end);
      while (at < end && this.batch.full) {
        this.runBatch(input, this.parser.args);
        this.parser.reset();
        if (connection.closing || !connection.authenticated || this.interrupted || connection.blocked !== undefined)
          break;
        if (this.time.isUp) break;
        at = this.batch.split(this.parser, this.table, connection.slot, input, at, end);
      }
      if (at === end && connection.queuedBytes <= this.host.queryBytesMax) return;
    }
    if (connection.closing) return;
    if (at < end) connection.append(input, at, end);
    if (connection.pendingLength + connection.queuedBytes > this.queryBytesMax(connection)) {
      this.host.protocolError(connection, "client-query-buffer-limit exceeded");
      connection.closing = true;
      connection.closeNow = true;
      connection.refresh();
      this.queue.closeWhenSent(connection);
      return;
    }
    if (connection.pendingLength < connection.pendingNeeded) return;
    if (this.time.isUp) this.backlog.leave(connection);
    else this.backlog.add(connection);
  }

  /** Unexecuted bytes that a client may send; what MULTI has queued counts, as in Redis. */
  private queryBytesMax(connection: Connection): number {
    const { queryBytesMax } = this.host;
    return connection.authenticated ? queryBytesMax : Math.min(queryBytesMax, UNAUTHENTICATED_QUERY_BYTES_MAX);
  }

  /** The slow way: everything in the connection's pending bytes that can be executed now. */
  private runPending(connection: Connection): void {
    this.advance(connection);
    connection.compact();
  }

  private advance(connection: Connection): void {
    while (connection.pending !== undefined && !connection.closing && connection.blocked === undefined) {
      if (this.host.paused !== "no" && !mayRunPaused(connection, this.host.paused, this.table)) {
        connection.postponed = true;
        return;
      }
      if (this.engine.congested) {
        this.backlog.stall(connection);
        return;
      }
      if (this.time.isUp) {
        this.backlog.leave(connection);
        return;
      }
      const parser = connection.pendingParser();
      parser.bulkBytesMax = this.parser.bulkBytesMax;
      parser.unauthenticated = !connection.authenticated;
      const bytes = connection.pending;
      const start = connection.pendingStart;
      const limit = start + connection.pendingLength;
      // One request at a time where the next may be read differently: before authentication and while paused.
      const single = !connection.authenticated || this.host.paused !== "no";
      const found = parser.resume(bytes, start, limit);
      if (found === INCOMPLETE) {
        connection.pendingNeeded = parser.needed;
        return;
      }
      if (found === PROTOCOL_ERROR) {
        this.answerProtocolError(connection, parser.error);
        return;
      }
      if (found === EMPTY) {
        connection.consume(parser.end - start);
        continue;
      }
      if (found === INLINE) {
        if (!this.runInline(connection, bytes, start, limit)) return;
        continue;
      }
      let end = parser.end;
      if (single || parser.argCount > 1024) this.batch.single(parser, this.table, connection.slot, bytes, start, end);
      else {
        parser.reset();
        end = this.batch.split(parser, this.table, connection.slot, bytes, start, limit);
      }
      // A turn's space is set aside already, this may be larger. // D15
      if (end - start > TURN_INPUT_BYTES) this.engine.reserve((end - start) * 2 + EFFECT_BYTES_RESERVED);
      this.leftAt = -1;
      this.runBatch(bytes, parser.args);
      if (this.leftAt !== -1) end = this.leftAt;
      // The journal refers to verbatim requests until it is told otherwise, and `consume` moves them.
      this.call.journal.effects.finish();
      connection.consume(end - start);
      this.settle();
    }
  }

  private runInline(connection: Connection, bytes: Uint8Array, start: number, limit: number): boolean {
    const line = splitInline(bytes, start, limit);
    if (line.error !== "") {
      this.answerProtocolError(connection, line.error);
      return false;
    }
    if (line.end === -1) {
      connection.pendingNeeded = limit - start + 1;
      return false;
    }
    connection.consume(line.end - start);
    if (line.args.length === 0) return true;
    const request = encodeRequest(line.args);
    const parser = new RequestParser(line.args.length);
    parser.next(request, 0, request.length);
    this.batch.single(parser, this.table, connection.slot, request, 0, request.length);
    this.runBatch(request, parser.args);
    this.settle();
    return true;
  }

  private answerProtocolError(connection: Connection, message: string): void {
    this.host.protocolError(connection, message);
    this.rowStart = this.reply.position;
    this.running = connection;
    this.reply.error(`ERR ${message}`);
    this.endRow(connection, this.call.journal.sequence);
    connection.closing = true;
    connection.refresh();
    connection.consume(connection.pendingLength);
    this.queue.closeWhenSent(connection);
    this.settle();
  }

  /** Passes two and three: touch what the requests will read, then execute them in order. */
  private runBatch(bytes: Uint8Array, args: Int32Array): void {
    const batch = this.batch;
    if (batch.count === 0) {
      batch.runs = 0;
      return;
    }
    const call = this.call;
    call.input = bytes;
    call.args = args;
    if (batch.count > 1) batch.touchKeys(bytes, args, this.table, call.dataset, this.host);
    else batch.hashed[0] = 0;
    this.interrupted = false;
    for (let run = 0; run < batch.runs; run++) {
      const connection = this.host.connection(batch.runSlot[run]!);
      if (connection === undefined) continue;
      const first = batch.runFirst[run]!;
      const last = batch.runFirst[run + 1]!;
      if (this.interrupted || this.time.isUp || connection.blocked !== undefined)
        this.putBack(connection, bytes, first, last);
      else this.executeRun(connection, bytes, args, first, last);
    }
    batch.clear();
    this.executor.stopTimer(call);
  }

  /** Requests of the batch that are not executed now lead the connection's pending bytes. */
  private putBack(connection: Connection, bytes: Uint8Array, first: number, last: number): void {
    const { batch } = this;
    if (bytes === connection.pending) {
      this.leftAt = batch.start[first]!;
      return;
    }
    connection.putBack(bytes, batch.start[first]!, batch.end[last - 1]!);
    if (this.time.isUp) this.backlog.leave(connection);
    else this.backlog.add(connection);
  }

  private executeRun(connection: Connection, bytes: Uint8Array, args: Int32Array, first: number, end: number): void {
    let last = end;
    const { batch, call, executor, reply } = this;
    call.session = connection;
    call.db = call.dataset.database(connection.database);
    reply.protocol = connection.protocol;
    // What others did before stands before its replies.
    if (connection.monitoring) this.monitors?.flush();
    this.running = connection;
    this.rowStart = reply.position;
    this.gate = 0;
    for (let i = first; i < last; i++) {
      call.first = batch.first[i]!;
      call.argc = batch.argc[i]!;
      call.firstHash = batch.hash[i]!;
      call.hashed = batch.hashed[i]! === 1;
      const id = batch.command[i]!;
      const together = batch.together(i, last);
      const done = together === 1 ? 0 : executor.executeAlike(call, id, batch.start, batch.end, i, together);
      if (done > 0) i = batch.done(i, done);
      else executor.execute(call, id, batch.start[i]!, batch.end[i]!);
      if (executor.gate > this.gate) this.gate = executor.gate;
      if (this.delivery.deferred) {
        this.endRow(connection, this.gate);
        this.delivery.takeDeferred(connection);
        this.running = connection;
      }
      if (call.keysReady && this.host.paused === "no") {
        this.endRow(connection, this.gate);
        this.serveBlocked(bytes, args);
        call.session = connection;
        call.db = call.dataset.database(connection.database);
        reply.protocol = connection.protocol;
        this.running = connection;
      }
      if (
        connection.closing ||
        this.interrupted ||
        connection.blocked !== undefined ||
        this.time.look(this.executor, call, i, batch.end[i]! - batch.start[i]!)
      ) {
        last = i + 1;
        break;
      }
    }
    connection.requests += last - first;
    const id = batch.command[last - 1]!;
    connection.lastCommand = this.table.isContainer(id) ? executor.lastSubcommand : id;
    this.endRow(connection, this.gate);
    if (connection.closing) this.queue.closeWhenSent(connection);
    else if (last < end) this.putBack(connection, bytes, last, end);
  }

  /** Runs the requests again that wait for what the last command has changed. */
  private serveBlocked(bytes: Uint8Array, args: Int32Array): void {
    const { call } = this;
    // What the last command logged as it came must be copied before the input is another.
    call.journal.effects.finish();
    this.blocked.serve((blocked, argument) => this.runBlocked(blocked, argument));
    call.journal.effects.finish();
    call.input = bytes;
    call.args = args;
  }

  private runBlocked({ connection, request, command, silent }: BlockedRequest, argument: number): void {
    const { call, executor, reply } = this;
    const parser = new RequestParser(16);
    parser.next(request, 0, request.length);
    call.input = request;
    call.args = parser.args;
    call.first = 0;
    call.argc = parser.argc;
    call.hashed = false;
    call.session = connection;
    call.db = call.dataset.database(connection.database);
    reply.protocol = connection.protocol;
    this.running = connection;
    this.rowStart = reply.position;
    this.coverServed(request.length + EFFECT_BYTES_MORE);
    if (silent) reply.mute();
    call.resumedAt = argument;
    executor.resume(call, command, 0, request.length);
    call.resumedAt = 0;
    if (silent) reply.unmute();
    this.endRow(connection, executor.gate);
    if (this.delivery.deferred) this.delivery.takeDeferred(connection);
  }

  /** One small request may let any number of others go on: these need space in the log, too, or are refused. // D15 */
  private coverServed(bytes: number): void {
    this.servedBytes += bytes;
    if (this.servedBytes <= SERVED_BYTES_COVERED) return;
    this.servedBytes = 0;
    const { effects } = this.call.journal;
    this.engine.reserve(effects.length + bytes + TURN_INPUT_BYTES * 2 + EFFECT_BYTES_RESERVED);
  }

  private endRow(connection: Connection, gate: number): void {
    const length = this.reply.position - this.rowStart;
    if (length > 0) {
      this.writes++;
      this.queue.addRow(connection, this.rowStart, length, gate);
    }
    if (gate > connection.gate) connection.gate = gate;
    this.gate = 0;
    this.outputBytes += length;
    this.rowStart = this.reply.position;
    this.running = undefined;
  }

  /** The log position that what the running command publishes must wait for: see pubsub/delivery.ts. */
  get messageGate(): number {
    if (this.call.inTransaction) return Number.POSITIVE_INFINITY;
    return Math.max(this.gate, this.running === undefined ? 0 : this.positionOf(this.running));
  }

  /** The log position that everything done and shown for the connection so far ends at. */
  positionOf(connection: Connection): number {
    const gate = connection === this.running ? Math.max(connection.gate, this.gate) : connection.gate;
    // A log that was turned on later counts anew.
    return Math.min(gate, this.call.journal.sequence);
  }

  /** Commits and sends what was executed outside of the transport's callback. */
  finish(): void {
    this.settle();
    const rows = this.queue.takeRows();
    if (rows > 0) this.transport.flush(rows);
  }

  /** Commits the effects so far and decides about the replies so far: out or parked. The output region is free afterwards. */
  private settle(): void {
    this.engine.commit();
    this.queue.settle(this.engine.released, this.call.journal.sequence);
    if (this.executor.monitor !== undefined) this.monitors?.flush();
    if (this.queue.rowsReady === 0) {
      this.reply.position = 0;
      this.rowStart = 0;
    }
  }

  /** The output region is full in the middle of a reply: what is written is moved out of it. */
  makeRoom(reply: ReplyWriter, length: number): void {
    const connection = this.running;
    const partial = reply.position - this.rowStart;
    if (connection !== undefined && partial > 0) {
      // The gate of a reply that is still being written is not known: everything up to the end of this turn's effects.
      this.queue.addRow(connection, this.rowStart, partial, Number.POSITIVE_INFINITY);
      this.outputBytes += partial;
    }
    this.queue.moveOut();
    reply.position = 0;
    this.rowStart = 0;
    if (length > reply.bytes.length) throw new RangeError("a reply's piece is larger than the output region");
  }
}
