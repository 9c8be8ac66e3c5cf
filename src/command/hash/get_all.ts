/** HGETALL, HKEYS, HVALS: a whole hash, without the fields whose time has passed. */

import { memberExpiry } from "../../dataset/hash/big.ts";
import { isPast } from "../../dataset/hash/expiring.ts";
import { elementsOfField, expiryAt, small } from "../../dataset/hash/field.ts";
import { membersOf } from "../../dataset/members.ts";
import { bigWord0, bigWord1, openPack } from "../../dataset/packed.ts";
import { ENCODING_BIG, ENCODING_BIG_EXPIRING, ENCODING_LISTPACK } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { entryEncoding } from "../../structure/entry.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { elementBytes, endPosition, LISTPACK_HEADER_BYTES, listpackCount } from "../../structure/listpack.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { replyElements } from "../element_run.ts";
import { replyElement, replyMember } from "../elements.ts";
import { replyMembers } from "../member_run.ts";
import { REFUSED, readHash, replyMemberValue } from "./access.ts";

const found = new EntryList(256);

/** HGETALL key */
export const hgetall = wholeHash("HGETALL", "Returns all fields and values in a hash.", true, true);

/** HKEYS key */
export const hkeys = wholeHash("HKEYS", "Returns all fields in a hash.", true, false);

/** HVALS key */
export const hvals = wholeHash("HVALS", "Returns all values in a hash.", false, true);

function wholeHash(name: string, summary: string, names: boolean, values: boolean): CommandDefinition {
  return {
    name,
    group: "hash",
    since: "2.0.0",
    summary,
    complexity: "O(N) where N is the size of the hash.",
    arity: 2,
    flags: ["readonly"],
    tips: ["nondeterministic_output_order"],
    keys: [keysAt(["RO", "access"])],
    args: [argument("key", "key", { keySpec: 0 })],
    run: (call) => replyHash(call, names, values),
  };
}

function replyHash(call: Call, names: boolean, values: boolean): void {
  const entry = readHash(call);
  if (entry === REFUSED) return;
  if (entry === NIL) replyHeader(call, 0, names, values);
  else if (entryEncoding(call.dataset.arena, entry) >= ENCODING_BIG) replyBig(call, entry, names, values);
  else replySmall(call, entry, names, values);
}

function replyHeader(call: Call, fields: number, names: boolean, values: boolean): void {
  if (names && values) call.reply.map(fields);
  else call.reply.array(fields);
}

function replySmall(call: Call, entry: number, names: boolean, values: boolean): void {
  const { dataset, reply } = call;
  const encoding = entryEncoding(dataset.arena, entry);
  openPack(dataset.arena, entry, small);
  const { bytes, offset, segment } = small;
  const elements = elementsOfField(encoding);
  const end = endPosition(bytes, offset);
  let at = offset + LISTPACK_HEADER_BYTES;
  let fields = listpackCount(bytes, offset) / elements;
  if (encoding !== ENCODING_LISTPACK) {
    // Those that expire first stand in front; they are still there only while nothing may be removed.
    while (at < end && isPast(dataset, expiryAt(bytes, at))) {
      for (let i = 0; i < 3; i++) at += elementBytes(bytes, at);
      fields--;
    }
  }
  replyHeader(call, fields, names, values);
  const view = dataset.arena.views[segment]!;
  if (names && values && encoding === ENCODING_LISTPACK) return replyElements(reply, bytes, view, at, end, fields * 2);
  while (at < end) {
    if (names && values) {
      replyElements(reply, bytes, view, at, end, 2);
      for (let i = 0; i < 3; i++) at += elementBytes(bytes, at);
      continue;
    }
    if (names) replyElement(reply, bytes, at);
    at += elementBytes(bytes, at);
    if (values) replyElement(reply, bytes, at);
    at += elementBytes(bytes, at);
    if (encoding !== ENCODING_LISTPACK) at += elementBytes(bytes, at);
  }
}

function replyBig(call: Call, entry: number, names: boolean, values: boolean): void {
  const { dataset, reply } = call;
  const { arena } = dataset;
  const expiring = entryEncoding(arena, entry) === ENCODING_BIG_EXPIRING;
  const root = bigWord0(arena, entry);
  const past = expiring ? countPast(call, bigWord1(arena, entry)) : 0;
  const table = membersOf(dataset, root);
  replyHeader(call, table.count - past, names, values);
  let cursor = 0;
  do {
    found.clear();
    cursor = table.scanInto(cursor, found);
    if (!values && !expiring) {
      replyMembers(reply, arena, found.items, 0, found.count);
      continue;
    }
    for (let i = 0; i < found.count; i++) {
      const member = found.items[i]!;
      if (expiring && isPast(dataset, memberExpiry(dataset, member))) continue;
      if (names) replyMember(reply, arena, member);
      if (values) replyMemberValue(call, member);
    }
  } while (cursor !== 0);
}

/** Members whose time has passed, of a table of those that expire. */
export function countPast(call: Call, root: number): number {
  const { dataset } = call;
  const table = membersOf(dataset, root);
  let past = 0;
  let cursor = 0;
  do {
    found.clear();
    cursor = table.scanInto(cursor, found);
    for (let i = 0; i < found.count; i++) {
      if (isPast(dataset, memberExpiry(dataset, found.items[i]!))) past++;
    }
  } while (cursor !== 0);
  return past;
}
