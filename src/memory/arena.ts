/**
 * The arena: segments of shared memory that hold the whole dataset, and the one write barrier before them.
 *
 * A segment is a SharedArrayBuffer of 66 MiB whose views begin at the first 2 MiB boundary of the real address, so
 * that huge pages fit and no 64-byte bucket straddles two cache lines. Addresses, the header page and all other
 * offsets: see layout.ts.
 *
 * Invariants:
 * - every write to `bytes`, `words`, `doubles` or `views` is preceded by `touch` or `touchBytes` over the range, except
 *   access metadata of entries;
 * - the view arrays have a slot for each possible segment from the start and never change their shape, so others may
 *   keep them;
 * - a segment is never removed or moved.
 *
 * It must not know what lies in the pages: that is pages.ts and allocator.ts.
 */
import { check } from "../base/check.ts";
import type { Random } from "../base/random.ts";
import { type MemoryCalls, portableCalls } from "./calls.ts";
import {
  BLOCK_BYTES,
  CHUNK_BYTES,
  COUNTERS,
  DATABASE_ROOT_BYTES,
  DATABASE_ROOTS,
  HEADER_COUNTERS_DOUBLE,
  HEADER_DATABASE_ROOTS,
  HEADER_FIRST_SEGMENT,
  HEADER_LOG_POSITION_DOUBLE,
  HEADER_MAGIC,
  HEADER_ROOTS,
  HEADER_SEED,
  HEADER_SEGMENTS,
  HEADER_VERSION,
  LAYOUT_VERSION,
  MAGIC_HIGH,
  MAGIC_LOW,
  PAGE_BYTES,
  ROOTS,
  SEGMENT_BLOCKS,
  SEGMENT_BYTES,
  SEGMENT_SHIFT,
  SEGMENTS_MAX,
  UNIT_MASK,
} from "./layout.ts";

/** Data of a large SharedArrayBuffer begins this many bytes into a page: malloc's header of a mapped block. */
const DATA_OFFSET_IN_PAGE_BYTES = 16;

/** What copies pages aside while a freeze is active. */
export interface FreezeHook {
  /** Called before bytes [offset, offset + length) of the segment are written. */
  beforeWrite(segment: number, offset: number, length: number): void;
}

export interface ArenaOptions {
  /** Source of the hash seed. */
  random: Random;
  calls?: MemoryCalls;
  /** Number of the first segment; the suite also runs with 255, where the second segment's addresses are negative. */
  firstSegment?: number;
  /** Address space that may be used, bytes; rounded down to whole segments, at least one. */
  bytesMax?: number;
}

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);
const NO_DOUBLES = new Float64Array(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

export class Arena {
  /** Views by segment number; an empty array where there is no segment. */
  readonly bytes: Uint8Array[];
  readonly words: Int32Array[];
  readonly doubles: Float64Array[];
  /** The same bytes, to be read and written as words at any offset. */
  readonly views: DataView[];
  /** Dirty marks by segment number: one byte a 256-byte block, 1 = written since the marks were cleared. */
  readonly marks: Uint8Array[];
  readonly firstSegment: number;
  readonly segmentsMax: number;
  readonly calls: MemoryCalls;
  /** The seed of every hash of keys in this arena; changes only when an image is adopted. */
  seed0: number;
  seed1: number;
  segmentCount = 0;
  /** True while a freeze is active; tested by every write. */
  freezing = false;
  private freezeHook: FreezeHook | null = null;
  /** The bytes of the segment that is added next, where they have been prepared. */
  private prepared: Uint8Array | null = null;

  constructor(options: ArenaOptions) {
    check(new Uint8Array(Int32Array.of(1).buffer)[0] === 1, "the host is little-endian");
    this.bytes = new Array<Uint8Array>(SEGMENTS_MAX).fill(NO_BYTES);
    this.words = new Array<Int32Array>(SEGMENTS_MAX).fill(NO_WORDS);
    this.doubles = new Array<Float64Array>(SEGMENTS_MAX).fill(NO_DOUBLES);
    this.views = new Array<DataView>(SEGMENTS_MAX).fill(NO_VIEW);
    this.marks = new Array<Uint8Array>(SEGMENTS_MAX).fill(NO_BYTES);
    this.firstSegment = options.firstSegment ?? 0;
    check(this.firstSegment >= 0 && this.firstSegment < SEGMENTS_MAX, "first segment within the address space");
    const wanted = Math.max(1, Math.floor((options.bytesMax ?? SEGMENTS_MAX * SEGMENT_BYTES) / SEGMENT_BYTES));
    this.segmentsMax = Math.min(SEGMENTS_MAX - this.firstSegment, wanted);
    this.calls = options.calls ?? portableCalls;
    this.seed0 = options.random.int32();
    this.seed1 = options.random.int32();
    check(this.addSegment() === this.firstSegment, "memory for the first segment");
    this.writeHeader();
  }

  private writeHeader(): void {
    const words = this.words[this.firstSegment]!;
    this.touchBytes(this.firstSegment, 0, PAGE_BYTES);
    words[HEADER_MAGIC] = MAGIC_LOW;
    words[HEADER_MAGIC + 1] = MAGIC_HIGH;
    words[HEADER_VERSION] = LAYOUT_VERSION;
    words[HEADER_FIRST_SEGMENT] = this.firstSegment;
    words[HEADER_SEGMENTS] = this.segmentCount;
    words[HEADER_SEED] = this.seed0;
    words[HEADER_SEED + 1] = this.seed1;
  }

  /** Everything is zeros again, as in fresh segments, behind the barrier's back: nothing lives on. */
  clear(): void {
    for (let i = 0; i < this.segmentCount; i++) this.bytes[this.firstSegment + i]!.fill(0);
    this.writeHeader();
  }

  /**
   * Gets the memory of the next segment and has another thread fetch its first chunk, which would take a slow machine 5 ms when the segment
   * is added. False where that was done before, or where there can be no further segment.
   */
  prepareSegment(): boolean {
    if (this.prepared !== null || this.segmentCount === this.segmentsMax) return false;
    this.prepared = this.allocateSegment();
    if (this.prepared === null) return false;
    this.calls.adviseHugePages(this.prepared);
    this.calls.populateAhead(this.prepared, 0, CHUNK_BYTES);
    return true;
  }

  /** The bytes of a segment, of which the first begins a chunk where that can be known; null: the system refuses the memory. */
  private allocateSegment(): Uint8Array | null {
    try {
      const buffer = this.calls.allocate(SEGMENT_BYTES + CHUNK_BYTES);
      const address = this.calls.addressOf(new Uint8Array(buffer));
      const start =
        address >= 0 ? (CHUNK_BYTES - (address % CHUNK_BYTES)) % CHUNK_BYTES : PAGE_BYTES - DATA_OFFSET_IN_PAGE_BYTES;
      return new Uint8Array(buffer, start, SEGMENT_BYTES);
    } catch {
      return null; // a RangeError
    }
  }

  /** Adds one segment of zeros and returns its number, or -1 when the limit or the machine's memory is reached. */
  addSegment(): number {
    if (this.segmentCount === this.segmentsMax) return -1;
    const bytes = this.prepared ?? this.allocateSegment();
    this.prepared = null;
    if (bytes === null) return -1;
    let markBuffer: SharedArrayBuffer;
    try {
      markBuffer = this.calls.allocate(SEGMENT_BLOCKS);
    } catch {
      return -1;
    }
    const { buffer, byteOffset: start } = bytes;
    const segment = this.firstSegment + this.segmentCount;
    this.bytes[segment] = bytes;
    this.words[segment] = new Int32Array(buffer, start, SEGMENT_BYTES / 4);
    this.doubles[segment] = new Float64Array(buffer, start, SEGMENT_BYTES / 8);
    this.views[segment] = new DataView(buffer, start, SEGMENT_BYTES);
    this.marks[segment] = new Uint8Array(markBuffer);
    this.calls.adviseHugePages(this.bytes[segment]);
    this.segmentCount++;
    this.touchBytes(this.firstSegment, HEADER_SEGMENTS * 4, 4);
    this.words[this.firstSegment]![HEADER_SEGMENTS] = this.segmentCount;
    return segment;
  }

  /** The write barrier: call it before writing `length` bytes from the address on; they lie in one segment. */
  touch(address: number, length: number): void {
    this.touchBytes(address >>> SEGMENT_SHIFT, (address & UNIT_MASK) << 3, length);
  }

  /** The write barrier for a range given as segment number and byte offset. */
  touchBytes(segment: number, offset: number, length: number): void {
    if (this.freezing) this.beforeFrozenWrite(segment, offset, length);
    const marks = this.marks[segment]!;
    const first = offset >>> 8;
    const last = (offset + length - 1) >>> 8;
    marks[first] = 1;
    if (last > first) markBlocks(marks, first + 1, last);
  }

  private beforeFrozenWrite(segment: number, offset: number, length: number): void {
    if (this.freezeHook !== null) this.freezeHook.beforeWrite(segment, offset, length);
  }

  /** Begins (a hook) or ends (null) a freeze. */
  setFreezeHook(hook: FreezeHook | null): void {
    this.freezeHook = hook;
    this.freezing = hook !== null;
  }

  /** Address of the 16 words that belong to a database; writes go through `touch`. */
  databaseRootAddress(database: number): number {
    check(database >= 0 && database < DATABASE_ROOTS, "database has a root block");
    const byte = HEADER_DATABASE_ROOTS * 4 + database * DATABASE_ROOT_BYTES;
    return (this.firstSegment << SEGMENT_SHIFT) | (byte >>> 3);
  }

  root(index: number): number {
    check(index >= 0 && index < ROOTS, "root index in range");
    return this.words[this.firstSegment]![HEADER_ROOTS + index]!;
  }

  setRoot(index: number, address: number): void {
    check(index >= 0 && index < ROOTS, "root index in range");
    this.touchBytes(this.firstSegment, (HEADER_ROOTS + index) * 4, 4);
    this.words[this.firstSegment]![HEADER_ROOTS + index] = address;
  }

  counter(index: number): number {
    check(index >= 0 && index < COUNTERS, "counter index in range");
    return this.doubles[this.firstSegment]![HEADER_COUNTERS_DOUBLE + index]!;
  }

  setCounter(index: number, value: number): void {
    check(index >= 0 && index < COUNTERS, "counter index in range");
    this.touchBytes(this.firstSegment, (HEADER_COUNTERS_DOUBLE + index) * 8, 8);
    this.doubles[this.firstSegment]![HEADER_COUNTERS_DOUBLE + index] = value;
  }

  /** Sequence number of the last effect that the arena contains. */
  get logPosition(): number {
    return this.doubles[this.firstSegment]![HEADER_LOG_POSITION_DOUBLE]!;
  }

  set logPosition(sequence: number) {
    this.touchBytes(this.firstSegment, HEADER_LOG_POSITION_DOUBLE * 8, 8);
    this.doubles[this.firstSegment]![HEADER_LOG_POSITION_DOUBLE] = sequence;
  }

  /** Forgets every dirty mark. */
  clearMarks(): void {
    // Shared memory is filled element by element, so these are large ones.
    for (let i = 0; i < this.segmentCount; i++) new Float64Array(this.marks[this.firstSegment + i]!.buffer).fill(0);
  }

  /** Bytes of the blocks that are marked dirty. */
  markedBytes(): number {
    let blocks = 0;
    for (let i = 0; i < this.segmentCount; i++) {
      const marks = this.marks[this.firstSegment + i]!;
      const words = new Int32Array(marks.buffer, marks.byteOffset, SEGMENT_BLOCKS / 4);
      for (let at = 0; at < words.length; at++) {
        const word = words[at]!;
        // A byte a block, each 0 or 1.
        if (word !== 0) blocks += (word & 1) + ((word >> 8) & 1) + ((word >> 16) & 1) + ((word >> 24) & 1);
      }
    }
    return blocks * BLOCK_BYTES;
  }

  /** Begins with fresh dirty marks and returns those so far, one array a segment. They take no memory until something is marked. */
  swapMarks(): Uint8Array[] {
    const before: Uint8Array[] = [];
    for (let i = 0; i < this.segmentCount; i++) {
      before.push(this.marks[this.firstSegment + i]!);
      this.marks[this.firstSegment + i] = new Uint8Array(this.calls.allocate(SEGMENT_BLOCKS));
    }
    return before;
  }

  /** Marks again what was marked in one segment before a `swapMarks` that has come to nothing. */
  mergeMarks(index: number, before: Uint8Array): void {
    const words = new Int32Array(before.buffer, 0, SEGMENT_BLOCKS / 4);
    const marks = new Int32Array(this.marks[this.firstSegment + index]!.buffer, 0, SEGMENT_BLOCKS / 4);
    for (let i = 0; i < words.length; i++) if (words[i] !== 0) marks[i] = marks[i]! | words[i]!;
  }

  /** Has `count` segments at least; false when the limit or the machine's memory is reached. */
  ensureSegments(count: number): boolean {
    while (this.segmentCount < count) if (this.addSegment() < 0) return false;
    return true;
  }

  /**
   * Takes over what an image has put into the segments' memory behind the barrier's back: the seed that its hashes were made with, and
   * nothing is marked. The image was checked before: it is of this layout and has these segments.
   */
  adopt(): void {
    const words = this.words[this.firstSegment]!;
    check(words[HEADER_MAGIC] === MAGIC_LOW && words[HEADER_MAGIC + 1] === MAGIC_HIGH, "an adopted arena is one");
    check(words[HEADER_VERSION] === LAYOUT_VERSION, "an adopted arena has this layout");
    check(words[HEADER_FIRST_SEGMENT] === this.firstSegment, "an adopted arena begins with the same segment");
    check(words[HEADER_SEGMENTS]! <= this.segmentCount, "the segments of an adopted arena exist");
    this.seed0 = words[HEADER_SEED]!;
    this.seed1 = words[HEADER_SEED + 1]!;
    words[HEADER_SEGMENTS] = this.segmentCount;
    this.clearMarks();
  }
}

/** Marks blocks first … last: a loop for the short runs that are usual, the bulk call for long ones. */
function markBlocks(marks: Uint8Array, first: number, last: number): void {
  if (last - first > 64) {
    marks.fill(1, first, last + 1);
    return;
  }
  for (let block = first; block <= last; block++) marks[block] = 1;
}
