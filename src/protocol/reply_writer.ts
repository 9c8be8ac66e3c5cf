/**
 * Writes replies in RESP2 or RESP3 into an output region.
 *
 * The region is shared by all connections of a turn and is not the reply's own: when it is full, the sink makes room, either by
 * handing over what is written (the server) or by growing it (the in-process API). Lengths are therefore always written before
 * the elements, never patched in afterwards: a command collects addresses first when it can't know its count.
 *
 * Invariant: after `ensure(n)`, n ≤ PIECE_BYTES, at least n bytes are free behind `position`.
 */

import { writeInteger } from "../base/decimal.ts";

/** What `ensure` may be asked for at most; longer payloads are written in pieces of this size. */
export const PIECE_BYTES = 64 * 1024;

export interface ReplySink {
  /** Makes room for `length` bytes: on return `writer.bytes.length - writer.position >= length`. */
  makeRoom(writer: ReplyWriter, length: number): void;
}

/** A sink for writers that own their bytes: doubles the buffer. */
export const growingSink: ReplySink = {
  makeRoom(writer, length) {
    const larger = new Uint8Array(Math.max(writer.bytes.length * 2, writer.position + length));
    larger.set(writer.bytes.subarray(0, writer.position));
    writer.bytes = larger;
  },
};

/** Strings up to here, bytes, are written in one go, by a loop. */
export const SHORT_BYTES_MAX = 64;

const CR = 13;
const LF = 10;
const CR_LF = 0x0a0d;
const DOLLAR = 36;
const STAR = 42;

export class ReplyWriter {
  bytes: Uint8Array;
  position = 0;
  /** 2 or 3: the protocol of the connection being served. */
  protocol = 2;
  /** Error replies written; INFO's total_error_replies, and how EXEC and the statistics notice a failure. */
  errors = 0;
  /** Code of the last error ("ERR", "WRONGTYPE"), for errorstats. */
  lastErrorCode = "";

  /** Where the replies being dropped begin; -1 while replies are kept. */
  private mutedFrom = -1;
  private readonly sink: ReplySink;
  /** A view of `viewed`, which is `bytes` unless they have been replaced since. */
  private dataView: DataView;
  private viewed: Uint8Array;

  constructor(bytes: Uint8Array, sink: ReplySink) {
    this.bytes = bytes;
    this.viewed = bytes;
    this.dataView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.sink = sink;
  }

  /** `bytes`, to be written as words at any offset. */
  get view(): DataView {
    if (this.viewed !== this.bytes) this.lookAt(this.bytes);
    return this.dataView;
  }

  ensure(length: number): void {
    if (this.position + length > this.bytes.length) {
      if (this.mutedFrom >= 0) this.position = this.mutedFrom;
      else this.sink.makeRoom(this, length);
    }
  }

  /** Replies are being dropped. */
  get muted(): boolean {
    return this.mutedFrom >= 0;
  }

  /** What is written from here to `unmute` is dropped (CLIENT REPLY OFF). */
  mute(): void {
    this.ensure(PIECE_BYTES);
    this.mutedFrom = this.position;
  }

  unmute(): void {
    if (this.mutedFrom < 0) return;
    this.position = this.mutedFrom;
    this.mutedFrom = -1;
  }

  /** +OK */
  ok(): void {
    this.ensure(5);
    const bytes = this.bytes;
    const at = this.position;
    bytes[at] = 43;
    bytes[at + 1] = 79;
    bytes[at + 2] = 75;
    bytes[at + 3] = CR;
    bytes[at + 4] = LF;
    this.position = at + 5;
  }

  /** A simple string; `text` holds no line break. */
  status(text: string): void {
    this.line(43, text);
  }

  /** An error: `text` begins with its code, as "ERR syntax error" or "WRONGTYPE Operation …". Line breaks become spaces. */
  error(text: string): void {
    this.errors++;
    const space = text.indexOf(" ");
    this.lastErrorCode = space === -1 ? text : text.slice(0, space);
    this.line(45, text.replace(/[\r\n]/g, " "));
  }

  /** An integer reply of any whole number that a double holds exactly. */
  integer(value: number): void {
    this.header(58, value);
  }

  /** An integer reply of a 64-bit number. */
  bigint(value: bigint): void {
    this.line(58, value.toString());
  }

  /** The null of bulk replies. */
  nil(): void {
    if (this.protocol === 3) this.raw("_\r\n");
    else this.raw("$-1\r\n");
  }

  /** The null of array replies, which RESP2 tells apart. */
  nilArray(): void {
    if (this.protocol === 3) this.raw("_\r\n");
    else this.raw("*-1\r\n");
  }

  /** A bulk string of `source[offset, offset + length)`. */
  bulk(source: Uint8Array, offset: number, length: number): void {
    if (length > SHORT_BYTES_MAX) return this.longBulk(source, offset, length);
    this.ensure(SHORT_BYTES_MAX + 8);
    const bytes = this.bytes;
    let at = this.position;
    bytes[at++] = DOLLAR;
    if (length < 10) bytes[at++] = 48 + length;
    else {
      const tens = (length * 205) >>> 11;
      bytes[at] = 48 + tens;
      bytes[at + 1] = 48 + length - tens * 10;
      at += 2;
    }
    bytes[at] = CR;
    bytes[at + 1] = LF;
    at += 2;
    const shift = offset - at;
    const end = at + length;
    for (; at < end; at++) bytes[at] = source[shift + at]!;
    bytes[end] = CR;
    bytes[end + 1] = LF;
    this.position = end + 2;
  }

  /** As `bulk`, `view` showing `source`: faster where there are more than a few bytes. */
  bulkIn(source: Uint8Array, view: DataView, offset: number, length: number): void {
    // Whole words are read to the end.
    if (length > SHORT_BYTES_MAX || length < 4 || offset + SHORT_BYTES_MAX + 4 > source.length) {
      this.bulk(source, offset, length);
      return;
    }
    this.ensure(SHORT_BYTES_MAX + 16);
    const bytes = this.bytes;
    const target = this.view;
    let at = this.position;
    bytes[at++] = DOLLAR;
    if (length < 10) bytes[at++] = 48 + length;
    else {
      const tens = (length * 205) >>> 11;
      bytes[at] = 48 + tens;
      bytes[at + 1] = 48 + length - tens * 10;
      at += 2;
    }
    target.setInt16(at, CR_LF, true);
    at += 2;
    const shift = offset - at;
    const end = at + length;
    // The last word may reach beyond the string, where room was made for it.
    for (; at < end; at += 4) target.setInt32(at, view.getInt32(at + shift, true), true);
    target.setInt16(end, CR_LF, true);
    this.position = end + 2;
  }

  /**
   * As `bulk`, of at most SHORT_BYTES_MAX bytes that begin at a word, and with whole words readable to the end: by far the fastest way to
   * write many.
   */
  shortBulk(words: Int32Array, word: number, length: number): void {
    this.ensure(SHORT_BYTES_MAX + 16);
    const bytes = this.bytes;
    const { view } = this;
    let at = this.position;
    bytes[at++] = DOLLAR;
    if (length < 10) bytes[at++] = 48 + length;
    else {
      const tens = (length * 205) >>> 11;
      bytes[at] = 48 + tens;
      bytes[at + 1] = 48 + length - tens * 10;
      at += 2;
    }
    bytes[at] = CR;
    bytes[at + 1] = LF;
    at += 2;
    const end = at + length;
    let source = word;
    // The last word may reach beyond the string, where room was made for it.
    for (; at < end; at += 4) view.setInt32(at, words[source++]!, true);
    bytes[end] = CR;
    bytes[end + 1] = LF;
    this.position = end + 2;
  }

  private lookAt(bytes: Uint8Array): void {
    this.viewed = bytes;
    this.dataView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private longBulk(source: Uint8Array, offset: number, length: number): void {
    this.header(DOLLAR, length);
    this.copy(source, offset, length);
    this.lineBreak();
  }

  /** Announces a bulk string of `length` bytes; the caller goes on with `copy` and ends with `lineBreak`. */
  bulkHeader(length: number): void {
    this.header(DOLLAR, length);
  }

  /** Bytes inside a bulk string that `bulkHeader` announced, in pieces of any size. */
  copy(source: Uint8Array, offset: number, length: number): void {
    let done = 0;
    while (done < length) {
      const piece = length - done < PIECE_BYTES ? length - done : PIECE_BYTES;
      this.ensure(piece);
      this.bytes.set(source.subarray(offset + done, offset + done + piece), this.position);
      this.position += piece;
      done += piece;
    }
  }

  lineBreak(): void {
    this.ensure(2);
    this.bytes[this.position] = CR;
    this.bytes[this.position + 1] = LF;
    this.position += 2;
  }

  /** A bulk string of a latin1 text, one byte a character. */
  text(text: string): void {
    this.header(DOLLAR, text.length);
    this.raw(text);
    this.lineBreak();
  }

  /** A whole number as a bulk string. */
  numberText(value: number | bigint): void {
    this.text(value.toString());
  }

  array(count: number): void {
    this.header(STAR, count);
  }

  /** A map of `pairs` pairs: in RESP2 an array of twice as many elements. */
  map(pairs: number): void {
    if (this.protocol === 3) this.header(37, pairs);
    else this.header(STAR, pairs * 2);
  }

  set(count: number): void {
    this.header(this.protocol === 3 ? 126 : STAR, count);
  }

  push(count: number): void {
    this.header(this.protocol === 3 ? 62 : STAR, count);
  }

  /** Attributes exist in RESP3 only; the caller must not write the pairs in RESP2. */
  attribute(pairs: number): void {
    this.header(124, pairs);
  }

  boolean(value: boolean): void {
    if (this.protocol === 3) this.raw(value ? "#t\r\n" : "#f\r\n");
    else this.raw(value ? ":1\r\n" : ":0\r\n");
  }

  /** A double given as Redis prints it. */
  double(text: string): void {
    if (this.protocol === 3) this.line(44, text);
    else this.text(text);
  }

  /** A double that is a whole number of 32 bits and not -0: the common score. */
  wholeDouble(value: number): void {
    if (this.protocol === 3) return this.header(44, value);
    this.header(DOLLAR, decimalLength(value));
    this.ensure(24);
    this.position = decimal(this.bytes, this.position, value);
    this.lineBreak();
  }

  /** A double whose text is `source[offset, offset + length)`, a short one. */
  doubleBytes(source: Uint8Array, offset: number, length: number): void {
    if (this.protocol !== 3) return this.bulk(source, offset, length);
    this.ensure(length + 3);
    const bytes = this.bytes;
    let at = this.position;
    bytes[at++] = 44;
    for (let i = 0; i < length; i++) bytes[at + i] = source[offset + i]!;
    bytes[at + length] = CR;
    bytes[at + length + 1] = LF;
    this.position = at + length + 2;
  }

  /** A number beyond 64 bits, in decimal. */
  bigNumber(text: string): void {
    if (this.protocol === 3) this.line(40, text);
    else this.text(text);
  }

  /** A verbatim string; `format` has three characters ("txt", "mkd"). */
  verbatim(text: string, format = "txt"): void {
    if (this.protocol !== 3) return this.text(text);
    this.header(61, text.length + 4);
    this.raw(`${format}:`);
    this.raw(text);
    this.lineBreak();
  }

  /** Bytes that are a reply already. */
  raw(text: string): void {
    let done = 0;
    while (done < text.length) {
      const piece = text.length - done < PIECE_BYTES ? text.length - done : PIECE_BYTES;
      this.ensure(piece);
      const bytes = this.bytes;
      const at = this.position;
      for (let i = 0; i < piece; i++) bytes[at + i] = text.charCodeAt(done + i);
      this.position = at + piece;
      done += piece;
    }
  }

  private line(kind: number, text: string): void {
    this.ensure(1);
    this.bytes[this.position++] = kind;
    this.raw(text);
    this.lineBreak();
  }

  private header(kind: number, value: number): void {
    this.ensure(32);
    const bytes = this.bytes;
    let at = this.position;
    bytes[at++] = kind;
    at = decimal(bytes, at, value);
    bytes[at] = CR;
    bytes[at + 1] = LF;
    this.position = at + 2;
  }
}

/** Bytes of a whole number of 32 bits in decimal. */
function decimalLength(value: number): number {
  if (value >= 0 && value < 10) return 1;
  const magnitude = value < 0 ? -value : value;
  let digits = value < 0 ? 2 : 1;
  for (let bound = 10; digits < 11 && magnitude >= bound; bound *= 10) digits++;
  return digits;
}

/** Writes a whole number in decimal, returns the offset behind it. */
function decimal(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value < 10) {
    bytes[at] = 48 + value;
    return at + 1;
  }
  if (value === (value | 0) || Number.isSafeInteger(value)) return writeInteger(bytes, at, value);
  const text = value.toString();
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}
