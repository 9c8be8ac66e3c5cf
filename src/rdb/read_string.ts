/** Reads strings: one text. */
import { encodingOf } from "../dataset/strings.ts";
import { TYPE_STRING } from "../dataset/types.ts";
import { NIL } from "../memory/layout.ts";
import { Blob, createBlob, writeBlob, writeReference } from "../structure/blob.ts";
import { createEntry, fitsInline, freeEntry, OUT_OF_LINE } from "../structure/entry.ts";
import type { ReadContext } from "./context.ts";

const blob = new Blob();

/** The entry, in no table; NIL: the address space is full. */
export function readString(context: ReadContext): number {
  const { dataset, text, key, keyStart, keyBytes, expires } = context;
  const { arena, allocator } = dataset;
  context.input.text(text);
  const { bytes, start, length } = text;
  const encoding = encodingOf(bytes, start, length);
  if (fitsInline(keyBytes, length, expires)) return context.storePacked(TYPE_STRING, encoding, bytes, start, length);
  const entry = createEntry(allocator, TYPE_STRING, encoding, key, keyStart, keyBytes, OUT_OF_LINE, expires);
  if (entry === NIL) return NIL;
  if (!createBlob(allocator, blob, length)) {
    freeEntry(allocator, entry);
    return NIL;
  }
  writeBlob(arena, blob, 0, bytes, start, length);
  writeReference(arena, entry, blob);
  return entry;
}
