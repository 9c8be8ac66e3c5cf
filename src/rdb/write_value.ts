/**
 * An entry's value as RDB has it: what redis-server 7.0 reads, and only for hashes with a field that expires what 7.4 does.
 *
 * ```
 * string                          TYPE_STRING
 * list                            TYPE_LIST_QUICKLIST_2, its nodes as they are
 * set    intset                   TYPE_SET_INTSET            others   TYPE_SET
 * zset   listpack                 TYPE_ZSET_LISTPACK         big      TYPE_ZSET_2, the highest score first, as Redis does
 * hash   listpack                 TYPE_HASH_LISTPACK         big      TYPE_HASH
 *        with a field that expires: TYPE_HASH_LISTPACK_EX    big      TYPE_HASH_METADATA
 * ```
 * Nothing is changed by writing.
 */

import type { Dataset } from "../dataset/dataset.ts";
import { memberExpiry } from "../dataset/hash/big.ts";
import { expiryAt } from "../dataset/hash/field.ts";
import { ListNodes } from "../dataset/list/nodes.ts";
import { keyPiece, membersOf, valuePiece } from "../dataset/members.ts";
import { bigWord0, bigWord1, openPack, Pack } from "../dataset/packed.ts";
import { Piece } from "../dataset/piece.ts";
import { Walk } from "../dataset/sorted_set/walk.ts";
import { locateString, stringBytes } from "../dataset/strings.ts";
import {
  ENCODING_BIG,
  ENCODING_INTSET,
  ENCODING_LISTPACK_EXPIRING,
  TYPE_LIST as LIST,
  TYPE_SET as SET,
  TYPE_STRING as STRING,
  TYPE_ZSET as ZSET,
} from "../dataset/types.ts";
import { NIL } from "../memory/layout.ts";
import { readBlob, Span } from "../structure/blob.ts";
import { entryEncoding, entryType, valueLength } from "../structure/entry.ts";
import { EntryList } from "../structure/entry_list.ts";
import { intsetBytes } from "../structure/intset.ts";
import {
  copyElementText,
  elementBytes,
  endPosition,
  isIntegerElement,
  LISTPACK_HEADER_BYTES,
  listpackBytes,
  listpackCount,
  stringLength,
  stringOffset,
} from "../structure/listpack.ts";
import { Tree } from "../structure/tree.ts";
import {
  NODE_PACKED,
  NODE_PLAIN,
  TYPE_HASH,
  TYPE_HASH_LISTPACK,
  TYPE_HASH_LISTPACK_EX,
  TYPE_HASH_METADATA,
  TYPE_LIST_QUICKLIST_2,
  TYPE_SET,
  TYPE_SET_INTSET,
  TYPE_STRING,
  TYPE_ZSET_2,
  TYPE_ZSET_LISTPACK,
  VERSION_WRITTEN,
  VERSION_WRITTEN_FIELD_EXPIRY,
} from "./format.ts";
import type { RdbOutput } from "./output.ts";
import { PackBuilder } from "./pack_builder.ts";

/** A string that lies in pieces is compressed only up to this length. */
const JOINED_BYTES_MAX = 64 * 1024 * 1024;

const NEVER = -1;

export class ValueWriter {
  private readonly dataset: Dataset;
  private readonly pack = new Pack();
  private readonly builder = new PackBuilder();
  private readonly first = new Piece();
  private readonly second = new Piece();
  private readonly digits = new Uint8Array(20);
  private readonly span = new Span();

  constructor(dataset: Dataset) {
    this.dataset = dataset;
  }

  /** The type that `writeValue` would write. */
  typeOf(entry: number): number {
    const { arena } = this.dataset;
    const encoding = entryEncoding(arena, entry);
    switch (entryType(arena, entry)) {
      case STRING:
        return TYPE_STRING;
      case LIST:
        return TYPE_LIST_QUICKLIST_2;
      case SET:
        return encoding === ENCODING_INTSET ? TYPE_SET_INTSET : TYPE_SET;
      case ZSET:
        return encoding === ENCODING_BIG ? TYPE_ZSET_2 : TYPE_ZSET_LISTPACK;
      default:
        if (this.earliestExpiry(entry) === NEVER) return encoding >= ENCODING_BIG ? TYPE_HASH : TYPE_HASH_LISTPACK;
        return encoding >= ENCODING_BIG ? TYPE_HASH_METADATA : TYPE_HASH_LISTPACK_EX;
    }
  }

  /** The oldest version that has such a type. */
  versionOf(type: number): number {
    return type === TYPE_HASH_METADATA || type === TYPE_HASH_LISTPACK_EX
      ? VERSION_WRITTEN_FIELD_EXPIRY
      : VERSION_WRITTEN;
  }

  /** Writes the value behind a type that `typeOf` has named. */
  writeValue(out: RdbOutput, entry: number, type: number): void {
    switch (type) {
      case TYPE_STRING:
        return this.writeString(out, entry);
      case TYPE_LIST_QUICKLIST_2:
        return this.writeList(out, entry);
      case TYPE_SET_INTSET: {
        const { pack } = this;
        openPack(this.dataset.arena, entry, pack);
        return out.text(pack.bytes, pack.offset, intsetBytes(pack.bytes, pack.offset));
      }
      case TYPE_SET:
        return this.writeSet(out, entry);
      case TYPE_ZSET_2:
        return this.writeSortedSet(out, entry);
      case TYPE_HASH:
        return this.writeFields(out, entry, NEVER);
      case TYPE_HASH_METADATA:
        return this.writeFields(out, entry, this.earliestExpiry(entry));
      case TYPE_HASH_LISTPACK_EX:
        out.long(this.earliestExpiry(entry));
        break;
      case TYPE_HASH_LISTPACK:
        if (entryEncoding(this.dataset.arena, entry) === ENCODING_LISTPACK_EXPIRING) {
          return this.writeWithoutExpiries(out, entry);
        }
    }
    this.writePack(out, entry);
  }

  private writeString(out: RdbOutput, entry: number): void {
    const { arena } = this.dataset;
    const { span } = this;
    const length = valueLength(arena, entry);
    locateString(arena, entry, 0, length, span);
    if (span.length === length) return out.text(arena.bytes[span.segment]!, span.offset, length);
    if (out.compress && length <= JOINED_BYTES_MAX) return out.text(stringBytes(arena, entry), 0, length);
    out.count(length);
    for (let at = 0; at < length; at += span.length) {
      locateString(arena, entry, at, length - at, span);
      out.raw(arena.bytes[span.segment]!, span.offset, span.length);
    }
  }

  private writePack(out: RdbOutput, entry: number): void {
    const { pack } = this;
    openPack(this.dataset.arena, entry, pack);
    out.text(pack.bytes, pack.offset, listpackBytes(pack.bytes, pack.offset));
  }

  private writeList(out: RdbOutput, entry: number): void {
    const { dataset } = this;
    const { arena } = dataset;
    if (entryEncoding(arena, entry) !== ENCODING_BIG) {
      out.count(1);
      out.count(NODE_PACKED);
      return this.writePack(out, entry);
    }
    const nodes = new ListNodes(dataset);
    nodes.attach(bigWord0(arena, entry));
    const { tree } = nodes;
    out.count(tree.items);
    for (let standing = tree.seekFirst(); standing; standing = tree.next()) {
      nodes.view();
      out.count(nodes.plain ? NODE_PLAIN : NODE_PACKED);
      if (!nodes.plain) out.text(nodes.bytes, nodes.base, listpackBytes(nodes.bytes, nodes.base));
      else {
        const { blob } = nodes;
        const bytes = new Uint8Array(blob.length);
        readBlob(arena, blob, 0, bytes, 0, blob.length);
        out.text(bytes, 0, bytes.length);
      }
    }
  }

  private writeSet(out: RdbOutput, entry: number): void {
    const { dataset, pack, first } = this;
    const { arena } = dataset;
    if (entryEncoding(arena, entry) === ENCODING_BIG) {
      const root = bigWord0(arena, entry);
      out.count(membersOf(dataset, root).count);
      this.eachMember(root, (member) => {
        keyPiece(arena, member, first);
        out.text(first.bytes, first.offset, first.length);
      });
      return;
    }
    openPack(arena, entry, pack);
    const { bytes, offset } = pack;
    out.count(listpackCount(bytes, offset));
    const end = endPosition(bytes, offset);
    for (let at = offset + LISTPACK_HEADER_BYTES; at < end; at += elementBytes(bytes, at)) this.element(out, bytes, at);
  }

  private element(out: RdbOutput, bytes: Uint8Array, at: number): void {
    if (!isIntegerElement(bytes, at)) out.text(bytes, stringOffset(bytes, at), stringLength(bytes, at));
    else out.text(this.digits, 0, copyElementText(bytes, at, this.digits, 0));
  }

  private writeSortedSet(out: RdbOutput, entry: number): void {
    const { dataset } = this;
    const count = membersOf(dataset, bigWord0(dataset.arena, entry)).count;
    out.count(count);
    // A tree of its own: whoever writes may be walking a set.
    const walk = new Walk(new Tree(dataset.arena, dataset.allocator));
    for (let more = walk.seek(dataset, entry, count - 1); more; more = walk.previous()) {
      out.text(walk.bytes, walk.offset, walk.length);
      out.binaryDouble(walk.score);
    }
  }

  /** Fields and values of a big hash; behind `earliest`, unless it is NEVER, and with expiries counted from there. */
  private writeFields(out: RdbOutput, entry: number, earliest: number): void {
    const { dataset, first, second } = this;
    const { arena } = dataset;
    const root = bigWord0(arena, entry);
    if (earliest !== NEVER) out.long(earliest);
    out.count(membersOf(dataset, root).count);
    this.eachMember(root, (member) => {
      if (earliest !== NEVER) {
        const ms = memberExpiry(dataset, member);
        out.count(ms === NEVER ? 0 : ms - earliest + 1);
      }
      keyPiece(arena, member, first);
      out.text(first.bytes, first.offset, first.length);
      valuePiece(arena, member, second);
      out.text(second.bytes, second.offset, second.length);
    });
  }

  /** A small hash with room for expiries, of which none is used. */
  private writeWithoutExpiries(out: RdbOutput, entry: number): void {
    const { builder, pack } = this;
    builder.clear();
    openPack(this.dataset.arena, entry, pack);
    const { bytes, offset } = pack;
    const end = endPosition(bytes, offset);
    for (let at = offset + LISTPACK_HEADER_BYTES; at < end; at += elementBytes(bytes, at)) {
      builder.element(bytes, at);
      at += elementBytes(bytes, at);
      builder.element(bytes, at);
      at += elementBytes(bytes, at);
    }
    builder.finish();
    out.text(builder.bytes, 0, builder.length);
  }

  /** When the first field of a hash expires, NEVER if none does. */
  private earliestExpiry(entry: number): number {
    const { dataset, pack } = this;
    const { arena } = dataset;
    const encoding = entryEncoding(arena, entry);
    if (encoding === ENCODING_LISTPACK_EXPIRING) {
      openPack(arena, entry, pack);
      return expiryAt(pack.bytes, pack.offset + LISTPACK_HEADER_BYTES);
    }
    if (encoding <= ENCODING_BIG || bigWord1(arena, entry) === NIL) return NEVER;
    let earliest = Number.POSITIVE_INFINITY;
    this.eachMember(bigWord1(arena, entry), (member) => {
      const ms = memberExpiry(dataset, member);
      if (ms !== NEVER && ms < earliest) earliest = ms;
    });
    return earliest === Number.POSITIVE_INFINITY ? NEVER : earliest;
  }

  private eachMember(root: number, visit: (member: number) => void): void {
    const { dataset } = this;
    const found = new EntryList(64);
    let cursor = 0;
    do {
      found.clear();
      cursor = membersOf(dataset, root).scanInto(cursor, found);
      for (let i = 0; i < found.count; i++) visit(found.items[i]!);
    } while (cursor !== 0);
  }
}
