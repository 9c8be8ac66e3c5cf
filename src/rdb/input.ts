/**
 * The bytes of a file or payload, read from front to back: single bytes, numbers, lengths and texts (format.ts).
 *
 * A payload lies in one array from the start. A file comes in pieces: whenever more bytes are needed than are there, an array is made that
 * begins with those not read yet and goes on with what `refill` adds. The old one is left as it is, so a text that was read stays readable.
 *
 * Invariant: nothing is read beyond `end`, and nothing is believed: a length that can't be true throws an RdbError before memory is asked for.
 */
import { writeInteger } from "../base/decimal.ts";
import { STRING_BYTES_MAX } from "../base/limits.ts";
import { lzfDecompress } from "../base/lzf.ts";
import { crc64 } from "../platform/checksum.ts";
import { TEXT_INT8, TEXT_INT16, TEXT_INT32, TEXT_LZF } from "./format.ts";
import { RdbError } from "./rdb_error.ts";

/** Adds to `target` from `at` on as many bytes as there are and fit, at least one; returns how many, 0 at the end. */
export type Refill = (target: Uint8Array, at: number) => number;

/** A file is read in pieces of this many bytes. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** A byte of LZF gives less than this many; what claims more is damaged. */
const LZF_RATIO_MAX = 132;
const TWO_32 = 4294967296;

/** A text: `length` bytes from `start` on. It stays until the same Text is read into again. */
export class Text {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  length = 0;
  /** Where texts are put that don't lie in the input as they are. */
  own = new Uint8Array(32);
}

export class RdbInput {
  bytes: Uint8Array;
  position: number;
  end: number;
  private refill: Refill | undefined;
  private readonly pieceBytes: number;
  /** Offset in the file of `bytes[0]`. */
  private before = 0;
  private finished = false;
  /** CRC-64 of what was read before `bytes[sumFrom]`; not made where sumFrom is negative. */
  private readonly sum = new Int32Array(2);
  private sumFrom = -1;
  private readonly double = new DataView(new ArrayBuffer(8));

  constructor(
    bytes: Uint8Array = new Uint8Array(0),
    start = 0,
    end = bytes.length,
    refill?: Refill,
    pieceBytes = PIECE_BYTES,
  ) {
    this.pieceBytes = pieceBytes;
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.refill = refill;
    this.before = -start;
  }

  /** Goes on with another payload. */
  use(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.refill = undefined;
    this.before = -start;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.before + this.position;
  }

  /** From the present position on a checksum is made of what is read. */
  beginSum(): void {
    this.sumFrom = this.position;
    this.sum.fill(0);
  }

  /** The checksum of all that has been read since; its words in an array that stays the same. */
  endSum(): Int32Array {
    this.addToSum();
    this.sumFrom = -1;
    return this.sum;
  }

  private addToSum(): void {
    crc64(this.bytes, this.sumFrom, this.position - this.sumFrom, this.sum);
    this.sumFrom = this.position;
  }

  damaged(message: string, at = this.offset): RdbError {
    return new RdbError("damaged", message, at);
  }

  /** Makes sure that `count` bytes lie behind `position`. */
  need(count: number): void {
    if (this.end - this.position < count) this.fetch(count);
  }

  /** Are there `count` more bytes? Where there are, they lie behind `position`. */
  has(count: number): boolean {
    if (this.end - this.position < count && this.refill !== undefined && !this.finished) this.fetchMore(count);
    return this.end - this.position >= count;
  }

  private fetch(count: number): void {
    if (this.refill !== undefined && !this.finished) this.fetchMore(count);
    if (this.end - this.position < count) {
      throw this.damaged(`cut off: ${count} bytes should follow, ${this.end - this.position} do`);
    }
  }

  private fetchMore(count: number): void {
    if (this.sumFrom >= 0) {
      this.addToSum();
      this.sumFrom = 0;
    }
    const left = this.end - this.position;
    // What is claimed to follow may be a lie: memory for it comes as it does.
    let larger = new Uint8Array(left + Math.max(this.pieceBytes, Math.min(count, PIECE_BYTES)));
    larger.set(this.bytes.subarray(this.position, this.end));
    this.before += this.position;
    this.position = 0;
    this.end = left;
    while (this.end < count) {
      if (this.end === larger.length) {
        const more = new Uint8Array(Math.min(count, larger.length * 2));
        more.set(larger);
        larger = more;
      }
      const read = this.refill!(larger, this.end);
      if (read === 0) {
        this.finished = true;
        break;
      }
      this.end += read;
    }
    this.bytes = larger;
  }

  byte(): number {
    if (this.position === this.end) this.fetch(1);
    return this.bytes[this.position++]!;
  }

  /** 32 bits, the low byte first: a signed pattern. */
  word(): number {
    this.need(4);
    const { bytes, position: at } = this;
    this.position += 4;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  /** 64 bits, the low byte first, signed; NaN beyond ±(2^53 - 1). */
  long(): number {
    const low = this.word();
    const high = this.word();
    const value = high * TWO_32 + (low >>> 0);
    return Number.isSafeInteger(value) ? value : Number.NaN;
  }

  /** Eight bytes of a double. */
  binaryDouble(): number {
    this.need(8);
    for (let i = 0; i < 8; i++) this.double.setUint8(i, this.bytes[this.position + i]!);
    this.position += 8;
    return this.double.getFloat64(0, true);
  }

  /** A length. */
  count(): number {
    const at = this.offset;
    const first = this.byte();
    if (first < 0xc0) return this.lengthAfter(first);
    throw this.damaged("an encoded text where a length should be", at);
  }

  /** A number of elements that take at least `bytesEach` bytes each: in a payload that many bytes must follow. */
  elements(bytesEach: number): number {
    const at = this.offset;
    const count = this.count();
    if (this.refill === undefined && count * bytesEach > this.end - this.position) {
      throw this.damaged(`${count} elements can't follow in ${this.end - this.position} bytes`, at);
    }
    return count;
  }

  private lengthAfter(first: number): number {
    if (first < 0x40) return first;
    if (first < 0x80) return ((first & 63) << 8) | this.byte();
    if (first > 0x81) throw this.damaged(`unknown kind of length ${first}`, this.offset - 1);
    let value = 0;
    for (let left = first === 0x80 ? 4 : 8; left > 0; left--) value = value * 256 + this.byte();
    if (value > Number.MAX_SAFE_INTEGER) throw this.damaged("a length beyond 2^53");
    return value;
  }

  /** Lets `text` stand for the text that follows. */
  text(text: Text): void {
    const first = this.byte();
    if (first >= 0xc0) {
      this.encodedText(first & 63, text);
      return;
    }
    const length = first < 0x40 ? first : this.lengthAfter(first);
    if (length > STRING_BYTES_MAX) throw this.damaged(`a text of ${length} bytes`);
    this.need(length);
    text.bytes = this.bytes;
    text.start = this.position;
    text.length = length;
    this.position += length;
  }

  private encodedText(encoding: number, text: Text): void {
    let value: number;
    if (encoding === TEXT_INT8) value = (this.byte() << 24) >> 24;
    else if (encoding === TEXT_INT16) {
      const low = this.byte();
      value = ((low | (this.byte() << 8)) << 16) >> 16;
    } else if (encoding === TEXT_INT32) value = this.word();
    else if (encoding === TEXT_LZF) return this.compressedText(text);
    else throw this.damaged(`unknown encoding ${encoding} of a text`, this.offset - 1);
    text.bytes = text.own;
    text.start = 0;
    text.length = writeInteger(text.own, 0, value);
  }

  private compressedText(text: Text): void {
    const at = this.offset;
    const packed = this.count();
    const length = this.count();
    if (length > STRING_BYTES_MAX || length > packed * LZF_RATIO_MAX) {
      throw this.damaged(`a compressed text of ${packed} bytes for ${length}`, at);
    }
    this.need(packed);
    if (text.own.length < length || text.own.length > Math.max(length, PIECE_BYTES) * 2) {
      text.own = new Uint8Array(Math.max(32, length));
    }
    const written = lzfDecompress(this.bytes, this.position, packed, text.own, 0, length);
    if (written !== length) throw this.damaged("a compressed text that is damaged", at);
    this.position += packed;
    text.bytes = text.own;
    text.start = 0;
    text.length = length;
  }
}
