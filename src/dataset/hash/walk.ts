/**
 * Fields of a whole hash as a list of their names' places: positions of elements in the small hash that is open, or members. Fields whose
 * time has passed are left out.
 */
import { type Random, uniform } from "../../base/random.ts";
import { NIL } from "../../memory/layout.ts";
import { entryEncoding } from "../../structure/entry.ts";
import type { EntryList } from "../../structure/entry_list.ts";
import { elementBytes, endPosition, LISTPACK_HEADER_BYTES } from "../../structure/listpack.ts";
import type { Dataset } from "../dataset.ts";
import { membersOf } from "../members.ts";
import { bigWord0, openPack } from "../packed.ts";
import { ENCODING_BIG, ENCODING_LISTPACK } from "../types.ts";
import { memberExpiry } from "./big.ts";
import { hasExpiringFields, isPast } from "./expiring.ts";
import { expiryAt, small } from "./field.ts";

/** Draws of a member that has not expired before all are looked at. */
const RANDOM_TRIES = 100;

/** Appends all fields to `out`. */
export function collectFields(dataset: Dataset, entry: number, out: EntryList): void {
  const { arena } = dataset;
  const encoding = entryEncoding(arena, entry);
  if (encoding < ENCODING_BIG) {
    openPack(arena, entry, small);
    const { bytes, offset } = small;
    const end = endPosition(bytes, offset);
    for (let at = offset + LISTPACK_HEADER_BYTES; at < end; ) {
      if (encoding === ENCODING_LISTPACK || !isPast(dataset, expiryAt(bytes, at))) out.push(at);
      at += elementBytes(bytes, at);
      at += elementBytes(bytes, at);
      if (encoding !== ENCODING_LISTPACK) at += elementBytes(bytes, at);
    }
    return;
  }
  let cursor = 0;
  do cursor = scanFields(dataset, entry, cursor, out);
  while (cursor !== 0);
}

/** One step of a scan over a big hash: appends the fields found to `out` and returns the next cursor. */
export function scanFields(dataset: Dataset, entry: number, cursor: number, out: EntryList): number {
  const { arena } = dataset;
  const from = out.count;
  const next = membersOf(dataset, bigWord0(arena, entry)).scanInto(cursor, out);
  if (!hasExpiringFields(arena, entry)) return next;
  let kept = from;
  for (let i = from; i < out.count; i++) {
    const member = out.items[i]!;
    if (!isPast(dataset, memberExpiry(dataset, member))) out.items[kept++] = member;
  }
  out.count = kept;
  return next;
}

/** A member of a big hash, each as likely as the other; NIL: all that were drawn have expired. */
export function randomMember(dataset: Dataset, entry: number, random: Random): number {
  const table = membersOf(dataset, bigWord0(dataset.arena, entry));
  for (let tries = 0; tries < RANDOM_TRIES; tries++) {
    const member = table.random(random);
    if (!isPast(dataset, memberExpiry(dataset, member))) return member;
  }
  return NIL;
}

/** Leaves `count` fields in a list of more, each choice as likely as another. */
export function chooseFields(fields: EntryList, random: Random, count: number): void {
  const { items } = fields;
  for (let i = 0; i < count; i++) {
    const at = i + uniform(random, fields.count - i);
    const chosen = items[at]!;
    items[at] = items[i]!;
    items[i] = chosen;
  }
  fields.count = count;
}
