/** Removing fields: by name, or because their time has passed. Never fails, and a hash that is left without fields is removed. */
import { NIL } from "../../memory/layout.ts";
import { entryEncoding } from "../../structure/entry.ts";
import { elementBytes, firstElement, listpackBytes, splice } from "../../structure/listpack.ts";
import { freeMember, membersOf } from "../members.ts";
import { openPack, resizePack } from "../packed.ts";
import { memberExpiry } from "./big.ts";
import { elementsOfField, findStored, isBigHash, small } from "./field.ts";
import { removeHash } from "./set_fields.ts";
import type { HashTarget } from "./target.ts";

/** Removes one field; false: there is none. To be followed by `endRemoval`. */
export function removeField(target: HashTarget, name: Uint8Array, start: number, length: number): boolean {
  const { dataset } = target.db;
  const { arena } = dataset;
  const { entry } = target;
  const field = findStored(dataset, entry, name, start, length);
  if (field === NIL) return false;
  if (isBigHash(arena, entry)) removeMember(target, field, dataset.members.hash(name, start, length));
  else cutElements(target, field, elementsOfField(entryEncoding(arena, entry)));
  return true;
}

/** Takes a member out of the tables and frees it. */
export function removeMember(target: HashTarget, member: number, hash: number): void {
  const { dataset } = target.db;
  const table = membersOf(dataset, target.members);
  table.remove(hash, member);
  if (memberExpiry(dataset, member) > 0) {
    dataset.otherMembers.attach(target.expiringMembers);
    dataset.otherMembers.remove(hash, member);
  }
  freeMember(dataset, member);
}

/** Cuts elements out of the small hash that is open. */
export function cutElements(target: HashTarget, position: number, elements: number): void {
  const { bytes, offset, segment } = small;
  let end = position;
  for (let i = 0; i < elements; i++) end += elementBytes(bytes, end);
  splice(target.arena, segment, bytes, offset, position, end - position, 0, -elements);
}

/** After removals: removes the hash if nothing is left, and true; otherwise gives back what room it needs no more. */
export function endRemoval(target: HashTarget): boolean {
  const { db, entry } = target;
  const { dataset } = db;
  const { arena } = dataset;
  if (isBigHash(arena, entry)) {
    if (membersOf(dataset, target.members).count > 0) return false;
    removeHash(target);
    return true;
  }
  openPack(arena, entry, small);
  if (firstElement(small.bytes, small.offset) === -1) {
    removeHash(target);
    return true;
  }
  const used = listpackBytes(small.bytes, small.offset);
  if (used === small.length) return false;
  const moved = resizePack(db, entry, target.hash, used, small);
  if (moved !== NIL) target.entry = moved;
  return false;
}
