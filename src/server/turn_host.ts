/** What a turn asks of the server around it. */
import type { BlockedRequest } from "./blocking/blocked_clients.ts";
import type { Connection } from "./connection.ts";

/** What the server decides about connections; the turn only executes. */
export interface TurnHost {
  /** A connection was accepted; undefined when it was turned away. */
  opened(slot: number): Connection | undefined;
  connection(slot: number): Connection | undefined;
  /** The peer is gone, or the connection was closed from here. */
  closed(connection: Connection): void;
  /** A request could not be read: counted, logged. */
  protocolError(connection: Connection, message: string): void;
  /** Unsent bytes of the connection changed: output buffer limits. */
  outputGrew(connection: Connection, queuedBytes: number): void;
  /** The connection was cut, because more was unsent than its output buffer limit allows. */
  outputExceeded(connection: Connection): void;
  /** client-query-buffer-limit, bytes. */
  queryBytesMax: number;
  /** Requests are not executed now; with "write", writes are not. */
  paused: "no" | "write" | "all";
}

/** Requests that wait for keys: see blocking/blocked_clients.ts. */
export interface WaitingRequests {
  /** Has those run again whose keys are ready; `argument` names the key. */
  serve(run: (blocked: BlockedRequest, argument: number) => void): void;
  /** The connection waits no more: it has ended. */
  forget(connection: Connection): void;
}
