/**
 * The one write that is in flight: which frames it takes, and how much of it is left to do.
 *
 * Frames of a plain segment are sealed where they lie and written from there. Those of an encrypted one are sealed into memory of this batch: what
 * was committed stays plain, because after a failed write it goes into another segment, under another key.
 */
import { LOG_WRITE_BYTES_MAX } from "../base/limits.ts";
import { FLAG_CONTINUES, FLAG_MARK, frameBytesAt, frameFlagsAt, frameLastSequenceAt } from "./format.ts";
import type { LogBuffer } from "./log_buffer.ts";
import type { SegmentFile } from "./segment_file.ts";
import type { LogStatistics } from "./statistics.ts";

/** Sealed bytes that are kept for the next batch; memory for larger ones goes when they are written. */
const SEALED_BYTES_KEPT = 3 * LOG_WRITE_BYTES_MAX;
const SEALED_BYTES_MIN = 64 * 1024;

export class WriteBatch {
  fd = -1;
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  length = 0;
  position = 0;
  frames = 0;
  lastSequence = 0;
  endsUnit = false;
  private sealed: Uint8Array = new Uint8Array(0);

  /** Gives the next frames of `buffer` their place in `segment`: as many as fit one write. */
  take(buffer: LogBuffer, segment: SegmentFile, durableSequence: number, statistics: LogStatistics): void {
    const from = buffer.taken;
    this.fd = segment.fd;
    this.position = segment.position;
    const { bytes } = buffer;
    const encrypted = segment.encrypted;
    let at = from;
    let length = 0;
    let frames = 0;
    do {
      const flags = frameFlagsAt(bytes, at);
      this.lastSequence = frameLastSequenceAt(bytes, at);
      this.endsUnit = (flags & FLAG_CONTINUES) === 0;
      if ((flags & FLAG_MARK) !== 0) statistics.marks++;
      const frameBytes = frameBytesAt(bytes, at);
      if (encrypted) {
        this.makeRoom(length, segment.bytesOnDisk(frameBytes));
        length += segment.placeSealed(bytes, at, this.sealed, length, durableSequence);
      } else {
        length += segment.place(bytes, at, durableSequence);
      }
      at += frameBytes;
      frames++;
    } while (at < buffer.end && length < LOG_WRITE_BYTES_MAX);
    buffer.taken = at;
    statistics.frames += frames;
    this.frames = frames;
    this.bytes = encrypted ? this.sealed : bytes;
    this.start = encrypted ? 0 : from;
    this.length = length;
  }

  /** So many bytes are in the file. */
  advance(written: number): void {
    this.start += written;
    this.position += written;
    this.length -= written;
  }

  private makeRoom(used: number, needed: number): void {
    const { sealed } = this;
    const spare = sealed.length > SEALED_BYTES_KEPT && used === 0;
    if (used + needed <= sealed.length && !spare) return;
    this.sealed = new Uint8Array(Math.max(SEALED_BYTES_MIN, needed + 2 * used));
    this.sealed.set(sealed.subarray(0, used));
  }
}
