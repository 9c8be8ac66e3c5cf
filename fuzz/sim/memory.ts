/**
 * Memory for the arenas of simulated servers, used again and again: what a fresh segment costs, the system's work and the garbage
 * collector's, is more than a whole recovery takes.
 *
 * Invariant: what is lent out reads as zeros, all of it, as new memory does. A segment is written in chunks that its own table knows (2 MiB,
 * src/memory/pages.ts relies on the same bit); these are cleared when it comes back. A start that ends in the middle of loading an image has
 * written chunks that its table does not know of yet: those of some server before it, from which the image is.
 */
import { LOG_BUFFER_BYTES } from "../../src/base/limits.ts";
import { journalPositions } from "../../src/dataset/journal.ts";
import { LogBuffer, type LogBuffers } from "../../src/log/log_buffer.ts";
import type { Arena } from "../../src/memory/arena.ts";
import { type MemoryCalls, portableCalls } from "../../src/memory/calls.ts";
import { BLOCK_BYTES, CHUNK_BYTES, SEGMENT_BLOCKS, SEGMENT_CHUNKS, SEGMENT_TABLE } from "../../src/memory/layout.ts";

/** Word of a segment's row whose bit n says that chunk n has not been written. */
const ROW_CLEAN = 1;

const idle = new Map<number, SharedArrayBuffer[]>();
/** Of the log's buffers, whose bytes are what they were: as in the product, nobody reads what he has not written. */
const idleLogBytes: Uint8Array[] = [];

const idlePositions: Float64Array[] = [];

/** Chunks that no server has written so far, a bit each. */
let neverWritten = -1;

/** Of the arena, the journal and the log of one server: lent until `giveBack`. */
export class LentMemory implements LogBuffers {
  readonly calls: MemoryCalls = { ...portableCalls, allocate: (bytes) => this.lend(bytes) };
  readonly positions = idlePositions.pop() ?? journalPositions();
  private lent: SharedArrayBuffer[] = [];
  private readonly lentLogBytes: Uint8Array[] = [];

  private lend(bytes: number): SharedArrayBuffer {
    const buffer = idle.get(bytes)?.pop() ?? new SharedArrayBuffer(bytes);
    this.lent.push(buffer);
    return buffer;
  }

  take(bytesNeeded: number): LogBuffer {
    if (bytesNeeded > LOG_BUFFER_BYTES) return new LogBuffer(new Uint8Array(bytesNeeded));
    const bytes = idleLogBytes.pop() ?? new Uint8Array(LOG_BUFFER_BYTES);
    this.lentLogBytes.push(bytes);
    return new LogBuffer(bytes);
  }

  give(buffer: LogBuffer): void {
    const at = this.lentLogBytes.indexOf(buffer.bytes);
    if (at !== -1) idleLogBytes.push(...this.lentLogBytes.splice(at, 1));
  }

  /** The server is no more: nothing of it may touch the arena from here on. */
  giveBack(arena: Arena): void {
    this.clearAndReturn(arena, -1);
  }

  /** The same of a server that has come to nothing while it started. */
  giveBackAll(arena: Arena): void {
    this.clearAndReturn(arena, neverWritten);
  }

  private clearAndReturn(arena: Arena, unwritten: number): void {
    const { firstSegment, segmentCount } = arena;
    const end = firstSegment + segmentCount;
    let written = 0;
    // The first segment holds the table of all.
    for (let segment = end - 1; segment >= firstSegment; segment--) {
      const clean = arena.words[firstSegment]![SEGMENT_TABLE + 4 * segment + ROW_CLEAN]! & ~1;
      neverWritten &= clean;
      clear(arena.doubles[segment]!, clean & unwritten, CHUNK_BYTES / 8);
      written |= ~(clean & unwritten);
    }
    for (const buffer of this.lent) {
      // Marks, of which a freeze takes others. Shared memory is filled element by element, so these are large ones.
      if (buffer.byteLength === SEGMENT_BLOCKS)
        clear(new Float64Array(buffer), ~written, CHUNK_BYTES / BLOCK_BYTES / 8);
      const same = idle.get(buffer.byteLength);
      if (same === undefined) idle.set(buffer.byteLength, [buffer]);
      else same.push(buffer);
    }
    this.lent = [];
    idleLogBytes.push(...this.lentLogBytes.splice(0));
    idlePositions.push(this.positions.fill(0));
  }
}

/** Clears what belongs to the chunks that are not clean, `each` elements a chunk. */
function clear(doubles: Float64Array, clean: number, each: number): void {
  for (let chunk = 0; chunk < SEGMENT_CHUNKS; chunk++) {
    if ((clean & (1 << chunk)) === 0) doubles.fill(0, chunk * each, (chunk + 1) * each);
  }
}
