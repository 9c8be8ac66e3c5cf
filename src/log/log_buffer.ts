/**
 * Memory in which effects lie until they are in a file, already in the shape that the file has:
 * ```
 *  [header][payload][header][payload] … free …
 *  0       committed frames          end
 *          ^taken: handed to a write so far
 * ```
 * The engine writes a turn's effects at `payloadStart`, 64 bytes behind `end`, so that committing puts a header in front of
 * them and copies nothing. Frames lie one behind the other, so one write takes all that have gathered.
 *
 * A frame is placed (numbered, checksummed) only when its write begins: until then it belongs to no segment, and after a
 * failed append the same bytes go into the next one.
 */
import { check } from "../base/check.ts";
import { LOG_BUFFER_BYTES, LOG_BUFFERS_IDLE_MAX, LOG_FRAME_PAYLOAD_BYTES_MAX } from "../base/limits.ts";
import {
  DATABASE_NONE,
  FLAG_COMMANDS,
  FLAG_CONTINUES,
  FLAG_MARK,
  FLAG_UNIT_END,
  FRAME_HEADER_BYTES,
  putFrameFields,
} from "./format.ts";

export class LogBuffer {
  readonly bytes: Uint8Array;
  /** End of the committed frames. */
  end = 0;
  /** Frames before this have been handed to a write. */
  taken = 0;
  /** Units before this are in the file; what lies between here and `taken` is under way. */
  written = 0;

  /** `begin` is where the first frame's header will lie. */
  constructor(bytes: Uint8Array, begin = 0) {
    this.bytes = bytes;
    this.end = begin;
    this.taken = begin;
    this.written = begin;
  }

  /** Where the next payload begins. */
  get payloadStart(): number {
    return this.end + FRAME_HEADER_BYTES;
  }

  /** Everything is in the file: begins again. */
  rewind(): void {
    this.end = 0;
    this.taken = 0;
    this.written = 0;
  }

  /** Makes the bytes [payloadStart, payloadStart + length) one unit: a frame, or several (D18). Returns its frames' bytes. */
  commit(
    length: number,
    commands: number,
    database: number,
    firstSequence: number,
    commitMs: number,
    rawClockMs: number,
  ): number {
    const begin = this.end;
    if (length > LOG_FRAME_PAYLOAD_BYTES_MAX) {
      this.splitUnit(length, commands, database, firstSequence, commitMs, rawClockMs);
      return this.end - begin;
    }
    const flags = FLAG_COMMANDS | FLAG_UNIT_END;
    putFrameFields(this.bytes, begin, length, flags, database, commands, firstSequence, commitMs, rawClockMs);
    this.end = begin + FRAME_HEADER_BYTES + length;
    check(this.end <= this.bytes.length, "a unit lies inside its buffer");
    return FRAME_HEADER_BYTES + length;
  }

  /** A frame without commands that says what is durable (D8). */
  commitMark(nextSequence: number, commitMs: number, rawClockMs: number): number {
    check(this.payloadStart <= this.bytes.length, "a mark lies inside its buffer");
    putFrameFields(this.bytes, this.end, 0, FLAG_MARK, DATABASE_NONE, 0, nextSequence, commitMs, rawClockMs);
    this.end += FRAME_HEADER_BYTES;
    return FRAME_HEADER_BYTES;
  }

  /** Moves the chunks of a large payload apart, the last one first, and puts a header in front of each. */
  private splitUnit(
    length: number,
    commands: number,
    database: number,
    firstSequence: number,
    commitMs: number,
    rawClockMs: number,
  ): void {
    const chunks = Math.ceil(length / LOG_FRAME_PAYLOAD_BYTES_MAX);
    const payload = this.payloadStart;
    check(payload + length + (chunks - 1) * FRAME_HEADER_BYTES <= this.bytes.length, "room for continuation headers");
    for (let i = chunks - 1; i >= 0; i--) {
      const from = payload + i * LOG_FRAME_PAYLOAD_BYTES_MAX;
      const bytes = Math.min(LOG_FRAME_PAYLOAD_BYTES_MAX, length - i * LOG_FRAME_PAYLOAD_BYTES_MAX);
      const to = from + i * FRAME_HEADER_BYTES;
      this.bytes.copyWithin(to, from, from + bytes);
      const last = i === chunks - 1;
      const flags = FLAG_COMMANDS | (last ? FLAG_UNIT_END : FLAG_CONTINUES);
      const header = to - FRAME_HEADER_BYTES;
      const count = last ? commands : 0;
      putFrameFields(this.bytes, header, bytes, flags, database, count, firstSequence, commitMs, rawClockMs);
    }
    this.end = payload + length + (chunks - 1) * FRAME_HEADER_BYTES;
  }
}

/** Headers that a unit of `length` bytes needs, in bytes. */
export function unitHeaderBytes(length: number): number {
  return Math.max(1, Math.ceil(length / LOG_FRAME_PAYLOAD_BYTES_MAX)) * FRAME_HEADER_BYTES;
}

/** Where the buffers of a queue come from. */
export interface LogBuffers {
  /** An empty buffer of the usual size, or larger. */
  take(bytesNeeded: number): LogBuffer;
  /** Everything in the buffer is in the file. */
  give(buffer: LogBuffer): void;
}

/** A few idle buffers of the usual size; others are left to the garbage collector. */
export class LogBufferPool implements LogBuffers {
  private readonly idle: LogBuffer[] = [];

  take(bytesNeeded: number): LogBuffer {
    if (bytesNeeded > LOG_BUFFER_BYTES) return new LogBuffer(new Uint8Array(bytesNeeded));
    return this.idle.pop() ?? new LogBuffer(new Uint8Array(LOG_BUFFER_BYTES));
  }

  give(buffer: LogBuffer): void {
    if (buffer.bytes.length !== LOG_BUFFER_BYTES || this.idle.length === LOG_BUFFERS_IDLE_MAX) return;
    buffer.rewind();
    this.idle.push(buffer);
  }
}
