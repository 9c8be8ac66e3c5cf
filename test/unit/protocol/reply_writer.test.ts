/** Every kind of reply in both protocols, also when the region is full, and read back by the test client's own decoder. */
import { describe, expect, test } from "vitest";
import { growingSink, PIECE_BYTES, type ReplySink, ReplyWriter } from "../../../src/protocol/reply_writer.ts";
import { decodeReply, encodeReply } from "../../support/reply_value.ts";

function written(protocol: 2 | 3, write: (writer: ReplyWriter) => void, size = 16): string {
  const writer = new ReplyWriter(new Uint8Array(size), growingSink);
  writer.protocol = protocol;
  write(writer);
  return Buffer.from(writer.bytes.subarray(0, writer.position)).toString("latin1");
}

/** The reply's bytes in RESP2 and RESP3, from a region that must grow and from one that need not. */
function check(write: (writer: ReplyWriter) => void, resp2: string, resp3 = resp2): void {
  for (const size of [1, 16, 100_000]) {
    expect(written(2, write, size)).toBe(resp2);
    expect(written(3, write, size)).toBe(resp3);
  }
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

describe("kinds", () => {
  test("ok, status, error", () => {
    check((writer) => writer.ok(), "+OK\r\n");
    check((writer) => writer.status("QUEUED"), "+QUEUED\r\n");
    check((writer) => writer.error("ERR bad\r\nthing"), "-ERR bad  thing\r\n");
  });

  test("errors are counted and their code is kept", () => {
    const writer = new ReplyWriter(new Uint8Array(64), growingSink);
    writer.error("WRONGTYPE Operation");
    writer.error("NOAUTH");
    expect([writer.errors, writer.lastErrorCode]).toEqual([2, "NOAUTH"]);
  });

  test("integers of every size", () => {
    for (const value of [0, 1, 9, 10, 99, 100, 999, 1000, 2147483647, 2147483648, 4294967296, 1e15, 9007199254740991]) {
      check((writer) => writer.integer(value), `:${value}\r\n`);
      if (value > 0) check((writer) => writer.integer(-value), `:${-value}\r\n`);
    }
    check((writer) => writer.integer(-2147483648), ":-2147483648\r\n");
    check((writer) => writer.bigint(-9223372036854775808n), ":-9223372036854775808\r\n");
  });

  test("nulls", () => {
    check((writer) => writer.nil(), "$-1\r\n", "_\r\n");
    check((writer) => writer.nilArray(), "*-1\r\n", "_\r\n");
  });

  test("bulks of every length around the borders of the short forms", () => {
    for (const length of [
      0,
      1,
      9,
      10,
      11,
      63,
      64,
      65,
      99,
      100,
      999,
      1000,
      PIECE_BYTES - 1,
      PIECE_BYTES,
      PIECE_BYTES + 1,
      200_000,
    ]) {
      const text = "ab\r\n\0ÿ".repeat(length).slice(0, length);
      const source = bytes(`..${text}..`);
      check((writer) => writer.bulk(source, 2, length), `$${length}\r\n${text}\r\n`);
      check((writer) => {
        writer.bulkHeader(length);
        writer.copy(source, 2, length >> 1);
        writer.copy(source, 2 + (length >> 1), length - (length >> 1));
        writer.lineBreak();
      }, `$${length}\r\n${text}\r\n`);
    }
    check((writer) => writer.text("hällo"), "$5\r\nh\xe4llo\r\n");
    check((writer) => writer.numberText(-12n), "$3\r\n-12\r\n");
  });

  test("aggregates", () => {
    check((writer) => writer.array(0), "*0\r\n");
    check((writer) => writer.array(123456), "*123456\r\n");
    check((writer) => writer.map(3), "*6\r\n", "%3\r\n");
    check((writer) => writer.set(3), "*3\r\n", "~3\r\n");
    check((writer) => writer.push(3), "*3\r\n", ">3\r\n");
  });

  test("RESP3's own scalars", () => {
    check((writer) => writer.boolean(true), ":1\r\n", "#t\r\n");
    check((writer) => writer.boolean(false), ":0\r\n", "#f\r\n");
    check((writer) => writer.double("3.5"), "$3\r\n3.5\r\n", ",3.5\r\n");
    check(
      (writer) => writer.bigNumber("12345678901234567890"),
      "$20\r\n12345678901234567890\r\n",
      "(12345678901234567890\r\n",
    );
    check((writer) => writer.verbatim("hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n");
    check((writer) => writer.verbatim("# a", "mkd"), "$3\r\n# a\r\n", "=7\r\nmkd:# a\r\n");
  });
});

test("what was written can be read back", () => {
  const reply = written(3, (writer) => {
    writer.map(2);
    writer.text("key");
    writer.array(2);
    writer.integer(-5);
    writer.nil();
    writer.text("set");
    writer.set(1);
    writer.double("1.5");
  });
  expect(encodeReply(decodeReply(Buffer.from(reply, "latin1")))).toBe(reply);
});

test("a muted writer leaves nothing, however much is written", () => {
  const writer = new ReplyWriter(new Uint8Array(PIECE_BYTES * 2), growingSink);
  writer.ok();
  const before = writer.position;
  writer.mute();
  const big = new Uint8Array(500_000);
  writer.bulk(big, 0, big.length);
  for (let i = 0; i < 1000; i++) writer.text("x".repeat(1000));
  writer.unmute();
  writer.status("PONG");
  expect(Buffer.from(writer.bytes.subarray(0, writer.position)).toString("latin1")).toBe("+OK\r\n+PONG\r\n");
  expect(before).toBe(5);
});

test("a sink that hands over what is written gets every byte once, in order, in bounded pieces", () => {
  const region = new Uint8Array(PIECE_BYTES + 100);
  let collected = "";
  const sink: ReplySink = {
    makeRoom(writer, length) {
      expect(length).toBeLessThanOrEqual(PIECE_BYTES);
      collected += Buffer.from(writer.bytes.subarray(0, writer.position)).toString("latin1");
      writer.position = 0;
    },
  };
  const writer = new ReplyWriter(region, sink);
  let expected = "";
  for (let i = 0; i < 300; i++) {
    const text = `${i}`.repeat(i * 7);
    const source = bytes(text);
    writer.bulk(source, 0, source.length);
    writer.integer(i * 1e6);
    expected += `$${text.length}\r\n${text}\r\n:${i * 1e6}\r\n`;
  }
  const huge = bytes("z".repeat(1_000_000));
  writer.bulk(huge, 0, huge.length);
  writer.raw("+".repeat(200_000));
  expected += `$1000000\r\n${"z".repeat(1_000_000)}\r\n${"+".repeat(200_000)}`;
  collected += Buffer.from(writer.bytes.subarray(0, writer.position)).toString("latin1");
  expect(collected === expected).toBe(true);
});
