/**
 * The allocator: blocks of up to 16 KiB lie in slabs of their size class, larger ones are runs of pages.
 *
 * A block has no header: whoever owns it knows its size and gives it back with `free(address, bytes)`; any size of
 * the same class will do. A slab is described by the page-table entry of its first page, since slabs are aligned to
 * their length:
 * ```
 * word 0   bits 0–3 KIND_SLAB, bits 4–9 class, bits 16–31 fresh: offset in units of the first block never handed out
 * word 1   bits 0–15 offset in units of the first free block (0xFFFF = none), bits 16–31 blocks in use
 * word 2   first page of the previous partly filled slab of the class, 0 = none
 * word 3   first page of the next one
 * ```
 * The first word of a free block holds the offset of the next. Blocks never used are taken in order, so that a
 * slab's pages are touched one after another.
 *
 * Invariants: a slab is in its class's list if and only if it has a block to give; at most one slab of a class is
 * wholly free, and then it is alone in the list. All state lies in the arena; `allocatedBytes` is a sum of it, kept
 * because `maxmemory` is compared with it at every write.
 *
 * A full address space is answered with NIL, never with an exception. A block's content is whatever was there before.
 */
import { check } from "../base/check.ts";
import type { Arena } from "./arena.ts";
import {
  HEADER_CLASSES,
  HEADER_RUN_PAGES,
  HEADER_RUNS,
  NIL,
  PAGE_BYTES,
  PAGE_MASK,
  PAGE_SEGMENT_SHIFT,
  PAGE_SHIFT,
  PAGE_TABLE,
  SEGMENT_BYTES,
  SEGMENT_SHIFT,
  UNIT_MASK,
} from "./layout.ts";
import { KIND_RUN, KIND_SLAB, Pages, RUN_PAGES_MAX } from "./pages.ts";
import { CLASS_BLOCKS, CLASS_BYTES, CLASS_OF_UNITS, CLASS_ORDER, CLASSES, SLAB_BLOCK_BYTES_MAX } from "./size_class.ts";

const NONE = 0xffff;
const CLASS_SHIFT = 4;
const STATE_MASK = 0xffff;

/** The largest block: a run of all pages of a segment, about 63 MiB. */
export const ALLOCATION_BYTES_MAX = RUN_PAGES_MAX * PAGE_BYTES;

export interface ClassStatistics {
  blockBytes: number;
  usedBlocks: number;
}

export interface AllocatorStatistics {
  /** Bytes of blocks handed out, rounded to their classes. */
  allocatedBytes: number;
  /** Bytes of the segments that exist. */
  addressSpaceBytes: number;
  /** Bytes of pages that hold no block at all. */
  freePageBytes: number;
  /** Bytes of free blocks, ends of slabs and metadata: pages in use less `allocatedBytes`. */
  overheadBytes: number;
  /**
   * Bytes of 2 MiB chunks that were written since they came from the system: what the arena can at most keep
   * resident.
   */
  chunkBytesInUse: number;
  /** Resident bytes of the process, -1 if unknown. */
  residentBytes: number;
  /** `chunkBytesInUse` through `allocatedBytes`. */
  fragmentationRatio: number;
  runs: number;
  runBytes: number;
  classes: ClassStatistics[];
}

export class Allocator {
  readonly arena: Arena;
  private readonly pages: Pages;
  private readonly header: Int32Array;
  private readonly words: Int32Array[];
  /** Bytes of blocks handed out, rounded to their classes. */
  allocatedBytes = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.pages = new Pages(arena);
    this.words = arena.words;
    this.header = arena.words[arena.firstSegment]!;
    this.countAllocated();
  }

  /** Takes over an arena that an image has been put into. */
  adopt(): void {
    this.pages.adopt();
    this.countAllocated();
  }

  /** Gives every free page this state in `states`, a byte a page of the arena. */
  stateFreePages(states: Uint8Array, state: number): void {
    this.pages.stateFree(states, state);
  }

  private countAllocated(): void {
    this.allocatedBytes = this.header[HEADER_RUN_PAGES]! * PAGE_BYTES;
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      this.allocatedBytes += this.header[rowOf(sizeClass) + 1]! * CLASS_BYTES[sizeClass]!;
    }
  }

  /**
   * A block of at least `bytes`, aligned to 8 (to 64 if `bytes` is a multiple of 64 below 1 KiB, or a power of two):
   * its address, or NIL.
   */
  allocate(bytes: number): number {
    if (bytes > SLAB_BLOCK_BYTES_MAX) return this.allocateRun(bytes);
    const sizeClass = CLASS_OF_UNITS[(bytes + 7) >>> 3]!;
    const header = this.header;
    const row = rowOf(sizeClass);
    let page = header[row]!;
    if (page === 0) {
      page = this.openSlab(sizeClass);
      if (page === 0) return NIL;
    }
    const segment = page >>> PAGE_SEGMENT_SHIFT;
    const words = this.words[segment]!;
    const entry = PAGE_TABLE + ((page & PAGE_MASK) << 2);
    this.arena.touchBytes(segment, entry << 2, 16);
    this.arena.touchBytes(this.arena.firstSegment, row << 2, 8);
    const state = words[entry + 1]!;
    let unit = state & STATE_MASK;
    let head = NONE;
    if (unit !== NONE) {
      head = words[((((page << PAGE_SHIFT) | 0) + unit) & UNIT_MASK) << 1]!;
    } else {
      unit = words[entry]! >>> 16;
      words[entry] = words[entry]! + ((CLASS_BYTES[sizeClass]! >>> 3) << 16);
    }
    const used = (state >>> 16) + 1;
    words[entry + 1] = (used << 16) | head;
    header[row + 1] = header[row + 1]! + 1;
    this.allocatedBytes += CLASS_BYTES[sizeClass]!;
    if (used === CLASS_BLOCKS[sizeClass]) this.unlink(page, row);
    return ((page << PAGE_SHIFT) + unit) | 0;
  }

  /** Gives a block back; `bytes` is any size of the class it was allocated with. */
  free(address: number, bytes: number): void {
    if (bytes > SLAB_BLOCK_BYTES_MAX) {
      this.freeRun(address, bytes);
      return;
    }
    const sizeClass = CLASS_OF_UNITS[(bytes + 7) >>> 3]!;
    const page = (address >>> PAGE_SHIFT) & ~((1 << CLASS_ORDER[sizeClass]!) - 1);
    const unit = (address - (page << PAGE_SHIFT)) | 0;
    const segment = address >>> SEGMENT_SHIFT;
    const words = this.words[segment]!;
    const entry = PAGE_TABLE + ((page & PAGE_MASK) << 2);
    const state = words[entry + 1]!;
    check(
      (words[entry]! & STATE_MASK) === (KIND_SLAB | (sizeClass << CLASS_SHIFT)) && state >>> 16 !== 0,
      "a freed block is of a slab of its class",
    );
    const row = rowOf(sizeClass);
    this.arena.touch(address, 4);
    this.arena.touchBytes(segment, entry << 2, 16);
    this.arena.touchBytes(this.arena.firstSegment, row << 2, 8);
    words[(address & UNIT_MASK) << 1] = state & STATE_MASK;
    const used = (state >>> 16) - 1;
    words[entry + 1] = (used << 16) | unit;
    this.header[row + 1] = this.header[row + 1]! - 1;
    this.allocatedBytes -= CLASS_BYTES[sizeClass]!;
    if (used === CLASS_BLOCKS[sizeClass]! - 1) this.link(page, row);
    else if (used === 0) this.closeIfSpare(page, row, sizeClass);
  }

  /** Bytes a block of this size really takes: what MEMORY USAGE counts, and what it may grow to in place. */
  sizeOfClass(bytes: number): number {
    if (bytes > SLAB_BLOCK_BYTES_MAX) return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
    return CLASS_BYTES[CLASS_OF_UNITS[(bytes + 7) >>> 3]!]!;
  }

  /**
   * Is there so much free memory in one piece? Then blocks that take less than that in all, with SLAB_BYTES_MAX for each size class that
   * they are of, will be found one after the other, however scattered the rest is.
   */
  hasPiece(bytes: number): boolean {
    return this.pages.hasRun(Math.ceil(bytes / PAGE_BYTES));
  }

  /**
   * Adds the next segment before it is needed, and has the memory that will be used next fetched: it comes from the system in long faults,
   * which are better had by another thread than in the middle of a turn. Call it regularly, say every 100 ms.
   */
  prepareMemory(): void {
    this.pages.prepare();
  }

  /**
   * Returns unused memory to the system: at most `chunksMax` chunks of 2 MiB a call, so that it stays short. Bytes
   * returned. Call it regularly, say every 100 ms; it does nothing while there is nothing to return.
   */
  releaseFreeMemory(chunksMax: number): number {
    this.closeSpareSlabs();
    return this.pages.releaseChunks(chunksMax);
  }

  statistics(): AllocatorStatistics {
    const classes: ClassStatistics[] = [];
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      classes.push({ blockBytes: CLASS_BYTES[sizeClass]!, usedBlocks: this.header[rowOf(sizeClass) + 1]! });
    }
    const addressSpaceBytes = this.arena.segmentCount * SEGMENT_BYTES;
    const freePageBytes = this.pages.freePages * PAGE_BYTES;
    const chunkBytesInUse = this.pages.chunkBytesInUse;
    return {
      allocatedBytes: this.allocatedBytes,
      addressSpaceBytes,
      freePageBytes,
      overheadBytes: addressSpaceBytes - freePageBytes - this.allocatedBytes,
      chunkBytesInUse,
      residentBytes: this.arena.calls.residentBytes(),
      fragmentationRatio: this.allocatedBytes === 0 ? 1 : chunkBytesInUse / this.allocatedBytes,
      runs: this.header[HEADER_RUNS]!,
      runBytes: this.header[HEADER_RUN_PAGES]! * PAGE_BYTES,
      classes,
    };
  }

  /** Pages from the free ones; when there are none, the spare slabs of all classes are given up for them. */
  private takePages(count: number): number {
    const page = this.pages.allocate(count);
    if (page !== 0) return page;
    this.closeSpareSlabs();
    return this.pages.allocate(count);
  }

  private closeSpareSlabs(): void {
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      const row = rowOf(sizeClass);
      const page = this.header[row]!;
      if (page !== 0 && this.usedBlocks(page) === 0) this.closeSlab(page, row, sizeClass);
    }
  }

  private allocateRun(bytes: number): number {
    const count = Math.ceil(bytes / PAGE_BYTES);
    if (count > RUN_PAGES_MAX) return NIL;
    const page = this.takePages(count);
    if (page === 0) return NIL;
    const segment = page >>> PAGE_SEGMENT_SHIFT;
    const entry = PAGE_TABLE + ((page & PAGE_MASK) << 2);
    this.arena.touchBytes(segment, entry << 2, 16);
    const words = this.words[segment]!;
    words[entry] = KIND_RUN;
    words[entry + 1] = count;
    this.countRun(1, count);
    return page << PAGE_SHIFT;
  }

  private freeRun(address: number, bytes: number): void {
    const count = Math.ceil(bytes / PAGE_BYTES);
    const page = address >>> PAGE_SHIFT;
    const entry = PAGE_TABLE + ((page & PAGE_MASK) << 2);
    const words = this.words[page >>> PAGE_SEGMENT_SHIFT]!;
    check(page << PAGE_SHIFT === address && words[entry] === KIND_RUN, "a freed run begins at its first page");
    check(words[entry + 1] === count, "a run is freed with its length");
    this.pages.free(page, count);
    this.countRun(-1, -count);
  }

  private countRun(runs: number, pages: number): void {
    this.arena.touchBytes(this.arena.firstSegment, HEADER_RUN_PAGES << 2, 8);
    this.header[HEADER_RUN_PAGES] = this.header[HEADER_RUN_PAGES]! + pages;
    this.header[HEADER_RUNS] = this.header[HEADER_RUNS]! + runs;
    this.allocatedBytes += pages * PAGE_BYTES;
  }

  private openSlab(sizeClass: number): number {
    const page = this.takePages(1 << CLASS_ORDER[sizeClass]!);
    if (page === 0) return 0;
    const segment = page >>> PAGE_SEGMENT_SHIFT;
    const entry = PAGE_TABLE + ((page & PAGE_MASK) << 2);
    const words = this.words[segment]!;
    this.arena.touchBytes(segment, entry << 2, 16);
    words[entry] = KIND_SLAB | (sizeClass << CLASS_SHIFT);
    words[entry + 1] = NONE;
    this.link(page, rowOf(sizeClass));
    return page;
  }

  /**
   * A slab just became empty: it goes back, unless it is the last with room, where the next allocation would take it
   * again.
   */
  private closeIfSpare(page: number, row: number, sizeClass: number): void {
    const entry = PAGE_TABLE + ((page & PAGE_MASK) << 2);
    const words = this.words[page >>> PAGE_SEGMENT_SHIFT]!;
    if (words[entry + 2] !== 0 || words[entry + 3] !== 0) this.closeSlab(page, row, sizeClass);
  }

  private closeSlab(page: number, row: number, sizeClass: number): void {
    this.unlink(page, row);
    this.pages.free(page, 1 << CLASS_ORDER[sizeClass]!);
  }

  private usedBlocks(page: number): number {
    return this.words[page >>> PAGE_SEGMENT_SHIFT]![PAGE_TABLE + ((page & PAGE_MASK) << 2) + 1]! >>> 16;
  }

  /** Puts a slab at the front of its class's list; a wholly free one that stood there alone is no longer needed. */
  private link(page: number, row: number): void {
    const spare = this.header[row]!;
    if (spare !== 0 && this.usedBlocks(spare) === 0) {
      const sizeClass = (row - HEADER_CLASSES) >>> 1;
      this.closeSlab(spare, row, sizeClass);
    }
    const next = this.header[row]!;
    const entry = PAGE_TABLE + ((page & PAGE_MASK) << 2);
    const words = this.words[page >>> PAGE_SEGMENT_SHIFT]!;
    this.arena.touchBytes(page >>> PAGE_SEGMENT_SHIFT, entry << 2, 16);
    words[entry + 2] = 0;
    words[entry + 3] = next;
    this.setNeighbour(next, 2, page);
    this.arena.touchBytes(this.arena.firstSegment, row << 2, 8);
    this.header[row] = page;
  }

  private unlink(page: number, row: number): void {
    const entry = PAGE_TABLE + ((page & PAGE_MASK) << 2);
    const words = this.words[page >>> PAGE_SEGMENT_SHIFT]!;
    const previous = words[entry + 2]!;
    const next = words[entry + 3]!;
    this.setNeighbour(next, 2, previous);
    if (previous !== 0) {
      this.setNeighbour(previous, 3, next);
      return;
    }
    this.arena.touchBytes(this.arena.firstSegment, row << 2, 8);
    this.header[row] = next;
  }

  private setNeighbour(page: number, word: number, value: number): void {
    if (page === 0) return;
    const segment = page >>> PAGE_SEGMENT_SHIFT;
    const entry = PAGE_TABLE + ((page & PAGE_MASK) << 2);
    this.arena.touchBytes(segment, entry << 2, 16);
    this.words[segment]![entry + word] = value;
  }
}

/** Word index, in the first segment, of a class's row: first page of its first slab with room, then blocks in use. */
function rowOf(sizeClass: number): number {
  return HEADER_CLASSES + (sizeClass << 1);
}
