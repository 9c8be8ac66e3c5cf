/** String and bitmap commands against the real redis-server: random sequences of them, replies and encodings compared byte by byte. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { latin1Bytes } from "../../../src/base/bytes.ts";
import { type Random, seededRandom, systemRandom, uniform } from "../../../src/base/random.ts";
import { encodingName, TYPE_STRING } from "../../../src/dataset/types.ts";
import { entryEncoding } from "../../../src/structure/entry.ts";
import { acceptedDifference } from "../../conformance/differences.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { redisAvailable, startRedis } from "../../support/redis_server.ts";
import type { RespClient } from "../../support/resp_client.ts";
import type { ServerProcess } from "../../support/server_process.ts";
import { type Request, randomRequest, requestKeys } from "./string_requests.ts";

const FILE = "test/unit/command/string_against_redis.test.ts";
const seed = Number(process.env["EMBERLOG_SEED"] ?? systemRandom().int32() & 0x7fffffff);
/** Requests sent to the server at once. */
const BATCH = 50;

function shown(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}… (${text.length})` : text);
}

/** How OBJECT ENCODING would answer, and PEXPIRETIME, rounded so that what passes between the two servers doesn't count. */
function properties(client: EngineClient, key: string): string {
  const db = client.engine.dataset.database(0);
  const bytes = latin1Bytes(key);
  // A key whose time has passed is gone for OBJECT ENCODING, too.
  const entry = db.lookup(bytes, 0, bytes.length, db.hash(bytes, 0, bytes.length), true);
  if (entry === 0) return " -2";
  return `${encodingName(TYPE_STRING, entryEncoding(client.engine.arena, entry))} ${rounded(db.expiryOf(entry))}`;
}

function rounded(ms: number): number {
  return ms < 0 ? ms : Math.round(ms / 10_000_000);
}

describe.skipIf(!redisAvailable())(`against redis-server, EMBERLOG_SEED=${seed}`, () => {
  let server: ServerProcess;
  let redis: RespClient;

  beforeAll(async () => {
    server = await startRedis();
    redis = await server.connect();
  });

  afterAll(async () => {
    redis.close();
    await server.stop();
  });

  async function compare(client: EngineClient, requests: readonly Request[], protocol: number): Promise<void> {
    client.clock.ms = Date.now();
    const theirs = await redis.pipeline(requests);
    requests.forEach((request, i) => {
      const expected = theirs[i]!.toString("latin1");
      const ours = client.command(...request);
      if (ours === expected || acceptedDifference(request, ours, expected, protocol === 3 ? 3 : 2)) return;
      const before = requests.slice(Math.max(0, i - 12), i + 1).map((each) => shown(each.join(" ")));
      expect.fail(
        `${before.join("\n")}\nours  ${shown(ours)}\nredis ${shown(expected)}\nreplay: EMBERLOG_SEED=${seed} npx vitest run ${FILE}`,
      );
    });
    const encodings = await redis.pipeline(requestKeys.map((key) => ["OBJECT", "ENCODING", key]));
    const expiries = await redis.pipeline(requestKeys.map((key) => ["PEXPIRETIME", key]));
    const theirProperties = encodings.map((reply, i) => {
      const name = /^\$\d+\r\n(\w+)\r\n$/.exec(reply.toString("latin1"))?.[1] ?? "";
      return `${name} ${rounded(Number(expiries[i]!.toString("latin1").slice(1)))}`;
    });
    expect(requestKeys.map((key) => properties(client, key))).toEqual(theirProperties);
  }

  test.each([2, 3])("random sequences in RESP%i", async (protocol) => {
    await redis.command("HELLO", String(protocol));
    const random = seededRandom(seed + protocol);
    for (let round = 0; round < 12; round++) {
      await redis.command("FLUSHALL");
      const client = new EngineClient();
      client.session().protocol = protocol;
      for (let batch = 0; batch < 20; batch++) {
        const requests: Request[] = [];
        for (let i = 0; i < BATCH; i++) requests.push(randomRequest(random));
        await compare(client, requests, protocol);
      }
    }
  });

  test("INCRBYFLOAT of random numbers of every size", async () => {
    await redis.command("HELLO", "2");
    await redis.command("FLUSHALL");
    const random = seededRandom(seed ^ 0x5f5f);
    const client = new EngineClient();
    for (let batch = 0; batch < 60; batch++) {
      const requests: Request[] = [];
      for (let i = 0; i < 50; i++)
        requests.push(["SET", "a", float(random)], ["INCRBYFLOAT", "a", float(random)], ["GET", "a"]);
      await compare(client, requests, 2);
    }
  });
});

function digits(random: Random, count: number): string {
  let text = "";
  for (let i = 0; i < count; i++) text += String(uniform(random, 10));
  return text;
}

/** A number in one of strtold's notations; some are none. */
function float(random: Random): string {
  const sign = ["", "-", "", "+"][uniform(random, 4)]!;
  switch (uniform(random, 9)) {
    case 0:
      return `${sign}${digits(random, 1 + uniform(random, 25))}`;
    case 1:
      return `${sign}${digits(random, uniform(random, 20))}.${digits(random, uniform(random, 30))}`;
    case 2:
      return `${sign}${digits(random, 1 + uniform(random, 20))}e${uniform(random, 60) - 30}`;
    case 3:
      return `${sign}${digits(random, 1)}.${digits(random, 1 + uniform(random, 25))}e${uniform(random, 9900) - 4960}`;
    case 4:
      return `${sign}0x${(random.int32() >>> 0).toString(16)}.${(random.int32() >>> 0).toString(16)}p${uniform(random, 200) - 100}`;
    case 5:
      return `${sign}0x1.${(random.int32() >>> 0).toString(16)}p${uniform(random, 32900) - 16460}`;
    case 6:
      // A tie between two long doubles, or next to one.
      return `${sign}${(1n << 64n) + BigInt(uniform(random, 8))}.${["5", "50000000000000000001", "4999999999999999999", "0"][uniform(random, 4)]!}`;
    case 7:
      // A tie at the last digit printed.
      return `${sign}${uniform(random, 4)}.${digits(random, 16)}${["5", "25", "75"][uniform(random, 3)]!}`;
    default:
      return [
        "",
        "e5",
        ".",
        "1e",
        "1e+",
        "0x",
        "0x.p1",
        "inf",
        "-Infinity",
        "nan",
        "infinit",
        "1\x00",
        "1e-5000",
        "1e5000",
        "-0",
      ][uniform(random, 15)]!;
  }
}
