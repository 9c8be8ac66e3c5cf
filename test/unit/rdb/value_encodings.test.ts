/** Every encoding that a Redis or Valkey has ever written is read, and what it gives is what the commands would have made. */
import { expect, test } from "vitest";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { bodies, int64, intset, length, listpack, text, ziplist, zipmap } from "../../support/rdb_bodies.ts";
import { withFooter } from "../../support/rdb_payload.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const client = new EngineClient();

test.each(bodies)("$name", ({ bytes, version, like, encoding }) => {
  const other = new EngineClient();
  client.command("FLUSHALL");
  expect(client.command("RESTORE", "k", 0, withFooter(bytes, version))).toBe("+OK\r\n");
  for (const command of like) expect(other.command(...command)).not.toMatch(/^-/);
  expect(stateDigest(client.engine.dataset)).toBe(stateDigest(other.engine.dataset));
  const expected = encoding === undefined ? other.command("OBJECT", "ENCODING", "k") : bulkOf(encoding);
  expect(client.command("OBJECT", "ENCODING", "k")).toBe(expected);
  expect(verifyDataset(client.engine.dataset)).toEqual([]);
  // And what is written of it gives the same again, with an expiry, compressed or not.
  const before = stateDigest(client.engine.dataset);
  for (const compress of [true, false]) {
    client.engine.dataset.rdbCompression = compress;
    const reply = client.command("DUMP", "k");
    const payload = Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1");
    expect(client.command("RESTORE", "k", 4_000_000_000_000, payload, "REPLACE", "ABSTTL")).toBe("+OK\r\n");
    expect(verifyDataset(client.engine.dataset)).toEqual([]);
    client.command("PERSIST", "k");
    expect(stateDigest(client.engine.dataset)).toBe(before);
  }
});

const bulkOf = (value: string): string => `$${value.length}\r\n${value}\r\n`;
const typed = (type: number, ...parts: Buffer[]): Buffer => Buffer.concat([Buffer.from([type]), ...parts]);
const changed = (bytes: Buffer, at: number, value: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at < 0 ? bytes.length + at : at] = value;
  return copy;
};

const refused: readonly (readonly [name: string, bytes: Buffer, version?: number])[] = [
  ["nothing", Buffer.alloc(0)],
  ["a type that there is not", typed(8, text("a"))],
  ["an opcode", typed(255)],
  ["a length of an unknown kind", typed(0, Buffer.from([0x83, 1, 1]))],
  ["a length beyond everything", typed(0, Buffer.from([0x81, 255, 255, 255, 255, 255, 255, 255, 255]))],
  ["a text of an unknown encoding", typed(0, Buffer.from([0xc4, 1]))],
  ["a compressed text that claims too much", typed(0, Buffer.from([0xc3, 1, 0x80, 0x10, 0, 0, 0, 0]))],
  ["a compressed text that is shorter than it says", typed(0, Buffer.from([0xc3, 2, 5, 0, 97]))],
  ["a compressed text that copies from before its beginning", typed(0, Buffer.from([0xc3, 2, 3, 0x20, 5]))],
  ["more elements than can follow", typed(1, Buffer.from([0x80, 0x7f, 0xff, 0xff, 0xff]), text("a"))],
  ["an empty list", typed(1, length(0))],
  ["a list of empty nodes", typed(18, length(1), length(2), text(listpack([])))],
  ["a node of an unknown kind", typed(18, length(1), length(3), text(listpack(["a"])))],
  ["an empty set", typed(2, length(0))],
  ["an empty intset", typed(11, text(intset([], 2)))],
  ["an intset in no order", typed(11, text(intset([3n, 1n], 2)))],
  ["an intset of a strange width", typed(11, text(intset([3n], 3)))],
  ["an intset longer than it says", typed(11, text(Buffer.concat([intset([3n], 2), Buffer.from([0])])))],
  ["a set's member that stands twice", typed(2, length(3), text("a"), text("b"), text("a"))],
  ["an integer that stands twice in a set", typed(2, length(2), text("12"), Buffer.from([0xc0, 12]))],
  ["a listpack's member that stands twice", typed(20, text(listpack(["a", "b", "a"])))],
  ["a listpack's integer that stands twice, once as a text", typed(20, text(asText(["5", "x", "5"], 1)))],
  [
    "a member that stands twice in a set of many",
    typed(2, length(600), ...Array.from({ length: 600 }, (_, i) => text(`m${i % 599}`))),
  ],
  ["an empty sorted set", typed(5, length(0))],
  ["NaN as a score", typed(3, length(1), text("a"), Buffer.from([253]))],
  ["a score that is none", typed(3, length(1), text("a"), Buffer.from([2, 49, 120]))],
  ["NaN as a binary score", typed(5, length(1), text("a"), Buffer.from([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]))],
  ["a member that stands twice with two scores", typed(17, text(listpack(["a", "1", "a", "2"])))],
  ["a member without a score", typed(17, text(listpack(["a", "1", "b"])))],
  ["a listpack's score that is none", typed(17, text(listpack(["a", "one"])))],
  ["an empty hash", typed(4, length(0))],
  ["a hash's field that stands twice", typed(4, length(2), text("f"), text("1"), text("f"), text("2"))],
  ["a field without a value", typed(16, text(listpack(["f", "1", "g"])))],
  ["a ziplist's field that stands twice", typed(13, text(ziplist(["f", "1", "f", "2"])))],
  [
    "a zipmap's field that stands twice",
    typed(
      9,
      text(
        zipmap([
          ["f", "1"],
          ["f", "2"],
        ]),
      ),
    ),
  ],
  ["a zipmap without an end", typed(9, text(changed(zipmap([["f", "1"]]), -1, 0)))],
  ["a zipmap that reaches beyond itself", typed(9, text(changed(zipmap([["f", "1"]]), 1, 100)))],
  ["a ziplist that is longer than it says", typed(10, text(changed(ziplist(["a"]), 0, 50)))],
  ["a ziplist whose last entry is elsewhere", typed(10, text(changed(ziplist(["a", "b"]), 4, 11)))],
  ["a ziplist with a wrong count", typed(10, text(changed(ziplist(["a", "b"]), 8, 3)))],
  ["a ziplist with a wrong length backwards", typed(10, text(changed(ziplist(["a", "b"]), 13, 7)))],
  ["a listpack with a wrong count", typed(16, text(changed(listpack(["a", "b"]), 4, 4)))],
  ["a listpack with a wrong length backwards", typed(16, text(changed(listpack(["a", "b"]), 8, 9)))],
  ["a field's expiry that is no number", typed(25, int64(5), text(listpack(["a", "1", "soon"]))), 12],
  ["a field's negative expiry", typed(25, int64(5), text(listpack(["a", "1", "-5"]))), 12],
  ["a field's expiry beyond all time", typed(24, int64(2 ** 47), length(1), length(1), text("a"), text("1")), 12],
  ["an earliest expiry below zero", typed(24, int64(-5), length(1), length(1), text("a"), text("1")), 12],
  ["expiries of Redis in a payload of Valkey", typed(24, int64(5), length(1), length(1), text("a"), text("1")), 80],
];

test.each(refused.map(([name, bytes, version]) => ({ name, bytes, version: version ?? 10 })))(
  "$name is refused, and nothing is left behind",
  ({ bytes, version }) => {
    client.command("FLUSHALL");
    const { allocator } = client.engine.dataset;
    const before = allocator.allocatedBytes;
    expect(client.command("RESTORE", "k", 0, withFooter(bytes, version))).toBe("-ERR Bad data format\r\n");
    expect(client.command("DBSIZE")).toBe(":0\r\n");
    expect(allocator.allocatedBytes).toBe(before);
  },
);

test.each([
  [15, /a stream/],
  [19, /a stream/],
  [21, /a stream/],
  [6, /a module/],
  [7, /a module/],
])("type %i is refused by its name", (type, name) => {
  expect(client.command("RESTORE", "k", 0, withFooter(typed(type, text("a"))))).toMatch(name);
});

/** A listpack whose element at `from` and behind are texts, whatever they are. */
function asText(elements: readonly string[], from: number): Buffer {
  const parts = elements.map((element, i) => {
    if (i < from) return listpack([element]).subarray(6, -1);
    const bytes = Buffer.from(element);
    return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes, Buffer.from([bytes.length + 1])]);
  });
  const body = Buffer.concat(parts);
  const whole = Buffer.concat([Buffer.alloc(6), body, Buffer.from([255])]);
  whole.writeUInt32LE(whole.length, 0);
  whole.writeUInt16LE(elements.length, 4);
  return whole;
}
