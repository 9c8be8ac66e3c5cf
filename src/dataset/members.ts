/**
 * Members of a big collection: entries of a Table, where a hash keeps fields with their values, a set its members, and a sorted set
 * members with their scores. What the three have in common.
 *
 * One Table object is attached to whatever root is asked for: `dataset.members` and, where two collections are open at once,
 * `dataset.otherMembers`. Whoever attaches one must not expect it to stay so over a call that may attach it, too.
 */
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import {
  Blob,
  blobBytes,
  copyBlob,
  freeBlob,
  locate,
  readBlob,
  readReference,
  Span,
  writeReference,
} from "../structure/blob.ts";
import {
  createEntry,
  entryBytes,
  entryEncoding,
  entryType,
  expiryHigh,
  expiryLow,
  freeEntry,
  hasExpiry,
  keyLength,
  keyOffset,
  OUT_OF_LINE,
  referenceWord,
  setExpiryWords,
  touchValue,
  valueIsInline,
  valueLength,
  valueOffset,
} from "../structure/entry.ts";
import { EntryList } from "../structure/entry_list.ts";
import { Table } from "../structure/table.ts";
import type { Dataset } from "./dataset.ts";
import { ENCODING_BIG, TYPE_HASH, TYPE_SET, TYPE_ZSET } from "./types.ts";
import type { Piece } from "./value_operations.ts";

/** Entries looked at to estimate the bytes of all. */
const SAMPLE_ENTRIES = 64;

/** Members that are touched before they are used: fewer are in the cache mostly. */
const LARGE_MEMBERS_MIN = 8192;

const blob = new Blob();
const copied = new Blob();
const span = new Span();
const found = new EntryList(256);

/** The shared Table object, speaking for this root. */
export function membersOf(dataset: Dataset, root: number): Table {
  dataset.members.attach(root);
  return dataset.members;
}

/** The root of the members of a hash, set or sorted set that the cache doesn't hold; NIL: the entry is something else. */
export function largeMembers(dataset: Dataset, entry: number): number {
  const { arena } = dataset;
  if (entry === NIL) return NIL;
  const type = entryType(arena, entry);
  if (type !== TYPE_HASH && type !== TYPE_SET && type !== TYPE_ZSET) return NIL;
  if (entryEncoding(arena, entry) < ENCODING_BIG) return NIL;
  const root = arena.words[entry >>> SEGMENT_SHIFT]![referenceWord(arena, entry)]!;
  return membersOf(dataset, root).count < LARGE_MEMBERS_MIN ? NIL : root;
}

/** Frees a member that is in no table (any more), with a value that may lie out of line. */
export function freeMember(dataset: Dataset, member: number): void {
  const { arena, allocator } = dataset;
  if (!valueIsInline(arena, member)) {
    readReference(arena, member, blob);
    freeBlob(allocator, blob);
  }
  freeEntry(allocator, member);
}

/** Takes apart a table that nobody uses any more, about `membersMax` of its members; true when it is gone, the root too. */
export function releaseMembersStep(dataset: Dataset, root: number, membersMax: number): boolean {
  const table = membersOf(dataset, root);
  found.clear();
  // A bucket holds about eight.
  const done = table.releaseInto(Math.max(1, membersMax >>> 3), found);
  for (let i = 0; i < found.count; i++) freeMember(dataset, found.items[i]!);
  return done;
}

/** Frees a table with all its members at once: one that was being built and can't be finished. */
export function releaseMembers(dataset: Dataset, root: number): void {
  while (!releaseMembersStep(dataset, root, 1024));
}

/** A copy of a member, value and expiry included, in no table. NIL: the address space is full. */
export function copyMember(dataset: Dataset, member: number): number {
  const { arena, allocator } = dataset;
  const inline = valueIsInline(arena, member);
  const length = valueLength(arena, member);
  const bytes = arena.bytes[member >>> SEGMENT_SHIFT]!;
  const expires = hasExpiry(arena, member);
  const copy = createEntry(
    allocator,
    entryType(arena, member),
    entryEncoding(arena, member),
    bytes,
    keyOffset(arena, member),
    keyLength(arena, member),
    inline ? length : OUT_OF_LINE,
    expires,
  );
  if (copy === NIL) return NIL;
  if (expires) setExpiryWords(arena, copy, expiryLow(arena, member), expiryHigh(arena, member));
  if (inline) {
    if (length === 0) return copy;
    touchValue(arena, copy);
    const from = valueOffset(arena, member);
    const to = valueOffset(arena, copy);
    const target = arena.bytes[copy >>> SEGMENT_SHIFT]!;
    for (let i = 0; i < length; i++) target[to + i] = bytes[from + i]!;
    return copy;
  }
  readReference(arena, member, blob);
  if (!copyBlob(allocator, blob, copied)) {
    freeEntry(allocator, copy);
    return NIL;
  }
  writeReference(arena, copy, copied);
  return copy;
}

/** A copy of a table with all its members: its root. NIL: the address space is full, nothing is left behind. */
export function copyMembers(dataset: Dataset, root: number): number {
  const copy = Table.create(dataset.allocator);
  if (copy === NIL) return NIL;
  const source = membersOf(dataset, root);
  const target = new Table(dataset.arena, dataset.allocator, copy);
  let cursor = 0;
  do {
    found.clear();
    cursor = source.scanInto(cursor, found);
    for (let i = 0; i < found.count; i++) {
      const member = copyMember(dataset, found.items[i]!);
      if (member !== NIL && target.insert(hashOfMember(dataset.arena, target, member), member)) continue;
      if (member !== NIL) freeMember(dataset, member);
      releaseMembers(dataset, copy);
      return NIL;
    }
  } while (cursor !== 0);
  return copy;
}

/** The hash of a member's own key. */
export function hashOfMember(arena: Arena, table: Table, member: number): number {
  return table.hash(arena.bytes[member >>> SEGMENT_SHIFT]!, keyOffset(arena, member), keyLength(arena, member));
}

/** Bytes of a table and its members, estimated from some of them. */
export function membersBytes(dataset: Dataset, root: number): number {
  const { arena, allocator } = dataset;
  const table = membersOf(dataset, root);
  found.clear();
  let cursor = 0;
  do cursor = table.scanInto(cursor, found);
  while (cursor !== 0 && found.count < SAMPLE_ENTRIES);
  if (found.count === 0) return table.bytes;
  let bytes = 0;
  for (let i = 0; i < found.count; i++) {
    const member = found.items[i]!;
    bytes += allocator.sizeOfClass(entryBytes(arena, member));
    if (valueIsInline(arena, member)) continue;
    readReference(arena, member, blob);
    bytes += blobBytes(blob);
  }
  return table.bytes + Math.round((bytes / found.count) * table.count);
}

/** Lets `piece` stand for a member's key. */
export function keyPiece(arena: Arena, member: number, piece: Piece): void {
  piece.bytes = arena.bytes[member >>> SEGMENT_SHIFT]!;
  piece.offset = keyOffset(arena, member);
  piece.length = keyLength(arena, member);
}

/** Lets `piece` stand for a member's value; one of more than 1 MiB is copied together. */
export function valuePiece(arena: Arena, member: number, piece: Piece): void {
  piece.length = valueLength(arena, member);
  if (valueIsInline(arena, member)) {
    piece.bytes = arena.bytes[member >>> SEGMENT_SHIFT]!;
    piece.offset = valueOffset(arena, member);
    return;
  }
  readReference(arena, member, blob);
  locate(arena, blob, 0, blob.length, span);
  if (span.length === blob.length) {
    piece.bytes = arena.bytes[span.segment]!;
    piece.offset = span.offset;
    return;
  }
  piece.bytes = new Uint8Array(blob.length);
  piece.offset = 0;
  readBlob(arena, blob, 0, piece.bytes, 0, blob.length);
}
