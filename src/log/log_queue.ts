/**
 * The committed frames that are not in the file yet, oldest first, in one buffer or several; the engine writes its next
 * effects at the end of the last one.
 *
 * Invariants: a unit lies whole in one buffer. The place that `payloadBytes` and `payloadStart` gave out stays what it is until
 * the next `commit`, whatever is written meanwhile. A frame is taken in order, and its bytes stay until `settle` says that
 * its unit is in the file; `giveBack` makes everything since then to be taken again.
 */
import { check } from "../base/check.ts";
import { TAG_BYTES } from "../base/frame_cipher.ts";
import { LOG_BUFFER_BYTES, LOG_FRAME_PAYLOAD_BYTES_MAX, LOG_UNIT_BYTES_MAX } from "../base/limits.ts";
import { FRAME_HEADER_BYTES } from "./format.ts";
import { LogBuffer, type LogBuffers, unitHeaderBytes } from "./log_buffer.ts";

/** Less room than this at the end of a buffer is not worth beginning a turn in. */
const TURN_ROOM_BYTES_MIN = 128 * 1024;

export class LogQueue {
  /** Committed bytes that are not settled. */
  pendingBytes = 0;
  /** Frames that these are. */
  pendingFrames = 0;
  private readonly pool: LogBuffers;
  private readonly buffers: LogBuffer[];

  constructor(pool: LogBuffers) {
    this.pool = pool;
    this.buffers = [pool.take(LOG_BUFFER_BYTES)];
  }

  /** Of what is pending, should it be encrypted. */
  get bytesOnDiskMax(): number {
    return this.pendingBytes + this.pendingFrames * TAG_BYTES;
  }

  payloadBytes(): Uint8Array {
    const current = this.current();
    if (current.written === current.end) {
      if (current.bytes.length > LOG_BUFFER_BYTES) {
        this.buffers[this.buffers.length - 1] = this.pool.take(LOG_BUFFER_BYTES);
        return this.current().bytes;
      }
      current.rewind();
    }
    if (current.bytes.length - current.payloadStart < TURN_ROOM_BYTES_MIN) {
      this.buffers.push(this.pool.take(LOG_BUFFER_BYTES));
    }
    return this.current().bytes;
  }

  payloadStart(): number {
    return this.current().payloadStart;
  }

  /** Takes the bytes [payloadStart, end) of `payload` as one unit. */
  commit(
    payload: Uint8Array,
    end: number,
    commands: number,
    database: number,
    firstSequence: number,
    commitMs: number,
    rawClockMs: number,
  ): void {
    if (payload !== this.current().bytes) this.adopt(payload, end);
    const current = this.current();
    const length = end - current.payloadStart;
    check(commands > 0 && length > 0, "a commit holds commands");
    check(length <= LOG_UNIT_BYTES_MAX, "a unit is within its limit");
    const bytes = current.commit(length, commands, database, firstSequence, commitMs, rawClockMs);
    this.pendingBytes += bytes;
    this.pendingFrames += (bytes - length) / FRAME_HEADER_BYTES;
  }

  /** A mark goes in a buffer of its own, in front: the engine may be in the middle of the current one. */
  commitMark(nextSequence: number, commitMs: number, rawClockMs: number): void {
    check(this.pendingBytes === 0, "a mark follows what is written");
    const buffer = new LogBuffer(new Uint8Array(FRAME_HEADER_BYTES));
    this.pendingBytes += buffer.commitMark(nextSequence, commitMs, rawClockMs);
    this.pendingFrames++;
    this.buffers.unshift(buffer);
  }

  /** The buffer with the oldest frames; those behind which everything is written go back to the pool. */
  head(): LogBuffer {
    while (this.buffers.length > 1 && this.buffers[0]!.written === this.buffers[0]!.end) {
      this.pool.give(this.buffers.shift()!);
    }
    return this.buffers[0]!;
  }

  /** Everything taken, `frames` frames, is in the file and ends with a whole unit. */
  settle(frames: number): void {
    const buffer = this.buffers[0]!;
    this.pendingFrames -= frames;
    this.pendingBytes -= buffer.taken - buffer.written;
    buffer.written = buffer.taken;
  }

  /** Whole units that were taken but did not get into the file are taken again. */
  giveBack(): void {
    const buffer = this.buffers[0]!;
    buffer.taken = buffer.written;
  }

  private current(): LogBuffer {
    return this.buffers[this.buffers.length - 1]!;
  }

  /** Goes on in a buffer that somebody else made, or in a copy of it where it has no room for continuation headers. */
  private adopt(payload: Uint8Array, end: number): void {
    const outgrown = this.current();
    const begin = outgrown.end;
    const length = end - outgrown.payloadStart;
    let adopted = new LogBuffer(payload, begin);
    if (length > LOG_FRAME_PAYLOAD_BYTES_MAX && end + unitHeaderBytes(length) > payload.length) {
      const roomier = new Uint8Array(end + unitHeaderBytes(length));
      roomier.set(payload.subarray(begin, end), begin);
      adopted = new LogBuffer(roomier, begin);
    }
    if (outgrown.written === outgrown.end) {
      this.buffers.pop();
      this.pool.give(outgrown);
    }
    this.buffers.push(adopted);
  }
}
