import { globMatches } from "../../base/glob.ts";
import { membersOf } from "../../dataset/members.ts";
import { Piece } from "../../dataset/piece.ts";
import { collectRefs, refPiece, SetView } from "../../dataset/set/view.ts";
import { ENCODING_BIG } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { BUCKETS_AN_ELEMENT, readCursor, readScanOptions, scanOptions } from "../scan_options.ts";
import { readSet, replyRef } from "./open.ts";

const view = new SetView();
const page = new EntryList(64);
const piece = new Piece();

/** SSCAN key cursor [MATCH pattern] [COUNT count]; a packed set comes whole, as in Redis. */
export const sscan: CommandDefinition = {
  name: "SSCAN",
  group: "set",
  since: "2.8.0",
  summary: "Iterates over members of a set.",
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
  ],
  run(call) {
    const { reply } = call;
    const cursor = readCursor(call, 2);
    if (cursor === undefined || !readSet(call, 1, view)) return;
    // A missing key is answered before the options are looked at.
    if (view.entry !== NIL && !readScanOptions(call, 3, { type: false, noValues: false })) return;
    page.clear();
    const next = view.entry === NIL ? 0 : readPage(call, cursor);
    reply.array(2);
    reply.numberText(next >>> 0);
    reply.array(page.count);
    for (let i = 0; i < page.count; i++) replyRef(call, view, page.items[i]!);
    if (page.items.length > 4096) page.items = new Int32Array(64);
  },
};

/** Fills `page` with the members that match, and returns the next cursor. */
function readPage(call: Call, from: number): number {
  const { count, pattern } = scanOptions;
  let cursor = 0;
  if (view.encoding === ENCODING_BIG) {
    const table = membersOf(call.dataset, view.root);
    let buckets = count * BUCKETS_AN_ELEMENT;
    cursor = from;
    do cursor = table.scanInto(cursor, page);
    while (cursor !== 0 && buckets-- > 0 && page.count < count);
  } else collectRefs(call.dataset, view, page);
  if (pattern !== 0) keepMatching(call, pattern);
  return cursor;
}

function keepMatching(call: Call, pattern: number): void {
  const { input } = call;
  let kept = 0;
  for (let i = 0; i < page.count; i++) {
    const ref = page.items[i]!;
    refPiece(call.dataset, view, ref, piece);
    const { bytes, offset, length } = piece;
    if (globMatches(input, call.start(pattern), call.length(pattern), bytes, offset, length, false)) {
      page.items[kept++] = ref;
    }
  }
  page.count = kept;
}
