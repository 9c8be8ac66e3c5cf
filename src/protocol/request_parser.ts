/**
 * Splits request bytes into requests, without copying and without making a JS value of any argument.
 *
 * A request is either a RESP array of bulk strings or an inline line. The parser knows bytes only: what it finds are offsets
 * into the buffer it was given. The array form is the fast path; an inline request is re-encoded as an array by
 * `encodeInline`, so that everything behind the parser sees one form only.
 *
 * Limits and messages are Redis's (networking.c): the '\n' behind a length and the "\r\n" behind a bulk are skipped
 * without being looked at.
 */

import { latin1, viewOf } from "../base/bytes.ts";
import { parseInteger64 } from "../base/integer.ts";
import {
  INLINE_BYTES_MAX,
  REQUEST_ARGUMENTS_MAX,
  UNAUTHENTICATED_ARGUMENTS_MAX,
  UNAUTHENTICATED_BULK_BYTES_MAX,
} from "../base/limits.ts";

/** What `next` found at the cursor. */
export const REQUEST = 1;
/** More bytes are needed; `needed` says how many the buffer must hold from the request's start, at least. */
export const INCOMPLETE = 0;
/** The bytes at the cursor are no array: an inline request, see `splitInline`. */
export const INLINE = 2;
/** A protocol error; `error` says which, and the connection must be closed. */
export const PROTOCOL_ERROR = 3;
/** An array of no elements, to be skipped silently. */
export const EMPTY = 4;

const CR = 13;
const LF = 10;
const STAR = 42;
const DOLLAR = 36;
const MINUS = 45;
const ZERO = 48;

/** What a bulk string's length of two digits takes, bytes. */
const LONG_HEADER_BYTES = 5;
const WORD_BYTES = 4;

/** Not a number, in the number that `readLength` returns. */
const BAD_LENGTH = -2147483648;
/** No CR before the end. */
const NO_LINE = -2147483647;

export class RequestParser {
  /** Pairs (start, length) of every argument found since `reset`, absolute in the buffer. */
  args: Int32Array;
  /** Arguments in `args`. */
  argCount = 0;
  /** Arguments of the request found last. */
  argc = 0;
  /** Offset behind the request found last. */
  end = 0;
  /** After INCOMPLETE: bytes that the request takes at least, from its start. */
  needed = 0;
  /** After PROTOCOL_ERROR: the message as Redis words it, without "-ERR ". */
  error = "";
  /** proto-max-bulk-len. */
  bulkBytesMax = 512 * 1024 * 1024;
  /** Limits for a client that has not authenticated yet. */
  unauthenticated = false;
  /** The request found last has the bytes of the one before it up to its last argument's length: the same command, with arguments alike. */
  alike = false;

  private lineEnd = 0;
  /** The request found last: whose bytes, where it begins, and what stands before its last argument; 0 when there is none to compare with. */
  private lastBytes: Uint8Array | undefined;
  private lastStart = 0;
  private lastHead = 0;
  /** Of a request whose bytes ended between two arguments: its arguments in all and found so far, and where the next begins. */
  private partialCount = 0;
  private partialIndex = 0;
  private partialAt = 0;

  /** `argsCapacity`: arguments that fit before the table grows. */
  constructor(argsCapacity = 2048) {
    this.args = new Int32Array(argsCapacity * 2);
  }

  /** Forgets the arguments found so far. */
  reset(): void {
    this.argCount = 0;
    this.partialIndex = 0;
    this.lastHead = 0;
    this.alike = false;
  }

  /**
   * Makes `next` go on behind the arguments that it found before it said INCOMPLETE, so that a request of a million arguments
   * arriving in small pieces is read once. The request's bytes must lie where they lay, with more behind them.
   */
  resume(bytes: Uint8Array, start: number, limit: number): number {
    this.lastHead = 0;
    if (this.partialIndex === 0) return this.next(bytes, start, limit);
    const index = this.partialIndex;
    this.partialIndex = 0;
    return this.readArguments(bytes, start, limit, this.partialAt, index, this.partialCount);
  }

  /**
   * Looks for one request in `bytes[start, limit)`. On REQUEST its arguments are the last `argc` of `args`. What it has found since `reset`
   * must still lie where it lay.
   */
  next(bytes: Uint8Array, start: number, limit: number): number {
    if (this.lastHead !== 0 && start === this.end && bytes === this.lastBytes && this.repeats(bytes, start, limit)) {
      return REQUEST;
    }
    this.alike = false;
    this.lastHead = 0;
    return this.read(bytes, start, limit);
  }

  /**
   * Is the request at `start` like the one before it but for its last argument? Then it is found. Pipelines mostly repeat one command, and
   * comparing a few words is cheaper than reading them.
   */
  private repeats(bytes: Uint8Array, start: number, limit: number): boolean {
    const { lastStart, lastHead, args, argc } = this;
    let at = start + lastHead;
    if (at + LONG_HEADER_BYTES > limit) return false;
    const view = viewOf(bytes);
    const shift = start - lastStart;
    const lastWord = at - WORD_BYTES;
    for (let i = start; i < lastWord; i += WORD_BYTES) {
      if (view.getInt32(i, true) !== view.getInt32(i - shift, true)) return false;
    }
    if (view.getInt32(lastWord, true) !== view.getInt32(lastWord - shift, true) || bytes[at] !== DOLLAR) return false;
    let length = bytes[at + 1]! - ZERO;
    if (length < 0 || length > 9) return false;
    if (bytes[at + 2] === CR) at += 4;
    else if (length > 0 && bytes[at + 3] === CR && isDigit(bytes[at + 2]!)) {
      length = length * 10 + bytes[at + 2]! - ZERO;
      at += 5;
    } else return false;
    let used = this.argCount << 1;
    if (at + length + 2 > limit || used + (argc << 1) > args.length) return false;
    const back = argc << 1;
    for (let i = 1; i < argc; i++) {
      args[used] = args[used - back]! + shift;
      args[used + 1] = args[used + 1 - back]!;
      used += 2;
    }
    args[used] = at;
    args[used + 1] = length;
    this.argCount += argc;
    this.lastStart = start;
    this.end = at + length + 2;
    this.alike = true;
    return true;
  }

  private read(bytes: Uint8Array, start: number, limit: number): number {
    if (start >= limit) {
      this.needed = 1;
      return INCOMPLETE;
    }
    if (bytes[start] !== STAR) return INLINE;
    this.partialIndex = 0;
    const count = this.readLength(bytes, start + 1, limit);
    if (count === NO_LINE) {
      if (limit - start > INLINE_BYTES_MAX) return this.fail("Protocol error: too big mbulk count string");
      this.needed = limit - start + 1;
      return INCOMPLETE;
    }
    if (count === BAD_LENGTH || count > REQUEST_ARGUMENTS_MAX)
      return this.fail("Protocol error: invalid multibulk length");
    if (this.unauthenticated && count > UNAUTHENTICATED_ARGUMENTS_MAX) {
      return this.fail("Protocol error: unauthenticated multibulk length");
    }
    const at = this.lineEnd;
    if (count <= 0) {
      this.end = at;
      return EMPTY;
    }
    return this.readArguments(bytes, start, limit, at, 0, count);
  }

  private readArguments(
    bytes: Uint8Array,
    start: number,
    limit: number,
    at: number,
    first: number,
    count: number,
  ): number {
    let used = (this.argCount + first) << 1;
    let lastHeader = at;
    for (let i = first; i < count; i++) {
      if (at >= limit) return this.incomplete(at - start + 1, at, i, count);
      if (bytes[at] !== DOLLAR) {
        return this.fail(`Protocol error: expected '$', got '${latin1(bytes, at, at + 1)}'`);
      }
      lastHeader = at;
      // The common lengths have one or two digits: read them without the call.
      let length = bytes[at + 1]! - ZERO;
      if (at + 4 < limit && length >= 0 && length <= 9 && bytes[at + 2] === CR) {
        at += 4;
      } else if (at + 5 < limit && length >= 1 && length <= 9 && bytes[at + 3] === CR && isDigit(bytes[at + 2]!)) {
        length = length * 10 + bytes[at + 2]! - ZERO;
        at += 5;
      } else {
        length = this.readLength(bytes, at + 1, limit);
        if (length === NO_LINE) {
          if (limit - at > INLINE_BYTES_MAX) return this.fail("Protocol error: too big bulk count string");
          return this.incomplete(limit - start + 1, at, i, count);
        }
        if (length < 0 || length > this.bulkBytesMax) return this.fail("Protocol error: invalid bulk length");
        if (this.unauthenticated && length > UNAUTHENTICATED_BULK_BYTES_MAX) {
          return this.fail("Protocol error: unauthenticated bulk length");
        }
        at = this.lineEnd;
      }
      if (at + length + 2 > limit) return this.incomplete(at + length + 2 - start, lastHeader, i, count);
      if (used + 2 > this.args.length) this.grow();
      this.args[used] = at;
      this.args[used + 1] = length;
      used += 2;
      at += length + 2;
    }
    this.argc = count;
    this.argCount += count;
    this.end = at;
    this.lastBytes = bytes;
    this.lastStart = start;
    this.lastHead = lastHeader - start;
    return REQUEST;
  }

  /**
   * Reads a decimal length up to CR, strictly as Redis's string2ll does ("+1", "01" and "" are bad), and sets `lineEnd` behind
   * the "\r\n". Numbers beyond 2^53 are as bad as letters; every negative one is -1.
   */
  private readLength(bytes: Uint8Array, start: number, limit: number): number {
    let at = start;
    const lineMax = start + INLINE_BYTES_MAX < limit ? start + INLINE_BYTES_MAX + 1 : limit;
    while (at < lineMax && bytes[at] !== CR) at++;
    if (at + 1 >= limit || at === lineMax) return NO_LINE;
    this.lineEnd = at + 2;
    const negative = bytes[start] === MINUS;
    const first = negative ? start + 1 : start;
    const digits = at - first;
    if (negative) return parseInteger64(bytes, start, at - start) === undefined ? BAD_LENGTH : -1;
    if (digits < 1 || digits > 15) return BAD_LENGTH;
    if (bytes[first] === ZERO && digits > 1) return BAD_LENGTH;
    let value = 0;
    for (let i = first; i < at; i++) {
      if (!isDigit(bytes[i]!)) return BAD_LENGTH;
      value = value * 10 + bytes[i]! - ZERO;
    }
    return value;
  }

  private incomplete(needed: number, at: number, index: number, count: number): number {
    this.needed = needed;
    this.partialAt = at;
    this.partialIndex = index;
    this.partialCount = count;
    return INCOMPLETE;
  }

  private grow(): void {
    const larger = new Int32Array(this.args.length * 2);
    larger.set(this.args);
    this.args = larger;
  }

  private fail(message: string): number {
    this.error = message;
    return PROTOCOL_ERROR;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

/** What `splitInline` found. */
export interface InlineRequest {
  /** Offset behind the line, or -1 when no line is complete. */
  end: number;
  /** The arguments; none for an empty line. */
  args: Uint8Array[];
  /** A protocol error, "" for none. */
  error: string;
}

/** Splits one inline request in `bytes[start, limit)`, with the quotes and escapes of Redis's sdssplitargs. */
export function splitInline(bytes: Uint8Array, start: number, limit: number): InlineRequest {
  let lineEnd = start;
  while (lineEnd < limit && bytes[lineEnd] !== LF) lineEnd++;
  if (lineEnd === limit) {
    const error = limit - start > INLINE_BYTES_MAX ? "Protocol error: too big inline request" : "";
    return { end: -1, args: [], error };
  }
  const end = lineEnd + 1;
  if (lineEnd > start && bytes[lineEnd - 1] === CR) lineEnd--;
  const args = splitArguments(bytes, start, lineEnd);
  if (args === undefined) return { end, args: [], error: "Protocol error: unbalanced quotes in request" };
  return { end, args, error: "" };
}

/** Words of a line, "double quoted" with \n \r \t \b \a \xHH escapes, or 'single quoted' with \'. Undefined when unbalanced. */
export function splitArguments(bytes: Uint8Array, start: number, end: number): Uint8Array[] | undefined {
  const args: Uint8Array[] = [];
  let at = start;
  for (;;) {
    while (at < end && isSpace(bytes[at]!)) at++;
    if (at >= end || bytes[at] === 0) return args;
    const word: number[] = [];
    let quote = 0;
    for (;;) {
      const byte = at < end ? bytes[at]! : 0;
      if (quote === 34) {
        if (byte === 0) return undefined;
        if (
          byte === 92 &&
          at + 3 < end &&
          bytes[at + 1] === 120 &&
          hex(bytes[at + 2]!) >= 0 &&
          hex(bytes[at + 3]!) >= 0
        ) {
          word.push(hex(bytes[at + 2]!) * 16 + hex(bytes[at + 3]!));
          at += 3;
        } else if (byte === 92 && at + 1 < end) {
          at++;
          word.push(escaped(bytes[at]!));
        } else if (byte === 34) {
          if (at + 1 < end && !isSpace(bytes[at + 1]!)) return undefined;
          at++;
          break;
        } else word.push(byte);
      } else if (quote === 39) {
        if (byte === 0) return undefined;
        if (byte === 92 && at + 1 < end && bytes[at + 1] === 39) {
          at++;
          word.push(39);
        } else if (byte === 39) {
          if (at + 1 < end && !isSpace(bytes[at + 1]!)) return undefined;
          at++;
          break;
        } else word.push(byte);
      } else {
        if (byte === 0 || endsWord(byte)) break;
        if (byte === 34 || byte === 39) quote = byte;
        else word.push(byte);
      }
      at++;
    }
    args.push(Uint8Array.from(word));
  }
}

/** Vertical tab and form feed are space between words, but don't end one: so it is in Redis. */
function endsWord(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

function hex(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 97 && byte <= 102) return byte - 87;
  if (byte >= 65 && byte <= 70) return byte - 55;
  return -1;
}

function escaped(byte: number): number {
  switch (byte) {
    case 110:
      return 10;
    case 114:
      return 13;
    case 116:
      return 9;
    case 98:
      return 8;
    case 97:
      return 7;
    default:
      return byte;
  }
}
