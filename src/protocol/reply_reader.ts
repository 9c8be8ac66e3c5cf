/**
 * Reads replies back into JavaScript values, for the in-process API.
 *
 * ```
 * +text        string           $ bytes       Buffer           * ~ >   array
 * :number      number, bigint   $-1 *-1 _     null             %       Map
 * ,double      number           # boolean     boolean          =       string (verbatim)
 * -error       ReplyError, also inside arrays                  (       bigint
 * ```
 */

import { latin1 } from "../base/bytes.ts";
import { check } from "../base/check.ts";

/** An error reply. `message` is the text as a client sees it, `code` its first word ("ERR", "WRONGTYPE"). */
export class ReplyError extends Error {
  readonly code: string;

  constructor(text: string) {
    super(text);
    this.name = "ReplyError";
    this.code = text.split(" ", 1)[0] ?? "";
  }
}

export type Reply = null | string | number | bigint | boolean | Buffer | ReplyError | Reply[] | Map<Reply, Reply>;

export class ReplyReader {
  private readonly bytes: Uint8Array;
  private at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** The next reply; the bytes hold it whole. Buffers are copies. */
  read(): Reply {
    const kind = this.bytes[this.at++]!;
    const line = this.line();
    switch (kind) {
      case 43: // +
        return line;
      case 45: // -
        return new ReplyError(line);
      case 58: // :
        return integer(line);
      case 44: // ,
        return line === "inf" ? Number.POSITIVE_INFINITY : line === "-inf" ? Number.NEGATIVE_INFINITY : Number(line);
      case 40: // (
        return BigInt(line);
      case 35: // #
        return line === "t";
      case 95: // _
        return null;
      case 36: // $
        return line === "-1" ? null : this.bulk(Number(line));
      case 61: // =
        return latin1(this.bulk(Number(line))).slice(4);
      case 42: // *
      case 126: // ~
      case 62: // >
        return line === "-1" ? null : this.list(Number(line));
      case 37: // %
        return this.map(Number(line));
      default:
        check(false, "a reply begins with a known byte");
    }
  }

  private line(): string {
    const start = this.at;
    let end = start;
    while (end < this.bytes.length && this.bytes[end] !== 13) end++;
    check(end < this.bytes.length, "a reply is there whole");
    this.at = end + 2;
    return latin1(this.bytes, start, end);
  }

  private bulk(length: number): Buffer {
    const start = this.at;
    this.at = start + length + 2;
    return Buffer.from(this.bytes.subarray(start, start + length));
  }

  private list(count: number): Reply[] {
    const items: Reply[] = [];
    for (let i = 0; i < count; i++) items.push(this.read());
    return items;
  }

  private map(pairs: number): Map<Reply, Reply> {
    const map = new Map<Reply, Reply>();
    for (let i = 0; i < pairs; i++) {
      const key = this.read();
      map.set(Buffer.isBuffer(key) ? key.toString() : key, this.read());
    }
    return map;
  }
}

function integer(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
