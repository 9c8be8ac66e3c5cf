/** When the address space is full, every command that writes hashes answers -OOM and leaves everything as it was. */
import { expect, test } from "vitest";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { SEGMENT_BYTES } from "../../../src/memory/layout.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const FAR = "4102444800000";
const FIELDS = Array.from({ length: 200 }, (_, i) => `f${i}`);

function full(): EngineClient {
  const client = new EngineClient({ bytesMax: SEGMENT_BYTES, recording: true });
  client.command("HSET", "small", "a", "1", "b", "2");
  client.command("HSET", "timed", "a", "1", "b", "2");
  client.command("HPEXPIREAT", "timed", FAR, "FIELDS", "1", "a");
  client.command("HSET", "big", ...FIELDS.flatMap((name) => [name, "v".repeat(70)]));
  client.command("HSET", "bigtimed", ...FIELDS.flatMap((name) => [name, "v".repeat(70)]));
  client.command("HPEXPIREAT", "bigtimed", FAR, "FIELDS", "2", "f0", "f1");
  for (let bytes = 1024 * 1024; bytes >= 8; bytes = bytes >> 1) {
    const value = new Uint8Array(bytes);
    for (let i = 0; client.command("SET", `fill:${bytes}:${i}`, value) === "+OK\r\n"; i++);
  }
  client.takeEffects();
  return client;
}

const LONG = "y".repeat(300_000);
const SET_ALL = FIELDS.flatMap((name) => [name, "w".repeat(500)]);

const REFUSED: readonly (readonly string[])[] = [
  ["HSET", "new", "f", LONG],
  ["HSET", "small", "f", LONG],
  ["HSET", "small", "x", "1", "f", LONG, "a", "5"],
  ["HSET", "timed", "a", LONG],
  ["HSET", "big", "f0", LONG],
  ["HSET", "big", ...SET_ALL, "last", LONG],
  ["HSET", "bigtimed", "f0", "1", "f1", "2", "x", "3", "f0", LONG],
  ["HSETNX", "big", "new", LONG],
  ["HSETEX", "bigtimed", "PXAT", FAR, "FIELDS", "3", "f0", "1", "f5", "2", "x", LONG],
  ["HSETEX", "bigtimed", "KEEPTTL", "FIELDS", "3", "f0", "1", "f5", "2", "x", LONG],
  ["HSETEX", "new", "PXAT", FAR, "FIELDS", "1", "x", LONG],
  ["HSET", "new", ...Array.from({ length: 600 }, (_, i) => [`n${i}`, "v".repeat(900)]).flat()],
  ["HPEXPIREAT", "big", FAR, "FIELDS", "200", ...FIELDS],
  ["HGETEX", "big", "PXAT", FAR, "FIELDS", "200", ...FIELDS],
  ["HPEXPIREAT", "bigtimed", "4102444800001", "FIELDS", "200", ...FIELDS],
];

test("a full address space refuses without a trace", () => {
  const client = full();
  for (const request of REFUSED) {
    const before = stateDigest(client.engine.dataset);
    const name = request.slice(0, 3);
    expect([name, client.command(...request)]).toEqual([name, OOM]);
    expect([name, stateDigest(client.engine.dataset)]).toEqual([name, before]);
    expect(client.takeEffects().length).toBe(0);
    expect(verifyDataset(client.engine.dataset)).toEqual([]);
  }
  expect(client.command("HDEL", "small", "a")).toBe(":1\r\n");
  expect(client.command("HPERSIST", "bigtimed", "FIELDS", "1", "f0")).toBe("*1\r\n:1\r\n");
  expect(client.command("HGETDEL", "big", "FIELDS", "1", "f0")).toBe(`*1\r\n$70\r\n${"v".repeat(70)}\r\n`);
  expect(verifyDataset(client.engine.dataset)).toEqual([]);
});
