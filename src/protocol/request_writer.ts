/**
 * Writes requests as RESP arrays of bulk strings: the effects of commands on their way to the log, and the requests of the
 * in-process API.
 *
 * Most effects are requests repeated verbatim. Neighbouring ones lie side by side in the input, so `copy` only remembers the
 * run and extends it; the bytes move once a run, in one bulk copy, when something else is written or `finish` is called.
 * Invariant: the source of a pending run is not overwritten before `finish`.
 */
import { latin1Bytes } from "../base/bytes.ts";

export class RequestWriter {
  bytes: Uint8Array;
  /** Where the next byte goes; bytes before it are written, but for the pending run. */
  position: number;
  /** Requests written since the writer was last handed a buffer. */
  requests = 0;

  private runSource: Uint8Array;
  private runStart = 0;
  private runEnd = 0;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
    this.runSource = bytes;
  }

  /** Goes on in another buffer. Nothing may be pending. */
  use(bytes: Uint8Array, position: number): void {
    this.bytes = bytes;
    this.position = position;
    this.requests = 0;
  }

  /** Bytes written and pending. */
  get length(): number {
    return this.position + (this.runEnd - this.runStart);
  }

  /** Repeats one whole request that lies in `source[start, end)` in array form. */
  copy(source: Uint8Array, start: number, end: number): void {
    this.requests++;
    if (this.runEnd === start && this.runSource === source && this.runStart !== this.runEnd) {
      this.runEnd = end;
      return;
    }
    this.finish();
    this.runSource = source;
    this.runStart = start;
    this.runEnd = end;
  }

  /** Moves the pending run into the buffer. */
  finish(): void {
    const length = this.runEnd - this.runStart;
    if (length === 0) return;
    this.runEnd = this.runStart;
    const start = this.runStart;
    this.ensure(length);
    const target = this.bytes;
    const at = this.position;
    const source = this.runSource;
    if (length > 128) target.set(source.subarray(start, start + length), at);
    else for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
    this.position = at + length;
  }

  /** Begins a request of `argc` arguments; exactly that many argument calls must follow. */
  begin(argc: number): void {
    this.finish();
    this.requests++;
    this.header(42, argc);
  }

  argument(source: Uint8Array, offset: number, length: number): void {
    this.header(36, length);
    this.ensure(length + 2);
    const target = this.bytes;
    const at = this.position;
    if (length > 96) target.set(source.subarray(offset, offset + length), at);
    else for (let i = 0; i < length; i++) target[at + i] = source[offset + i]!;
    target[at + length] = 13;
    target[at + length + 1] = 10;
    this.position = at + length + 2;
  }

  /** An argument of `length` bytes that come in pieces: `argumentPiece` for each, then `endArgument`. */
  beginArgument(length: number): void {
    this.header(36, length);
    this.ensure(length + 2);
  }

  argumentPiece(source: Uint8Array, offset: number, length: number): void {
    this.bytes.set(source.subarray(offset, offset + length), this.position);
    this.position += length;
  }

  endArgument(): void {
    this.bytes[this.position] = 13;
    this.bytes[this.position + 1] = 10;
    this.position += 2;
  }

  /** An ASCII or latin1 text as an argument. */
  text(text: string): void {
    const length = text.length;
    this.header(36, length);
    this.ensure(length + 2);
    const at = this.position;
    for (let i = 0; i < length; i++) this.bytes[at + i] = text.charCodeAt(i);
    this.bytes[at + length] = 13;
    this.bytes[at + length + 1] = 10;
    this.position = at + length + 2;
  }

  /** An integer as an argument, in decimal. */
  integer(value: number | bigint): void {
    this.text(value.toString());
  }

  private header(kind: number, value: number): void {
    this.ensure(16);
    const target = this.bytes;
    let at = this.position;
    target[at++] = kind;
    if (value < 10) target[at++] = 48 + value;
    else if (value < 100) {
      target[at++] = 48 + ((value / 10) | 0);
      target[at++] = 48 + (value % 10);
    } else {
      const digits = value.toString();
      for (let i = 0; i < digits.length; i++) target[at++] = digits.charCodeAt(i);
    }
    target[at++] = 13;
    target[at++] = 10;
    this.position = at;
  }

  private ensure(length: number): void {
    if (this.position + length <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.position + length + 64));
    larger.set(this.bytes.subarray(0, this.position));
    this.bytes = larger;
  }
}

/** One request as bytes, from texts (latin1) and byte arrays. */
export function encodeRequest(args: readonly (string | Uint8Array)[]): Uint8Array {
  const writer = new RequestWriter(new Uint8Array(256));
  writer.begin(args.length);
  for (const arg of args) {
    const bytes = typeof arg === "string" ? latin1Bytes(arg) : arg;
    writer.argument(bytes, 0, bytes.length);
  }
  return writer.bytes.subarray(0, writer.position);
}
