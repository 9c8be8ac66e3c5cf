/**
 * The sockets of the server, a turn at a time; one interface over epoll (`transport_epoll.ts`) and `node:net`
 * (`transport_net.ts`), and one contract suite that both pass.
 *
 * A turn: the transport fills `input` and `inputTable`, calls `onTurn(rows)`, which fills `output` and `outputTable` and
 * returns the number of output rows; they are sent in order.
 *
 * ```
 * inputTable    slot │ offset │ length │ flags        one row a connection; the first may have slot -1
 * outputTable   slot │ offset │ length                any number of rows a connection, sent in their order
 * queuedBytes   [slot] bytes that the transport has taken and the kernel has not yet
 * ```
 *
 * Flags of a row, to be handled in this order:
 *  - OPENED: a new connection; `peerAddress`, `localAddress`, `descriptor`, `listenerOf` tell about it.
 *  - DATA: `length` bytes of input at `offset`. They are the receiver's until the turn ends.
 *  - DRAINED: what was queued is sent, or half of the limit after it was exceeded. It is certain to come only after
 *    `queuedBytes[slot]` was above DRAINED_BYTES_MIN.
 *  - CLOSED: the peer has ended its side or is gone. Comes once, with or behind the last bytes. Replies may still be sent:
 *    who has only ended its side reads them. Then `close(slot, true)` and `release(slot)`.
 *  - in a row of slot -1: LOG (the log has progressed; its completions have been delivered already), WOKEN (`wake` was
 *    called), ACCEPT_FAILED (see `acceptError`; said once until an accept succeeds; accepting goes on by itself).
 *
 * Invariants: a slot is a small integer, below `queuedBytes.length`, and means one connection from OPENED to `release`.
 * After `close` nothing more is reported of it. Rows in the table of the running turn that stand behind a `close` or
 * `release` made in that turn still name it: the caller skips them. Sending to a connection that is gone drops the bytes.
 * After `stop` every call but the listens is without effect.
 *
 * Back-pressure: a connection with more than `queuedBytesMax` queued is not read until half of that is left; one that
 * is paused is not read at all (that its peer is gone shows only when nothing unread stands before it).
 * The transport decides nothing else: how many connections there may be, and whose output grows too large, is the caller's.
 */
import {
  TRANSPORT_OUTPUT_ROWS_MAX,
  TRANSPORT_QUEUED_BYTES_MAX,
  TRANSPORT_SLOTS_MAX,
  TURN_CONNECTION_BYTES,
  TURN_INPUT_BYTES,
  TURN_OUTPUT_BYTES,
  TURN_ROWS_MAX,
} from "../base/limits.ts";
import type { NativeLogThreads } from "./native.ts";

// native/reactor.h has the same numbers.
export const OPENED = 1;
export const DATA = 2;
export const DRAINED = 4;
export const CLOSED = 8;
export const LOG = 16;
export const WOKEN = 32;
export const ACCEPT_FAILED = 64;

export const INPUT_ROW_WORDS = 4;
export const OUTPUT_ROW_WORDS = 3;

export const DRAINED_BYTES_MIN = 64 * 1024;

/** What the transport needs to know of a log to report its progress as LOG rows. */
export interface TransportLog {
  /** The native threads, whose completions can wake the reactor directly. */
  readonly native: NativeLogThreads | undefined;
  /** Delivers the completions that are there. True if there were some. */
  deliver(): boolean;
  /** While set, completions are not delivered by themselves; this is called instead. */
  onComplete: (() => void) | undefined;
}

export interface TransportOptions {
  /** Executes a turn; returns the rows of output. What it throws becomes an uncaughtException. */
  readonly onTurn: (rows: number) => number;
  /** Connections there can be at once; above it they wait in the backlog. */
  readonly slotsMax?: number;
  readonly inputBytes?: number;
  readonly outputBytes?: number;
  readonly inputRowsMax?: number;
  readonly outputRowsMax?: number;
  readonly connectionBytesMax?: number;
  readonly queuedBytesMax?: number;
}

export interface Listener {
  readonly listener: number;
  /** The port it is bound to; 0 for a unix socket. */
  readonly port: number;
}

export interface Transport {
  readonly kind: "epoll" | "net";
  readonly input: Uint8Array;
  readonly inputTable: Int32Array;
  readonly output: Uint8Array;
  readonly outputTable: Int32Array;
  readonly queuedBytes: Float64Array;

  /** `host`: an address or a name; "" and "*" are all IPv4 addresses. Throws ADDRESS_IN_USE, else CONFIG_INVALID. */
  listenTcp(host: string, port: number, backlog: number): Promise<Listener>;
  /** The same at once; missing where the platform can't. */
  listenTcpNow?(host: string, port: number, backlog: number): Listener;
  /** `mode` 0 leaves the permissions as the umask makes them. */
  listenUnix(path: string, mode: number, backlog: number): Promise<Listener>;
  closeListener(listener: number): void;
  /** Seconds of silence before a TCP peer is probed, for connections accepted from now on; 0 never. */
  setKeepAlive(seconds: number): void;

  /** Sends now, outside of the tables; the bytes are the caller's again on return. */
  send(slot: number, bytes: Uint8Array, offset: number, length: number): void;
  /** Sends the first rows of the output table in the middle of a turn, so that region and table can be used again. */
  flush(rows: number): void;
  /** `afterFlush`: not before the rows of this turn and what is queued are sent. */
  close(slot: number, afterFlush: boolean): void;
  /** The slot may be used again, as soon as a close under way is done. Closes at once what was not closed. */
  release(slot: number): void;
  pauseReading(slot: number): void;
  resumeReading(slot: number): void;

  /** "127.0.0.1:6379", "[::1]:6379", "/path:0"; "" when the connection is gone. */
  peerAddress(slot: number): string;
  localAddress(slot: number): string;
  /** The file descriptor, for display; -1 when it is unknown or gone. */
  descriptor(slot: number): number;
  listenerOf(slot: number): number;

  /** From now on the log's completions come as LOG rows; undefined ends that. */
  attachLog(log: TransportLog | undefined): void;
  /** Asks for a turn although no connection is ready. */
  wake(): void;
  /** The same, in so many microseconds (a whole number); takes the place of what was asked before. Without the addon no sooner than the next ms. */
  wakeAfter(us: number): void;
  /** Negative error number of the last failed accept, 0 when the last one went well. */
  acceptError(): number;
  /** Closes everything at once. */
  stop(): void;
}

export interface TransportRegions {
  readonly input: Uint8Array;
  readonly inputTable: Int32Array;
  readonly output: Uint8Array;
  readonly outputTable: Int32Array;
  readonly queuedBytes: Float64Array;
  readonly connectionBytesMax: number;
  readonly queuedBytesMax: number;
}

export function makeRegions(options: TransportOptions): TransportRegions {
  return {
    input: new Uint8Array(options.inputBytes ?? TURN_INPUT_BYTES),
    inputTable: new Int32Array((options.inputRowsMax ?? TURN_ROWS_MAX) * INPUT_ROW_WORDS),
    output: new Uint8Array(options.outputBytes ?? TURN_OUTPUT_BYTES),
    outputTable: new Int32Array((options.outputRowsMax ?? TRANSPORT_OUTPUT_ROWS_MAX) * OUTPUT_ROW_WORDS),
    queuedBytes: new Float64Array(options.slotsMax ?? TRANSPORT_SLOTS_MAX),
    connectionBytesMax: options.connectionBytesMax ?? TURN_CONNECTION_BYTES,
    queuedBytesMax: options.queuedBytesMax ?? TRANSPORT_QUEUED_BYTES_MAX,
  };
}
