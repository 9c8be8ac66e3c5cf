/** The request writer: copied runs and written requests in order, and every request it writes is read back by the parser. */
import { expect, test } from "vitest";
import { encodeRequest, RequestWriter } from "../../../src/protocol/request_writer.ts";
import { readRequests } from "../../support/request_stream.ts";

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

test("what is written is what the parser reads", () => {
  const lengths = [0, 1, 9, 10, 63, 95, 96, 97, 99, 100, 129, 1000, 70_000];
  const args = lengths.map((length) => "\r\n$*\0ÿ".repeat(length).slice(0, length));
  expect(readRequests(encodeRequest(args)).requests).toEqual([args]);
  const many = Array.from({ length: 1500 }, (_, i) => `argument ${i}`);
  expect(readRequests(encodeRequest(many)).requests).toEqual([many]);
  expect(readRequests(encodeRequest([new Uint8Array([0, 255]), "x"])).requests).toEqual([["\0\xff", "x"]]);
});

test("integers as arguments", () => {
  const writer = new RequestWriter(new Uint8Array(8));
  writer.begin(3);
  writer.text("SET");
  writer.integer(-12);
  writer.integer(9223372036854775807n);
  expect(latin1(writer.bytes.subarray(0, writer.position))).toBe(
    "*3\r\n$3\r\nSET\r\n$3\r\n-12\r\n$19\r\n9223372036854775807\r\n",
  );
});

test("neighbouring copies become one run, and the order is kept", () => {
  const source = new Uint8Array(Buffer.from("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n*1\r\n$1\r\nc\r\n"));
  const length = source.length / 3;
  const other = source.slice();
  const writer = new RequestWriter(new Uint8Array(4));
  writer.copy(source, 0, length);
  writer.copy(source, length, 2 * length);
  expect(writer.position).toBe(0);
  expect(writer.length).toBe(2 * length);
  writer.begin(1);
  writer.text("x");
  writer.copy(source, 2 * length, 3 * length);
  writer.copy(other, 0, length);
  writer.copy(source, 0, length);
  writer.finish();
  writer.finish();
  expect(writer.requests).toBe(6);
  expect(readRequests(writer.bytes.slice(0, writer.position)).requests).toEqual([
    ["a"],
    ["b"],
    ["x"],
    ["c"],
    ["a"],
    ["a"],
  ]);
});

test("a long run is copied whole", () => {
  const one = encodeRequest(["SET", "key", "v".repeat(100)]).slice();
  const source = new Uint8Array(one.length * 50);
  for (let i = 0; i < 50; i++) source.set(one, i * one.length);
  const writer = new RequestWriter(new Uint8Array(16));
  for (let i = 0; i < 50; i++) writer.copy(source, i * one.length, (i + 1) * one.length);
  writer.finish();
  expect(latin1(writer.bytes.subarray(0, writer.position)) === latin1(source)).toBe(true);
});
