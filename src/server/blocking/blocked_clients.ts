/**
 * Connections that wait for keys (command/blocking.ts), and how they go on.
 *
 * ```
 * BLPOP finds nothing ──> wait(): queued under each of its keys, its request kept
 * a command changes a key somebody waits for ──> touched; ready, if it holds such a value when the command is done
 * after that command (after the whole of an EXEC) ──> serve(): the requests waiting for ready keys are run again, the longest waiting
 *                                                    first, as long as the key has a value of the type they want
 * time is up, or CLIENT UNBLOCK ──> the null reply, or an error
 * ```
 * Keys are served in the order in which they became ready, each client by the first ready key that has something for it, as Redis does it.
 *
 * A request counts as executed (INFO commandstats) when it goes on or is answered, and is refused then for whatever refuses it then.
 *
 * Invariants: a connection that waits has `blocked` set and stands in the queue of each of its keys; nothing that it sent behind the
 * waiting request is executed before it goes on. While nobody waits this costs one test a command.
 */
import { latin1, latin1Bytes } from "../../base/bytes.ts";
import type { WaitHost } from "../../command/blocking.ts";
import type { Call } from "../../command/call.ts";
import type { ChangeObserver } from "../../dataset/journal.ts";
import { NIL } from "../../memory/layout.ts";
import { encodeRequest } from "../../protocol/request_writer.ts";
import { entryType } from "../../structure/entry.ts";
import type { Connection } from "../connection.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { answerWaiting, type BlockingHost, startTimer, type Waiting, writeUnblocked } from "./waiting.ts";

/** A request that waits for keys. */
export interface BlockedRequest extends Waiting {
  readonly kind: "keys";
  /** The request in array form. */
  readonly request: Uint8Array;
  /** The keys it waits for, as `database:key` in latin1, with the argument that names each. */
  readonly keys: ReadonlyMap<string, number>;
  /** Type of value it waits for. */
  readonly type: number;
}

export class BlockedClients implements WaitHost, ChangeObserver {
  /** Connections that wait for keys. */
  count = 0;
  /** Those that wait for the log, or for replicas. */
  readonly acknowledgements: Acknowledgements;
  private readonly server: BlockingHost;
  private readonly waiting = new Map<string, Set<BlockedRequest>>();
  /** Keys changed by the command that is running, and those that were ready when a command was done, in that order. */
  private readonly touched = new Set<string>();
  private readonly ready = new Set<string>();
  /** By type of value: requests that wait for one. */
  private readonly byType = new Map<number, number>();
  /** Requests whose time will be up. */
  private limited = 0;
  /** The request that is being run again, and whether it waits on. */
  private resuming: BlockedRequest | undefined;
  private waitsOn = false;

  constructor(server: BlockingHost) {
    this.server = server;
    this.acknowledgements = new Acknowledgements(server);
  }

  /** Keys that somebody waits for. */
  get keys(): number {
    return this.waiting.size;
  }

  /** Requests that wait for a limited time. */
  get timed(): number {
    return this.limited;
  }

  wait(call: Call, first: number, count: number, type: number, timeoutMs: number): void {
    const command = call.executor.table.lookup(call.input, call.start(0), call.length(0));
    call.executor.uncount(command);
    if (this.resuming !== undefined) {
      this.waitsOn = true;
      return;
    }
    const connection = call.session as Connection;
    const args: Uint8Array[] = [];
    for (let i = 0; i < call.argc; i++) args.push(call.copyOf(i));
    const keys = new Map<string, number>();
    for (let i = first; i < first + count; i++) {
      const name = `${call.db.index}:${call.text(i)}`;
      if (!keys.has(name)) keys.set(name, i);
    }
    const blocked: BlockedRequest = {
      kind: "keys",
      connection,
      request: encodeRequest(args),
      command,
      keys,
      type,
      deadlineMs: timeoutMs === 0 ? Number.POSITIVE_INFINITY : call.clock.wallMs() + timeoutMs,
      silent: call.reply.muted,
      timer: undefined,
    };
    connection.blocked = blocked;
    this.byType.set(type, (this.byType.get(type) ?? 0) + 1);
    if (this.count++ === 0) call.journal.addObserver(this);
    for (const name of keys.keys()) {
      const queue = this.waiting.get(name);
      if (queue === undefined) this.waiting.set(name, new Set([blocked]));
      else queue.add(blocked);
    }
    if (timeoutMs === 0) return;
    this.limited++;
    startTimer(this.server, blocked, () => this.answer(blocked, false));
  }

  keyChanged(database: number, bytes: Uint8Array, offset: number, length: number): void {
    const name = `${database}:${latin1(bytes, offset, offset + length)}`;
    if (this.waiting.has(name)) this.touch(name);
  }

  databaseChanged(): void {
    // Told before it happens: what the keys hold afterwards is looked at when the command is done.
    for (const name of this.waiting.keys()) this.touch(name);
  }

  private touch(name: string): void {
    this.touched.add(name);
    this.server.engine.call.keysReady = true;
  }

  commandDone(): void {
    for (const name of this.touched) {
      this.touched.delete(name);
      // A key is ready with a value of a type that anybody waits for: it keeps its turn if it changes again before it is served.
      if (this.byType.has(this.typeOf(name))) this.ready.add(name);
    }
  }

  /** Runs the requests again that wait for ready keys: `run` does it, with the argument that names the key. */
  serve(run: (blocked: BlockedRequest, argument: number) => void): void {
    this.commandDone();
    for (const name of this.ready) {
      this.ready.delete(name);
      const queue = this.waiting.get(name);
      if (queue === undefined) continue;
      for (const blocked of queue) {
        const type = this.typeOf(name);
        if (type === -1) break;
        const { connection } = blocked;
        // Whoever is gone already must not take an element along.
        if (type !== blocked.type || connection.closing || connection.lost || connection.inputEnded) continue;
        this.resuming = blocked;
        this.waitsOn = false;
        run(blocked, blocked.keys.get(name)!);
        this.resuming = undefined;
        if (!this.waitsOn) this.goOn(blocked);
        this.commandDone();
      }
    }
    this.server.engine.call.keysReady = false;
  }

  /** CLIENT UNBLOCK: false when the connection doesn't wait. */
  unblock(connection: Connection, withError: boolean): boolean {
    const { blocked } = connection;
    if (blocked === undefined) return false;
    if (blocked.kind === "keys") this.answer(blocked, withError);
    else if (blocked.kind === "held") return false;
    else this.acknowledgements.unblock(blocked, withError);
    return true;
  }

  /** The connection is gone. */
  forget(connection: Connection): void {
    const { blocked } = connection;
    if (blocked === undefined) return;
    if (blocked.kind === "keys") this.end(blocked);
    else if (blocked.kind === "position") this.acknowledgements.forget(blocked);
    else connection.blocked = undefined;
  }

  /** Nobody is answered any more: the server stops. */
  stop(): void {
    this.acknowledgements.stop();
    for (const queue of this.waiting.values()) for (const blocked of queue) clearTimeout(blocked.timer);
  }

  /** Ends the waiting without a value. */
  private answer(blocked: BlockedRequest, withError: boolean): void {
    this.goOn(blocked);
    answerWaiting(this.server, blocked, withError ? writeUnblocked : (reply) => reply.nilArray());
    this.server.turns.release();
    this.server.transport.wake();
  }

  /** What the connection sent behind the request is executed by the end of this turn, or in the next one. */
  private goOn(blocked: BlockedRequest): void {
    const { connection } = blocked;
    this.end(blocked);
    connection.lastActiveMs = this.server.clock.wallMs();
    this.server.turns.resume(connection);
  }

  private end(blocked: BlockedRequest): void {
    clearTimeout(blocked.timer);
    if (blocked.deadlineMs !== Number.POSITIVE_INFINITY) this.limited--;
    const alike = this.byType.get(blocked.type)! - 1;
    if (alike === 0) this.byType.delete(blocked.type);
    else this.byType.set(blocked.type, alike);
    blocked.connection.blocked = undefined;
    for (const name of blocked.keys.keys()) {
      const queue = this.waiting.get(name);
      queue?.delete(blocked);
      if (queue?.size === 0) this.waiting.delete(name);
    }
    if (--this.count === 0) this.server.engine.journal.removeObserver(this);
  }

  /** Type of what the key holds, -1 for nothing. */
  private typeOf(name: string): number {
    const { dataset } = this.server.engine;
    const colon = name.indexOf(":");
    const db = dataset.database(Number(name.slice(0, colon)));
    const key = latin1Bytes(name.slice(colon + 1));
    const entry = db.lookup(key, 0, key.length, db.hash(key, 0, key.length), true);
    return entry === NIL ? -1 : entryType(dataset.arena, entry);
  }
}
