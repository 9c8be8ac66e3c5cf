/**
 * Giving fields an expiry, or taking it: several in one go, all or none of them.
 *
 * `beginExpiries`, then `giveExpiry` for each field, then `endExpiries`. In a small hash they are made in a draft; in a big one at once,
 * each remembered so that it can be taken back. Where a step fails for lack of address space, nothing of what went before is left.
 */
import { NIL } from "../../memory/layout.ts";
import { freeEntry, hasExpiry, setExpiryMs } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { releaseUnused, withExpiry } from "../entries.ts";
import { hashOfMember, membersOf } from "../members.ts";
import { PACK_BYTES_MAX } from "../packed.ts";
import { memberExpiry } from "./big.ts";
import { Draft } from "./draft.ts";
import { loadDraft, NEVER, persistMember } from "./set_fields.ts";
import type { HashTarget } from "./target.ts";

/** What `currentExpiry` says of a field that doesn't exist. */
export const NO_FIELD = -2;

/** Bytes that an expiry takes in a small hash, more than room for none. */
const EXPIRY_BYTES = 10;

const draft = new Draft();
let drafting = false;
/** Members changed, what stood in the place of each, and when that expired. */
const changed = new EntryList(64);
const before = new EntryList(64);
let expiriesBefore = new Float64Array(64);

/** Begins with the hash of `target`, of which `fieldsMax` fields may be given an expiry. False: the address space is full. */
export function beginExpiries(target: HashTarget, fieldsMax: number): boolean {
  changed.clear();
  before.clear();
  drafting = false;
  if (target.isBig) return true;
  loadDraft(target, draft);
  draft.becomeExpiring();
  drafting = draft.length + fieldsMax * EXPIRY_BYTES <= PACK_BYTES_MAX;
  return drafting || target.becomeBig();
}

/** When a field expires as things stand: ms, NEVER or NO_FIELD. */
export function currentExpiry(target: HashTarget, name: Uint8Array, start: number, length: number): number {
  if (drafting) {
    const position = draft.find(name, start, length);
    return position < 0 ? NO_FIELD : draft.expiryOf(position);
  }
  const { dataset } = target.db;
  const table = membersOf(dataset, target.members);
  const member = table.find(table.hash(name, start, length), name, start, length);
  return member === NIL ? NO_FIELD : memberExpiry(dataset, member);
}

/** Lets a field that exists expire at a time, or NEVER. False: the address space is full, and all is as it was in the beginning. */
export function giveExpiry(
  target: HashTarget,
  name: Uint8Array,
  start: number,
  length: number,
  expiryMs: number,
): boolean {
  if (drafting) {
    draft.setExpiry(draft.find(name, start, length), expiryMs);
    return true;
  }
  const { dataset } = target.db;
  const table = membersOf(dataset, target.members);
  const hash = table.hash(name, start, length);
  const member = table.find(hash, name, start, length);
  if (expiryMs === NEVER) {
    persistMember(target, member, hash);
    return true;
  }
  if (target.becomeExpiring() && expireMember(target, member, hash, expiryMs)) return true;
  takeBack(target);
  return false;
}

/** Makes it all true. False: the address space is full, and nothing has changed. */
export function endExpiries(target: HashTarget): boolean {
  if (drafting) return target.store(draft);
  const { allocator } = target.db.dataset;
  for (let i = 0; i < changed.count; i++) {
    // The value, if it lay out of line, belongs to the new entry now.
    if (before.items[i] !== changed.items[i]) freeEntry(allocator, before.items[i]!);
  }
  return true;
}

function expireMember(target: HashTarget, member: number, hash: number, expiryMs: number): boolean {
  const { dataset } = target.db;
  const { arena, members: table, otherMembers: expiring } = dataset;
  expiring.attach(target.expiringMembers);
  const old = memberExpiry(dataset, member);
  let place = member;
  if (!hasExpiry(arena, member)) {
    place = withExpiry(dataset, member, true);
    if (place === NIL) return false;
  }
  if (old === -1 && !expiring.insert(hash, place)) {
    if (place !== member) releaseUnused(dataset, member, place);
    return false;
  }
  setExpiryMs(arena, place, expiryMs);
  if (place !== member) table.replaceAddress(hash, member, place);
  remember(place, member, old);
  return true;
}

function remember(place: number, member: number, expiryMs: number): void {
  if (changed.count === expiriesBefore.length) {
    const larger = new Float64Array(expiriesBefore.length * 2);
    larger.set(expiriesBefore);
    expiriesBefore = larger;
  }
  expiriesBefore[changed.count] = expiryMs;
  changed.push(place);
  before.push(member);
}

function takeBack(target: HashTarget): void {
  const { dataset } = target.db;
  const { arena } = dataset;
  const table = membersOf(dataset, target.members);
  const expiring = dataset.otherMembers;
  if (changed.count > 0) expiring.attach(target.expiringMembers);
  for (let i = changed.count - 1; i >= 0; i--) {
    const place = changed.items[i]!;
    const member = before.items[i]!;
    const old = expiriesBefore[i]!;
    const hash = hashOfMember(arena, table, place);
    if (old === -1) expiring.remove(hash, place);
    if (place !== member) {
      table.replaceAddress(hash, place, member);
      releaseUnused(dataset, member, place);
    } else setExpiryMs(arena, place, old === -1 ? 0 : old);
  }
}
