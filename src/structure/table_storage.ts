/**
 * Where a table's buckets lie, and how their room grows and shrinks.
 *
 * ```
 * flat        root ──> [bucket 0][bucket 1] …   up to FLAT_BUCKETS_MAX buckets (1 MiB), in one block
 * directory   root ──> [extent 0][extent 1] … ──> 1024 buckets each (64 KiB)
 * ```
 * A flat block grows by a sixteenth, copied to a larger one: at most 1 MiB is copied, and the room not yet used
 * stays within a sixteenth of the table. When it is full at FLAT_BUCKETS_MAX it is not copied again: a directory
 * points to sixteen extents inside it. From then on one extent at a time is added. Room for new buckets is not
 * cleared: whoever puts a bucket into use writes all of it.
 *
 * Shrinking leaves a gap between the two directions, so that a table that wavers about a size doesn't copy each time.
 */
import type { Allocator } from "../memory/allocator.ts";
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import { BUCKET_BYTES, BUCKET_WORDS } from "./table_bucket.ts";

export const ROOT_BYTES = 32;
export const ROOT_STORAGE = 0;
export const ROOT_BUCKETS = 1;
export const ROOT_ROOM = 2;
export const ROOT_MASK = 3;
export const ROOT_COUNT = 4;
export const ROOT_OVERFLOW = 5;
export const DIRECTORY_ROOM = 6;

export const EXTENT_BUCKETS_SHIFT = 10;
const EXTENT_BUCKETS = 1 << EXTENT_BUCKETS_SHIFT;
export const EXTENT_BUCKETS_MASK = EXTENT_BUCKETS - 1;
const EXTENT_BYTES = EXTENT_BUCKETS * BUCKET_BYTES;
const FLAT_BUCKETS_MAX = 1 << 14;
/** Extents that lie in what was the flat block. */
const FLAT_EXTENTS = FLAT_BUCKETS_MAX / EXTENT_BUCKETS;
const DIRECTORY_ROOM_MIN = 64;

/** Fills a fresh root with one empty bucket; false when the address space is full. */
export function createStorage(allocator: Allocator, rootAddress: number): boolean {
  const storage = allocator.allocate(BUCKET_BYTES);
  if (storage === NIL) return false;
  const { arena } = allocator;
  arena.touch(storage, BUCKET_BYTES);
  const start = (storage & UNIT_MASK) << 1;
  arena.words[storage >>> SEGMENT_SHIFT]!.fill(0, start, start + BUCKET_WORDS);
  arena.touch(rootAddress, ROOT_BYTES);
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  words.fill(0, root, root + ROOT_BYTES / 4);
  words[root + ROOT_STORAGE] = storage;
  words[root + ROOT_BUCKETS] = 1;
  words[root + ROOT_ROOM] = 1;
  words[root + ROOT_MASK] = 1;
  return true;
}

/** Address of the first bucket of chain `index`. */
export function bucketAddress(words: Int32Array[], rootWords: Int32Array, root: number, index: number): number {
  const storage = rootWords[root + ROOT_STORAGE]!;
  if (rootWords[root + DIRECTORY_ROOM] === 0) return (storage + (index << 3)) | 0;
  const extent = words[storage >>> SEGMENT_SHIFT]![((storage & UNIT_MASK) << 1) + (index >>> EXTENT_BUCKETS_SHIFT)]!;
  return (extent + ((index & EXTENT_BUCKETS_MASK) << 3)) | 0;
}

/** Makes room for one more bucket than are in use; false when the address space is full. */
export function growStorage(allocator: Allocator, rootAddress: number): boolean {
  const { arena } = allocator;
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const room = words[root + ROOT_ROOM]!;
  if (words[root + ROOT_BUCKETS]! < room) return true;
  if (words[root + DIRECTORY_ROOM] === 0) {
    if (room < FLAT_BUCKETS_MAX) return moveFlat(allocator, rootAddress, room + Math.max(1, room >>> 4));
    if (!flatToDirectory(allocator, rootAddress)) return false;
  }
  return addExtent(allocator, rootAddress);
}

/** Gives back room that the buckets in use leave, when it has become a good deal. */
export function shrinkStorage(allocator: Allocator, rootAddress: number): void {
  const { arena } = allocator;
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const buckets = words[root + ROOT_BUCKETS]!;
  const room = words[root + ROOT_ROOM]!;
  if (words[root + DIRECTORY_ROOM] === 0) {
    if (buckets <= room >>> 1) moveFlat(allocator, rootAddress, buckets + (buckets >>> 4));
    return;
  }
  if (room > FLAT_BUCKETS_MAX) {
    if (buckets <= room - 2 * EXTENT_BUCKETS) dropExtent(allocator, rootAddress);
    return;
  }
  if (buckets <= FLAT_BUCKETS_MAX >>> 1) directoryToFlat(allocator, rootAddress);
}

/** Frees all buckets' room; chains have been freed before. */
export function freeStorage(allocator: Allocator, rootAddress: number): void {
  const { arena } = allocator;
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  while (words[root + ROOT_ROOM]! > FLAT_BUCKETS_MAX) dropExtent(allocator, rootAddress);
  if (words[root + DIRECTORY_ROOM] !== 0) directoryToFlat(allocator, rootAddress);
  allocator.free(words[root + ROOT_STORAGE]!, words[root + ROOT_ROOM]! * BUCKET_BYTES);
}

/** Copies the buckets in use to a block with room for `wanted` of them, or what its size class holds. */
function moveFlat(allocator: Allocator, rootAddress: number, wanted: number): boolean {
  const { arena } = allocator;
  const bytes = allocator.sizeOfClass(Math.min(wanted, FLAT_BUCKETS_MAX) * BUCKET_BYTES);
  const target = allocator.allocate(bytes);
  if (target === NIL) return false;
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const source = words[root + ROOT_STORAGE]!;
  const usedBytes = words[root + ROOT_BUCKETS]! * BUCKET_BYTES;
  arena.touch(target, usedBytes);
  const from = (source & UNIT_MASK) << 3;
  arena.bytes[target >>> SEGMENT_SHIFT]!.set(
    arena.bytes[source >>> SEGMENT_SHIFT]!.subarray(from, from + usedBytes),
    (target & UNIT_MASK) << 3,
  );
  allocator.free(source, words[root + ROOT_ROOM]! * BUCKET_BYTES);
  setStorage(arena, rootAddress, target, (bytes / BUCKET_BYTES) | 0, 0);
  return true;
}

function flatToDirectory(allocator: Allocator, rootAddress: number): boolean {
  const { arena } = allocator;
  const directory = allocator.allocate(DIRECTORY_ROOM_MIN * 4);
  if (directory === NIL) return false;
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const flat = words[root + ROOT_STORAGE]!;
  arena.touch(directory, FLAT_EXTENTS * 4);
  const directoryWords = arena.words[directory >>> SEGMENT_SHIFT]!;
  const start = (directory & UNIT_MASK) << 1;
  for (let i = 0; i < FLAT_EXTENTS; i++) directoryWords[start + i] = (flat + i * (EXTENT_BYTES / 8)) | 0;
  setStorage(arena, rootAddress, directory, FLAT_BUCKETS_MAX, DIRECTORY_ROOM_MIN);
  return true;
}

/** Back to one flat block, which is still the first sixteen extents. */
function directoryToFlat(allocator: Allocator, rootAddress: number): void {
  const { arena } = allocator;
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const directory = words[root + ROOT_STORAGE]!;
  const flat = arena.words[directory >>> SEGMENT_SHIFT]![(directory & UNIT_MASK) << 1]!;
  allocator.free(directory, words[root + DIRECTORY_ROOM]! * 4);
  setStorage(arena, rootAddress, flat, FLAT_BUCKETS_MAX, 0);
}

function addExtent(allocator: Allocator, rootAddress: number): boolean {
  const { arena } = allocator;
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const room = words[root + ROOT_ROOM]!;
  const extents = room >>> EXTENT_BUCKETS_SHIFT;
  if (extents === words[root + DIRECTORY_ROOM] && !growDirectory(allocator, rootAddress, extents)) return false;
  const extent = allocator.allocate(EXTENT_BYTES);
  if (extent === NIL) return false;
  const directory = words[root + ROOT_STORAGE]!;
  const at = ((directory & UNIT_MASK) << 1) + extents;
  arena.touchBytes(directory >>> SEGMENT_SHIFT, at << 2, 4);
  arena.words[directory >>> SEGMENT_SHIFT]![at] = extent;
  setStorage(arena, rootAddress, directory, room + EXTENT_BUCKETS, words[root + DIRECTORY_ROOM]!);
  return true;
}

function dropExtent(allocator: Allocator, rootAddress: number): void {
  const { arena } = allocator;
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const room = words[root + ROOT_ROOM]! - EXTENT_BUCKETS;
  const directory = words[root + ROOT_STORAGE]!;
  const at = ((directory & UNIT_MASK) << 1) + (room >>> EXTENT_BUCKETS_SHIFT);
  allocator.free(arena.words[directory >>> SEGMENT_SHIFT]![at]!, EXTENT_BYTES);
  setStorage(arena, rootAddress, directory, room, words[root + DIRECTORY_ROOM]!);
}

/**
 * Doubles the directory; its longest, for 2^29 buckets, is 1 MiB. It is small next to the table and does not shrink.
 */
function growDirectory(allocator: Allocator, rootAddress: number, extents: number): boolean {
  const { arena } = allocator;
  const larger = allocator.allocate(extents * 2 * 4);
  if (larger === NIL) return false;
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  const directory = words[root + ROOT_STORAGE]!;
  arena.touch(larger, extents * 4);
  const from = (directory & UNIT_MASK) << 1;
  arena.words[larger >>> SEGMENT_SHIFT]!.set(
    arena.words[directory >>> SEGMENT_SHIFT]!.subarray(from, from + extents),
    (larger & UNIT_MASK) << 1,
  );
  allocator.free(directory, extents * 4);
  setStorage(arena, rootAddress, larger, words[root + ROOT_ROOM]!, extents * 2);
  return true;
}

function setStorage(arena: Arena, rootAddress: number, storage: number, room: number, directoryRoom: number): void {
  arena.touch(rootAddress, ROOT_BYTES);
  const words = arena.words[rootAddress >>> SEGMENT_SHIFT]!;
  const root = (rootAddress & UNIT_MASK) << 1;
  words[root + ROOT_STORAGE] = storage;
  words[root + ROOT_ROOM] = room;
  words[root + DIRECTORY_ROOM] = directoryRoom;
}
