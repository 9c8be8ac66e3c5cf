import { releaseEntry } from "../../dataset/entries.ts";
import { EVENT_GENERIC, EVENT_STRING } from "../../dataset/key_events.ts";
import { NO_EXPIRY, readString, storeString, stringLength } from "../../dataset/strings.ts";
import { ENCODING_RAW, TYPE_STRING } from "../../dataset/types.ts";
import { Blob, createBlob, writeBlob, writeReference } from "../../structure/blob.ts";
import { createEntry, freeEntry, OUT_OF_LINE } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { OUT_OF_MEMORY, SYNTAX_ERROR, WRONG_TYPE } from "../messages.ts";
import { isOtherType } from "../string/store.ts";
import { AND, combine, invert, NOT, OR, XOR } from "./combine.ts";

/** The operation goes over the sources in pieces of this many bytes, which the processor's cache holds. */
const PIECE_BYTES = 64 * 1024;

const result = new Uint8Array(PIECE_BYTES);
const resultWords = new Int32Array(result.buffer);
const piece = new Uint8Array(PIECE_BYTES);
const pieceWords = new Int32Array(piece.buffer);
const blob = new Blob();

/** BITOP AND | OR | XOR | NOT destkey key [key …] */
export const bitop: CommandDefinition = {
  name: "BITOP",
  group: "bitmap",
  since: "2.6.0",
  summary: "Performs bitwise operations on multiple strings, and stores the result.",
  complexity: "O(N)",
  arity: -4,
  flags: ["write", "denyoom"],
  keys: [keysAt(["OW", "update"], 2), keysAt(["RO", "access"], 3, -1)],
  args: [
    oneOf("operation", [token("AND"), token("OR"), token("XOR"), token("NOT")]),
    argument("destkey", "key", { keySpec: 0 }),
    argument("key", "key", { keySpec: 1, multiple: true }),
  ],
  run(call) {
    const { reply } = call;
    const operation = operationOf(call);
    if (operation === -1) return reply.error(SYNTAX_ERROR);
    if (operation === NOT && call.argc !== 4) {
      return reply.error("ERR BITOP NOT must be called with a single source key.");
    }
    const sources = new Int32Array(call.argc - 3);
    let length = 0;
    for (let i = 3; i < call.argc; i++) {
      const source = call.read(i);
      if (isOtherType(call, source)) return reply.error(WRONG_TYPE);
      sources[i - 3] = source;
      if (source !== 0) length = Math.max(length, stringLength(call.dataset.arena, source));
    }
    const target = call.write(2);
    if (length === 0) {
      if (target !== 0) {
        call.changed(2);
        call.db.remove(target, call.hash(2));
        call.notify(EVENT_GENERIC, "del", 2);
      }
      return reply.integer(0);
    }
    const stored =
      length <= PIECE_BYTES
        ? storeShort(call, operation, sources, target, length)
        : storeLong(call, operation, sources, target, length);
    if (!stored) return reply.error(OUT_OF_MEMORY);
    call.changed(2);
    call.notify(EVENT_STRING, "set", 2);
    reply.integer(length);
  },
};

function operationOf(call: Call): number {
  if (call.is(1, "AND")) return AND;
  if (call.is(1, "OR")) return OR;
  if (call.is(1, "XOR")) return XOR;
  if (call.is(1, "NOT")) return NOT;
  return -1;
}

function storeShort(call: Call, operation: number, sources: Int32Array, target: number, length: number): boolean {
  compute(call, operation, sources, 0, length);
  const { db, input } = call;
  const hash = call.hash(2);
  const start = call.start(2);
  return storeString(db, input, start, call.length(2), hash, target, result, 0, length, NO_EXPIRY, ENCODING_RAW) !== 0;
}

/** The target may be one of the sources: the result grows in an entry of its own, which takes the place when it is complete. */
function storeLong(call: Call, operation: number, sources: Int32Array, target: number, length: number): boolean {
  const { db, dataset, input } = call;
  const { allocator, arena } = dataset;
  const hash = call.hash(2);
  const start = call.start(2);
  const entry = createEntry(allocator, TYPE_STRING, ENCODING_RAW, input, start, call.length(2), OUT_OF_LINE, false);
  if (entry === 0) return false;
  if (!createBlob(allocator, blob, length)) {
    freeEntry(allocator, entry);
    return false;
  }
  writeReference(arena, entry, blob);
  for (let at = 0; at < length; at += PIECE_BYTES) {
    const bytes = Math.min(PIECE_BYTES, length - at);
    compute(call, operation, sources, at, bytes);
    writeBlob(arena, blob, at, result, 0, bytes);
  }
  if (target === 0 ? db.insert(entry, hash) : db.replace(target, entry, hash)) return true;
  releaseEntry(dataset, entry);
  return false;
}

/** Bytes [offset, offset + length) of the result, into `result`. */
function compute(call: Call, operation: number, sources: Int32Array, offset: number, length: number): void {
  const words = (length + 3) >>> 2;
  load(call, sources[0]!, offset, length, result);
  if (operation === NOT) invert(resultWords, words);
  for (let i = 1; i < sources.length; i++) {
    load(call, sources[i]!, offset, length, piece);
    combine(operation, resultWords, pieceWords, words);
  }
}

/** Bytes of a source (0: none), zeros behind its end. */
function load(call: Call, source: number, offset: number, length: number, into: Uint8Array): void {
  const { arena } = call.dataset;
  const rest = source === 0 ? 0 : Math.max(0, stringLength(arena, source) - offset);
  const bytes = Math.min(rest, length);
  if (bytes > 0) readString(arena, source, offset, into, 0, bytes);
  if (bytes < length) into.fill(0, bytes, length);
}
