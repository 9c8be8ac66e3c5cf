/** Replies as bytes (RESP2), made for the model and taken apart again. */
import { ReplyReader } from "../../src/protocol/reply_reader.ts";
import { ReplyFrame } from "../../test/support/reply_frame.ts";

export const OK = "+OK\r\n";
export const NIL = "$-1\r\n";
export const NIL_ARRAY = "*-1\r\n";
export const WRONG_TYPE = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

export function bulk(value: string | undefined): string {
  return value === undefined ? NIL : `$${value.length}\r\n${value}\r\n`;
}

export function integer(value: number): string {
  return `:${value}\r\n`;
}

/** An array of replies. */
export function array(replies: readonly string[]): string {
  return `*${replies.length}\r\n${replies.join("")}`;
}

export function bulks(values: readonly string[]): string {
  return array(values.map(bulk));
}

/** The replies in an array, as bytes; undefined where it is none. */
export function elementsOf(reply: string): string[] | undefined {
  const bytes = Buffer.from(reply, "latin1");
  const head = /^\*(\d+)\r\n/.exec(reply);
  if (head === null) return undefined;
  const elements: string[] = [];
  for (let at = head[0].length, left = Number(head[1]); left > 0; left--) {
    const length = new ReplyFrame().length(bytes, at, bytes.length);
    if (length < 0) return undefined;
    elements.push(reply.slice(at, at + length));
    at += length;
  }
  return elements;
}

/** The strings of a reply: of an array, or the one; undefined where it holds something else. Nil holds none. */
export function stringsOf(reply: string): string[] | undefined {
  const value: unknown = new ReplyReader(Buffer.from(reply, "latin1")).read();
  if (value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  return list.every((each) => Buffer.isBuffer(each)) ? list.map((each) => each.toString("latin1")) : undefined;
}
