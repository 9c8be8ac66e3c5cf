/**
 * Copies of elements: what SORT works on. Looking up weights may remove keys that have expired, and with them what a reference would point
 * to.
 */
import { copyBytes } from "../../base/bytes.ts";
import type { Piece } from "../../dataset/piece.ts";

/** All texts together, bytes: a sort of more is refused. */
const BYTES_MAX = 1 << 30;
const BYTES_KEPT = 1 << 16;

export class TextList {
  bytes = new Uint8Array(1024);
  /** Pairs (start, length); a missing text has the length -1. */
  spans = new Int32Array(128);
  count = 0;
  /** There was no room for a text, which counts as missing then. */
  full = false;
  private used = 0;

  clear(): void {
    this.count = 0;
    this.used = 0;
    this.full = false;
    if (this.bytes.length > BYTES_KEPT) this.bytes = new Uint8Array(1024);
    if (this.spans.length > BYTES_KEPT) this.spans = new Int32Array(128);
  }

  add(piece: Piece): void {
    const { length } = piece;
    const end = this.used + length;
    if (end > this.bytes.length) {
      if (end > BYTES_MAX) {
        this.full = true;
        this.addMissing();
        return;
      }
      const larger = new Uint8Array(Math.min(BYTES_MAX, Math.max(end, this.bytes.length * 2)));
      larger.set(this.bytes.subarray(0, this.used));
      this.bytes = larger;
    }
    if (length <= 64) copyBytes(this.bytes, this.used, piece.bytes, piece.offset, length);
    else this.bytes.set(piece.bytes.subarray(piece.offset, piece.offset + length), this.used);
    this.push(this.used, length);
    this.used = end;
  }

  addMissing(): void {
    this.push(this.used, -1);
  }

  start(i: number): number {
    return this.spans[i << 1]!;
  }

  length(i: number): number {
    return this.spans[(i << 1) + 1]!;
  }

  /** Lets `piece` stand for text i, which is not missing. */
  piece(i: number, piece: Piece): void {
    piece.bytes = this.bytes;
    piece.offset = this.start(i);
    piece.length = this.length(i);
  }

  /** Compares two texts that are not missing, byte by byte; `asC`: only up to the first zero byte, as C's strings end. */
  compare(i: number, j: number, asC: boolean): number {
    const { bytes } = this;
    const a = this.start(i);
    const b = this.start(j);
    const aLength = this.length(i);
    const bLength = this.length(j);
    const common = Math.min(aLength, bLength);
    for (let k = 0; k < common; k++) {
      const byte = bytes[a + k]!;
      const difference = byte - bytes[b + k]!;
      if (difference !== 0) return difference;
      if (asC && byte === 0) return 0;
    }
    if (aLength === bLength) return 0;
    // The longer one goes on with a zero byte: a C string ends there, too.
    if (asC && bytes[(aLength > bLength ? a : b) + common] === 0) return 0;
    return aLength - bLength;
  }

  private push(start: number, length: number): void {
    const at = this.count << 1;
    if (at === this.spans.length) {
      const larger = new Int32Array(this.spans.length * 2);
      larger.set(this.spans);
      this.spans = larger;
    }
    this.spans[at] = start;
    this.spans[at + 1] = length;
    this.count++;
  }
}
