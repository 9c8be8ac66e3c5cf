/**
 * Values that Emberlog has no place for, read over: streams, and what modules have written.
 *
 * ```
 * module     id (length), then until the end mark: 0; 1 signed and 2 unsigned (length); 3 float (4 bytes); 4 double (8 bytes); 5 text
 * stream     nodes, for each: first id (text), listpack (text)
 *            length, last id (two lengths); from the second version on first id, largest deleted id (two lengths each), entries added
 *            groups, for each: name, last id; from the second version on entries read;
 *              pending, for each: id (16 bytes), time (8 bytes), deliveries
 *              consumers, for each: name, time seen (8 bytes), in the third version time active (8 bytes); pending, for each: id (16 bytes)
 * ```
 */
import { TYPE_MODULE_2, TYPE_STREAM_LISTPACKS, TYPE_STREAM_LISTPACKS_2, TYPE_STREAM_LISTPACKS_3 } from "./format.ts";
import { type RdbInput, Text } from "./input.ts";

const ID_BYTES = 16;
const TIME_BYTES = 8;

const text = new Text();

/** Can a value of this type be read over? */
export function canSkip(type: number): boolean {
  return (
    type === TYPE_MODULE_2 ||
    type === TYPE_STREAM_LISTPACKS ||
    type === TYPE_STREAM_LISTPACKS_2 ||
    type === TYPE_STREAM_LISTPACKS_3
  );
}

export function skipModule(input: RdbInput): void {
  skipWideLength(input);
  for (;;) {
    const at = input.offset;
    const kind = input.count();
    if (kind === 0) return;
    if (kind === 1 || kind === 2) skipWideLength(input);
    else if (kind === 3) skipBytes(input, 4);
    else if (kind === 4) skipBytes(input, 8);
    else if (kind === 5) input.text(text);
    else throw input.damaged(`an unknown part ${kind} of a module's value`, at);
  }
}

/** Reads over a value that `canSkip`. */
export function skipStream(input: RdbInput, type: number): void {
  if (type === TYPE_MODULE_2) return skipModule(input);
  for (let nodes = input.count(); nodes > 0; nodes--) {
    input.text(text);
    input.text(text);
  }
  const later = type !== TYPE_STREAM_LISTPACKS;
  for (let lengths = later ? 8 : 3; lengths > 0; lengths--) skipWideLength(input);
  for (let groups = input.count(); groups > 0; groups--) {
    input.text(text);
    for (let lengths = later ? 3 : 2; lengths > 0; lengths--) skipWideLength(input);
    for (let pending = input.count(); pending > 0; pending--) {
      skipBytes(input, ID_BYTES + TIME_BYTES);
      input.count();
    }
    for (let consumers = input.count(); consumers > 0; consumers--) {
      input.text(text);
      skipBytes(input, type === TYPE_STREAM_LISTPACKS_3 ? 2 * TIME_BYTES : TIME_BYTES);
      for (let pending = input.count(); pending > 0; pending--) skipBytes(input, ID_BYTES);
    }
  }
}

/** A length that may be any number of 64 bits. */
function skipWideLength(input: RdbInput): void {
  const first = input.byte();
  if (first < 0x40) return;
  if (first < 0x80) return skipBytes(input, 1);
  if (first > 0x81) throw input.damaged(`unknown kind of length ${first}`, input.offset - 1);
  skipBytes(input, first === 0x80 ? 4 : 8);
}

function skipBytes(input: RdbInput, count: number): void {
  input.need(count);
  input.position += count;
}
