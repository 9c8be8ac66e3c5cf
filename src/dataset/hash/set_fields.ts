/**
 * Setting fields: one where it lies, several in a draft or in the tables, all or none of them.
 *
 * Small hashes become big ones where Redis's do: before a set of more fields than a small one may have, before a name or value that is
 * too long for it, and when there are too many fields.
 */
import { NIL } from "../../memory/layout.ts";
import { expiryMs, hasExpiry, setExpiryMs } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import {
  elementBytes,
  encodedBytes,
  encodeElementIn,
  endPosition,
  findElement,
  firstElement,
  splice,
} from "../../structure/listpack.ts";
import { freeMember, hashOfMember, membersOf } from "../members.ts";
import { openPack, PACK_BYTES_MAX, resizePack } from "../packed.ts";
import { createMember, memberExpiry, overwriteValue } from "./big.ts";
import { Draft } from "./draft.ts";
import { small } from "./field.ts";
import type { HashTarget } from "./target.ts";

/** What `setField` and `setFields` return when the address space is full: nothing has changed. */
export const NO_MEMORY = -1;

/** As an expiry: the field never expires, whatever it had; or it keeps what it has. */
export const NEVER = -1;
export const KEEP = -2;

const draft = new Draft();
/** The members made, and what each replaced. */
const made = new EntryList(64);
const replaced = new EntryList(64);

/** Sets one field. `expiry`: NEVER or KEEP. Returns 1 for a new one, 0 for another value of an old one, NO_MEMORY. */
export function setField(
  target: HashTarget,
  name: Uint8Array,
  nameStart: number,
  nameLength: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
  expiry: number,
): number {
  if (!target.isBig) {
    const { limits } = target.db.dataset;
    const longest = nameLength > valueLength ? nameLength : valueLength;
    if (longest <= limits.hashListpackValueBytes && limits.hashListpackEntries > 0) {
      const done =
        target.isExpiring || target.entry === NIL
          ? draftField(target, name, nameStart, nameLength, value, valueStart, valueLength, expiry)
          : spliceField(target, name, nameStart, nameLength, value, valueStart, valueLength);
      if (done !== TOO_LARGE) return done;
    }
    const existed = target.entry !== NIL;
    if (!target.becomeBig()) return NO_MEMORY;
    const added = setMember(target, name, nameStart, nameLength, value, valueStart, valueLength, expiry);
    if (added === NO_MEMORY && !existed) removeHash(target);
    return added;
  }
  return setMember(target, name, nameStart, nameLength, value, valueStart, valueLength, expiry);
}

const TOO_LARGE = -2;

/** In a small hash without expiries: changed where it lies. */
function spliceField(
  target: HashTarget,
  name: Uint8Array,
  nameStart: number,
  nameLength: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
): number {
  const { db } = target;
  const { arena } = db.dataset;
  openPack(arena, target.entry, small);
  const { bytes, offset } = small;
  const position = findElement(bytes, offset, firstElement(bytes, offset), name, nameStart, nameLength, 1);
  const valueBytes = encodedBytes(value, valueStart, valueLength);
  if (position >= 0) {
    const at = position + elementBytes(bytes, position);
    return spliceElement(target, at - offset, elementBytes(bytes, at), valueBytes, value, valueStart, valueLength);
  }
  if (target.smallFields >= db.dataset.limits.hashListpackEntries) return TOO_LARGE;
  const nameBytes = encodedBytes(name, nameStart, nameLength);
  const added = nameBytes + valueBytes;
  if (small.length + added > PACK_BYTES_MAX) return TOO_LARGE;
  const moved = resizePack(db, target.entry, target.hash, small.length + added, small);
  if (moved === NIL) return NO_MEMORY;
  target.entry = moved;
  const at = endPosition(small.bytes, small.offset);
  splice(arena, small.segment, small.bytes, small.offset, at, 0, added, 2);
  const view = arena.views[small.segment]!;
  encodeElementIn(small.bytes, view, at, name, nameStart, nameLength);
  encodeElementIn(small.bytes, view, at + nameBytes, value, valueStart, valueLength);
  return 1;
}

/** Replaces the element `at` bytes from the listpack's start by a text. */
function spliceElement(
  target: HashTarget,
  at: number,
  oldBytes: number,
  newBytes: number,
  value: Uint8Array,
  start: number,
  length: number,
): number {
  const { db } = target;
  const { arena } = db.dataset;
  const total = small.length + newBytes - oldBytes;
  if (newBytes > oldBytes) {
    if (total > PACK_BYTES_MAX) return TOO_LARGE;
    const moved = resizePack(db, target.entry, target.hash, total, small);
    if (moved === NIL) return NO_MEMORY;
    target.entry = moved;
  }
  const position = small.offset + at;
  splice(arena, small.segment, small.bytes, small.offset, position, oldBytes, newBytes, 0);
  encodeElementIn(small.bytes, arena.views[small.segment]!, position, value, start, length);
  if (newBytes < oldBytes) {
    const moved = resizePack(db, target.entry, target.hash, total, small);
    if (moved !== NIL) target.entry = moved;
  }
  return 0;
}

/** In a small hash with expiries, or as the first field of a new one. */
function draftField(
  target: HashTarget,
  name: Uint8Array,
  nameStart: number,
  nameLength: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
  expiry: number,
): number {
  loadDraft(target, draft);
  const added = draftOne(draft, name, nameStart, nameLength, value, valueStart, valueLength, expiry);
  if (draft.fields > target.db.dataset.limits.hashListpackEntries || draft.length > PACK_BYTES_MAX) return TOO_LARGE;
  return target.store(draft) ? added : NO_MEMORY;
}

/** Lets a draft hold what a small hash does; nothing where there is none. */
export function loadDraft(target: HashTarget, into: Draft): void {
  if (target.entry === NIL) into.clear(false);
  else {
    openPack(target.arena, target.entry, small);
    into.load(small, target.isExpiring);
  }
}

function draftOne(
  into: Draft,
  name: Uint8Array,
  nameStart: number,
  nameLength: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
  expiry: number,
): number {
  let added = 0;
  let position = into.find(name, nameStart, nameLength);
  if (position >= 0) into.setValue(position, value, valueStart, valueLength);
  else {
    added = 1;
    into.add(name, nameStart, nameLength, value, valueStart, valueLength);
    if (expiry > 0) position = into.find(name, nameStart, nameLength);
  }
  if (expiry > 0 || (expiry === NEVER && added === 0 && into.expiryOf(position) !== -1))
    into.setExpiry(position, expiry);
  return added;
}

/**
 * Sets `pairs` fields from an argument on: name, value, name, value; `args` holds pairs (start, length) of bytes in `input`. `expiry`:
 * NEVER, KEEP, or when they all expire, ms. Returns how many are new, or NO_MEMORY.
 */
export function setFields(
  target: HashTarget,
  input: Uint8Array,
  args: Int32Array,
  first: number,
  pairs: number,
  expiry: number,
): number {
  if (!target.isBig) {
    if (mayStaySmall(target, args, first, pairs)) {
      const added = draftPairs(target, input, args, first, pairs, expiry);
      if (added !== TOO_LARGE) return added === NO_MEMORY || target.store(draft) ? added : NO_MEMORY;
    }
    const existed = target.entry !== NIL;
    if (!target.becomeBig()) return NO_MEMORY;
    const added = setMembers(target, input, args, first, pairs, expiry);
    if (added === NO_MEMORY && !existed) removeHash(target);
    return added;
  }
  return setMembers(target, input, args, first, pairs, expiry);
}

function mayStaySmall(target: HashTarget, args: Int32Array, first: number, pairs: number): boolean {
  const { hashListpackEntries, hashListpackValueBytes } = target.db.dataset.limits;
  if (pairs > hashListpackEntries) return false;
  for (let i = first; i < first + pairs * 2; i++) if (args[(i << 1) + 1]! > hashListpackValueBytes) return false;
  return true;
}

function draftPairs(
  target: HashTarget,
  input: Uint8Array,
  args: Int32Array,
  first: number,
  pairs: number,
  expiry: number,
): number {
  const { hashListpackEntries } = target.db.dataset.limits;
  loadDraft(target, draft);
  if (expiry > 0) draft.becomeExpiring();
  let added = 0;
  let fields = draft.fields;
  for (let i = first; i < first + pairs * 2; i += 2) {
    const name = i << 1;
    const one = draftOne(draft, input, args[name]!, args[name + 1]!, input, args[name + 2]!, args[name + 3]!, expiry);
    added += one;
    fields += one;
    if (fields > hashListpackEntries || draft.length > PACK_BYTES_MAX) return TOO_LARGE;
  }
  return added;
}

/** In a big hash, one field; where it lies if it fits. */
function setMember(
  target: HashTarget,
  name: Uint8Array,
  nameStart: number,
  nameLength: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
  expiry: number,
): number {
  const { dataset } = target.db;
  const { arena } = dataset;
  const table = membersOf(dataset, target.members);
  const hash = table.hash(name, nameStart, nameLength);
  const old = table.find(hash, name, nameStart, nameLength);
  if (old === NIL) {
    const member = createMember(dataset, name, nameStart, nameLength, value, valueStart, valueLength, false);
    if (member === NIL) return NO_MEMORY;
    if (table.insert(hash, member)) return 1;
    freeMember(dataset, member);
    return NO_MEMORY;
  }
  const expires = hasExpiry(arena, old) && expiryMs(arena, old) !== 0;
  if (!overwriteValue(dataset, old, value, valueStart, valueLength)) {
    const keeps = expires && expiry === KEEP;
    const member = createMember(dataset, name, nameStart, nameLength, value, valueStart, valueLength, keeps);
    if (member === NIL) return NO_MEMORY;
    table.replaceAddress(hash, old, member);
    if (expires) {
      const { otherMembers } = dataset;
      otherMembers.attach(target.expiringMembers);
      if (keeps) {
        setExpiryMs(arena, member, expiryMs(arena, old));
        otherMembers.replaceAddress(hash, old, member);
      } else otherMembers.remove(hash, old);
    }
    freeMember(dataset, old);
  } else if (expires && expiry === NEVER) persistMember(target, old, hash);
  return 0;
}

/** Lets a member that expires live for ever: its room for an expiry stays. */
export function persistMember(target: HashTarget, member: number, hash: number): void {
  const { dataset } = target.db;
  dataset.otherMembers.attach(target.expiringMembers);
  dataset.otherMembers.remove(hash, member);
  setExpiryMs(dataset.arena, member, 0);
}

/** In a big hash, several fields: first all members are made, then they take their places, and only then what they replace is given up. */
function setMembers(
  target: HashTarget,
  input: Uint8Array,
  args: Int32Array,
  first: number,
  pairs: number,
  expiry: number,
): number {
  const { dataset } = target.db;
  if (expiry > 0 && !target.becomeExpiring()) return NO_MEMORY;
  const table = membersOf(dataset, target.members);
  const expiring = dataset.otherMembers;
  if (target.isExpiring) expiring.attach(target.expiringMembers);
  made.clear();
  replaced.clear();
  if (!makeMembers(target, input, args, first, pairs, expiry)) return NO_MEMORY;
  let added = 0;
  for (let i = 0; i < pairs; i++) {
    const name = (first + i * 2) << 1;
    const hash = table.hash(input, args[name]!, args[name + 1]!);
    const old = table.find(hash, input, args[name]!, args[name + 1]!);
    if (!placeMember(target, hash, old, made.items[i]!)) {
      takeBack(target, i);
      return NO_MEMORY;
    }
    replaced.push(old);
    if (old === NIL) added++;
  }
  for (let i = 0; i < pairs; i++) {
    const old = replaced.items[i]!;
    if (old === NIL) continue;
    // What expired before and does no longer.
    if (memberExpiry(dataset, old) > 0 && memberExpiry(dataset, made.items[i]!) <= 0) {
      expiring.remove(hashOfMember(dataset.arena, table, old), old);
    }
    freeMember(dataset, old);
  }
  return added;
}

function makeMembers(
  target: HashTarget,
  input: Uint8Array,
  args: Int32Array,
  first: number,
  pairs: number,
  expiry: number,
): boolean {
  const { dataset } = target.db;
  const table = membersOf(dataset, target.members);
  for (let i = 0; i < pairs; i++) {
    const name = (first + i * 2) << 1;
    const start = args[name]!;
    const length = args[name + 1]!;
    let ms = expiry;
    if (expiry === KEEP && target.isExpiring) {
      const old = table.find(table.hash(input, start, length), input, start, length);
      ms = old === NIL ? NEVER : memberExpiry(dataset, old);
    }
    const member = createMember(dataset, input, start, length, input, args[name + 2]!, args[name + 3]!, ms > 0);
    if (member === NIL) {
      for (let k = 0; k < made.count; k++) freeMember(dataset, made.items[k]!);
      return false;
    }
    if (ms > 0) setExpiryMs(dataset.arena, member, ms);
    made.push(member);
  }
  return true;
}

/** Puts a member in the place of an old one, if there is one, which stays allocated. False: the address space is full, nothing changed. */
function placeMember(target: HashTarget, hash: number, old: number, member: number): boolean {
  const { dataset } = target.db;
  const { members: table, otherMembers: expiring } = dataset;
  if (memberExpiry(dataset, member) > 0) {
    if (old !== NIL && memberExpiry(dataset, old) > 0) expiring.replaceAddress(hash, old, member);
    else if (!expiring.insert(hash, member)) return false;
  }
  if (old !== NIL) table.replaceAddress(hash, old, member);
  else if (!table.insert(hash, member)) {
    if (memberExpiry(dataset, member) > 0) expiring.remove(hash, member);
    return false;
  }
  return true;
}

/** Undoes the first `count` placements and frees all members made. */
function takeBack(target: HashTarget, count: number): void {
  const { dataset } = target.db;
  const { members: table, otherMembers: expiring } = dataset;
  for (let i = count - 1; i >= 0; i--) {
    const member = made.items[i]!;
    const old = replaced.items[i]!;
    const hash = hashOfMember(dataset.arena, table, member);
    if (memberExpiry(dataset, member) > 0) {
      if (old !== NIL && memberExpiry(dataset, old) > 0) expiring.replaceAddress(hash, member, old);
      else expiring.remove(hash, member);
    }
    if (old === NIL) table.remove(hash, member);
    else table.replaceAddress(hash, member, old);
  }
  for (let i = 0; i < made.count; i++) freeMember(dataset, made.items[i]!);
}

/** Removes the key: a hash that was made for fields that found no room. */
export function removeHash(target: HashTarget): void {
  target.db.remove(target.entry, target.hash);
  target.entry = NIL;
}
