/**
 * Feeds the request parser pieces of bytes as a connection does, and collects what it finds: requests, and the protocol error that
 * ends the connection. What is found must not depend on how the bytes were cut.
 */
import {
  EMPTY,
  INCOMPLETE,
  INLINE,
  PROTOCOL_ERROR,
  RequestParser,
  splitInline,
} from "../../src/protocol/request_parser.ts";

export class RequestStream {
  /** Requests found, each a list of arguments in latin1. */
  readonly requests: string[][] = [];
  /** The protocol error; nothing is read after it. */
  error = "";
  readonly parser: RequestParser;
  /** Largest buffer held, bytes. */
  heldBytesMax = 0;
  private bytes = new Uint8Array(0);
  /** The parser stopped inside a request at the start of `bytes` and may go on from there. */
  private resumable = false;

  constructor(parser: RequestParser = new RequestParser(4)) {
    this.parser = parser;
  }

  feed(piece: Uint8Array): void {
    if (this.error !== "") return;
    const bytes = new Uint8Array(this.bytes.length + piece.length);
    bytes.set(this.bytes);
    bytes.set(piece, this.bytes.length);
    this.heldBytesMax = Math.max(this.heldBytesMax, bytes.length);
    const end = this.read(bytes);
    // What moves in the buffer must be read from its start again.
    if (end > 0) this.resumable = false;
    this.bytes = bytes.slice(end);
  }

  /** Reads all whole requests, returns the offset behind them. */
  private read(bytes: Uint8Array): number {
    const parser = this.parser;
    let at = 0;
    while (at < bytes.length) {
      if (!this.resumable) parser.reset();
      const found = this.resumable ? parser.resume(bytes, at, bytes.length) : parser.next(bytes, at, bytes.length);
      this.resumable = false;
      if (found === INCOMPLETE) {
        if (parser.needed <= bytes.length - at) throw new Error(`needs ${parser.needed} of ${bytes.length - at} bytes`);
        this.resumable = true;
        return at;
      }
      if (found === PROTOCOL_ERROR) {
        this.error = parser.error;
        return bytes.length;
      }
      if (found === INLINE) {
        const inline = splitInline(bytes, at, bytes.length);
        if (inline.error !== "") {
          this.error = inline.error;
          return bytes.length;
        }
        if (inline.end < 0) return at;
        if (inline.args.length > 0) this.requests.push(inline.args.map((arg) => Buffer.from(arg).toString("latin1")));
        at = inline.end;
        continue;
      }
      if (parser.end <= at || parser.end > bytes.length) throw new Error(`request of [${at}, ${parser.end})`);
      if (found !== EMPTY) this.requests.push(this.arguments(bytes));
      at = parser.end;
    }
    return at;
  }

  private arguments(bytes: Uint8Array): string[] {
    const { args, argc, argCount } = this.parser;
    const list: string[] = [];
    for (let i = argCount - argc; i < argCount; i++) {
      const start = args[i * 2]!;
      const length = args[i * 2 + 1]!;
      if (start < 0 || length < 0 || start + length > bytes.length) throw new Error(`argument [${start}, +${length})`);
      list.push(Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString("latin1"));
    }
    return list;
  }
}

/** What the parser finds in `bytes` cut at `cuts`. */
export function readRequests(bytes: Uint8Array, cuts: readonly number[] = []): RequestStream {
  const stream = new RequestStream();
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    stream.feed(bytes.subarray(at, cut));
    at = cut;
  }
  return stream;
}
