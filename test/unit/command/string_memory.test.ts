/** When the address space is full, every command that writes strings answers -OOM and leaves everything as it was. */
import { beforeEach, describe, expect, test } from "vitest";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { SEGMENT_BYTES } from "../../../src/memory/layout.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const FAR = "4102444800000";

/** An engine without room for another megabyte, nor, as far as that can be had, for any block at all. */
function full(): EngineClient {
  const client = new EngineClient({ bytesMax: SEGMENT_BYTES, recording: true });
  client.command("SET", "short", "abc");
  client.command("SET", "number", "999");
  client.command("SET", "timed", "abc", "PXAT", FAR);
  client.command("SET", "middle", "m".repeat(3000));
  client.command("SET", "large", "x".repeat(200_000));
  for (let bytes = 1024 * 1024; bytes >= 8; bytes = bytes >> 1) {
    const value = new Uint8Array(bytes);
    for (let i = 0; client.command("SET", `fill:${bytes}:${i}`, value) === "+OK\r\n"; i++);
  }
  client.takeEffects();
  return client;
}

const BIG = "y".repeat(300_000);

/** Requests that can't succeed without a large block. */
const REFUSED: readonly (readonly string[])[] = [
  ["SET", "new", BIG],
  ["SET", "short", BIG],
  ["SET", "short", BIG, "KEEPTTL"],
  ["SET", "timed", BIG, "GET"],
  ["SET", "large", BIG, "GET", "PXAT", FAR],
  ["SETNX", "new", BIG],
  ["SETEX", "short", "100", BIG],
  ["GETSET", "short", BIG],
  ["GETSET", "large", BIG],
  ["GETSET", "new", BIG],
  ["APPEND", "large", BIG],
  ["APPEND", "short", BIG],
  ["APPEND", "new", BIG],
  ["SETRANGE", "large", "5000000", "z"],
  ["SETRANGE", "new", "5000000", "z"],
  ["SETRANGE", "timed", "0", BIG],
  ["SETBIT", "short", "40000000", "1"],
  ["SETBIT", "new", "40000000", "1"],
  ["BITFIELD", "new", "SET", "u8", "40000000", "1"],
  ["BITFIELD", "short", "INCRBY", "u8", "40000000", "1"],
  ["BITOP", "NOT", "new", "large"],
  ["BITOP", "OR", "short", "large", "middle"],
  ["MSET", "short", "1", "number", "22222", "timed", "3", "large", "4", "new", "5", "short", "again", "middle", BIG],
  ["MSET", "middle", BIG],
  ["MSETNX", "new1", "a", "new2", BIG],
];

describe("a full address space", () => {
  let client: EngineClient;

  beforeEach(() => {
    client = full();
  });

  test("refuses without a trace", () => {
    for (const request of REFUSED) {
      const before = stateDigest(client.engine.dataset);
      expect([request[0], request[1], client.command(...request)]).toEqual([request[0], request[1], OOM]);
      expect([request[0], request[1], stateDigest(client.engine.dataset)]).toEqual([request[0], request[1], before]);
      expect(client.takeEffects().length).toBe(0);
    }
    expect(verifyDataset(client.engine.dataset)).toEqual([]);
  });

  test("leaves overwriting in place and removing possible", () => {
    expect(client.command("SET", "short", "xyz")).toBe("+OK\r\n");
    expect(client.command("DECR", "number")).toBe(":998\r\n");
    expect(client.command("SETBIT", "middle", "0", "1")).toBe(":0\r\n");
    expect(client.command("GETDEL", "large").length).toBeGreaterThan(200_000);
    expect(client.command("SETRANGE", "middle", "20000", "z")).toBe(":20001\r\n");
    expect(verifyDataset(client.engine.dataset)).toEqual([]);
  });
});
