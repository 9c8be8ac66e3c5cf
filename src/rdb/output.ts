/**
 * Bytes of a file or payload on their way out: the counterpart of input.ts.
 *
 * Everything gathers in one buffer. With `drain` the buffer is handed over whenever it is full, which is how a file is written; without it the
 * buffer grows, which is how a payload is made.
 */
import { copyBytes } from "../base/bytes.ts";
import { parseIntegerSafe } from "../base/integer.ts";
import { lzfCompress } from "../base/lzf.ts";
import { TEXT_INT8, TEXT_INT16, TEXT_INT32, TEXT_LZF } from "./format.ts";

const ROOM_BYTES = 64 * 1024;
/** A payload's buffer larger than this is given up after use. */
const ROOM_BYTES_KEPT = 4 * 1024 * 1024;
/** Texts up to this length may be numbers, longer than the second are compressed: Redis's rules. */
const INTEGER_TEXT_BYTES_MAX = 11;
const COMPRESSED_BYTES_MIN = 21;
/** So many bytes must be saved. */
const SAVED_BYTES_MIN = 4;
/** Longer texts go out as they are: LZF would take their memory once more. */
const COMPRESSED_BYTES_MAX = 64 * 1024 * 1024;
const TWO_32 = 4294967296;

export class RdbOutput {
  bytes: Uint8Array;
  position = 0;
  /** Texts are compressed where that makes them shorter: `rdbcompression`. */
  compress = true;
  private readonly drain: ((bytes: Uint8Array, length: number) => void) | undefined;
  private readonly double = new DataView(new ArrayBuffer(8));

  constructor(drain?: (bytes: Uint8Array, length: number) => void, room = ROOM_BYTES) {
    this.bytes = new Uint8Array(room);
    this.drain = drain;
  }

  /** Begins anew. */
  clear(): void {
    if (this.bytes.length > ROOM_BYTES_KEPT) this.bytes = new Uint8Array(ROOM_BYTES);
    this.position = 0;
  }

  /** Hands over what is left. */
  flush(): void {
    if (this.drain === undefined || this.position === 0) return;
    this.drain(this.bytes, this.position);
    this.position = 0;
  }

  /** Makes room for `length` bytes. */
  private reserve(length: number): void {
    if (this.position + length <= this.bytes.length) return;
    if (this.drain !== undefined) {
      this.flush();
      if (length <= this.bytes.length) return;
    }
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.position + length));
    larger.set(this.bytes.subarray(0, this.position));
    this.bytes = larger;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.position++] = value;
  }

  short(value: number): void {
    this.byte(value & 0xff);
    this.byte((value >>> 8) & 0xff);
  }

  word(value: number): void {
    this.reserve(4);
    const { bytes, position: at } = this;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.position += 4;
  }

  /** 64 bits, the low byte first. */
  long(value: number | bigint): void {
    const all = BigInt(value);
    this.word(Number(BigInt.asIntN(32, all)));
    this.word(Number(BigInt.asIntN(32, all >> 32n)));
  }

  binaryDouble(value: number): void {
    this.reserve(8);
    this.double.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.bytes[this.position + i] = this.double.getUint8(i);
    this.position += 8;
  }

  /** A length. */
  count(value: number): void {
    if (value < 64) {
      this.byte(value);
      return;
    }
    this.reserve(9);
    if (value < 16384) {
      this.byte(0x40 | (value >>> 8));
      this.byte(value & 0xff);
      return;
    }
    const wide = value >= TWO_32;
    this.byte(wide ? 0x81 : 0x80);
    if (wide) this.highByteFirst(Math.floor(value / TWO_32));
    this.highByteFirst(value % TWO_32);
  }

  private highByteFirst(value: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.bytes[this.position++] = value >>> shift;
  }

  /** A text, as a number or compressed where that is shorter. */
  text(source: Uint8Array, start: number, length: number): void {
    if (length <= INTEGER_TEXT_BYTES_MAX && this.numberText(source, start, length)) return;
    if (this.compress && length >= COMPRESSED_BYTES_MIN && this.compressedText(source, start, length)) return;
    this.count(length);
    this.raw(source, start, length);
  }

  /** Bytes as they are. */
  raw(source: Uint8Array, start: number, length: number): void {
    let from = start;
    let left = length;
    // What is longer than the buffer goes through it in pieces.
    while (this.drain !== undefined && left > this.bytes.length) {
      this.flush();
      this.append(source, from, this.bytes.length);
      from += this.bytes.length;
      left -= this.bytes.length;
    }
    this.reserve(left);
    this.append(source, from, left);
  }

  private append(source: Uint8Array, start: number, length: number): void {
    copyBytes(this.bytes, this.position, source, start, length);
    this.position += length;
  }

  private numberText(source: Uint8Array, start: number, length: number): boolean {
    const value = parseIntegerSafe(source, start, length);
    if (!(value >= -2147483648 && value <= 2147483647)) return false;
    this.reserve(5);
    if (value >= -128 && value <= 127) {
      this.byte(0xc0 | TEXT_INT8);
      this.byte(value & 0xff);
    } else if (value >= -32768 && value <= 32767) {
      this.byte(0xc0 | TEXT_INT16);
      this.short(value & 0xffff);
    } else {
      this.byte(0xc0 | TEXT_INT32);
      this.word(value);
    }
    return true;
  }

  private compressedText(source: Uint8Array, start: number, length: number): boolean {
    if (length > COMPRESSED_BYTES_MAX) return false;
    // The two lengths before it aren't known yet: it is moved up to them.
    const head = 11;
    this.reserve(head + length);
    const at = this.position + head;
    const packed = lzfCompress(source, start, length, this.bytes, at, length - SAVED_BYTES_MIN);
    if (packed === 0) return false;
    this.byte(0xc0 | TEXT_LZF);
    this.count(packed);
    this.count(length);
    this.bytes.copyWithin(this.position, at, at + packed);
    this.position += packed;
    return true;
  }
}
