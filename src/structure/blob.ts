/**
 * Bytes out of line: values too long to lie in their entry, up to 512 MB.
 *
 * A blob is named by three words that its owner keeps (an entry's reference, for one): address, length, capacity.
 * ```
 * capacity ≤ 1 MiB   address ──> one block of `capacity` bytes
 * capacity > 1 MiB   address ──> list of 2 KiB: ⌈capacity / 1 MiB⌉ addresses ──> chunks of 1 MiB,
 *                    the last one as long as what is left of `capacity`
 * ```
 * Invariants: the capacity is what the size classes round to, so that it is also what is freed; every chunk but the
 * last is full-sized, so that a position is found by a shift; an empty blob (capacity 0) has no block. Bytes between
 * length and capacity mean nothing.
 *
 * Functions take a Blob, an object that is read from and written back to wherever the words are kept; where one
 * fails for lack of address space it returns false and the Blob is as it was. Work in one call is at most
 * proportional to the bytes asked for; freeing goes in steps.
 */
import { check } from "../base/check.ts";
import { STRING_BYTES_MAX } from "../base/limits.ts";
import type { Allocator } from "../memory/allocator.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import { referenceWord, setValueReference } from "./entry.ts";

export const CHUNK_BYTES = 1024 * 1024;
const CHUNK_SHIFT = 20;
/** The list has room for the longest blob, so that it never moves: 2 KiB next to more than 1 MiB. */
const LIST_BYTES = (STRING_BYTES_MAX / CHUNK_BYTES) * 4;

export class Blob {
  address = NIL;
  /** Bytes that count. */
  length = 0;
  /** Bytes there is room for. */
  capacity = 0;

  clear(): void {
    this.address = NIL;
    this.length = 0;
    this.capacity = 0;
  }
}

/** A contiguous stretch of a blob: `length` bytes from `offset` on in the segment's bytes. */
export class Span {
  segment = 0;
  offset = 0;
  length = 0;
}

const span = new Span();

/** Reads the reference of an entry whose value lies out of line. */
export function readReference(arena: Arena, entry: number, blob: Blob): void {
  const words = arena.words[entry >>> SEGMENT_SHIFT]!;
  const word = referenceWord(arena, entry);
  blob.address = words[word]!;
  blob.length = words[word + 1]!;
  blob.capacity = words[word + 2]!;
}

export function writeReference(arena: Arena, entry: number, blob: Blob): void {
  setValueReference(arena, entry, blob.address, blob.length, blob.capacity);
}

/** Makes an empty Blob hold `length` bytes, whatever they are: write or zero them. */
export function createBlob(allocator: Allocator, blob: Blob, length: number): boolean {
  blob.clear();
  if (!reserveBlob(allocator, blob, length)) return false;
  blob.length = length;
  return true;
}

/**
 * Changes the length. What both lengths share stays; bytes beyond the old length are undefined: write or zero them.
 * With `slack` a blob that must grow takes room for more, as Redis's strings do (double up to 1 MiB, then 1 MiB on
 * top), so that appending costs little each time. One that shrinks to under a quarter gives room back.
 */
export function resizeBlob(allocator: Allocator, blob: Blob, length: number, slack: boolean): boolean {
  if (length > blob.capacity) {
    if (!reserveBlob(allocator, blob, slack ? withSlack(length) : length)) return false;
  } else if (length < blob.capacity >>> 2) {
    shrinkBlob(allocator, blob, length);
  }
  blob.length = length;
  return true;
}

/** Sets bytes [offset, offset + length) to zero. */
export function zeroBlob(arena: Arena, blob: Blob, offset: number, length: number): void {
  check(offset >= 0 && length >= 0 && offset + length <= blob.length, "zeroed bytes lie in the blob");
  let at = offset;
  while (at < offset + length) {
    locate(arena, blob, at, offset + length - at, span);
    arena.touchBytes(span.segment, span.offset, span.length);
    arena.bytes[span.segment]!.fill(0, span.offset, span.offset + span.length);
    at += span.length;
  }
}

/** Copies bytes [offset, offset + length) of the blob to `target`. */
export function readBlob(
  arena: Arena,
  blob: Blob,
  offset: number,
  target: Uint8Array,
  targetOffset: number,
  length: number,
): void {
  check(offset >= 0 && length >= 0 && offset + length <= blob.length, "read bytes lie in the blob");
  let done = 0;
  while (done < length) {
    locate(arena, blob, offset + done, length - done, span);
    target.set(arena.bytes[span.segment]!.subarray(span.offset, span.offset + span.length), targetOffset + done);
    done += span.length;
  }
}

/** Copies `length` bytes of `source` into the blob from `offset` on; they fit its length. */
export function writeBlob(
  arena: Arena,
  blob: Blob,
  offset: number,
  source: Uint8Array,
  sourceOffset: number,
  length: number,
): void {
  check(offset >= 0 && length >= 0 && offset + length <= blob.length, "written bytes lie in the blob");
  let done = 0;
  while (done < length) {
    locate(arena, blob, offset + done, length - done, span);
    arena.touchBytes(span.segment, span.offset, span.length);
    const from = sourceOffset + done;
    arena.bytes[span.segment]!.set(source.subarray(from, from + span.length), span.offset);
    done += span.length;
  }
}

/** The stretch that begins at `offset` and is contiguous, at most `length` bytes: for reading without a copy. */
export function locate(arena: Arena, blob: Blob, offset: number, length: number, out: Span): void {
  check(offset >= 0 && offset < blob.capacity, "a position in the blob");
  let address = blob.address;
  let within = offset;
  let room = blob.capacity - offset;
  if (blob.capacity > CHUNK_BYTES) {
    address = chunkAddress(arena, blob, offset >>> CHUNK_SHIFT);
    within = offset & (CHUNK_BYTES - 1);
    room = Math.min(room, CHUNK_BYTES - within);
  }
  out.segment = address >>> SEGMENT_SHIFT;
  out.offset = ((address & UNIT_MASK) << 3) + within;
  out.length = Math.min(length, room);
}

/** Makes `target`, an empty Blob, a copy of `source`. */
export function copyBlob(allocator: Allocator, source: Blob, target: Blob): boolean {
  const { arena } = allocator;
  if (!createBlob(allocator, target, source.length)) return false;
  const from = new Span();
  for (let at = 0; at < source.length; ) {
    locate(arena, source, at, source.length - at, from);
    writeBlob(arena, target, at, arena.bytes[from.segment]!, from.offset, from.length);
    at += from.length;
  }
  return true;
}

/** Frees at most `chunksMax` chunks, from the end; true when all is gone. In between only this may be called. */
export function freeBlobStep(allocator: Allocator, blob: Blob, chunksMax: number): boolean {
  for (let step = 0; step < chunksMax && blob.capacity > CHUNK_BYTES; step++) dropLastChunk(allocator, blob);
  if (blob.capacity > CHUNK_BYTES) return false;
  if (blob.capacity > 0) allocator.free(blob.address, blob.capacity);
  blob.clear();
  return true;
}

export function freeBlob(allocator: Allocator, blob: Blob): void {
  freeBlobStep(allocator, blob, Number.MAX_SAFE_INTEGER);
}

/** Bytes the blob takes of the allocator, with its list. */
export function blobBytes(blob: Blob): number {
  return blob.capacity <= CHUNK_BYTES ? blob.capacity : blob.capacity + LIST_BYTES;
}

function withSlack(length: number): number {
  return Math.min(length < CHUNK_BYTES ? Math.min(length * 2, CHUNK_BYTES) : length + CHUNK_BYTES, STRING_BYTES_MAX);
}

function chunkCount(capacity: number): number {
  return (capacity + CHUNK_BYTES - 1) >>> CHUNK_SHIFT;
}

function chunkAddress(arena: Arena, blob: Blob, index: number): number {
  return arena.words[blob.address >>> SEGMENT_SHIFT]![((blob.address & UNIT_MASK) << 1) + index]!;
}

/** Raises the capacity to at least `capacity`. */
function reserveBlob(allocator: Allocator, blob: Blob, capacity: number): boolean {
  if (capacity <= blob.capacity) return true;
  if (capacity <= CHUNK_BYTES) return moveBlock(allocator, blob, allocator.sizeOfClass(capacity));
  return reserveChunks(allocator, blob, capacity);
}

/** Moves a contiguous blob to a block of `bytes`, a rounded size. */
function moveBlock(allocator: Allocator, blob: Blob, bytes: number): boolean {
  const target = allocator.allocate(bytes);
  if (target === NIL) return false;
  copyBetween(allocator.arena, blob.address, target, Math.min(blob.length, bytes));
  if (blob.capacity > 0) allocator.free(blob.address, blob.capacity);
  blob.address = target;
  blob.capacity = bytes;
  return true;
}

function copyBetween(arena: Arena, from: number, to: number, length: number): void {
  if (length === 0) return;
  arena.touch(to, length);
  const offset = (from & UNIT_MASK) << 3;
  arena.bytes[to >>> SEGMENT_SHIFT]!.set(
    arena.bytes[from >>> SEGMENT_SHIFT]!.subarray(offset, offset + length),
    (to & UNIT_MASK) << 3,
  );
}

/**
 * Raises the capacity beyond 1 MiB. Full chunks (and a block that is as long as one) stay where they are; a shorter
 * last chunk is replaced by a longer one. All that is needed is allocated before anything of the old is given up.
 */
function reserveChunks(allocator: Allocator, blob: Blob, capacity: number): boolean {
  check(capacity <= STRING_BYTES_MAX, "a blob stays within its list");
  const { arena } = allocator;
  const count = chunkCount(capacity);
  const lastBytes = allocator.sizeOfClass(capacity - (count - 1) * CHUNK_BYTES);
  const kept = blob.capacity >>> CHUNK_SHIFT;
  const partial = blob.capacity & (CHUNK_BYTES - 1);
  const single = blob.capacity <= CHUNK_BYTES;
  const list = single ? allocator.allocate(LIST_BYTES) : blob.address;
  if (list === NIL) return false;
  const words = arena.words[list >>> SEGMENT_SHIFT]!;
  const start = (list & UNIT_MASK) << 1;
  arena.touch(list, LIST_BYTES);
  if (single && kept === 1) words[start] = blob.address;
  const old = single ? blob.address : words[start + kept]!;
  for (let i = kept; i < count; i++) {
    const chunk = allocator.allocate(i === count - 1 ? lastBytes : CHUNK_BYTES);
    if (chunk === NIL) {
      for (let j = kept; j < i; j++) allocator.free(words[start + j]!, CHUNK_BYTES);
      words[start + kept] = old;
      if (single) allocator.free(list, LIST_BYTES);
      return false;
    }
    words[start + i] = chunk;
  }
  if (partial > 0) {
    copyBetween(arena, old, words[start + kept]!, Math.max(0, Math.min(partial, blob.length - kept * CHUNK_BYTES)));
    allocator.free(old, partial);
  }
  blob.address = list;
  blob.capacity = (count - 1) * CHUNK_BYTES + lastBytes;
  return true;
}

/** Gives back room that `length` doesn't need; where a smaller block can't be had the old one stays. */
function shrinkBlob(allocator: Allocator, blob: Blob, length: number): void {
  blob.length = length;
  while (blob.capacity > CHUNK_BYTES && length <= (chunkCount(blob.capacity) - 1) * CHUNK_BYTES) {
    dropLastChunk(allocator, blob);
  }
  if (blob.capacity > CHUNK_BYTES || length >= blob.capacity >>> 2) return;
  if (length > 0) {
    moveBlock(allocator, blob, allocator.sizeOfClass(length));
    return;
  }
  allocator.free(blob.address, blob.capacity);
  blob.clear();
}

/** Frees the last chunk; with one chunk left the list goes too. */
function dropLastChunk(allocator: Allocator, blob: Blob): void {
  const { arena } = allocator;
  const count = chunkCount(blob.capacity);
  const last = blob.capacity - (count - 1) * CHUNK_BYTES;
  allocator.free(chunkAddress(arena, blob, count - 1), last);
  blob.capacity -= last;
  if (count > 2) return;
  const first = chunkAddress(arena, blob, 0);
  allocator.free(blob.address, LIST_BYTES);
  blob.address = first;
}
