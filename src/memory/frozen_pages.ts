/**
 * A freeze, seen from the thread that reads: every page as it was when the freeze began, each once, in whatever order costs least memory.
 * What was copied aside comes first, so that its slot goes back; then the next page that nobody has written yet. See frozen.ts.
 *
 * The reader owns a page's bytes only from the moment that its own exchange succeeded, or that it took them out of a slot.
 */
import {
  COPIED,
  DONE,
  type FrozenArena,
  FrozenViews,
  QUEUE_PUSHED,
  QUEUE_RETURNED,
  QUEUE_STOP,
  QUEUE_TAKEN,
  UNTOUCHED,
} from "./frozen.ts";
import { PAGE_BYTES, PAGE_MASK, PAGE_SEGMENT_SHIFT, SEGMENT_BYTES, SEGMENT_PAGES } from "./layout.ts";

/** Blocks of a page; a mask has a bit for each. */
const PAGE_BLOCKS_SHIFT = 4;
const ALL_BLOCKS = 0xffff;
const WAIT_MS = 10;

export class FrozenPages extends FrozenViews {
  /** Pages that exist, free ones included. */
  readonly pageCount: number;
  private readonly segments: Uint8Array[];
  private readonly marks: Int32Array[];
  /** Only pages with marks are wanted. */
  private readonly marked: boolean;
  private next = 0;
  private taken = 0;
  /** Pages found COPIED on the way: so many come through the queue. */
  private copied = 0;

  /** Of the page that was given last. */
  page = 0;
  blocks = 0;

  constructor(shared: FrozenArena, marked: boolean) {
    super(shared);
    this.segments = shared.segments.map((buffer, i) => new Uint8Array(buffer, shared.starts[i], SEGMENT_BYTES));
    this.marks = shared.marks.map((buffer) => new Int32Array(buffer));
    this.marked = marked;
    this.pageCount = shared.segmentCount * SEGMENT_PAGES;
  }

  /** Nobody wants the result any more. */
  get stopped(): boolean {
    return Atomics.load(this.queue, QUEUE_STOP) !== 0;
  }

  /** Pages copied aside that wait to be taken. */
  get waiting(): number {
    return (Atomics.load(this.queue, QUEUE_PUSHED) - this.taken) | 0;
  }

  /** Share of the pages that have been looked at, 0 … 1. */
  get progress(): number {
    return this.pageCount === 0 ? 1 : this.next / this.pageCount;
  }

  /**
   * Copies one page that was copied aside, if there is one, to `target`; then `page` and `blocks` (which of its blocks are wanted) say
   * what it is. False: none waits.
   */
  takeAside(target: Uint8Array, at: number): boolean {
    while (this.waiting > 0) {
      const { queue } = this;
      const slot = queue[this.pushed + (this.taken & this.mask)]!;
      this.page = queue[this.pages + slot]!;
      this.blocks = this.wantedBlocks(this.page);
      if (this.blocks !== 0) target.set(this.pool.subarray(slot * PAGE_BYTES, (slot + 1) * PAGE_BYTES), at);
      this.taken = (this.taken + 1) | 0;
      const returned = queue[QUEUE_RETURNED]!;
      queue[this.returned + (returned & this.mask)] = slot;
      Atomics.store(queue, QUEUE_TAKEN, this.taken);
      Atomics.store(queue, QUEUE_RETURNED, (returned + 1) | 0);
      Atomics.notify(queue, QUEUE_RETURNED);
      if (this.blocks !== 0) return true;
    }
    return false;
  }

  /** The next page that nobody has written; false: all pages have been looked at. */
  takeLive(target: Uint8Array, at: number): boolean {
    const { states, pageCount } = this;
    while (this.next < pageCount) {
      const page = this.next++;
      const state = Atomics.load(states, page);
      if (state === DONE) continue;
      if (state === COPIED) {
        this.copied++;
        continue;
      }
      const blocks = this.wantedBlocks(page);
      if (blocks !== 0) {
        const from = (page & PAGE_MASK) * PAGE_BYTES;
        target.set(this.segments[page >>> PAGE_SEGMENT_SHIFT]!.subarray(from, from + PAGE_BYTES), at);
      }
      if (Atomics.compareExchange(states, page, UNTOUCHED, DONE) !== UNTOUCHED) {
        this.copied++;
        continue;
      }
      if (blocks === 0) continue;
      this.page = page;
      this.blocks = blocks;
      return true;
    }
    return false;
  }

  /** All pages have been looked at, and all that were copied aside have been taken. */
  get done(): boolean {
    return this.next === this.pageCount && this.taken === this.copied;
  }

  /** Waits a little for the next page copied aside: its state is changed before it is pushed. */
  waitAside(): void {
    Atomics.wait(this.queue, QUEUE_PUSHED, this.taken, WAIT_MS);
  }

  private wantedBlocks(page: number): number {
    if (!this.marked) return ALL_BLOCKS;
    const words = this.marks[page >>> PAGE_SEGMENT_SHIFT]!;
    const first = ((page & PAGE_MASK) << PAGE_BLOCKS_SHIFT) >>> 2;
    let blocks = 0;
    for (let i = 0; i < 4; i++) {
      const word = words[first + i]!;
      if (word === 0) continue;
      // A byte a block, each 0 or 1: four of them become four bits.
      blocks |= ((word & 1) | ((word >>> 7) & 2) | ((word >>> 14) & 4) | ((word >>> 21) & 8)) << (i * 4);
    }
    return blocks;
  }
}
