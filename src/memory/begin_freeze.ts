/**
 * Begins a freeze: what takes place on the writing thread between two turns, and therefore takes no longer than the lists of free pages
 * are.
 */
import type { Allocator } from "./allocator.ts";
import type { MemoryCalls } from "./calls.ts";
import { Freeze } from "./freeze.ts";
import { DONE, type FrozenArena, makePool, makeQueue } from "./frozen.ts";
import { CHUNK_BYTES, PAGE_BYTES, SEGMENT_PAGES } from "./layout.ts";

export interface BegunFreeze {
  readonly freeze: Freeze;
  /** What was marked dirty before: goes back with `arena.mergeMarks` when the image comes to nothing. */
  readonly marks: readonly Uint8Array[];
}

/** Memory for pages copied aside, kept from one freeze to the next. It is the system's again in between. */
export class FreezePool {
  readonly bytesMax: number;
  readonly memory: SharedArrayBuffer;
  readonly slots: number;

  constructor(bytesMax: number, calls: MemoryCalls) {
    const { pool, slots } = makePool(bytesMax, calls);
    this.bytesMax = bytesMax;
    this.memory = pool;
    this.slots = slots;
  }
}

/**
 * `drainHere` is for a reader on this thread: it takes pages copied aside when the pool is full.
 */
export function beginFreeze(
  allocator: Allocator,
  pool: FreezePool,
  monotonicUs: () => number,
  drainHere: (() => void) | undefined,
): BegunFreeze {
  const { arena } = allocator;
  const { segmentCount, firstSegment } = arena;
  const states = new SharedArrayBuffer(segmentCount * SEGMENT_PAGES);
  allocator.stateFreePages(new Uint8Array(states), DONE);
  const marks = arena.swapMarks();
  const views = arena.bytes.slice(firstSegment, firstSegment + segmentCount);
  const shared: FrozenArena = {
    firstSegment,
    segmentCount,
    segments: views.map((bytes) => bytes.buffer as SharedArrayBuffer),
    starts: views.map((bytes) => bytes.byteOffset),
    marks: marks.map((bytes) => bytes.buffer as SharedArrayBuffer),
    states,
    pool: pool.memory,
    poolStart: alignedStart(allocator, pool.memory),
    slots: pool.slots,
    queue: makeQueue(pool.slots),
  };
  const freeze = new Freeze(arena, shared, monotonicUs, drainHere);
  freeze.begin();
  return { freeze, marks };
}

/** Gives the pool's memory back to the system; where that can't be done it stays with the process. */
export function returnPool(allocator: Allocator, pool: FreezePool): void {
  const start = alignedStart(allocator, pool.memory);
  const bytes = pool.slots * PAGE_BYTES;
  allocator.arena.calls.discard(new Uint8Array(pool.memory), start, bytes);
}

/** Pages that are returned must begin where the machine's do. */
function alignedStart(allocator: Allocator, memory: SharedArrayBuffer): number {
  const address = allocator.arena.calls.addressOf(new Uint8Array(memory));
  return address < 0 ? 0 : (CHUNK_BYTES - (address % CHUNK_BYTES)) % CHUNK_BYTES;
}
