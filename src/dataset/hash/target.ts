/**
 * The hash that a command changes: its key, and the entry, which moves when it grows and may come and go. And how it changes from small to
 * big, and to an encoding that has room for fields' expiries.
 */
import { check } from "../../base/check.ts";
import type { Arena } from "../../memory/arena.ts";
import { NIL, SEGMENT_SHIFT } from "../../memory/layout.ts";
import { entryEncoding, referenceWord, setEntryType } from "../../structure/entry.ts";
import { listpackCount } from "../../structure/listpack.ts";
import { Table } from "../../structure/table.ts";
import type { Database } from "../database.ts";
import {
  becomeBig,
  bigWord0,
  bigWord1,
  createBig,
  createPack,
  openPack,
  PACK_BYTES_MAX,
  resizePack,
} from "../packed.ts";
import {
  ENCODING_BIG,
  ENCODING_BIG_EXPIRING,
  ENCODING_LISTPACK,
  ENCODING_LISTPACK_EXPIRING,
  TYPE_HASH,
} from "../types.ts";
import { releaseTables, roots, tablesOf } from "./big.ts";
import type { Draft } from "./draft.ts";
import { elementsOfField, small } from "./field.ts";

export class HashTarget {
  db!: Database;
  key: Uint8Array = new Uint8Array(0);
  keyStart = 0;
  keyBytes = 0;
  hash = 0;
  /** NIL: the key holds nothing (any more). */
  entry = NIL;

  /** Is it a big hash? Not if there is none. */
  get isBig(): boolean {
    return this.entry !== NIL && entryEncoding(this.arena, this.entry) >= ENCODING_BIG;
  }

  get isExpiring(): boolean {
    return this.entry !== NIL && (entryEncoding(this.arena, this.entry) & ENCODING_LISTPACK_EXPIRING) !== 0;
  }

  get arena(): Arena {
    return this.db.dataset.arena;
  }

  /** Root of the table of members. */
  get members(): number {
    return bigWord0(this.arena, this.entry);
  }

  /** Root of the table of members that expire, NIL where none can. */
  get expiringMembers(): number {
    return bigWord1(this.arena, this.entry);
  }

  /** Fields of a small hash, expired ones included. */
  get smallFields(): number {
    openPack(this.arena, this.entry, small);
    return listpackCount(small.bytes, small.offset) / elementsOfField(entryEncoding(this.arena, this.entry));
  }

  /** Makes a big hash of what there is, or an empty one where there is nothing. False: the address space is full. */
  becomeBig(): boolean {
    const { db, entry } = this;
    const { dataset } = db;
    if (entry === NIL) {
      const root = Table.create(dataset.allocator);
      if (root === NIL) return false;
      this.entry = createBig(db, TYPE_HASH, this.key, this.keyStart, this.keyBytes, this.hash, root, NIL);
      if (this.entry !== NIL) return true;
      releaseTables(dataset, root, NIL);
      return false;
    }
    openPack(this.arena, entry, small);
    const expiring = this.isExpiring;
    if (!tablesOf(dataset, small.bytes, small.offset, expiring)) return false;
    const { members, expiring: expiringMembers } = roots;
    const encoding = expiring ? ENCODING_BIG_EXPIRING : ENCODING_BIG;
    const big = becomeBig(db, entry, this.hash, members, expiringMembers, encoding);
    if (big === NIL) {
      releaseTables(dataset, members, expiringMembers);
      return false;
    }
    this.entry = big;
    return true;
  }

  /** Gives a big hash a table of expiring members, where it has none. False: the address space is full, nothing changed. */
  becomeExpiring(): boolean {
    if (this.isExpiring) return true;
    const { db, entry, arena } = this;
    const root = Table.create(db.dataset.allocator);
    if (root === NIL) return false;
    if (!db.hashes.insert(this.hash, entry)) {
      releaseTables(db.dataset, root, NIL);
      return false;
    }
    const word = referenceWord(arena, entry) + 1;
    arena.touchBytes(entry >>> SEGMENT_SHIFT, word << 2, 4);
    arena.words[entry >>> SEGMENT_SHIFT]![word] = root;
    setEntryType(arena, entry, TYPE_HASH, ENCODING_BIG_EXPIRING);
    return true;
  }

  /** Stores a draft in the place of what there is. False: the address space is full, nothing changed. */
  store(draft: Draft): boolean {
    const { db, entry, arena } = this;
    check(draft.length <= PACK_BYTES_MAX, "a small hash stays within one block");
    const encoding = draft.expiring ? ENCODING_LISTPACK_EXPIRING : ENCODING_LISTPACK;
    if (entry === NIL) {
      const { key, keyStart, keyBytes, hash } = this;
      this.entry = createPack(db, TYPE_HASH, encoding, key, keyStart, keyBytes, hash, draft.length, small);
      if (this.entry === NIL) return false;
    } else {
      const joins = draft.expiring && !this.isExpiring;
      // While the encoding is the old one nobody else keeps the table of expiring hashes up to date.
      if (joins && !db.hashes.insert(this.hash, entry)) return false;
      openPack(arena, entry, small);
      const moved = resizePack(db, entry, this.hash, draft.length, small);
      if (moved !== NIL) this.entry = moved;
      // To store less in the old place is always possible.
      else if (small.length < draft.length) {
        if (joins) db.hashes.remove(this.hash, entry);
        return false;
      }
      if (joins) {
        if (this.entry !== entry) db.hashes.replaceAddress(this.hash, entry, this.entry);
        setEntryType(arena, this.entry, TYPE_HASH, encoding);
      }
    }
    arena.touchBytes(small.segment, small.offset, draft.length);
    if (draft.length <= 96) for (let i = 0; i < draft.length; i++) small.bytes[small.offset + i] = draft.bytes[i]!;
    else small.bytes.set(draft.bytes.subarray(0, draft.length), small.offset);
    return true;
  }
}
