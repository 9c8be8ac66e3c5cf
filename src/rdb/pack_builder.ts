/**
 * A listpack that is being made of texts, outside of the arena, always in the canonical form that Emberlog's own listpacks have. Made once and
 * used again and again; `clear` gives a large one's memory back.
 */
import { Integer64 } from "../structure/integer64.ts";
import {
  elementBytes,
  encodedBytes,
  encodeElement,
  encodeInteger,
  encodeIntegerWords,
  endPosition,
  integerWords,
  isIntegerElement,
  LISTPACK_HEADER_BYTES,
  stringLength,
  stringOffset,
  writeListpackFrame,
} from "../structure/listpack.ts";

/** Longest integer element, back length included. */
const INTEGER_BYTES_MAX = 10;
const ROOM_BYTES = 4096;
const ROOM_BYTES_KEPT = 4 * 1024 * 1024;

const integer = new Integer64();

export class PackBuilder {
  bytes = new Uint8Array(ROOM_BYTES);
  /** Elements so far. */
  count = 0;
  /** The longest text among them; integers don't count. */
  longest = 0;
  private position = LISTPACK_HEADER_BYTES;

  clear(): void {
    if (this.bytes.length > ROOM_BYTES_KEPT) this.bytes = new Uint8Array(ROOM_BYTES);
    this.count = 0;
    this.longest = 0;
    this.position = LISTPACK_HEADER_BYTES;
  }

  /** Bytes of the listpack as it is. */
  get length(): number {
    return this.position + 1;
  }

  text(source: Uint8Array, start: number, length: number): void {
    this.reserve(encodedBytes(source, start, length));
    this.position += encodeElement(this.bytes, this.position, source, start, length);
    this.count++;
    if (length > this.longest) this.longest = length;
  }

  integer(value: number): void {
    this.reserve(INTEGER_BYTES_MAX);
    this.position += encodeInteger(this.bytes, this.position, value);
    this.count++;
  }

  words(low: number, high: number): void {
    this.reserve(INTEGER_BYTES_MAX);
    this.position += encodeIntegerWords(this.bytes, this.position, low, high);
    this.count++;
  }

  /** The element of another, valid listpack at `position`, in its shortest form. */
  element(source: Uint8Array, position: number): void {
    if (!isIntegerElement(source, position)) {
      this.text(source, stringOffset(source, position), stringLength(source, position));
      return;
    }
    integerWords(source, position, integer);
    this.words(integer.low, integer.high);
  }

  /** Takes over all elements of another, valid listpack. */
  elements(source: Uint8Array, base: number): void {
    const end = endPosition(source, base);
    for (let at = base + LISTPACK_HEADER_BYTES; at < end; at += elementBytes(source, at)) this.element(source, at);
  }

  /** Writes header and end mark: `bytes[0, length)` is a listpack then. */
  finish(): void {
    writeListpackFrame(this.bytes, 0, this.length, this.count);
  }

  private reserve(length: number): void {
    const needed = this.position + length + 1;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.position));
    this.bytes = larger;
  }
}
