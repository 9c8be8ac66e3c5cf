/**
 * Reads hashes: fields one by one, a zipmap, a ziplist or a listpack, and the kinds whose fields may expire. A field that stands twice is damage.
 *
 * ```
 * TYPE_HASH_METADATA          earliest expiry (i64), fields, then for each: expiry − earliest + 1 or 0 for never (length), field, value
 * TYPE_HASH_METADATA_PRE_GA   fields, then for each: expiry or 0 (length), field, value
 * VALKEY_TYPE_HASH_2          fields, then for each: field, value, expiry or −1 (i64)
 * TYPE_HASH_LISTPACK_EX       earliest expiry (i64), listpack of field, value, expiry or 0, …     PRE_GA: the listpack alone
 * ```
 * Expiries are in ms since 1970.
 */
import { createMember, releaseBareStep, releaseTables } from "../dataset/hash/big.ts";
import { FIELD_EXPIRY_MS_MAX } from "../dataset/hash/expiring.ts";
import { elementPiece, expiryAt } from "../dataset/hash/field.ts";
import { freeMember, membersOf } from "../dataset/members.ts";
import { PACK_BYTES_MAX } from "../dataset/packed.ts";
import { Piece } from "../dataset/piece.ts";
import {
  ENCODING_BIG,
  ENCODING_BIG_EXPIRING,
  ENCODING_LISTPACK,
  ENCODING_LISTPACK_EXPIRING,
  TYPE_HASH as HASH,
} from "../dataset/types.ts";
import { NIL } from "../memory/layout.ts";
import { createEntry, OUT_OF_LINE, setExpiryMs, setValueReference } from "../structure/entry.ts";
import {
  elementBytes,
  endPosition,
  integerOf,
  isIntegerElement,
  LISTPACK_HEADER_BYTES,
  listpackCount,
} from "../structure/listpack.ts";
import { Table } from "../structure/table.ts";
import type { ReadContext } from "./context.ts";
import {
  TYPE_HASH,
  TYPE_HASH_LISTPACK,
  TYPE_HASH_LISTPACK_EX,
  TYPE_HASH_METADATA,
  TYPE_HASH_METADATA_PRE_GA,
  TYPE_HASH_ZIPLIST,
  TYPE_HASH_ZIPMAP,
  VALKEY_TYPE_HASH_2,
} from "./format.ts";
import { takeZiplist } from "./ziplist.ts";
import { takeZipmap } from "./zipmap.ts";

/** As the expiry of a field: none. */
const NEVER = -1;

const name = new Piece();
const value = new Piece();
const nameDigits = new Uint8Array(20);
const valueDigits = new Uint8Array(20);

/** Roots of the tables of a big hash that is being built. */
let members = NIL;
let expiring = NIL;

/** The entry, in no table; NIL: the address space is full. `valkey`: the type's number is Valkey's. */
export function readHash(context: ReadContext, type: number, valkey: boolean): number {
  if (type === TYPE_HASH) return readFields(context, type, false);
  if (type === TYPE_HASH_METADATA || (type === VALKEY_TYPE_HASH_2 && valkey)) return readFields(context, type, valkey);
  if (type === TYPE_HASH_METADATA_PRE_GA) return readFields(context, type, false);
  const { input, text, builder } = context;
  if (type === TYPE_HASH_LISTPACK_EX) readEarliest(context);
  const at = input.offset;
  input.text(text);
  const { bytes, start, length } = text;
  if (type === TYPE_HASH_ZIPLIST || type === TYPE_HASH_ZIPMAP) {
    builder.clear();
    const isZiplist = type === TYPE_HASH_ZIPLIST;
    const sound = isZiplist ? takeZiplist(bytes, start, length, builder) : takeZipmap(bytes, start, length, builder);
    if (!sound) throw context.damaged(`a damaged ${isZiplist ? "ziplist" : "zipmap"}`, at);
    if (builder.count === 0) throw context.empty(at);
    context.takeBuilder();
    // Redis looks at the lengths of what was a zipmap only.
    const short = isZiplist || builder.longest <= context.dataset.limits.hashListpackValueBytes;
    return takePack(context, at, short);
  }
  context.openListpack(at);
  if (type === TYPE_HASH_LISTPACK) return takePack(context, at, true);
  return takeExpiringPack(context, at);
}

function readEarliest(context: ReadContext): number {
  const at = context.input.offset;
  const ms = context.input.long();
  if (!(ms >= 0)) throw context.damaged("a time that is none", at);
  return ms;
}

/** Fields and values in turn. */
function takePack(context: ReadContext, at: number, short: boolean): number {
  const { dataset, pack, packBase, packBytes } = context;
  const elements = listpackCount(pack, packBase);
  if ((elements & 1) !== 0) throw context.damaged("a field without a value", at);
  context.refuseDuplicates(elements, 2, at);
  if (short && elements >>> 1 <= dataset.limits.hashListpackEntries && packBytes <= PACK_BYTES_MAX) {
    return context.storePacked(HASH, ENCODING_LISTPACK, pack, packBase, packBytes);
  }
  return buildBig(context, false, () => addElements(context, 2));
}

/** Fields, values and expiries in turn. */
function takeExpiringPack(context: ReadContext, at: number): number {
  const { dataset, pack, packBase, packBytes, draft } = context;
  const elements = listpackCount(pack, packBase);
  if (elements % 3 !== 0) throw context.damaged("a field without a value or an expiry", at);
  context.refuseDuplicates(elements, 3, at);
  const order = orderOf(context, at);
  const small = elements / 3 <= dataset.limits.hashListpackEntries && packBytes <= PACK_BYTES_MAX;
  if (!small) return buildBig(context, order !== "none", () => addElements(context, 3));
  if (order === "sorted") return context.storePacked(HASH, ENCODING_LISTPACK_EXPIRING, pack, packBase, packBytes);
  draft.clear(order !== "none");
  const end = endPosition(pack, packBase);
  for (let position = packBase + LISTPACK_HEADER_BYTES; position < end; ) {
    const ms = expiryAt(pack, position);
    position = readPair(context, position);
    position += elementBytes(pack, position);
    addToDraft(context, ms);
  }
  const encoding = draft.expiring ? ENCODING_LISTPACK_EXPIRING : ENCODING_LISTPACK;
  return context.storePacked(HASH, encoding, draft.bytes, 0, draft.length);
}

/** Are the expiries of the opened listpack sound, and in order as ours are? "none": no field expires. */
function orderOf(context: ReadContext, at: number): "none" | "sorted" | "unsorted" {
  const { pack, packBase } = context;
  const end = endPosition(pack, packBase);
  let before = 0;
  let sorted = true;
  let some = false;
  for (let position = packBase + LISTPACK_HEADER_BYTES; position < end; ) {
    position += elementBytes(pack, position);
    position += elementBytes(pack, position);
    const ms = isIntegerElement(pack, position) ? integerOf(pack, position) : Number.NaN;
    if (!(ms >= 0 && ms <= FIELD_EXPIRY_MS_MAX)) throw context.damaged("a field's expiry that is none", at);
    const last = ms === 0 ? Number.POSITIVE_INFINITY : ms;
    sorted = sorted && last >= before;
    some = some || ms !== 0;
    before = last;
    position += elementBytes(pack, position);
  }
  return some ? (sorted ? "sorted" : "unsorted") : "none";
}

function addToDraft(context: ReadContext, ms: number): void {
  const { draft } = context;
  draft.add(name.bytes, name.offset, name.length, value.bytes, value.offset, value.length);
  if (ms !== NEVER) draft.setExpiry(draft.find(name.bytes, name.offset, name.length), ms);
}

/** Lets `name` and `value` stand for two elements of the opened listpack; returns what is behind them. */
function readPair(context: ReadContext, position: number): number {
  const { pack } = context;
  const second = position + elementBytes(pack, position);
  elementPiece(pack, position, name, nameDigits);
  elementPiece(pack, second, value, valueDigits);
  return second + elementBytes(pack, second);
}

/** Fields one by one: in a draft as long as Redis would keep them in a listpack. */
function readFields(context: ReadContext, type: number, valkey: boolean): number {
  const { input, dataset, draft } = context;
  const { hashListpackEntries, hashListpackValueBytes } = dataset.limits;
  const at = input.offset;
  const earliest = type === TYPE_HASH_METADATA ? readEarliest(context) : 0;
  const count = input.elements(type === TYPE_HASH ? 2 : 3);
  if (count === 0) throw context.empty(at);
  const mayExpire = type !== TYPE_HASH;
  let packs = count <= hashListpackEntries;
  let read = 0;
  let ms = NEVER;
  const next = (): void => {
    ms = readField(context, type, valkey, earliest);
    read++;
  };
  draft.clear(false);
  while (packs && read < count) {
    next();
    packs = Math.max(name.length, value.length) <= hashListpackValueBytes;
    packs = packs && draft.length + name.length + value.length + 40 <= PACK_BYTES_MAX;
    if (!packs) break;
    if (draft.find(name.bytes, name.offset, name.length) >= 0) throw context.damaged("a field that stands twice", at);
    if (ms !== NEVER) draft.becomeExpiring();
    addToDraft(context, ms);
  }
  if (packs) {
    const encoding = draft.expiring ? ENCODING_LISTPACK_EXPIRING : ENCODING_LISTPACK;
    return context.storePacked(HASH, encoding, draft.bytes, 0, draft.length);
  }
  // One field that has found no place may have been read already.
  const pending = read > 0;
  const pendingMs = ms;
  const firstName = pending ? name.bytes.slice(name.offset, name.offset + name.length) : undefined;
  const firstValue = pending ? value.bytes.slice(value.offset, value.offset + value.length) : undefined;
  return buildBig(context, mayExpire, () => {
    context.pack = draft.bytes;
    context.packBase = 0;
    if (draft.fields > 0 && !addElements(context, draft.expiring ? 3 : 2)) return false;
    if (firstName !== undefined && firstValue !== undefined) {
      whole(name, firstName);
      whole(value, firstValue);
      if (!addMember(context, pendingMs, at)) return false;
    }
    while (read < count) {
      next();
      if (!addMember(context, ms, at)) return false;
    }
    return true;
  });
}

function whole(piece: Piece, bytes: Uint8Array): void {
  piece.bytes = bytes;
  piece.offset = 0;
  piece.length = bytes.length;
}

/** Lets `name` and `value` stand for the next field; returns when it expires. */
function readField(context: ReadContext, type: number, valkey: boolean, earliest: number): number {
  const { input, text, second } = context;
  let ms = NEVER;
  const at = input.offset;
  if (type === TYPE_HASH_METADATA || (type === TYPE_HASH_METADATA_PRE_GA && !valkey)) {
    const stored = input.count();
    ms = stored === 0 ? NEVER : type === TYPE_HASH_METADATA ? stored + earliest - 1 : stored;
  }
  input.text(text);
  input.text(second);
  if (valkey && type === VALKEY_TYPE_HASH_2) ms = input.long();
  if (!(ms >= NEVER && ms <= FIELD_EXPIRY_MS_MAX)) throw context.damaged("a field's expiry that is none", at);
  name.bytes = text.bytes;
  name.offset = text.start;
  name.length = text.length;
  value.bytes = second.bytes;
  value.offset = second.start;
  value.length = second.length;
  return ms === 0 ? NEVER : ms;
}

/** Tables of what `fill` adds. `mayExpire`: fields may have an expiry; the encoding says so if any has. */
function buildBig(context: ReadContext, mayExpire: boolean, fill: () => boolean): number {
  const { dataset, key, keyStart, keyBytes, expires } = context;
  const { allocator, arena } = dataset;
  members = Table.create(allocator);
  expiring = mayExpire && members !== NIL ? Table.create(allocator) : NIL;
  if (members === NIL || (mayExpire && expiring === NIL)) {
    if (members !== NIL) releaseTables(dataset, members, NIL);
    return NIL;
  }
  let entry = NIL;
  try {
    if (fill()) {
      if (expiring !== NIL && membersOf(dataset, expiring).count === 0) {
        while (!releaseBareStep(dataset, expiring, 1));
        expiring = NIL;
      }
      const encoding = expiring === NIL ? ENCODING_BIG : ENCODING_BIG_EXPIRING;
      entry = createEntry(allocator, HASH, encoding, key, keyStart, keyBytes, OUT_OF_LINE, expires);
      if (entry !== NIL) setValueReference(arena, entry, members, expiring, 0);
    }
  } finally {
    if (entry === NIL) releaseTables(dataset, members, expiring);
  }
  return entry;
}

/** Adds the fields of the opened listpack, none of which stands twice; false: the address space is full. */
function addElements(context: ReadContext, stride: number): boolean {
  const { pack, packBase } = context;
  const end = endPosition(pack, packBase);
  for (let position = packBase + LISTPACK_HEADER_BYTES; position < end; ) {
    const ms = stride === 3 ? expiryAt(pack, position) : NEVER;
    position = readPair(context, position);
    if (stride === 3) position += elementBytes(pack, position);
    if (!addMember(context, ms, 0)) return false;
  }
  return true;
}

/** Adds the field that `name` and `value` stand for; false: the address space is full. */
function addMember(context: ReadContext, ms: number, at: number): boolean {
  const { dataset } = context;
  const { arena } = dataset;
  const table = membersOf(dataset, members);
  const hash = table.hash(name.bytes, name.offset, name.length);
  if (table.find(hash, name.bytes, name.offset, name.length) !== NIL) {
    throw context.damaged("a field that stands twice", at);
  }
  const { bytes, offset, length } = value;
  const member = createMember(dataset, name.bytes, name.offset, name.length, bytes, offset, length, ms !== NEVER);
  if (member === NIL) return false;
  if (!table.insert(hash, member)) {
    freeMember(dataset, member);
    return false;
  }
  if (ms === NEVER) return true;
  setExpiryMs(arena, member, ms);
  const { otherMembers } = dataset;
  otherMembers.attach(expiring);
  return otherMembers.insert(hash, member);
}
