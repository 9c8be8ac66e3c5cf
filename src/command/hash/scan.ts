/** HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]: a small hash comes whole, as in Redis. */
import { globMatches } from "../../base/glob.ts";
import { elementPiece, isBigHash, small } from "../../dataset/hash/field.ts";
import { collectFields, scanFields } from "../../dataset/hash/walk.ts";
import { keyPiece } from "../../dataset/members.ts";
import { Piece } from "../../dataset/piece.ts";
import { NIL } from "../../memory/layout.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt, token } from "../definition.ts";
import { BUCKETS_AN_ELEMENT, readCursor, readScanOptions, scanOptions } from "../scan_options.ts";
import { REFUSED, readHash, replyName, replyValue } from "./access.ts";

/** A list longer than this is not kept. */
const KEPT_MAX = 4096;

const page = new EntryList(64);
const piece = new Piece();
const digits = new Uint8Array(20);

export const hscan: CommandDefinition = {
  name: "HSCAN",
  group: "hash",
  since: "2.8.0",
  summary: "Iterates over fields and values of a hash.",
  complexity:
    "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
  arity: -3,
  flags: ["readonly"],
  tips: ["nondeterministic_output"],
  keys: [keysAt(["RO", "access"])],
  args: [
    argument("key", "key", { keySpec: 0 }),
    argument("cursor", "integer"),
    argument("pattern", "pattern", { token: "MATCH", optional: true }),
    argument("count", "integer", { token: "COUNT", optional: true }),
    token("NOVALUES", { optional: true }),
  ],
  run(call) {
    const { reply } = call;
    const cursor = readCursor(call, 2);
    if (cursor === undefined) return;
    const entry = readHash(call);
    if (entry === REFUSED) return;
    // A missing key is answered before the options are looked at.
    if (entry !== NIL && !readScanOptions(call, 3, { type: false, noValues: true })) return;
    page.clear();
    const next = entry === NIL ? 0 : readPage(call, entry, cursor);
    const { noValues } = scanOptions;
    reply.array(2);
    reply.numberText(next >>> 0);
    reply.array(page.count * (noValues ? 1 : 2));
    for (let i = 0; i < page.count; i++) {
      replyName(call, entry, page.items[i]!);
      if (!noValues) replyValue(call, entry, page.items[i]!);
    }
    if (page.items.length > KEPT_MAX) page.items = new Int32Array(64);
  },
};

/** Fills `page` with the fields that match, and returns the next cursor. */
function readPage(call: Call, entry: number, from: number): number {
  const { count, pattern } = scanOptions;
  let cursor = 0;
  if (isBigHash(call.dataset.arena, entry)) {
    let buckets = count * BUCKETS_AN_ELEMENT;
    cursor = from;
    do cursor = scanFields(call.dataset, entry, cursor, page);
    while (cursor !== 0 && buckets-- > 0 && page.count < count);
  } else collectFields(call.dataset, entry, page);
  if (pattern !== 0) keepMatching(call, entry, pattern);
  return cursor;
}

function keepMatching(call: Call, entry: number, pattern: number): void {
  const { dataset, input } = call;
  const big = isBigHash(dataset.arena, entry);
  let kept = 0;
  for (let i = 0; i < page.count; i++) {
    const field = page.items[i]!;
    if (big) keyPiece(dataset.arena, field, piece);
    else elementPiece(small.bytes, field, piece, digits);
    const { bytes, offset, length } = piece;
    if (globMatches(input, call.start(pattern), call.length(pattern), bytes, offset, length, false)) {
      page.items[kept++] = field;
    }
  }
  page.count = kept;
}
