/**
 * Connections that wait for their writes to be acknowledged: WAIT for replicas, WAITAOF for the log here and for the replicas' logs.
 * There are no replicas, so nobody acknowledges for them: who waits for one waits until the time is up.
 *
 * ```
 * WAITAOF 1 0 t ──> its writes are durable ──> answered at once
 *               └─> they are not ──> the log is told that somebody waits (a sync begins at once, but with `appendfsync no`), and the
 *                                    connection waits for its log position, for the end of its time, or for CLIENT UNBLOCK
 * ```
 * Invariant: what is said to be acknowledged is covered by a completed sync of a log that a start reads: not of one that is still being
 * filled (CONFIG SET appendonly yes). // D12
 */
import type { Call } from "../../command/call.ts";
import type { ReplyWriter } from "../../protocol/reply_writer.ts";
import type { Connection } from "../connection.ts";
import { answerWaiting, type BlockingHost, startTimer, type Waiting, writeUnblocked } from "./waiting.ts";

/** A request that waits for a log position. */
export interface AwaitedPosition extends Waiting {
  readonly kind: "position";
  /** WAITAOF, which tells of the log here, too. */
  readonly ofLog: boolean;
  /** The connection's writes end here in the log. */
  readonly position: number;
  /** Logs here, and replicas, that are to have them. */
  readonly local: number;
  readonly replicas: number;
}

const REPLICAS = 0;

export class Acknowledgements {
  private readonly server: BlockingHost;
  private readonly waiting = new Set<AwaitedPosition>();

  constructor(server: BlockingHost) {
    this.server = server;
  }

  get count(): number {
    return this.waiting.size;
  }

  /** Requests that wait for a limited time. */
  get timed(): number {
    let timed = 0;
    for (const awaited of this.waiting) if (awaited.deadlineMs !== Number.POSITIVE_INFINITY) timed++;
    return timed;
  }

  /**
   * Answers the running request, or lets it wait, at most `timeoutMs`, 0 for ever; in a transaction nobody waits. `replicas` may be
   * negative.
   */
  wait(call: Call, ofLog: boolean, local: number, replicas: number, timeoutMs: number): void {
    const { server } = this;
    const connection = call.session as Connection;
    const position = server.turns.positionOf(connection);
    if ((this.durable(position) >= local && REPLICAS >= replicas) || call.inTransaction) {
      this.acknowledge(call.reply, ofLog, position);
      return;
    }
    const command = call.executor.table.lookup(call.input, call.start(0), call.length(0));
    call.executor.uncount(command);
    const awaited: AwaitedPosition = {
      kind: "position",
      connection,
      command,
      deadlineMs: timeoutMs === 0 ? Number.POSITIVE_INFINITY : call.clock.wallMs() + timeoutMs,
      silent: call.reply.muted,
      timer: undefined,
      ofLog,
      position,
      local,
      replicas,
    };
    connection.blocked = awaited;
    this.waiting.add(awaited);
    if (timeoutMs > 0) startTimer(server, awaited, () => this.unblock(awaited, false));
    if (local > 0) server.storage?.writer.want(position);
  }

  /** The log has progressed, or is another one or none: who waits for nothing more is answered. */
  progressed(): void {
    if (this.waiting.size === 0) return;
    let answered = false;
    for (const awaited of this.waiting) {
      const { ofLog, position, local, replicas } = awaited;
      if (local > 0 && this.server.storage === undefined) this.end(awaited, writeNoLog);
      else if (this.durable(position) >= local && REPLICAS >= replicas)
        this.end(awaited, (reply) => this.acknowledge(reply, ofLog, position));
      else continue;
      answered = true;
    }
    if (answered) this.server.transport.wake();
  }

  /** Its time is up, or CLIENT UNBLOCK has named it. */
  unblock(awaited: AwaitedPosition, withError: boolean): void {
    const { ofLog, position } = awaited;
    this.end(awaited, withError ? writeUnblocked : (reply) => this.acknowledge(reply, ofLog, position));
    this.server.turns.release();
    this.server.transport.wake();
  }

  /** The connection is gone. */
  forget(awaited: AwaitedPosition): void {
    clearTimeout(awaited.timer);
    this.waiting.delete(awaited);
    awaited.connection.blocked = undefined;
  }

  /** Nobody is answered any more: the server stops. */
  stop(): void {
    for (const { timer } of this.waiting) clearTimeout(timer);
  }

  private end(awaited: AwaitedPosition, write: (reply: ReplyWriter) => void): void {
    this.forget(awaited);
    awaited.connection.lastActiveMs = this.server.clock.wallMs();
    answerWaiting(this.server, awaited, write);
    this.server.turns.resume(awaited.connection);
  }

  private acknowledge(reply: ReplyWriter, ofLog: boolean, position: number): void {
    if (ofLog) {
      reply.array(2);
      reply.integer(this.durable(position));
    }
    reply.integer(REPLICAS);
  }

  /** How many logs here, 0 or 1, have everything up to a position on stable storage. */
  private durable(position: number): number {
    const { storage } = this.server;
    return storage !== undefined && !storage.filling && storage.writer.durableSequence >= position ? 1 : 0;
  }
}

function writeNoLog(reply: ReplyWriter): void {
  reply.error(NO_LOG);
}

export const NO_LOG = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
