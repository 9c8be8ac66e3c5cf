/**
 * Connections whose requests could not be executed as they arrived: in pieces, while the log can't keep up, or behind the end of a turn's
 * time. Their requests lie in the connections' own pending bytes; here is only who they are, in the order of their turn.
 */
import type { Transport } from "../platform/transport.ts";
import type { BackPressure } from "./back_pressure.ts";
import type { Connection } from "./connection.ts";
import { holdReading, LOG_CONGESTED, letRead, WORK_LEFT } from "./reading.ts";

export class Backlog {
  /** Those to be looked at by this turn or the next. */
  readonly waiting: Connection[] = [];
  private readonly transport: Transport;
  private stalled: Connection[] = [];
  private readonly pressure: BackPressure;

  constructor(transport: Transport, pressure: BackPressure) {
    this.transport = transport;
    this.pressure = pressure;
  }

  add(connection: Connection): void {
    this.waiting.push(connection);
  }

  /** The turn's time is up: what the connection has sent is executed in a later one, and no more of it is read until then. */
  leave(connection: Connection): void {
    holdReading(this.transport, connection, WORK_LEFT);
    this.waiting.push(connection);
  }

  /** Takes a connection out; false where it isn't waiting. */
  take(connection: Connection): boolean {
    const at = this.waiting.indexOf(connection);
    if (at !== -1) this.waiting.splice(at, 1);
    return at !== -1;
  }

  /** The log is congested: what has arrived waits, and no more of it is read. */
  stall(connection: Connection): void {
    if ((connection.holds & LOG_CONGESTED) === 0) this.stalled.push(connection);
    this.pressure.begin();
    holdReading(this.transport, connection, LOG_CONGESTED);
  }

  /** The log has caught up: what waited is executed by the next turn. */
  unstall(): void {
    if (this.stalled.length === 0) return;
    this.pressure.end();
    for (const connection of this.stalled) {
      letRead(this.transport, connection, LOG_CONGESTED);
      if (!connection.lost) this.waiting.push(connection);
    }
    this.stalled = [];
    this.transport.wake();
  }
}
