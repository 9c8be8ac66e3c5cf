/**
 * Where parked replies lie: a ring in the transport's output region.
 *
 * Problem: under `always` every reply waits for a sync, and the place it was written to belongs to the next turn. An array of its own for
 * each costs its making, its end and a call of the transport, more than the rest of sending it. Bytes of the region leave as rows of the
 * output table, as many as there are with one call.
 * ```
 *  output   │ replies of this turn … │ parked, oldest first ──▶ round and round │ messages (pubsub/delivery.ts) │
 *                                    base                              base + length
 * ```
 * Invariants: what is taken lies in one piece and is given back in the order in which it was taken. An empty ring begins at its start
 * again: a few clients use the same few lines of the cache.
 *
 * Must not: know whose replies they are. What finds no place here goes elsewhere (reply_queue.ts).
 */
import { check } from "../base/check.ts";
import { PARKED_BYTES, TURN_MESSAGE_BYTES } from "../base/limits.ts";

/** The part of a transport's output that replies are written to. */
export function repliesIn(output: Uint8Array): Uint8Array {
  return output.subarray(0, output.length - TURN_MESSAGE_BYTES - PARKED_BYTES);
}

/** The part behind them, for those that are parked. */
export function parkedIn(output: Uint8Array): ParkedSpace {
  return new ParkedSpace(repliesIn(output).length, PARKED_BYTES);
}

export class ParkedSpace {
  private readonly base: number;
  private readonly length: number;
  /** The oldest piece begins here, and the next one will there; equal with pieces taken: full. */
  private first = 0;
  private next = 0;
  private pieces = 0;

  /** [base, base + length) of the region. */
  constructor(base: number, length: number) {
    this.base = base;
    this.length = length;
  }

  /** Takes `length` bytes, at least one: the offset in the region, or -1 where there is no room. */
  take(length: number): number {
    if (this.pieces === 0) {
      this.first = 0;
      this.next = 0;
    }
    let at = this.next;
    if (this.pieces === 0 || at > this.first) {
      if (at + length > this.length) {
        at = 0;
        if (length > this.first) return -1;
      }
    } else if (at + length > this.first) return -1;
    this.next = at + length;
    this.pieces++;
    return this.base + at;
  }

  /** Gives the oldest piece back, `length` bytes at `offset`. */
  giveBack(offset: number, length: number): void {
    check(this.pieces > 0, "what is given back was taken");
    this.first = offset - this.base + length;
    this.pieces--;
  }
}
