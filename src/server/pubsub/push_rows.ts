/**
 * Pushes on their way to the reply queue: for each connection a chain of ranges of the output region.
 *
 * A message to ten thousand subscribers lies in the region once and in ten thousand chains. They are kept by connection and not in the
 * order of the messages, because what goes out to a connection in one piece costs one system call: sixteen messages of a turn are one send
 * to each subscriber. A range that continues the last one of its chain only makes that longer.
 *
 * Invariants: a connection with a chain has its first and last row in `pushFirst` and `pushLast`, any other -1; while a chain exists,
 * replies of its connection are appended to it (reply_queue.ts), so that the chain holds what comes last. It must not know what the bytes
 * are, nor when they may leave.
 */
import { PUSH_ROWS_MAX } from "../../base/limits.ts";
import type { Connection } from "../connection.ts";

export class PushRows {
  readonly offset: Int32Array;
  readonly length: Int32Array;
  readonly gate: Float64Array;
  /** The next row of the same connection, -1 for none. */
  readonly next: Int32Array;
  /** Those with a chain, in the order in which they got it. */
  readonly connections: Connection[] = [];
  private count = 0;

  constructor(rows = PUSH_ROWS_MAX) {
    this.offset = new Int32Array(rows);
    this.length = new Int32Array(rows);
    this.gate = new Float64Array(rows);
    this.next = new Int32Array(rows);
  }

  get full(): boolean {
    return this.count === this.offset.length;
  }

  /** Appends a range to the connection's chain; `full` has been asked before. */
  add(connection: Connection, offset: number, length: number, gate: number): void {
    const last = connection.pushLast;
    if (last !== -1 && this.offset[last]! + this.length[last]! === offset && this.gate[last] === gate) {
      this.length[last] = this.length[last]! + length;
      return;
    }
    const row = this.count++;
    this.offset[row] = offset;
    this.length[row] = length;
    this.gate[row] = gate;
    this.next[row] = -1;
    if (last === -1) {
      connection.pushFirst = row;
      this.connections.push(connection);
    } else this.next[last] = row;
    connection.pushLast = row;
  }

  /** Forgets all chains, which have been emptied: their connections know of none any more. */
  clear(): void {
    this.connections.length = 0;
    this.count = 0;
  }
}
