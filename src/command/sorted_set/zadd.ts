/** ZADD and ZINCRBY. */
import { EVENT_ZSET } from "../../dataset/key_events.ts";
import { PACK_BYTES_MAX } from "../../dataset/packed.ts";
import {
  ADDED,
  added,
  addMember,
  createSet,
  FULL,
  INCREMENT,
  LEFT_ALONE,
  NOT_A_NUMBER,
  ONLY_EXISTING,
  ONLY_GREATER,
  ONLY_LESS,
  ONLY_NEW,
  UPDATED,
} from "../../dataset/sorted_set/add.ts";
import { convertToBig } from "../../dataset/sorted_set/big.ts";
import { firstPairBytes } from "../../dataset/sorted_set/packed.ts";
import { parseScore } from "../../dataset/sorted_set/scores.ts";
import { isPacked, removeIfEmpty } from "../../dataset/sorted_set/sorted_set.ts";
import { TYPE_ZSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { CLASSES, SLAB_BYTES_MAX } from "../../memory/size_class.ts";
import type { Call } from "../call.ts";
import { argument, block, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { refuseOtherType } from "../elements.ts";
import { NOT_A_FLOAT, OUT_OF_MEMORY, SYNTAX_ERROR } from "../messages.ts";
import { KEY, MEMBER } from "./arguments.ts";
import { replyScore } from "./reply.ts";

/** More than a member with its entry, its slot and its share of tree nodes can take besides its bytes, if every one splits a node. */
const MEMBER_BYTES_MAX = 2048;

/** The scores of the running request: all are read before the first one counts. */
let scores = new Float64Array(16);

/** ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member …] */
export const zadd: CommandDefinition = {
  name: "ZADD",
  group: "sorted-set",
  since: "1.2.0",
  summary: "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist.",
  complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
  arity: -4,
  flags: ["write", "denyoom", "fast"],
  history: [
    ["2.4.0", "Accepts multiple elements."],
    ["3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."],
    ["6.2.0", "Added the `GT` and `LT` options."],
  ],
  keys: [keysAt(["RW", "update"])],
  args: [
    KEY,
    oneOf("condition", [token("NX"), token("XX")], { optional: true, since: "3.0.2" }),
    oneOf("comparison", [token("GT"), token("LT")], { optional: true, since: "6.2.0" }),
    { ...token("CH", { optional: true, since: "3.0.2" }), name: "change" },
    { ...token("INCR", { optional: true, since: "3.0.2" }), name: "increment" },
    block("data", [argument("score", "double"), MEMBER], { multiple: true }),
  ],
  run(call) {
    let flags = 0;
    let countUpdates = false;
    let first = 2;
    for (; first < call.argc; first++) {
      if (call.input[call.start(first)]! < 65) break;
      if (call.is(first, "NX")) flags |= ONLY_NEW;
      else if (call.is(first, "XX")) flags |= ONLY_EXISTING;
      else if (call.is(first, "GT")) flags |= ONLY_GREATER;
      else if (call.is(first, "LT")) flags |= ONLY_LESS;
      else if (call.is(first, "CH")) countUpdates = true;
      else if (call.is(first, "INCR")) flags |= INCREMENT;
      else break;
    }
    const words = call.argc - first;
    if (words === 0 || words % 2 !== 0) return call.reply.error(SYNTAX_ERROR);
    const conflict = flags === 0 ? undefined : conflictOf(flags, words >>> 1);
    if (conflict !== undefined) return call.reply.error(conflict);
    add(call, first, words >>> 1, flags, countUpdates);
  },
};

/** ZINCRBY key increment member */
export const zincrby: CommandDefinition = {
  name: "ZINCRBY",
  group: "sorted-set",
  since: "1.2.0",
  summary: "Increments the score of a member in a sorted set.",
  complexity: "O(log(N)) where N is the number of elements in the sorted set.",
  arity: 4,
  flags: ["write", "denyoom", "fast"],
  keys: [keysAt(["RW", "access", "update"])],
  args: [KEY, argument("increment", "integer"), MEMBER],
  run: (call) => add(call, 2, 1, INCREMENT, false),
};

/** What contradicts itself in the options. */
function conflictOf(flags: number, pairs: number): string | undefined {
  const greater = (flags & ONLY_GREATER) !== 0;
  const less = (flags & ONLY_LESS) !== 0;
  const fresh = (flags & ONLY_NEW) !== 0;
  if (fresh && (flags & ONLY_EXISTING) !== 0) {
    return "ERR XX and NX options at the same time are not compatible";
  }
  if ((greater && fresh) || (less && fresh) || (greater && less)) {
    return "ERR GT, LT, and/or NX options at the same time are not compatible";
  }
  if ((flags & INCREMENT) !== 0 && pairs > 1) return "ERR INCR option supports a single increment-element pair";
  return undefined;
}

/** Adds pairs of score and member from argument `first` on. */
function add(call: Call, first: number, pairs: number, flags: number, countUpdates: boolean): void {
  const { db, dataset, input, reply } = call;
  if (pairs > scores.length) scores = new Float64Array(pairs * 2);
  for (let k = 0; k < pairs; k++) {
    const score = parseScore(input, call.start(first + 2 * k), call.length(first + 2 * k));
    if (score !== score) return reply.error(NOT_A_FLOAT);
    scores[k] = score;
  }
  const hash = call.hash(1);
  let entry = call.write(1);
  if (refuseOtherType(call, entry, TYPE_ZSET)) return;
  if (entry === NIL && (flags & ONLY_EXISTING) !== 0) {
    if ((flags & INCREMENT) !== 0) reply.nil();
    else reply.integer(0);
    return;
  }
  if (pairs > 1 && !dataset.allocator.hasPiece(bytesNeeded(call, first, pairs))) return reply.error(OUT_OF_MEMORY);
  entry = entry === NIL ? create(call, first, pairs, hash) : makeReady(call, entry, hash, pairs);
  if (entry === NIL) return reply.error(OUT_OF_MEMORY);

  let addedCount = 0;
  let updatedCount = 0;
  let outcome = 0;
  let done = 0;
  for (; done < pairs; done++) {
    const member = first + 2 * done + 1;
    const start = call.start(member);
    outcome = addMember(db, entry, hash, scores[done]!, input, start, call.length(member), flags);
    if (outcome === FULL || outcome === NOT_A_NUMBER) break;
    entry = added.entry;
    if (outcome === ADDED) addedCount++;
    else if (outcome === UPDATED) updatedCount++;
  }
  if (addedCount + updatedCount > 0) {
    call.changed(1);
    call.notify(EVENT_ZSET, (flags & INCREMENT) !== 0 ? "zincr" : "zadd", 1);
    if (done < pairs) logSome(call, first + 2 * done);
  }
  if (outcome === NOT_A_NUMBER) reply.error("ERR resulting score is not a number (NaN)");
  else if (outcome === FULL) {
    // A set that was created for this request and got no member is no set.
    // It may have become a big one in vain, and have moved by that.
    if (done === 0) removeIfEmpty(db, added.entry, hash);
    reply.error(OUT_OF_MEMORY);
  } else if ((flags & INCREMENT) === 0) reply.integer(countUpdates ? addedCount + updatedCount : addedCount);
  else if (outcome === LEFT_ALONE) reply.nil();
  else replyScore(reply, added.score);
}

/** An empty set for the pairs. NIL: the address space is full, nothing changed. */
function create(call: Call, first: number, pairs: number, hash: number): number {
  const { db, input } = call;
  const { limits } = call.dataset;
  const start = call.start(first + 1);
  const length = call.length(first + 1);
  const big = pairs > limits.zsetListpackEntries || length > limits.zsetListpackValueBytes;
  const bytes = big || pairs > 1 ? 0 : firstPairBytes(scores[0]!, input, start, length);
  return createSet(db, input, call.start(1), call.length(1), hash, big, bytes);
}

/** As Redis 7.2 and later, so many pairs make a listpack a skiplist even where some are of the same member. NIL as above. */
function makeReady(call: Call, entry: number, hash: number, pairs: number): number {
  if (pairs <= call.dataset.limits.zsetListpackEntries || !isPacked(call.dataset, entry)) return entry;
  return convertToBig(call.db, entry, hash);
}

/** At most so many bytes are needed to add the pairs, a conversion included, with a slab of each size class that can be concerned. */
function bytesNeeded(call: Call, first: number, pairs: number): number {
  // However high the threshold, a packed set is no longer than a pack, and a pair takes four bytes of it or more.
  const members = pairs + Math.min(call.dataset.limits.zsetListpackEntries, PACK_BYTES_MAX >>> 2);
  let bytes = members * MEMBER_BYTES_MAX + Math.min(members + 4, CLASSES) * SLAB_BYTES_MAX;
  for (let k = 0; k < pairs; k++) bytes += 2 * call.length(first + 2 * k + 1);
  return bytes;
}

/** Only the arguments before `end` had an effect: free pages were there, but not where they were needed. */
function logSome(call: Call, end: number): void {
  const effect = call.effect(end);
  for (let i = 0; i < end; i++) effect.argument(call.input, call.start(i), call.length(i));
}
