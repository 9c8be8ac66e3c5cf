/**
 * Replies between execution and the socket.
 *
 * A row is a reply (of all requests of a connection in one batch) that lies in the transport's output region, with its gate: the log
 * position that must be reached before it may leave. `settle` sorts rows into ready (they stay where they are, in the transport's
 * output table) and parked (copied to parked_space.ts, in order of gate). `release` sends parked replies when the log has progressed.
 * Pushes go the same way, as chains of ranges (pubsub/push_rows.ts) that many connections have in common.
 *
 * Invariants: replies of a connection leave in order (behind a parked one everything is parked, behind a chain of pushes everything is
 * in the chain); gates of the parked queue never decrease, so that releasing looks at its head only; nothing leaves before its gate; a
 * connection with more unsent than its hard limit is cut at once, and gone by the end of `settle`.
 */
import { copyBytes } from "../base/bytes.ts";
import { OUTPUT_BYTES_UNCOUNTED, PARKED_CONNECTION_BYTES_MAX, PUSH_ROWS_MAX } from "../base/limits.ts";
import { OUTPUT_ROW_WORDS, type Transport } from "../platform/transport.ts";
import type { Cohort } from "./cohort.ts";
import type { Connection } from "./connection.ts";
import type { ParkedSpace } from "./parked_space.ts";
import { PushRows } from "./pubsub/push_rows.ts";
import { holdReading, letRead, REPLIES_PARKED } from "./reading.ts";

interface Parked {
  readonly connection: Connection;
  /** The transport's output, where that had room; else an array that nothing else is in. */
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
  /** Infinity until the turn's effects are committed. */
  gate: number;
}

export interface QueueHost {
  connection(slot: number): Connection | undefined;
  /** Everything has been sent or dropped and the transport was told to close. */
  closed(connection: Connection): void;
  /** As `closed`, because more was unsent than its limit allows. */
  outputExceeded(connection: Connection): void;
}

export class ReplyQueue {
  /** Bytes of all parked replies. */
  parkedBytes = 0;
  /** Rows at the head of the transport's output table, settled and ready to leave. */
  rowsReady = 0;
  /** Counts up whenever nothing points into the output region any more. */
  emptied = 0;
  /** Hard limits of client-output-buffer-limit, bytes; Infinity for none. */
  private normalBytesMax = Number.POSITIVE_INFINITY;
  private pubsubBytesMax = Number.POSITIVE_INFINITY;

  private readonly transport: Transport;
  private readonly host: QueueHost;
  private readonly log: { readonly released: number };
  private readonly cohort: Cohort;
  private readonly space: ParkedSpace;
  private readonly pushes: PushRows;
  /** Copies of pushes that were parked, by what they are copies of: those of one message have one. */
  private readonly copies = new Map<number, Uint8Array>();
  /** Cut for their unsent bytes; the host is told when no command is running. */
  private readonly dropped: Connection[] = [];
  private readonly rowsMax: number;
  /** Rows in the output table: the ready ones, then those not settled yet. */
  private rows = 0;
  private readonly gates: Float64Array;
  private parked: Parked[] = [];
  private parkedHead = 0;
  private lastGate = 0;
  private readonly closing: Connection[] = [];

  /** `log.released` is the log position that everything may show already; `space` lies in the transport's output. */
  constructor(
    transport: Transport,
    host: QueueHost,
    log: { readonly released: number },
    cohort: Cohort,
    space: ParkedSpace,
  ) {
    this.transport = transport;
    this.host = host;
    this.log = log;
    this.cohort = cohort;
    this.space = space;
    this.rowsMax = Math.floor(transport.outputTable.length / OUTPUT_ROW_WORDS);
    this.gates = new Float64Array(this.rowsMax);
    this.pushes = new PushRows(Math.min(PUSH_ROWS_MAX, 8 * this.rowsMax));
  }

  /** Takes over client-output-buffer-limit; 0 bytes mean no limit. */
  limitOutput(limits: { normal: { hardBytes: number }; pubsub: { hardBytes: number } }): void {
    this.normalBytesMax = limits.normal.hardBytes || Number.POSITIVE_INFINITY;
    this.pubsubBytesMax = limits.pubsub.hardBytes || Number.POSITIVE_INFINITY;
  }

  /** Adds a reply that lies in the output region. */
  addRow(connection: Connection, offset: number, length: number, gate: number): void {
    if (connection.pushLast !== -1) {
      if (!this.pushes.full) return this.pushes.add(connection, offset, length, gate);
      this.moveOut();
    } else if (this.rows === this.rowsMax) this.moveOut();
    const at = this.rows * OUTPUT_ROW_WORDS;
    const table = this.transport.outputTable;
    table[at] = connection.slot;
    table[at + 1] = offset;
    table[at + 2] = length;
    this.gates[this.rows] = gate;
    this.rows++;
  }

  /** No further push can be added before `moveOut`. */
  get pushesFull(): boolean {
    return this.pushes.full;
  }

  /** Adds a push that lies in the output region, perhaps for others too, behind what was added for the connection so far. */
  addPush(connection: Connection, offset: number, length: number, gate: number): void {
    this.pushes.add(connection, offset, length, gate);
  }

  /** Bytes from elsewhere, behind what was added for the connection so far. They are kept as they are while they must wait. */
  append(connection: Connection, bytes: Uint8Array, gate: number): void {
    if (connection.lost) return;
    // Rows of this batch stand before it.
    this.moveOut();
    if (connection.parked > 0 || gate > this.log.released) this.park(connection, bytes, 0, bytes.length, gate);
    else if (this.mayQueue(connection, bytes.length)) this.transport.send(connection.slot, bytes, 0, bytes.length);
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
    this.sort(released, committed);
    this.reportDropped();
  }

  /** Makes ready what was added and may leave, parks the rest. `committed` is what a gate at the end of this turn's effects means. */
  private sort(released: number, committed: number): void {
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
        if (!this.mayQueue(connection, length)) continue;
        const to = ready * OUTPUT_ROW_WORDS;
        table[to] = slot;
        table[to + 1] = offset;
        table[to + 2] = length;
        ready++;
      } else {
        this.parkCopy(connection, output, offset, length, gate);
      }
    }
    this.rowsReady = ready;
    if (this.pushes.connections.length > 0) this.sortPushes(released, committed);
    this.rows = this.rowsReady;
  }

  /** The same for the pushes, one connection after the other. When the table is full, it is sent. */
  private sortPushes(released: number, committed: number): void {
    const { outputTable: table } = this.transport;
    const { connections, offset, length, next, gate: gates } = this.pushes;
    let ready = this.rowsReady;
    for (let i = 0; i < connections.length; i++) {
      const connection = connections[i]!;
      let row = connection.pushFirst;
      let added = 0;
      connection.pushFirst = -1;
      connection.pushLast = -1;
      for (; row !== -1 && !connection.lost; row = next[row]!) {
        const gate = gates[row]! === Number.POSITIVE_INFINITY ? committed : gates[row]!;
        if (connection.parked > 0 || gate > released) {
          this.park(connection, this.copyOf(offset[row]!, length[row]!), 0, length[row]!, gate);
          continue;
        }
        added += length[row]!;
        if (!this.mayQueue(connection, added)) break;
        if (ready === this.rowsMax) {
          this.transport.flush(ready);
          ready = 0;
          added = length[row]!;
        }
        const to = ready * OUTPUT_ROW_WORDS;
        table[to] = connection.slot;
        table[to + 1] = offset[row]!;
        table[to + 2] = length[row]!;
        ready++;
      }
    }
    this.rowsReady = ready;
    this.pushes.clear();
    this.copies.clear();
  }

  /** A copy of a push, shared by all connections that it is parked for. */
  private copyOf(offset: number, length: number): Uint8Array {
    const name = offset * 2 ** 24 + length;
    let copy = this.copies.get(name);
    if (copy === undefined) {
      copy = this.transport.output.slice(offset, offset + length);
      this.copies.set(name, copy);
    }
    return copy;
  }

  /** Empties the output region: what may leave is sent now, the rest is parked. */
  moveOut(): void {
    // What waits for the end of this turn's effects waits on, unless nothing is logged.
    this.sort(this.log.released, Number.POSITIVE_INFINITY);
    if (this.rowsReady > 0) this.transport.flush(this.rowsReady);
    this.rows = 0;
    this.rowsReady = 0;
    this.emptied++;
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
    this.emptied++;
    return rows;
  }

  /** Sends the parked replies whose gate is reached. */
  release(released: number): void {
    const { parked, parkedHead: head } = this;
    let end = head;
    while (end < parked.length && parked[end]!.gate <= released) end++;
    if (end === head) return;
    this.flushReady();
    this.cohort.begin();
    this.sendParked(head, end);
    this.parkedHead = end;
    for (let i = head; i < end; i++) this.wasSent(parked[i]!);
    if (this.parkedHead === parked.length) {
      this.parked = [];
      this.parkedHead = 0;
      this.lastGate = 0;
    } else if (end > 1024 && end * 2 > parked.length) {
      parked.splice(0, end);
      this.parkedHead = 0;
    }
  }

  /** Hands parked[head, end) to the transport: as rows at the head of its table, which those not settled yet make room for. */
  private sendParked(head: number, end: number): void {
    const { parked, space, transport, rows: waiting } = this;
    const { output, outputTable: table } = transport;
    const room = Math.min(end - head, this.rowsMax - waiting);
    if (waiting > 0) table.copyWithin(room * OUTPUT_ROW_WORDS, 0, waiting * OUTPUT_ROW_WORDS);
    let gathered = 0;
    for (let i = head; i < end; i++) {
      const { connection, bytes, offset, length } = parked[i]!;
      if (bytes === output) space.giveBack(offset, length);
      if (connection.lost) continue;
      if (gathered > 0 && (gathered === room || bytes !== output)) {
        transport.flush(gathered);
        gathered = 0;
      }
      if (bytes === output && room > 0) {
        const to = gathered * OUTPUT_ROW_WORDS;
        table[to] = connection.slot;
        table[to + 1] = offset;
        table[to + 2] = length;
        gathered++;
      } else transport.send(connection.slot, bytes, offset, length);
    }
    if (gathered > 0) transport.flush(gathered);
    if (waiting > 0) table.copyWithin(0, room * OUTPUT_ROW_WORDS, (room + waiting) * OUTPUT_ROW_WORDS);
  }

  /** A parked reply has been sent. */
  private wasSent({ connection, length }: Parked): void {
    this.parkedBytes -= length;
    connection.parked--;
    connection.parkedBytes -= length;
    if (connection.lost) return;
    if (connection.parkedBytes <= PARKED_CONNECTION_BYTES_MAX / 2) letRead(this.transport, connection, REPLIES_PARKED);
    if (connection.parked > 0) return;
    this.cohort.letGo(connection);
    // Of those that this turn has ended, rows may stand behind it: `takeRows` closes them.
    if (connection.closing && !this.closing.includes(connection)) this.close(connection);
  }

  /** Sends the ready rows before what is parked: it comes behind them. */
  private flushReady(): void {
    const ready = this.rowsReady;
    if (ready === 0) return;
    this.transport.flush(ready);
    this.transport.outputTable.copyWithin(0, ready * OUTPUT_ROW_WORDS, this.rows * OUTPUT_ROW_WORDS);
    this.gates.copyWithin(0, ready, this.rows);
    this.rows -= ready;
    this.rowsReady = 0;
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

  /** May so many bytes be added to what is unsent? Otherwise the connection is cut. */
  private mayQueue(connection: Connection, bytes: number): boolean {
    const unsent =
      connection.parkedBytes + this.transport.queuedBytes[connection.slot]! + bytes - OUTPUT_BYTES_UNCOUNTED;
    if (unsent <= 0 || unsent < (connection.subscribed ? this.pubsubBytesMax : this.normalBytesMax)) return true;
    connection.closing = true;
    connection.closeNow = true;
    connection.lost = true;
    connection.refresh();
    this.transport.close(connection.slot, false);
    this.dropped.push(connection);
    return false;
  }

  /** Not while a command runs: it may be going through those whom it sends something to. */
  private reportDropped(): void {
    for (let i = 0; i < this.dropped.length; i++) this.host.outputExceeded(this.dropped[i]!);
    this.dropped.length = 0;
  }

  /** Parks a reply that lies where the next turn's will. */
  private parkCopy(connection: Connection, output: Uint8Array, offset: number, length: number, gate: number): void {
    const at = this.space.take(length);
    if (at === -1) return this.park(connection, output.slice(offset, offset + length), 0, length, gate);
    copyBytes(output, at, output, offset, length);
    this.park(connection, output, at, length, gate);
  }

  /** Parks `length` bytes at `offset` of `bytes`, where they stay as they are. */
  private park(connection: Connection, bytes: Uint8Array, offset: number, length: number, gate: number): void {
    if (gate > this.lastGate) this.lastGate = gate;
    this.parked.push({ connection, bytes, offset, length, gate: this.lastGate });
    this.parkedBytes += length;
    connection.parked++;
    connection.parkedBytes += length;
    if (!this.mayQueue(connection, 0)) return;
    if (connection.parkedBytes > PARKED_CONNECTION_BYTES_MAX) holdReading(this.transport, connection, REPLIES_PARKED);
  }
}
