/**
 * Removing fields whose time has passed: logged as HDEL, and not counted as the running command's own change. Nothing is removed while the
 * clock is held, or while nothing can be logged. // D14 D15
 */
import { NIL } from "../../memory/layout.ts";
import type { RequestWriter } from "../../protocol/request_writer.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { elementBytes, endPosition, LISTPACK_HEADER_BYTES } from "../../structure/listpack.ts";
import { EVENT_GENERIC, EVENT_HASH } from "../key_events.ts";
import { hashOfMember, keyPiece, membersOf } from "../members.ts";
import { openPack } from "../packed.ts";
import { Piece } from "../piece.ts";
import { memberExpiry } from "./big.ts";
import { isPast } from "./expiring.ts";
import { elementPiece, expiryAt, small } from "./field.ts";
import { cutElements, endRemoval, removeMember } from "./remove_fields.ts";
import { persistMember } from "./set_fields.ts";
import type { HashTarget } from "./target.ts";

const name = new Piece();
const digits = new Uint8Array(20);
const expired = new EntryList(64);

/** Removes all fields of a small hash whose time has passed, and returns how many; the hash goes with the last field. */
export function expireSmall(target: HashTarget): number {
  const { dataset } = target.db;
  if (dataset.removalsHeld || dataset.clockHeld) return 0;
  openPack(target.arena, target.entry, small);
  const { bytes, offset } = small;
  const first = offset + LISTPACK_HEADER_BYTES;
  const end = endPosition(bytes, offset);
  let count = 0;
  // Those that expire first stand in front.
  for (let at = first; at < end && isPast(dataset, expiryAt(bytes, at)); count++) {
    for (let i = 0; i < 3; i++) at += elementBytes(bytes, at);
  }
  if (count === 0) return 0;
  const effect = beginEffect(target, count);
  if (effect !== undefined) {
    let at = first;
    for (let k = 0; k < count; k++) {
      elementPiece(bytes, at, name, digits);
      effect.argument(name.bytes, name.offset, name.length);
      for (let i = 0; i < 3; i++) at += elementBytes(bytes, at);
    }
  }
  cutElements(target, first, count * 3);
  endExpiry(target, count);
  return count;
}

/** Removes those of the named members of a big hash whose time has passed: `count` arguments from `first` on, `step` apart. */
export function expireMembers(
  target: HashTarget,
  input: Uint8Array,
  args: Int32Array,
  first: number,
  count: number,
  step: number,
): void {
  const { dataset } = target.db;
  if (dataset.removalsHeld || dataset.clockHeld) return;
  const table = membersOf(dataset, target.members);
  expired.clear();
  for (let k = 0; k < count; k++) {
    const at = (first + k * step) << 1;
    const start = args[at]!;
    const length = args[at + 1]!;
    const hash = table.hash(input, start, length);
    const member = table.find(hash, input, start, length);
    if (member === NIL || !isPast(dataset, memberExpiry(dataset, member))) continue;
    // Without its expiry it is not met again when it is named a second time.
    persistMember(target, member, hash);
    expired.push(member);
  }
  removeExpired(target, expired);
}

/** Removes members of a big hash, all of them expired; the hash goes with the last of its members. */
export function removeExpired(target: HashTarget, members: EntryList): void {
  const { dataset } = target.db;
  if (members.count === 0 || dataset.removalsHeld || dataset.clockHeld) return;
  const effect = beginEffect(target, members.count);
  const table = membersOf(dataset, target.members);
  for (let i = 0; i < members.count; i++) {
    const member = members.items[i]!;
    if (effect !== undefined) {
      keyPiece(target.arena, member, name);
      effect.argument(name.bytes, name.offset, name.length);
    }
    removeMember(target, member, hashOfMember(target.arena, table, member));
  }
  endExpiry(target, members.count);
}

function beginEffect(target: HashTarget, count: number): RequestWriter | undefined {
  const { db, hash, key, keyStart, keyBytes } = target;
  const effect = db.dataset.journal.beginRemoval(db.index, hash, key, keyStart, keyBytes, count + 2);
  effect?.text("HDEL");
  effect?.argument(key, keyStart, keyBytes);
  return effect;
}

function endExpiry(target: HashTarget, count: number): void {
  const { db, key, keyStart, keyBytes } = target;
  const { events } = db.dataset;
  const gone = endRemoval(target);
  db.dataset.expiredFields += count;
  events.emit(EVENT_HASH, "hexpired", db.index, key, keyStart, keyBytes);
  if (gone) events.emit(EVENT_GENERIC, "del", db.index, key, keyStart, keyBytes);
}
