/** When the address space is full, commands on sorted sets that need memory answer -OOM and leave everything as it was. */
import { beforeEach, describe, expect, test } from "vitest";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { SEGMENT_BYTES } from "../../../src/memory/layout.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { failAllocation } from "../../support/failing_allocator.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const LONG = "x".repeat(3000);

/** An engine without room for any block at all, as far as that can be had. */
function full(): EngineClient {
  const client = new EngineClient({ bytesMax: SEGMENT_BYTES, recording: true });
  for (let i = 0; i < 128; i++) client.command("ZADD", "packed", i, `member:${i}`);
  for (let i = 0; i < 1000; i++) client.command("ZADD", "big", i / 4, `member:${i}`);
  client.command("ZADD", "one", 1, "a");
  for (let bytes = 1024 * 1024; bytes >= 8; bytes = bytes >> 1) {
    const value = new Uint8Array(bytes);
    for (let i = 0; client.command("SET", `fill:${bytes}:${i}`, value) === "+OK\r\n"; i++);
  }
  // The classes between the powers of two, as long as anything goes in.
  for (let bytes = 8; bytes < 4000; bytes += 8) {
    const value = new Uint8Array(bytes);
    for (let i = 0; client.command("SET", `more:${bytes}:${i}`, value) === "+OK\r\n"; i++);
  }
  client.takeEffects();
  return client;
}

const REFUSED: readonly (readonly string[])[] = [
  ["ZADD", "new", "1", LONG],
  ["ZADD", "packed", "1", LONG],
  ["ZADD", "packed", "1", "one too many"],
  ["ZADD", "big", "1", LONG],
  ["ZADD", "big", "1", "a", "2", "b"],
  ["ZADD", "new", "1", "a", "2", "b"],
  ["ZINCRBY", "one", "1", LONG],
  ["ZADD", "one", "INCR", "1", LONG],
  ["ZUNIONSTORE", "new", "1", "big"],
  ["ZUNIONSTORE", "big", "2", "big", "packed"],
  ["ZINTERSTORE", "one", "2", "big", "packed"],
  ["ZDIFFSTORE", "packed", "2", "big", "one"],
  ["ZRANGESTORE", "one", "big", "0", "-1"],
  ["COPY", "big", "new"],
];

describe("a full address space", () => {
  let client: EngineClient;

  beforeEach(() => {
    client = full();
  });

  test("refuses without a trace", () => {
    const { dataset } = client.engine;
    for (const request of REFUSED) {
      const before = stateDigest(dataset);
      expect([...request.slice(0, 3), client.command(...request)]).toEqual([...request.slice(0, 3), OOM]);
      expect([...request.slice(0, 3), stateDigest(dataset)]).toEqual([...request.slice(0, 3), before]);
      expect(client.takeEffects().length).toBe(0);
    }
    expect(verifyDataset(dataset)).toEqual([]);
  });

  test("leaves reading and removing possible", () => {
    expect(client.command("ZRANGE", "packed", "0", "0")).toBe("*1\r\n$8\r\nmember:0\r\n");
    expect(client.command("ZUNION", "2", "big", "packed").slice(0, 7)).toBe("*1000\r\n");
    expect(client.command("ZREM", "packed", "member:5", "member:6")).toBe(":2\r\n");
    expect(client.command("ZREMRANGEBYRANK", "packed", "0", "99")).toBe(":100\r\n");
    expect(client.command("ZPOPMIN", "big")).toBe("*2\r\n$8\r\nmember:0\r\n$1\r\n0\r\n");
    expect(client.command("ZREMRANGEBYSCORE", "big", "0", "200")).toBe(":800\r\n");
    expect(client.command("ZADD", "big", "0.5", "member:900")).toBe(":0\r\n");
    expect(verifyDataset(client.engine.dataset)).toEqual([]);
    expect(client.command("UNLINK", "big", "packed", "one")).toBe(":3\r\n");
    while (client.engine.dataset.releaseStep());
    expect(client.engine.dataset.releasedValues).toBe(0);
  });
});

test("a small set that became a big one in vain is still there", () => {
  const members = Array.from({ length: 128 }, (_, i) => [i, `member:${i}`]).flat();
  for (let n = 1, reply = OOM; reply === OOM; n++) {
    const client = new EngineClient({ firstSegment: 0 });
    const { dataset } = client.engine;
    client.command("ZADD", "z", ...members);
    const before = stateDigest(dataset);
    const end = failAllocation(dataset.allocator, n, true);
    reply = client.command("ZADD", "z", 1, "one too many");
    end();
    expect([n, reply, verifyDataset(dataset)]).toEqual([n, reply === OOM ? OOM : ":1\r\n", []]);
    if (reply === OOM) expect([n, stateDigest(dataset)]).toEqual([n, before]);
  }
});

test("scores that become longer do not make a listpack longer than a block", () => {
  const client = new EngineClient({ recording: true });
  const copy = new EngineClient();
  const { dataset } = client.engine;
  Object.assign(dataset.limits, { zsetListpackEntries: 1000, zsetListpackValueBytes: 20_000 });
  const member = (i: number): string => `${i}`.padEnd(10_070, "x");
  for (let i = 0; i < 104; i++) client.command("ZADD", "z", i, member(i));
  expect(client.line("OBJECT ENCODING z")).toBe("$8\r\nlistpack\r\n");
  for (let i = 0; i < 104; i++) expect(client.command("ZADD", "z", "CH", `${i}.123456789`, member(i))).toBe(":1\r\n");
  expect(client.line("OBJECT ENCODING z")).toBe("$8\r\nskiplist\r\n");
  expect(verifyDataset(dataset)).toEqual([]);
  copy.replay(client.takeEffects());
  expect(stateDigest(copy.engine.dataset)).toBe(stateDigest(dataset));
});

test("random members without end end with the connection", () => {
  const client = new EngineClient();
  client.command("ZADD", "z", 1, "a", 2, "b");
  client.session().closing = true;
  expect(client.line("ZRANDMEMBER z -4000000000 WITHSCORES")).toBe("*8000000000\r\n");
});

test("many members at once are not refused where there is room, whatever the thresholds", () => {
  const client = new EngineClient();
  const pairs = Array.from({ length: 17_000 }, (_, i) => [String(i), `member:${i}`]).flat();
  expect(client.command("ZADD", "many", ...pairs)).toBe(":17000\r\n");
  client.engine.dataset.limits.zsetListpackEntries = 4294967295;
  expect(client.command("ZADD", "few", "1", "a", "2", "b")).toBe(":2\r\n");
});
