/**
 * Looks at every key of a dataset, a little at a time while it is used, and counts what contradicts the layout. For what came out of an image: its bytes
 * are those that were written, by their checksums, but whether they had been right when they were written nobody has looked at since.
 *
 * A key is looked at where the table's cursor finds it: that its own name leads to it, that the tables of those that expire know it, that its value is
 * whole. A large collection is looked at a bucket and a leaf at a time, and given up where it changes its structure meanwhile: what this process has made
 * is not in question. It reads only. What is so broken that it can't be read is a problem like any other.
 */
import type { Arena } from "../memory/arena.ts";
import { NIL, SEGMENT_SHIFT } from "../memory/layout.ts";
import { Blob, blobBytes, readReference } from "../structure/blob.ts";
import {
  entryEncoding,
  entryType,
  hasExpiry,
  keyLength,
  keyOffset,
  valueIsInline,
  valueLength,
} from "../structure/entry.ts";
import { EntryList } from "../structure/entry_list.ts";
import { intsetBytes, validateIntset } from "../structure/intset.ts";
import { listpackBytes, validateListpack } from "../structure/listpack.ts";
import { Tree } from "../structure/tree.ts";
import { verifyTreeAt } from "../structure/tree_verify.ts";
import type { Database } from "./database.ts";
import type { Dataset } from "./dataset.ts";
import { hasExpiringFields } from "./hash/expiring.ts";
import { hashOfMember, membersOf } from "./members.ts";
import { bigWord0, bigWord1, openPack, Pack } from "./packed.ts";
import { ENCODING_INTSET, isBig, TYPE_LIST, TYPE_NAMES, TYPE_SET, TYPE_STRING, TYPE_ZSET } from "./types.ts";

/** A large collection that is being looked at. */
interface Open {
  readonly key: Uint8Array;
  readonly entry: number;
  readonly root0: number;
  readonly root1: number;
  readonly type: number;
  /** Of the members' table; -1: all of it has been looked at. */
  cursor: number;
  /** In the tree; -1: it has none, or all of it has been looked at. */
  position: number;
}

export class Verification {
  /** Keys looked at. */
  keys = 0;
  problems = 0;
  /** The first of these, a sentence. */
  firstProblem = "";
  done = false;
  private readonly dataset: Dataset;
  private readonly found = new EntryList(64);
  private readonly pack = new Pack();
  private readonly blob = new Blob();
  private readonly tree: Tree;
  private database = 0;
  private cursor = 0;
  /** All keys of this database have been looked at, but for the large ones below. */
  private walked = false;
  /** Names of large collections that were met. */
  private readonly large: Uint8Array[] = [];
  private open: Open | undefined;

  constructor(dataset: Dataset) {
    this.dataset = dataset;
    this.tree = new Tree(dataset.arena, dataset.allocator);
  }

  /** Goes on until `mayGoOn` says no; true when all has been looked at. */
  step(mayGoOn: () => boolean): boolean {
    while (!this.done && mayGoOn()) {
      if (this.open !== undefined) this.attempt(() => this.stepLarge(this.open!));
      else if (this.large.length > 0) this.attempt(() => this.openLarge(this.large.pop()!));
      else this.stepKeys();
    }
    return this.done;
  }

  private get db(): Database {
    return this.dataset.database(this.database);
  }

  /** One bucket of the keyspace, or the step to the next database. */
  private stepKeys(): void {
    const { db, found } = this;
    if (this.walked) {
      this.walked = false;
      if (this.database + 1 === this.dataset.databaseCount) this.done = true;
      else this.database++;
      return;
    }
    found.clear();
    let next = 0;
    this.attempt(() => {
      next = db.keys.scanInto(this.cursor, found);
    });
    this.cursor = next;
    this.walked = next === 0;
    for (let i = 0; i < found.count; i++) this.attempt(() => this.lookAt(db, found.items[i]!));
  }

  private attempt(look: () => void): void {
    try {
      look();
    } catch (thrown) {
      this.open = undefined;
      this.problem(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  private problem(text: string): void {
    this.problems++;
    if (this.firstProblem === "") this.firstProblem = `database ${this.database}: ${text}`;
  }

  private lookAt(db: Database, entry: number): void {
    this.keys++;
    const { arena } = this.dataset;
    const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
    const offset = keyOffset(arena, entry);
    const length = keyLength(arena, entry);
    const hash = db.hashOf(entry);
    if (db.find(bytes, offset, length, hash) !== entry) return this.problem("a key that its name does not lead to");
    const type = entryType(arena, entry);
    if (TYPE_NAMES[type] === undefined) return this.problem(`${nameOf(arena, entry)} is of no known type`);
    if (hasExpiry(arena, entry) !== (db.expires.find(hash, bytes, offset, length) === entry)) {
      this.problem(`${nameOf(arena, entry)} and the table of keys that expire contradict each other`);
    }
    if (hasExpiringFields(arena, entry) !== (db.hashes.find(hash, bytes, offset, length) === entry)) {
      this.problem(`${nameOf(arena, entry)} and the table of hashes whose fields expire contradict each other`);
    }
    if (isBig(type, entryEncoding(arena, entry))) this.large.push(bytes.slice(offset, offset + length));
    else if (type === TYPE_STRING) this.lookAtBlob(entry);
    else this.lookAtPacked(entry, type);
  }

  private lookAtBlob(entry: number): void {
    const { arena } = this.dataset;
    const { blob } = this;
    if (valueIsInline(arena, entry)) return;
    readReference(arena, entry, blob);
    const sound =
      blob.length <= blob.capacity &&
      blob.capacity > 0 === (blob.address !== NIL) &&
      blobBytes(blob) >= valueLength(arena, entry);
    if (!sound)
      this.problem(`${nameOf(arena, entry)} has a value of ${blob.length} bytes with room for ${blob.capacity}`);
  }

  private lookAtPacked(entry: number, type: number): void {
    const { arena } = this.dataset;
    const { pack } = this;
    openPack(arena, entry, pack);
    const { bytes, offset } = pack;
    // Without memory for a smaller block a value keeps an end that means nothing.
    if (type === TYPE_SET && entryEncoding(arena, entry) === ENCODING_INTSET) {
      if (validateIntset(bytes, offset, Math.min(pack.length, intsetBytes(bytes, offset)))) return;
    } else if (validateListpack(bytes, offset, Math.min(pack.length, listpackBytes(bytes, offset)))) return;
    this.problem(`${nameOf(arena, entry)} is a ${TYPE_NAMES[type]!} that can't be read`);
  }

  private openLarge(key: Uint8Array): void {
    const { db, dataset } = this;
    const { arena } = dataset;
    const entry = db.find(key, 0, key.length, db.hash(key, 0, key.length));
    // It may have gone, or become something else, since it was met.
    if (entry === NIL) return;
    const type = entryType(arena, entry);
    if (!isBig(type, entryEncoding(arena, entry))) return;
    const root0 = bigWord0(arena, entry);
    const root1 = bigWord1(arena, entry);
    const hasTree = type === TYPE_LIST || type === TYPE_ZSET;
    if (type === TYPE_ZSET) {
      this.tree.attach(root1);
      const { count } = membersOf(this.dataset, root0);
      if (count !== this.tree.length)
        this.problem(`${nameOf(arena, entry)} has ${count} members and ${this.tree.length} scores`);
    }
    this.open = { key, entry, root0, root1, type, cursor: type === TYPE_LIST ? -1 : 0, position: hasTree ? 0 : -1 };
  }

  /** A bucket of members and a leaf of the tree; forgets the collection when there is no more, or when it is another one by now. */
  private stepLarge(open: Open): void {
    const { dataset, db, found, tree } = this;
    const { arena } = dataset;
    const { key, entry, root0, root1, type } = open;
    const same =
      db.find(key, 0, key.length, db.hash(key, 0, key.length)) === entry &&
      entryType(arena, entry) === type &&
      isBig(type, entryEncoding(arena, entry)) &&
      bigWord0(arena, entry) === root0 &&
      bigWord1(arena, entry) === root1;
    if (!same || (open.cursor < 0 && open.position < 0)) {
      this.open = undefined;
      return;
    }
    if (open.position >= 0) {
      const root = type === TYPE_LIST ? root0 : root1;
      tree.attach(root);
      const more = open.position < tree.length;
      open.position = more ? verifyTreeAt(arena, root, open.position, type === TYPE_ZSET) : -1;
    }
    if (open.cursor < 0) return;
    const table = membersOf(dataset, root0);
    found.clear();
    open.cursor = table.scanInto(open.cursor, found);
    if (open.cursor === 0) open.cursor = -1;
    for (let i = 0; i < found.count; i++) {
      const member = found.items[i]!;
      const bytes = arena.bytes[member >>> SEGMENT_SHIFT]!;
      const hash = hashOfMember(arena, table, member);
      if (table.find(hash, bytes, keyOffset(arena, member), keyLength(arena, member)) === member) continue;
      this.problem(`${nameOf(arena, entry)} has a member that its name does not lead to`);
      this.open = undefined;
      return;
    }
  }
}

/** A key as text, for people. */
function nameOf(arena: Arena, entry: number): string {
  const bytes = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  const offset = keyOffset(arena, entry);
  const length = Math.min(64, keyLength(arena, entry));
  return JSON.stringify(Buffer.from(bytes.subarray(offset, offset + length)).toString("latin1"));
}
