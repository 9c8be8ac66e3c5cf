/**
 * What the two threads of a freeze share: the state of each page, and the pages that were copied aside on their way from the writing
 * thread to the reading one. It can be sent to a worker as it is.
 *
 * ```
 * states    a byte a page:  UNTOUCHED ──(writer copies it aside, then writes)──> COPIED
 *                               └──(reader copies the live page)──> DONE         free pages begin as DONE
 * pool      slots of one page each
 * queue     words: 0 pages pushed · 1 slots given back · 2 stop (1 = nobody wants the result) · 3 pages taken
 *           then a ring of slots pushed, a ring of slots given back, and the page number that each slot holds
 * ```
 * Only `Atomics.compareExchange` changes a state. Reading the state first and copying then would be unsound in JavaScript's memory model;
 * with the exchange, whichever side comes second sees that it did, and the reader throws away what it copied.
 *
 * Page numbers here count from the first page of the first segment: `segment - firstSegment` in bits 14 and up.
 */
import type { MemoryCalls } from "./calls.ts";
import { CHUNK_BYTES, PAGE_BYTES } from "./layout.ts";

export const UNTOUCHED = 0;
export const COPIED = 1;
export const DONE = 2;

export const QUEUE_PUSHED = 0;
export const QUEUE_RETURNED = 1;
export const QUEUE_STOP = 2;
export const QUEUE_TAKEN = 3;
const QUEUE_WORDS = 16;

/** Slots that a pool has at least: a write that touches several pages finds them. */
const SLOTS_MIN = 16;

export interface FrozenArena {
  readonly firstSegment: number;
  readonly segmentCount: number;
  /** The memory of each segment and the byte at which it begins in it. */
  readonly segments: readonly SharedArrayBuffer[];
  readonly starts: readonly number[];
  /** Blocks written since the last image, by segment: a byte each. */
  readonly marks: readonly SharedArrayBuffer[];
  readonly states: SharedArrayBuffer;
  readonly pool: SharedArrayBuffer;
  /** The byte of the pool at which slot 0 begins. */
  readonly poolStart: number;
  /** A power of two. */
  readonly slots: number;
  readonly queue: SharedArrayBuffer;
}

/** The memory of a pool: the largest power of two of pages within `bytesMax`. It takes nothing until it is written. */
export function makePool(bytesMax: number, { allocate }: MemoryCalls): { pool: SharedArrayBuffer; slots: number } {
  let slots = SLOTS_MIN;
  while (slots * 2 * PAGE_BYTES <= bytesMax) slots *= 2;
  return { pool: allocate(slots * PAGE_BYTES + CHUNK_BYTES), slots };
}

export function makeQueue(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer((QUEUE_WORDS + slots * 3) * 4);
}

/** The shared memory as either thread sees it: what the writer's face of a freeze and the reader's have in common. */
export class FrozenViews {
  protected readonly states: Uint8Array;
  protected readonly pool: Uint8Array;
  protected readonly queue: Int32Array;
  /** Of a ring's positions. */
  protected readonly mask: number;
  /** Words of the queue at which the rings and the slots' pages begin. */
  protected readonly pushed: number;
  protected readonly returned: number;
  protected readonly pages: number;

  constructor({ states, pool, poolStart, queue, slots }: FrozenArena) {
    this.states = new Uint8Array(states);
    this.pool = new Uint8Array(pool, poolStart, slots * PAGE_BYTES);
    this.queue = new Int32Array(queue);
    this.mask = slots - 1;
    this.pushed = QUEUE_WORDS;
    this.returned = QUEUE_WORDS + slots;
    this.pages = QUEUE_WORDS + slots * 2;
  }
}
