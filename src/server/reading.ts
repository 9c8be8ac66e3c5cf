/**
 * Why a connection is not read from. There may be several reasons at once, and it is read again when the last of them is gone; what its
 * peer sends meanwhile stays in the kernel, which is how a client is slowed down.
 */
import type { Transport } from "../platform/transport.ts";
import type { Connection } from "./connection.ts";

/** Too many of its replies wait for the log. */
export const REPLIES_PARKED = 1;
/** The log can't keep up. */
export const LOG_CONGESTED = 2;
/** What it sent before waits for a later turn. */
export const WORK_LEFT = 4;

export function holdReading(transport: Transport, connection: Connection, reason: number): void {
  if (connection.holds === 0) transport.pauseReading(connection.slot);
  connection.holds |= reason;
}

export function letRead(transport: Transport, connection: Connection, reason: number): void {
  if ((connection.holds & reason) === 0) return;
  connection.holds &= ~reason;
  if (connection.holds === 0 && !connection.lost) transport.resumeReading(connection.slot);
}
