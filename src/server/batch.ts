/**
 * The requests of one pass through a buffer, split but not yet executed: parallel arrays, so that the passes run over integers.
 * All requests of a batch lie in the same buffer; those of one connection are neighbours.
 */
import { TURN_ROWS_MAX } from "../base/limits.ts";

/** Requests in a batch: enough to overlap cache misses, few enough that what was touched is still in the cache when it is used. */
export const BATCH_REQUESTS_MAX = 512;

export class RequestBatch {
  /** Requests in the batch. */
  count = 0;
  /** First argument as a pair index into the parser's table, and the arguments, of each request. */
  readonly first = new Int32Array(BATCH_REQUESTS_MAX);
  readonly argc = new Int32Array(BATCH_REQUESTS_MAX);
  /** Where each request's bytes begin and end. */
  readonly start = new Int32Array(BATCH_REQUESTS_MAX);
  readonly end = new Int32Array(BATCH_REQUESTS_MAX);
  /** Command id, and hash of the first key (0 where there is none). */
  readonly command = new Int32Array(BATCH_REQUESTS_MAX);
  readonly hash = new Int32Array(BATCH_REQUESTS_MAX);
  readonly hashed = new Int8Array(BATCH_REQUESTS_MAX);
  /** Runs of requests by connection: slot, first request. */
  runs = 0;
  readonly runSlot = new Int32Array(TURN_ROWS_MAX);
  readonly runFirst = new Int32Array(TURN_ROWS_MAX + 1);

  get full(): boolean {
    return this.count === BATCH_REQUESTS_MAX || this.runs === TURN_ROWS_MAX;
  }

  clear(): void {
    this.count = 0;
    this.runs = 0;
  }
}
