/**
 * A key as the requests that make it: for filling a new log, and for DEBUG RELOAD without a log.
 *
 * The first request leaves nothing of what the key may hold already, since a key can be written out more than once.
 */
import { formatDouble } from "../base/double.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { readExpiry } from "../dataset/entries.ts";
import { locateString } from "../dataset/strings.ts";
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING, TYPE_ZSET } from "../dataset/types.ts";
import { operationsOf } from "../dataset/value_operations.ts";
import { SEGMENT_SHIFT } from "../memory/layout.ts";
import type { RequestWriter } from "../protocol/request_writer.ts";
import { Span } from "../structure/blob.ts";
import { entryType, hasExpiry, keyLength, keyOffset, valueLength } from "../structure/entry.ts";

/** By type: the command that adds an element. */
const ADDING: readonly string[] = ["", "RPUSH", "SADD", "ZADD", "HSET"];

/** Begins a request of `argc` arguments; the arguments are then written to what it returns. */
export type BeginRequest = (argc: number) => RequestWriter;

const span = new Span();

/** Writes the requests that make an entry with its value and expiry. */
export function writeEntry(dataset: Dataset, entry: number, begin: BeginRequest): void {
  if (entryType(dataset.arena, entry) === TYPE_STRING) writeString(dataset, entry, begin);
  else writeCollection(dataset, entry, begin);
}

function writeCollection(dataset: Dataset, entry: number, begin: BeginRequest): void {
  const { arena } = dataset;
  const key = arena.bytes[entry >>> SEGMENT_SHIFT]!;
  const start = keyOffset(arena, entry);
  const length = keyLength(arena, entry);
  const type = entryType(arena, entry);
  const request = (name: string, argc: number): RequestWriter => {
    const writer = begin(argc);
    writer.text(name);
    writer.argument(key, start, length);
    return writer;
  };
  request("DEL", 2);
  operationsOf(type).forEach(dataset, entry, (first, second, number) => {
    const writer = request(ADDING[type]!, type === TYPE_LIST || type === TYPE_SET ? 3 : 4);
    if (type === TYPE_ZSET) writer.text(formatDouble(number));
    writer.argument(first.bytes, first.offset, first.length);
    if (type !== TYPE_HASH) return;
    writer.argument(second.bytes, second.offset, second.length);
    if (number < 0) return;
    const expiry = request("HPEXPIREAT", 6);
    expiry.integer(number);
    expiry.text("FIELDS");
    expiry.integer(1);
    expiry.argument(first.bytes, first.offset, first.length);
  });
  if (hasExpiry(arena, entry)) request("PEXPIREAT", 3).integer(readExpiry(arena, entry));
}

function writeString(dataset: Dataset, entry: number, begin: BeginRequest): void {
  const { arena } = dataset;
  const expires = hasExpiry(arena, entry);
  const writer = begin(expires ? 5 : 3);
  writer.text("SET");
  writer.argument(arena.bytes[entry >>> SEGMENT_SHIFT]!, keyOffset(arena, entry), keyLength(arena, entry));
  const length = valueLength(arena, entry);
  locateString(arena, entry, 0, length, span);
  if (span.length === length) writer.argument(arena.bytes[span.segment]!, span.offset, length);
  else {
    writer.beginArgument(length);
    for (let at = 0; at < length; at += span.length) {
      locateString(arena, entry, at, length - at, span);
      writer.argumentPiece(arena.bytes[span.segment]!, span.offset, span.length);
    }
    writer.endArgument();
  }
  if (!expires) return;
  writer.text("PXAT");
  writer.integer(readExpiry(arena, entry));
}
