/**
 * One client connection: a session and what the turn keeps for it. The socket itself belongs to the transport; the slot names it.
 */

import { Session } from "../command/session.ts";
import { RequestParser } from "../protocol/request_parser.ts";
import type { AwaitedPosition } from "./blocking/acknowledgements.ts";
import type { BlockedRequest } from "./blocking/blocked_clients.ts";
import type { HeldRequest } from "./blocking/held.ts";
import type { Subscriptions } from "./pubsub/registry.ts";

export class Connection extends Session {
  /** The transport's number of this connection. */
  readonly slot: number;
  readonly peerAddress: string;
  readonly localAddress: string;
  readonly descriptor: number;
  /** Connected over a unix socket. */
  readonly local: boolean;
  readonly createdMs: number;
  lastActiveMs: number;
  /** Name of the last command, for CLIENT LIST. */
  lastCommand = -1;
  requests = 0;

  /** Bytes received and not executed yet: an incomplete request, or more than a turn could take. */
  pending: Uint8Array | undefined;
  /** Where they begin in `pending`: 0 but while they are being executed, so that each request executed moves nothing. */
  pendingStart = 0;
  pendingLength = 0;
  /** `pending` can't hold a whole request before it has this many bytes. */
  pendingNeeded = 0;
  /** Reads the pending bytes; remembers a half-read request. Made when first needed. */
  parser: RequestParser | undefined;

  /** Replies of this connection that wait for the log, in batches. */
  parked = 0;
  parkedBytes = 0;
  /** The latest log position that a reply of this connection has to wait for. */
  gate = 0;
  /** The cohort that it has been let go with and not come back to: see cohort.ts. 0 for none. */
  cohort = 0;
  /** First and last row of its chain in PushRows, -1 for none. */
  pushFirst = -1;
  pushLast = -1;
  /** Why it is not read from: bits of reading.ts. */
  holds = 0;
  /** The peer is gone or the transport failed: nothing can be sent any more. */
  lost = false;
  /** The peer has ended its side while requests waited: to be closed when they are executed. */
  inputEnded = false;
  /** Requests wait for CLIENT PAUSE to end. */
  postponed = false;
  /** The request that waits for keys, or for the log; nothing behind it is executed meanwhile. */
  blocked: BlockedRequest | AwaitedPosition | HeldRequest | undefined;
  /** Close without sending what is queued (CLIENT KILL, output limit). */
  closeNow = false;
  /** What it listens to; made when it first subscribes. */
  subscriptions: Subscriptions | undefined;
  /** Since when the soft output limit has been exceeded, ms; 0: it is not. */
  softLimitSinceMs = 0;

  constructor(
    id: number,
    slot: number,
    peer: { peerAddress: string; localAddress: string; descriptor: number; local: boolean },
    nowMs: number,
  ) {
    super(id);
    this.slot = slot;
    this.peerAddress = peer.peerAddress;
    this.localAddress = peer.localAddress;
    this.descriptor = peer.descriptor;
    this.local = peer.local;
    this.createdMs = nowMs;
    this.lastActiveMs = nowMs;
  }

  /** Appends received bytes to `pending`. Room is made for bytes that are there, never for bytes announced. */
  append(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.pending === undefined || this.pendingLength + length > this.pending.length) {
      const larger = new Uint8Array(Math.max(1024, (this.pendingLength + length) * (this.pendingLength > 0 ? 2 : 1)));
      if (this.pending !== undefined) larger.set(this.pending.subarray(0, this.pendingLength));
      this.pending = larger;
    }
    this.pending.set(source.subarray(start, end), this.pendingLength);
    this.pendingLength += length;
  }

  /** Puts back what was received before `pending` and not executed. */
  putBack(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const joined = new Uint8Array(Math.max(1024, length + this.pendingLength));
    joined.set(source.subarray(start, end));
    if (this.pending !== undefined) joined.set(this.pending.subarray(0, this.pendingLength), length);
    this.pending = joined;
    this.pendingLength += length;
    this.pendingNeeded = 0;
    this.parser?.reset();
  }

  /** Drops the first `length` pending bytes, and the buffer with the last of them. */
  consume(length: number): void {
    this.parser?.reset();
    this.pendingNeeded = 0;
    if (length >= this.pendingLength) {
      this.pending = undefined;
      this.pendingStart = 0;
      this.pendingLength = 0;
      this.parser = undefined;
      return;
    }
    this.pendingStart += length;
    this.pendingLength -= length;
  }

  /** Moves the pending bytes to the front. A half-read request is read again. */
  compact(): void {
    if (this.pendingStart === 0) return;
    this.pending!.copyWithin(0, this.pendingStart, this.pendingStart + this.pendingLength);
    this.pendingStart = 0;
    this.parser?.reset();
  }

  /** The parser of the pending bytes. */
  pendingParser(): RequestParser {
    this.parser ??= new RequestParser(64);
    return this.parser;
  }
}
