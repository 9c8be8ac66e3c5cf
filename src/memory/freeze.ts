/**
 * A freeze, seen from the thread that writes: before a page of the frozen state is written for the first time it is copied aside, and the
 * copy goes to the reader. The protocol stands in frozen.ts.
 *
 * Extra memory is bounded by the pool. When all of it is on its way to the reader, the writer waits in the barrier until a page comes
 * back (the reader takes these before anything else), which is counted; where there is no second thread it lets the reader work right
 * here instead. A reader that gives nothing back for STALLED_MS is given up: the freeze is over, its result worthless, and
 * writes go on.
 *
 * Invariants: a state is changed before the page is; a slot is pushed once for every page whose state this thread changed to COPIED.
 */
import type { Arena, FreezeHook } from "./arena.ts";
import {
  COPIED,
  type FrozenArena,
  FrozenViews,
  QUEUE_PUSHED,
  QUEUE_RETURNED,
  QUEUE_STOP,
  UNTOUCHED,
} from "./frozen.ts";
import { PAGE_BYTES, PAGE_SEGMENT_SHIFT, SEGMENT_PAGES } from "./layout.ts";

/** A reader that has not moved for so long does not live any more. */
const STALLED_MS = 30_000;
const WAIT_MS = 100;
const PAGE_BYTES_SHIFT = 12;

export class Freeze extends FrozenViews implements FreezeHook {
  readonly shared: FrozenArena;
  /** Pages copied aside. */
  copiedPages = 0;
  /** Slots that were in use at the same time, at most. */
  slotsUsedMax = 0;
  /** How often a write waited for a slot, and for how long in all. */
  waits = 0;
  waitedUs = 0;
  /** The longest of these waits. */
  waitedUsMax = 0;
  /** No reader took pages any more. */
  stalled = false;

  private readonly arena: Arena;
  private readonly monotonicUs: () => number;
  /** Lets a reader on this thread take what waits; undefined where it has a thread of its own. */
  private readonly drainHere: (() => void) | undefined;
  private readonly freeSlots: Int32Array;
  private freeCount = 0;
  private readonly firstSegment: number;
  private readonly segmentCount: number;
  private returnedSeen = 0;
  private inUse = 0;

  constructor(arena: Arena, shared: FrozenArena, monotonicUs: () => number, drainHere: (() => void) | undefined) {
    super(shared);
    this.arena = arena;
    this.shared = shared;
    this.monotonicUs = monotonicUs;
    this.drainHere = drainHere;
    const { slots } = shared;
    this.firstSegment = shared.firstSegment;
    this.segmentCount = shared.segmentCount;
    // Low slots are taken first, so that only as much of the pool becomes resident as was needed at once.
    this.freeSlots = new Int32Array(slots);
    for (let i = 0; i < slots; i++) this.freeSlots[i] = slots - 1 - i;
    this.freeCount = slots;
  }

  /** From here on the arena's pages are kept as they are now. */
  begin(): void {
    this.arena.setFreezeHook(this);
  }

  /** Pages are written as before. `wanted`: the reader has all it needs; otherwise it is told to stop. */
  end(wanted: boolean): void {
    if (!wanted) Atomics.store(this.queue, QUEUE_STOP, 1);
    Atomics.notify(this.queue, QUEUE_PUSHED);
    this.arena.setFreezeHook(null);
  }

  beforeWrite(segment: number, offset: number, length: number): void {
    const local = segment - this.firstSegment;
    if (local >= this.segmentCount || length <= 0) return;
    const first = offset >>> PAGE_BYTES_SHIFT;
    const last = Math.min((offset + length - 1) >>> PAGE_BYTES_SHIFT, SEGMENT_PAGES - 1);
    const base = local << PAGE_SEGMENT_SHIFT;
    for (let page = first; page <= last; page++) {
      if (Atomics.load(this.states, base + page) === UNTOUCHED) this.copyAside(segment, base + page, page);
    }
  }

  private copyAside(segment: number, page: number, local: number): void {
    if (this.freeCount === 0) this.collectSlots();
    if (this.freeCount === 0 && !this.waitForSlot()) return;
    const slot = this.freeSlots[this.freeCount - 1]!;
    const from = local << PAGE_BYTES_SHIFT;
    this.pool.set(this.arena.bytes[segment]!.subarray(from, from + PAGE_BYTES), slot << PAGE_BYTES_SHIFT);
    if (Atomics.compareExchange(this.states, page, UNTOUCHED, COPIED) !== UNTOUCHED) return;
    this.freeCount--;
    this.copiedPages++;
    this.inUse++;
    if (this.inUse > this.slotsUsedMax) {
      this.collectSlots();
      if (this.inUse > this.slotsUsedMax) this.slotsUsedMax = this.inUse;
    }
    this.push(page, slot);
  }

  /** Behind the exchange: until here the reader has seen the state of a page that is not in the queue yet, and waits for it. */
  private push(page: number, slot: number): void {
    const { queue } = this;
    const at = queue[QUEUE_PUSHED]!;
    queue[this.pages + slot] = page;
    queue[this.pushed + (at & this.mask)] = slot;
    Atomics.store(queue, QUEUE_PUSHED, (at + 1) | 0);
    Atomics.notify(queue, QUEUE_PUSHED);
  }

  /** Slots that the reader has emptied. */
  private collectSlots(): void {
    const { queue } = this;
    const end = Atomics.load(queue, QUEUE_RETURNED);
    while (this.returnedSeen !== end) {
      this.freeSlots[this.freeCount] = queue[this.returned + (this.returnedSeen & this.mask)]!;
      this.freeCount++;
      this.inUse--;
      this.returnedSeen = (this.returnedSeen + 1) | 0;
    }
  }

  /** False: the reader is gone, and the freeze with it. */
  private waitForSlot(): boolean {
    const beganUs = this.monotonicUs();
    this.waits++;
    if (this.drainHere !== undefined) {
      this.drainHere();
      this.collectSlots();
    }
    for (let waitedMs = 0; this.freeCount === 0 && !this.stalled; ) {
      if (Atomics.wait(this.queue, QUEUE_RETURNED, this.returnedSeen, WAIT_MS) === "timed-out") waitedMs += WAIT_MS;
      this.collectSlots();
      if (this.freeCount === 0 && (waitedMs >= STALLED_MS || this.drainHere !== undefined)) {
        this.stalled = true;
        this.end(false);
      }
    }
    const us = this.monotonicUs() - beganUs;
    this.waitedUs += us;
    if (us > this.waitedUsMax) this.waitedUsMax = us;
    return !this.stalled;
  }
}
