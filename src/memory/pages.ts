/**
 * Runs of pages: a buddy system over each segment, in which a run need not be a power of two long. A run of n pages
 * is cut from the start of an aligned free block and the rest of the block becomes free blocks again, so nothing is
 * wasted inside.
 *
 * All of it lies in the arena. Each page has an entry of four words in the page table of its segment:
 * ```
 * word 0   bits 0–3 kind, further bits by kind     kinds: 0 inside of something, 1 free block, 2 slab, 3 run
 * free     word 0 bits 4–7 order; words 2, 3 first page of the previous and next free block of the order, 0 = none
 * slab     see allocator.ts
 * run      word 1 pages
 * ```
 * Invariants: only the first page of a block, slab or run has a kind other than 0; a free block of 2^order pages is
 * aligned to its length; two free buddies never stand side by side. The lowest segment with room is preferred, so
 * that the high ones drain and can be returned.
 *
 * A chunk's first write waits for the system to find and clear 2 MiB, milliseconds on some machines. So the chunks that will come into use
 * next are fetched by another thread before: one while nothing happens, as many as came into use lately otherwise.
 *
 * Every operation is bounded: at most 14 orders up or down, and one look at each segment's row (512 × 16 bytes).
 */
import { check } from "../base/check.ts";
import type { Arena } from "./arena.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES_SHIFT,
  FIRST_SEGMENT_METADATA_PAGES,
  ORDER_HEADS,
  PAGE_MASK,
  PAGE_SEGMENT_SHIFT,
  PAGE_TABLE,
  SEGMENT_CHUNKS,
  SEGMENT_METADATA_PAGES,
  SEGMENT_PAGES,
  SEGMENT_TABLE,
  SEGMENTS_MAX,
} from "./layout.ts";

export const KIND_INSIDE = 0;
export const KIND_FREE = 1;
export const KIND_SLAB = 2;
export const KIND_RUN = 3;
export const KIND_MASK = 15;

/** The largest buddy block: 2^13 pages, 32 MiB. The whole segment is never free, since its metadata lie in it. */
const ORDER_MAX = 13;
/** The longest run: all pages of a segment, for the one that may hold the header. */
export const RUN_PAGES_MAX = SEGMENT_PAGES - FIRST_SEGMENT_METADATA_PAGES;

/** Chunks fetched ahead: from the start, from the first that comes into use, and at most. */
const CHUNKS_AHEAD_AT_REST = 1;
const CHUNKS_AHEAD = 3;
const CHUNKS_AHEAD_MAX = 16;

/**
 * Free memory below which the next segment is added: what a fast writer fills in a tenth of a second, and some; or so many times what came
 * into use since `prepare` was called last, since a segment takes two of its calls.
 */
const PREPARED_CHUNKS = 12;
const PREPARED_PERIODS = 3;

const ROW_ORDERS = 0;
const ROW_CLEAN = 1;
const ROW_FREE = 2;

export class Pages {
  private readonly arena: Arena;
  /** Words of the first segment: header page and segment table. */
  private readonly header: Int32Array;
  /** For each order the lowest segment that may have a block of it or a larger one. A hint, rebuilt by searching. */
  private readonly searchFrom: Int32Array;

  /** By segment: chunks that were asked for ahead, a bit each, since they last went back to the system. */
  private readonly fetched = new Int32Array(SEGMENTS_MAX);
  /** Chunks that came into use since `prepare` was called last, and before that. */
  private taken = 0;
  private takenBefore = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.header = arena.words[arena.firstSegment]!;
    this.searchFrom = new Int32Array(ORDER_MAX + 1).fill(arena.firstSegment);
    this.formatFresh();
    this.fetchAhead(CHUNKS_AHEAD_AT_REST);
  }

  /** Formats every segment that nothing has been written to yet. */
  private formatFresh(): void {
    const { arena } = this;
    for (let i = 0; i < arena.segmentCount; i++) {
      const segment = arena.firstSegment + i;
      const row = this.row(segment);
      const untouched =
        this.header[row + ROW_ORDERS] === 0 && this.header[row + ROW_CLEAN] === 0 && this.header[row + ROW_FREE] === 0;
      const page = (segment << PAGE_SEGMENT_SHIFT) | this.metadataPages(segment);
      if (untouched && this.kindOf(page) === KIND_INSIDE) this.format(segment, this.metadataPages(segment));
    }
  }

  /** Forgets what it remembers beside the arena, after an image has taken the arena's place. */
  adopt(): void {
    this.searchFrom.fill(this.arena.firstSegment);
    this.fetched.fill(0);
    this.formatFresh();
    this.fetchAhead(CHUNKS_AHEAD_AT_REST);
  }

  /** Gives every free page this state; `states` counts pages from the first segment's first. */
  stateFree(states: Uint8Array, state: number): void {
    const { firstSegment, segmentCount } = this.arena;
    for (let i = 0; i < segmentCount; i++) {
      const words = this.arena.words[firstSegment + i]!;
      const base = i << PAGE_SEGMENT_SHIFT;
      for (let order = 0; order <= ORDER_MAX; order++) {
        for (let local = words[ORDER_HEADS + order]!; local !== 0; local = words[entryWord(local) + 3]!) {
          states.fill(state, base + local, base + local + (1 << order));
        }
      }
    }
  }

  /** A run of `count` pages within one segment: the number of its first page, or 0 when the address space is full. */
  allocate(count: number): number {
    check(count >= 1 && count <= RUN_PAGES_MAX, "pages of a run");
    const order = orderOf(count);
    if (order > ORDER_MAX) return this.allocateLongest(count);
    const segment = this.findSegment(order);
    if (segment < 0) return 0;
    const orders = this.header[this.row(segment) + ROW_ORDERS]! >>> order;
    return this.take(segment, order + lowestBit(orders), order, count);
  }

  /** Frees `count` pages from `page` on: a whole run, or any part of one whose entries the caller keeps right. */
  free(page: number, count: number): void {
    const segment = page >>> PAGE_SEGMENT_SHIFT;
    const local = page & PAGE_MASK;
    check(count >= 1 && local + count <= SEGMENT_PAGES, "freed pages lie in one segment");
    this.setKind(segment, local, KIND_INSIDE);
    this.freeRange(segment, local, local + count);
    this.addFreePages(segment, count);
  }

  /** Pages that are free in the segments that exist. */
  get freePages(): number {
    let pages = 0;
    const { firstSegment, segmentCount } = this.arena;
    for (let i = 0; i < segmentCount; i++) pages += this.header[this.row(firstSegment + i) + ROW_FREE]!;
    return pages;
  }

  /** Bytes of 2 MiB chunks that hold, or held, something since they came from the system. */
  get chunkBytesInUse(): number {
    let chunks = 0;
    const { firstSegment, segmentCount } = this.arena;
    for (let i = 0; i < segmentCount; i++) {
      chunks += SEGMENT_CHUNKS - bitCount(this.header[this.row(firstSegment + i) + ROW_CLEAN]!);
    }
    return chunks * CHUNK_BYTES;
  }

  /**
   * Returns free 2 MiB chunks to the system, at most `chunksMax` of them, the highest first, and says how many bytes
   * went. To be called now and then rather than at each free, so that a chunk freed and taken again at once stays.
   */
  releaseChunks(chunksMax: number): number {
    const { firstSegment, segmentCount, freezing } = this.arena;
    // What an image still needs would have to be copied aside first, for nothing that is urgent.
    if (freezing) return 0;
    let released = 0;
    for (let i = segmentCount - 1; i >= 0 && released < chunksMax; i--) {
      released += this.releaseChunksOf(firstSegment + i, chunksMax - released);
    }
    if (this.taken + this.takenBefore === 0) released += this.releaseFetched(chunksMax - released);
    return released * CHUNK_BYTES;
  }

  /** Of what was fetched for a writer that has ceased, all but the next chunks goes back. They are zeros and stay zeros: no write. */
  private releaseFetched(chunksMax: number): number {
    const { firstSegment, segmentCount, calls } = this.arena;
    let kept = 0;
    let released = 0;
    for (let segment = firstSegment; segment < firstSegment + segmentCount; segment++) {
      const row = this.row(segment);
      if (this.header[row + ROW_ORDERS]! >>> CHUNK_PAGES_SHIFT === 0) continue;
      const spare = this.header[row + ROW_CLEAN]! & this.fetched[segment]!;
      if (spare === 0 && kept >= CHUNKS_AHEAD) continue;
      const words = this.arena.words[segment]!;
      for (let order = CHUNK_PAGES_SHIFT; order <= ORDER_MAX; order++) {
        for (let local = words[ORDER_HEADS + order]!; local !== 0; local = words[entryWord(local) + 3]!) {
          const first = local >>> CHUNK_PAGES_SHIFT;
          for (let chunk = first; chunk < first + (1 << (order - CHUNK_PAGES_SHIFT)); chunk++) {
            if (kept++ < CHUNKS_AHEAD || (spare & (1 << chunk)) === 0) continue;
            if (released === chunksMax) return released;
            if (!calls.discard(this.arena.bytes[segment]!, chunk * CHUNK_BYTES, CHUNK_BYTES)) return released;
            this.fetched[segment] = this.fetched[segment]! & ~(1 << chunk);
            released++;
          }
        }
      }
    }
    return released;
  }

  private releaseChunksOf(segment: number, chunksMax: number): number {
    const row = this.row(segment);
    if (this.header[row + ROW_ORDERS]! >>> CHUNK_PAGES_SHIFT === 0 || this.header[row + ROW_CLEAN] === -1) return 0;
    const words = this.arena.words[segment]!;
    let released = 0;
    for (let order = CHUNK_PAGES_SHIFT; order <= ORDER_MAX; order++) {
      for (let local = words[ORDER_HEADS + order]!; local !== 0; local = words[entryWord(local) + 3]!) {
        const first = local >>> CHUNK_PAGES_SHIFT;
        const end = first + (1 << (order - CHUNK_PAGES_SHIFT));
        for (let chunk = first; chunk < end; chunk++) {
          if ((this.header[row + ROW_CLEAN]! & (1 << chunk)) !== 0) continue;
          if (released === chunksMax || !this.releaseChunk(segment, chunk)) return released;
          released++;
        }
      }
    }
    return released;
  }

  private releaseChunk(segment: number, chunk: number): boolean {
    // The bytes turn into zeros, which is a write like any other.
    this.arena.touchBytes(segment, chunk * CHUNK_BYTES, CHUNK_BYTES);
    if (!this.arena.calls.discard(this.arena.bytes[segment]!, chunk * CHUNK_BYTES, CHUNK_BYTES)) return false;
    const row = this.touchedRow(segment);
    this.header[row + ROW_CLEAN] = this.header[row + ROW_CLEAN]! | (1 << chunk);
    this.fetched[segment] = this.fetched[segment]! & ~(1 << chunk);
    return true;
  }

  private format(segment: number, metadataPages: number): void {
    const row = this.touchedRow(segment);
    this.header[row + ROW_CLEAN] = -2; // chunk 0 holds the metadata
    this.freeRange(segment, metadataPages, SEGMENT_PAGES);
    this.addFreePages(segment, SEGMENT_PAGES - metadataPages);
  }

  /** The lowest segment with a free block of 2^order pages or more; adds a segment when none has; -1 when full. */
  private findSegment(order: number): number {
    const end = this.arena.firstSegment + this.arena.segmentCount;
    let segment = this.searchFrom[order]!;
    while (segment < end && this.header[this.row(segment) + ROW_ORDERS]! >>> order === 0) segment++;
    this.searchFrom[order] = segment;
    return segment < end ? segment : this.addSegment();
  }

  /**
   * Are so many pages free in one piece? More than the largest block has: in new segments, or twice as many wherever they lie. Adds no
   * segment.
   */
  hasRun(count: number): boolean {
    const { firstSegment, segmentCount, segmentsMax } = this.arena;
    const blockPagesMax = 1 << ORDER_MAX;
    if (count <= (segmentsMax - segmentCount) * blockPagesMax) return true;
    if (count > blockPagesMax) return count * 2 <= this.freePages;
    const order = orderOf(count);
    for (let i = 0; i < segmentCount; i++) {
      if (this.header[this.row(firstSegment + i) + ROW_ORDERS]! >>> order !== 0) return true;
    }
    return false;
  }

  /**
   * To be called now and then: as long as there may be one more, gets the memory of a segment when few pages are free, and adds it the next
   * time, when that memory is there.
   */
  prepare(): void {
    this.takenBefore = this.taken;
    this.taken = 0;
    const chunksMin = Math.max(PREPARED_CHUNKS, this.takenBefore * PREPARED_PERIODS);
    if (this.freePages < chunksMin << CHUNK_PAGES_SHIFT && !this.arena.prepareSegment()) this.addSegment();
    this.fetchAhead(Math.max(CHUNKS_AHEAD_AT_REST, this.takenBefore));
  }

  private addSegment(): number {
    const segment = this.arena.addSegment();
    if (segment < 0) return segment;
    this.format(segment, SEGMENT_METADATA_PAGES);
    this.fetchAhead(CHUNKS_AHEAD);
    return segment;
  }

  /**
   * Takes a block of order `found`, splits it down to `order` and gives back what lies behind the first `count`
   * pages.
   */
  private take(segment: number, found: number, order: number, count: number): number {
    const words = this.arena.words[segment]!;
    const local = words[ORDER_HEADS + found]!;
    this.unlink(segment, local, found);
    this.setKind(segment, local, KIND_INSIDE);
    for (let split = found - 1; split >= order; split--) this.link(segment, local + (1 << split), split);
    if (count < 1 << order) this.freeRange(segment, local + count, local + (1 << order));
    this.took(segment, local, count);
    return (segment << PAGE_SEGMENT_SHIFT) | local;
  }

  /**
   * A run of more than half a segment: the end of a segment that is wholly free, since no buddy block is that long.
   */
  private allocateLongest(count: number): number {
    const { firstSegment, segmentCount } = this.arena;
    let segment = -1;
    for (let i = 0; i < segmentCount && segment < 0; i++) {
      const candidate = firstSegment + i;
      const usable = SEGMENT_PAGES - this.metadataPages(candidate);
      if (this.header[this.row(candidate) + ROW_FREE] === usable) segment = candidate;
    }
    if (segment < 0) segment = this.addSegment();
    if (segment < 0) return 0;
    const words = this.arena.words[segment]!;
    for (let order = 0; order <= ORDER_MAX; order++) {
      while (words[ORDER_HEADS + order] !== 0) {
        const local = words[ORDER_HEADS + order]!;
        this.unlink(segment, local, order);
        this.setKind(segment, local, KIND_INSIDE);
      }
    }
    const start = SEGMENT_PAGES - count;
    if (start > this.metadataPages(segment)) this.freeRange(segment, this.metadataPages(segment), start);
    this.took(segment, start, count);
    return (segment << PAGE_SEGMENT_SHIFT) | start;
  }

  private took(segment: number, local: number, count: number): void {
    this.addFreePages(segment, -count);
    const first = local >>> CHUNK_PAGES_SHIFT;
    const last = (local + count - 1) >>> CHUNK_PAGES_SHIFT;
    const row = this.row(segment);
    const clean = this.header[row + ROW_CLEAN]!;
    let left = clean;
    for (let chunk = first; chunk <= last; chunk++) left &= ~(1 << chunk);
    if (left === clean) return;
    this.header[row + ROW_CLEAN] = left;
    this.taken += bitCount(clean ^ left);
    this.fetchAhead(Math.max(CHUNKS_AHEAD, this.taken, this.takenBefore));
  }

  /** Has the next free chunks, in the order in which small runs will take them, fetched where nothing has used them yet, each once. */
  private fetchAhead(wanted: number): void {
    const { firstSegment, segmentCount } = this.arena;
    let left = Math.min(wanted, CHUNKS_AHEAD_MAX);
    const end = firstSegment + segmentCount;
    for (let segment = this.searchFrom[CHUNK_PAGES_SHIFT]!; segment < end && left > 0; segment++) {
      const orders = this.header[this.row(segment) + ROW_ORDERS]!;
      if (orders >>> CHUNK_PAGES_SHIFT === 0) continue;
      const words = this.arena.words[segment]!;
      for (let order = CHUNK_PAGES_SHIFT; order <= ORDER_MAX; order++) {
        for (let local = words[ORDER_HEADS + order]!; local !== 0 && left > 0; local = words[entryWord(local) + 3]!) {
          const chunks = Math.min(1 << (order - CHUNK_PAGES_SHIFT), left);
          this.fetchChunks(segment, local >>> CHUNK_PAGES_SHIFT, chunks);
          left -= chunks;
        }
      }
    }
  }

  /** Neighbours in one call: one thread clears them one after the other, and leaves the others' time to who writes. */
  private fetchChunks(segment: number, first: number, count: number): void {
    const clean = this.header[this.row(segment) + ROW_CLEAN]!;
    const absent = clean & ~this.fetched[segment]!;
    for (let chunk = first, end = first + count; chunk < end; chunk++) {
      let next = chunk;
      while (next < end && (absent & (1 << next)) !== 0) next++;
      if (next === chunk) continue;
      const bytes = this.arena.bytes[segment]!;
      this.arena.calls.populateAhead(bytes, chunk * CHUNK_BYTES, (next - chunk) * CHUNK_BYTES);
      for (; chunk < next; chunk++) this.fetched[segment] = this.fetched[segment]! | (1 << chunk);
    }
  }

  /** Turns pages [start, end) into the fewest aligned blocks and frees each. */
  private freeRange(segment: number, start: number, end: number): void {
    let local = start;
    while (local < end) {
      let order = Math.min(lowestBit(local), 31 - Math.clz32(end - local));
      if (order > ORDER_MAX) order = ORDER_MAX;
      this.freeBlock(segment, local, order);
      local += 1 << order;
    }
  }

  /** Frees one aligned block, joined with its free buddies. */
  private freeBlock(segment: number, local: number, order: number): void {
    const words = this.arena.words[segment]!;
    while (order < ORDER_MAX) {
      const buddy = local ^ (1 << order);
      if ((words[entryWord(buddy)]! & 0xff) !== (KIND_FREE | (order << 4))) break;
      this.unlink(segment, buddy, order);
      this.setKind(segment, buddy, KIND_INSIDE);
      local &= ~(1 << order);
      order++;
    }
    this.link(segment, local, order);
  }

  private link(segment: number, local: number, order: number): void {
    const words = this.arena.words[segment]!;
    const entry = entryWord(local);
    const next = words[ORDER_HEADS + order]!;
    this.arena.touchBytes(segment, entry << 2, 16);
    words[entry] = KIND_FREE | (order << 4);
    words[entry + 2] = 0;
    words[entry + 3] = next;
    this.arena.touchBytes(segment, ORDER_HEADS << 2, 64);
    words[ORDER_HEADS + order] = local;
    if (next !== 0) {
      this.arena.touchBytes(segment, entryWord(next) << 2, 16);
      words[entryWord(next) + 2] = local;
      return;
    }
    const row = this.touchedRow(segment);
    this.header[row + ROW_ORDERS] = this.header[row + ROW_ORDERS]! | (1 << order);
    for (let smaller = 0; smaller <= order; smaller++) {
      if (this.searchFrom[smaller]! > segment) this.searchFrom[smaller] = segment;
    }
  }

  private unlink(segment: number, local: number, order: number): void {
    const words = this.arena.words[segment]!;
    const previous = words[entryWord(local) + 2]!;
    const next = words[entryWord(local) + 3]!;
    if (next !== 0) {
      this.arena.touchBytes(segment, entryWord(next) << 2, 16);
      words[entryWord(next) + 2] = previous;
    }
    if (previous !== 0) {
      this.arena.touchBytes(segment, entryWord(previous) << 2, 16);
      words[entryWord(previous) + 3] = next;
      return;
    }
    this.arena.touchBytes(segment, ORDER_HEADS << 2, 64);
    words[ORDER_HEADS + order] = next;
    if (next === 0) {
      const row = this.touchedRow(segment);
      this.header[row + ROW_ORDERS] = this.header[row + ROW_ORDERS]! & ~(1 << order);
    }
  }

  private setKind(segment: number, local: number, kind: number): void {
    const entry = entryWord(local);
    this.arena.touchBytes(segment, entry << 2, 16);
    this.arena.words[segment]![entry] = kind;
  }

  private kindOf(page: number): number {
    return this.arena.words[page >>> PAGE_SEGMENT_SHIFT]![entryWord(page & PAGE_MASK)]! & KIND_MASK;
  }

  private addFreePages(segment: number, count: number): void {
    const row = this.touchedRow(segment);
    this.header[row + ROW_FREE] = this.header[row + ROW_FREE]! + count;
  }

  private metadataPages(segment: number): number {
    return segment === this.arena.firstSegment ? FIRST_SEGMENT_METADATA_PAGES : SEGMENT_METADATA_PAGES;
  }

  private row(segment: number): number {
    check(segment >= 0 && segment < SEGMENTS_MAX, "segment number");
    return SEGMENT_TABLE + (segment << 2);
  }

  private touchedRow(segment: number): number {
    const row = this.row(segment);
    this.arena.touchBytes(this.arena.firstSegment, row << 2, 16);
    return row;
  }
}

/** Word index of a page's entry in its segment; `local` is the page's number in the segment. */
function entryWord(local: number): number {
  return PAGE_TABLE + (local << 2);
}

/** The smallest n with 2^n ≥ count. */
function orderOf(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}

function lowestBit(value: number): number {
  return 31 - Math.clz32(value & -value);
}

function bitCount(value: number): number {
  let bits = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}
