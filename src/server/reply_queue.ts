/**
 * Replies between execution and the socket.
 *
 * A row is a reply (of all requests of a connection in one batch) that lies in the transport's output region, with its gate: the log
 * position that must be reached before it may leave. `settle` sorts rows into ready (they stay in the region, in the transport's
 * output table) and parked (copied out, in order of gate). `release` sends parked replies when the log has progressed.
 *
 * Invariants: replies of a connection leave in order (behind a parked one everything is parked); gates of the parked queue never
 * decrease, so that releasing looks at its head only; nothing leaves before its gate.
 */
import { PARKED_CONNECTION_BYTES_MAX } from "../base/limits.ts";
import { OUTPUT_ROW_WORDS, type Transport } from "../platform/transport.ts";
import type { Connection } from "./connection.ts";

interface Parked {
  readonly connection: Connection;
  readonly bytes: Uint8Array;
  /** Infinity until the turn's effects are committed. */
  gate: number;
}

export interface QueueHost {
  connection(slot: number): Connection | undefined;
  /** Everything has been sent or dropped and the transport was told to close. */
  closed(connection: Connection): void;
}

export class ReplyQueue {
  /** Bytes of all parked replies. */
  parkedBytes = 0;
  /** Rows at the head of the transport's output table, settled and ready to leave. */
  rowsReady = 0;

  private readonly transport: Transport;
  private readonly host: QueueHost;
  private readonly rowsMax: number;
  /** Rows in the output table: the ready ones, then those not settled yet. */
  private rows = 0;
  private readonly gates: Float64Array;
  private parked: Parked[] = [];
  private parkedHead = 0;
  private lastGate = 0;
  private readonly closing: Connection[] = [];

  constructor(transport: Transport, host: QueueHost) {
    this.transport = transport;
    this.host = host;
    this.rowsMax = Math.floor(transport.outputTable.length / OUTPUT_ROW_WORDS);
    this.gates = new Float64Array(this.rowsMax);
  }

  /** Adds a reply that lies in the output region. */
  addRow(connection: Connection, offset: number, length: number, gate: number): void {
    if (this.rows === this.rowsMax) this.moveOut();
    const at = this.rows * OUTPUT_ROW_WORDS;
    const table = this.transport.outputTable;
    table[at] = connection.slot;
    table[at + 1] = offset;
    table[at + 2] = length;
    this.gates[this.rows] = gate;
    this.rows++;
  }

  /** Bytes from elsewhere, behind everything that the connection has been answered so far. */
  append(connection: Connection, bytes: Uint8Array, offset: number, length: number, gate: number): void {
    // Rows of this batch stand before it, so it must queue behind them.
    this.moveOut();
    this.park(connection, bytes.slice(offset, offset + length), gate);
  }

  /** After a commit: rows whose gate is reached become ready, the others are parked. */
  settle(released: number, committed: number): void {
    for (
      let i = this.parked.length - 1;
      i >= this.parkedHead && this.parked[i]!.gate === Number.POSITIVE_INFINITY;
      i--
    ) {
      this.parked[i]!.gate = committed;
    }
    if (this.lastGate === Number.POSITIVE_INFINITY) this.lastGate = committed;
    if (this.parkedHead < this.parked.length) this.release(released);
    const { outputTable: table, output } = this.transport;
    let ready = this.rowsReady;
    for (let row = this.rowsReady; row < this.rows; row++) {
      const from = row * OUTPUT_ROW_WORDS;
      const slot = table[from]!;
      const connection = this.host.connection(slot);
      if (connection === undefined || connection.lost) continue;
      const offset = table[from + 1]!;
      const length = table[from + 2]!;
      const gate = this.gates[row]! === Number.POSITIVE_INFINITY ? committed : this.gates[row]!;
      if (connection.parked === 0 && gate <= released) {
        const to = ready * OUTPUT_ROW_WORDS;
        table[to] = slot;
        table[to + 1] = offset;
        table[to + 2] = length;
        ready++;
      } else {
        this.park(connection, output.slice(offset, offset + length), gate);
      }
    }
    this.rows = ready;
    this.rowsReady = ready;
  }

  /** Empties the output region: ready rows are sent now, rows not settled yet are parked until they are. */
  moveOut(): void {
    if (this.rowsReady > 0) this.transport.flush(this.rowsReady);
    const { outputTable: table, output } = this.transport;
    for (let row = this.rowsReady; row < this.rows; row++) {
      const at = row * OUTPUT_ROW_WORDS;
      const connection = this.host.connection(table[at]!);
      if (connection === undefined || connection.lost) continue;
      this.park(connection, output.slice(table[at + 1]!, table[at + 1]! + table[at + 2]!), Number.POSITIVE_INFINITY);
    }
    this.rows = 0;
    this.rowsReady = 0;
  }

  /** The ready rows, handed to the transport by returning their number. Connections that end here are closed behind them. */
  takeRows(): number {
    if (this.closing.length > 0) {
      if (this.rowsReady > 0) this.transport.flush(this.rowsReady);
      this.rowsReady = 0;
      // Those with parked replies are closed by the release of the last one.
      for (const connection of this.closing) if (connection.parked === 0) this.close(connection);
      this.closing.length = 0;
    }
    const rows = this.rowsReady;
    this.rows = 0;
    this.rowsReady = 0;
    return rows;
  }

  /** Sends the parked replies whose gate is reached. */
  release(released: number): void {
    const { parked } = this;
    let head = this.parkedHead;
    while (head < parked.length && parked[head]!.gate <= released) {
      const { connection, bytes } = parked[head]!;
      head++;
      this.parkedBytes -= bytes.length;
      connection.parked--;
      connection.parkedBytes -= bytes.length;
      if (connection.lost) continue;
      this.transport.send(connection.slot, bytes, 0, bytes.length);
      if (connection.readingPaused && connection.parkedBytes <= PARKED_CONNECTION_BYTES_MAX / 2) {
        connection.readingPaused = false;
        this.transport.resumeReading(connection.slot);
      }
      if (connection.parked === 0 && connection.closing) this.close(connection);
    }
    if (head === parked.length) {
      this.parked = [];
      this.parkedHead = 0;
      this.lastGate = 0;
    } else {
      this.parkedHead = head;
      if (head > 1024 && head * 2 > parked.length) {
        parked.splice(0, head);
        this.parkedHead = 0;
      }
    }
  }

  /** Closes the connection once everything that it was answered has been sent. */
  closeWhenSent(connection: Connection): void {
    if (!connection.lost) this.closing.push(connection);
  }

  /** Closes now; what the transport has taken is still sent unless the connection is to be cut. */
  close(connection: Connection): void {
    if (connection.lost) return;
    connection.lost = true;
    this.transport.close(connection.slot, !connection.closeNow);
    this.host.closed(connection);
  }

  private park(connection: Connection, bytes: Uint8Array, gate: number): void {
    if (gate > this.lastGate) this.lastGate = gate;
    this.parked.push({ connection, bytes, gate: this.lastGate });
    this.parkedBytes += bytes.length;
    connection.parked++;
    connection.parkedBytes += bytes.length;
    if (!connection.readingPaused && connection.parkedBytes > PARKED_CONNECTION_BYTES_MAX) {
      connection.readingPaused = true;
      this.transport.pauseReading(connection.slot);
    }
  }
}
