/**
 * DUMP and RESTORE beside redis-server 7.0.15: what both store alike has the same payload, byte for byte, and what either of them gives the
 * other takes, in every encoding. A payload that is damaged is refused by both with the same words.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import { valueDigest } from "../../src/dataset/digest.ts";
import { EngineClient } from "../support/engine_client.ts";
import { withFooter } from "../support/rdb_payload.ts";
import { redisAvailable, startRedis } from "../support/redis_server.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { verifyDataset } from "../support/verify_dataset.ts";

/** Commands that make the key "k"; `same`: both make the same payload of it. */
interface Subject {
  readonly name: string;
  readonly commands: readonly (readonly string[])[];
  readonly same: boolean;
}

const long = (n: number, seed: number): string => {
  const random = seededRandom(seed);
  let text = "";
  while (text.length < n) text += String.fromCharCode(97 + uniform(random, 26));
  return text;
};
const numbered = (count: number, of: (i: number) => readonly string[]): string[] =>
  Array.from({ length: count }, (_, i) => of(i)).flat();

const subjects: readonly Subject[] = [
  ...["", "a", "0", "-1", "127", "128", "-128", "-129", "32767", "32768", "-32769", "2147483647", "2147483648"].map(
    (value) => ({ name: `string ${JSON.stringify(value)}`, commands: [["SET", "k", value]], same: true }),
  ),
  ...["-2147483648", "-2147483649", "9223372036854775807", "-9223372036854775808", "007", "+1", "1.5", " 1"].map(
    (value) => ({ name: `string ${value}`, commands: [["SET", "k", value]], same: true }),
  ),
  { name: "string of 63 bytes", commands: [["SET", "k", long(63, 1)]], same: true },
  { name: "string of 64 bytes", commands: [["SET", "k", long(64, 2)]], same: true },
  { name: "string of 16 KiB", commands: [["SET", "k", long(16384, 3)]], same: true },
  { name: "string of 3 MB", commands: [["SET", "k", long(1_200_000, 4)]], same: true },
  {
    name: "string that APPEND made",
    commands: [
      ["SET", "k", "12"],
      ["APPEND", "k", "34"],
    ],
    same: true,
  },
  { name: "intset of 16 bits", commands: [["SADD", "k", "3", "1", "-2", "32767"]], same: true },
  { name: "intset of 32 bits", commands: [["SADD", "k", "70000", "1", "-70000"]], same: true },
  {
    name: "intset of 64 bits",
    commands: [["SADD", "k", "9223372036854775807", "0", "-9223372036854775808"]],
    same: true,
  },
  { name: "set of texts", commands: [["SADD", "k", "a", "b", "c"]], same: false },
  { name: "set of one text", commands: [["SADD", "k", "alone"]], same: true },
  { name: "set of many", commands: [["SADD", "k", ...numbered(2000, (i) => [`m${i}`])]], same: false },
  { name: "hash", commands: [["HSET", "k", "f", "v", "g", "12", "h", "-5000", "i", long(60, 5)]], same: true },
  { name: "hash of one large value", commands: [["HSET", "k", "f", long(5000, 6)]], same: true },
  { name: "hash of many", commands: [["HSET", "k", ...numbered(1500, (i) => [`f${i}`, `${i * 7}`])]], same: false },
  {
    name: "sorted set of whole scores",
    commands: [["ZADD", "k", "1", "a", "2", "b", "-7", "c", "2", "aa"]],
    same: true,
  },
  {
    name: "sorted set of fractions",
    commands: [["ZADD", "k", "0.5", "a", "1.25", "b", "-inf", "c", "inf", "d"]],
    same: true,
  },
  { name: "sorted set of unround scores", commands: [["ZADD", "k", "0.1", "a", "3.3", "b"]], same: false },
  {
    name: "sorted set of many",
    commands: [["ZADD", "k", ...numbered(900, (i) => [`${(i * 37) % 900}.5`, `m${i}`])]],
    same: true,
  },
  { name: "sorted set of a long member", commands: [["ZADD", "k", "0.1", long(100, 7), "-0", "x"]], same: true },
  { name: "list", commands: [["RPUSH", "k", "a", "1", "-300", long(70, 8)]], same: true },
  { name: "list of several nodes", commands: [["RPUSH", "k", ...numbered(3000, (i) => [`element ${i}`])]], same: true },
  {
    name: "list of large elements",
    commands: [["RPUSH", "k", "a", long(20_000, 9), "b", long(9000, 10)]],
    same: false,
  },
  {
    name: "list pushed from both ends",
    commands: [
      ["RPUSH", "k", "m"],
      ["LPUSH", "k", ...numbered(1200, (i) => [`left ${i}`])],
    ],
    same: true,
  },
];

describe.skipIf(!redisAvailable())("DUMP and RESTORE beside redis-server", () => {
  let redis: ServerProcess;
  let theirs: RespClient;
  const ours = new EngineClient({ nowMs: Date.now() });
  beforeAll(async () => {
    redis = await startRedis({ args: ["--rdbcompression", "no"] });
    theirs = await redis.connect();
  });
  afterAll(async () => {
    theirs?.close();
    await redis?.stop();
  });

  const bulk = (reply: string): Buffer => Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1");
  const ourDump = (): Buffer => bulk(ours.command("DUMP", "k"));
  const theirDump = async (): Promise<Buffer> => bulk((await theirs.command("DUMP", "k")).toString("latin1"));
  const digests = async (): Promise<[string, string]> => {
    const reply = (await theirs.command("DEBUG", "DIGEST-VALUE", "k")).toString("latin1");
    return [digestOf(ours), /[0-9a-f]{40}/.exec(reply)![0]];
  };

  test.each(subjects)("$name", async ({ commands, same }) => {
    for (const compress of [false, true]) {
      ours.engine.dataset.rdbCompression = compress;
      await theirs.command("CONFIG", "SET", "rdbcompression", compress ? "yes" : "no");
      ours.command("FLUSHALL");
      await theirs.command("FLUSHALL");
      for (const command of commands) {
        expect(ours.command(...command)).toBe((await theirs.command(...command)).toString("latin1"));
      }
      const [our, their] = [ourDump(), await theirDump()];
      if (same && !compress) expect(our.toString("latin1") === their.toString("latin1")).toBe(true);
      const [before] = await digests();
      // What each of them gave, the other takes.
      expect(ours.command("RESTORE", "k", "0", their, "REPLACE")).toBe("+OK\r\n");
      expect((await theirs.command("RESTORE", "k", "0", our, "REPLACE")).toString()).toBe("+OK\r\n");
      expect(await digests()).toEqual([before, before]);
      expect(verifyDataset(ours.engine.dataset)).toEqual([]);
      // And gives the same again.
      if (!compress) expect(ourDump().equals(their) || !same).toBe(true);
      if (same && !compress) expect((await theirDump()).equals(our)).toBe(true);
    }
  });

  test("errors, in their order", async () => {
    const sound = ((): Buffer => {
      ours.command("FLUSHALL");
      ours.command("SET", "k", "value");
      return ourDump();
    })();
    await theirs.command("FLUSHALL");
    await theirs.command("SET", "k", "value");
    const damagedSum = Buffer.from(sound);
    damagedSum[1] = 3;
    const newer = withFooter(sound.subarray(0, -10), 999);
    const requests: (string | Buffer)[][] = [
      ["k", "0", sound],
      ["other", "0", sound],
      ["other", "x", sound],
      ["n1", "-1", sound],
      ["n1", "x", sound],
      ["n1", "0", "short"],
      ["n1", "0", ""],
      ["n1", "0", damagedSum],
      ["n1", "0", newer],
      ["n1", "0", sound, "NONSENSE"],
      ["k", "0", "short", "IDLETIME"],
      ["k", "0", "short", "IDLETIME", "x"],
      ["k", "0", "short", "IDLETIME", "-1"],
      ["k", "0", "short", "FREQ", "256"],
      ["k", "0", "short", "FREQ", "-1"],
      ["k", "0", "short", "FREQ", "1", "IDLETIME", "1"],
      ["n2", "0", sound, "IDLETIME", "1000"],
      ["n3", "0", sound, "FREQ", "10"],
      ["n4", "5000", sound, "replace"],
      ["n5", "1", sound, "ABSTTL"],
      ["k", "1", sound, "REPLACE", "ABSTTL"],
      ["n6", "9223372036854775807", sound],
      ["n7", "99999999999999", sound, "ABSTTL"],
      ["n8", "0", withFooter(Buffer.from([2, 0]), 10)],
      ["n8", "0", withFooter(Buffer.from([1, 0]), 10)],
      ["n8", "0", withFooter(Buffer.from([200, 0]), 10)],
      ["n8", "0", withFooter(Buffer.from([0]), 10)],
      ["n8", "0", withFooter(Buffer.from([0, 1, 97, 98, 99]), 10)],
      ["n9", "0", withFooter(Buffer.from([3, 1, 1, 97, 253]), 10)],
      ["n9", "0", withFooter(Buffer.from([3, 2, 1, 97, 254, 1, 98, 3, 49, 46, 53]), 5)],
    ];
    for (const args of requests) {
      const got = ours.command("RESTORE", ...args);
      expect([args.map(String), got]).toEqual([
        args.map(String),
        (await theirs.command("RESTORE", ...args)).toString(),
      ]);
    }
    // Redis takes the footer for a part of the text.
    expect(ours.command("RESTORE", "n10", "0", withFooter(Buffer.from([0, 5, 97]), 10))).toMatch(
      /^-ERR Bad data format/,
    );
    const keys = ["k", "other", "n2", "n3", "n4", "n5", "n7", "n8", "n9"];
    for (const key of keys) {
      for (const command of ["TYPE", "EXISTS", "PEXPIRETIME"]) {
        if (key === "n4" && command === "PEXPIRETIME") continue;
        expect([key, ours.command(command, key)]).toEqual([key, (await theirs.command(command, key)).toString()]);
      }
    }
    const idle = await theirs.call("OBJECT", "IDLETIME", "n2");
    expect(Math.abs(Number(ours.command("OBJECT", "IDLETIME", "n2").slice(1, -2)) - Number(idle))).toBeLessThan(5);
  });

  test("random values go to and fro", async () => {
    const seed = Number(process.env["EMBERLOG_SEED"] ?? Date.now() % 1_000_000);
    const random = seededRandom(seed);
    for (let round = 0; round < 25; round++) {
      ours.command("FLUSHALL");
      await theirs.command("FLUSHALL");
      ours.engine.dataset.rdbCompression = uniform(random, 2) === 0;
      for (const command of randomValue(random)) {
        ours.command(...command);
        await theirs.command(...command);
      }
      const [our, their] = [ourDump(), await theirDump()];
      const [before, same] = await digests();
      expect([seed, round, same]).toEqual([seed, round, before]);
      expect(ours.command("RESTORE", "k", "0", their, "REPLACE")).toBe("+OK\r\n");
      expect((await theirs.command("RESTORE", "k", "0", our, "REPLACE")).toString()).toBe("+OK\r\n");
      const replay = `EMBERLOG_SEED=${seed} npx vitest run test/conformance/dump_restore.test.ts`;
      expect([replay, round, ...(await digests())]).toEqual([replay, round, before, before]);
      expect(verifyDataset(ours.engine.dataset)).toEqual([]);
    }
  });
});

function randomValue(random: Random): string[][] {
  const count = 1 + uniform(random, uniform(random, 4) === 0 ? 700 : 20);
  const text = (): string => {
    const kind = uniform(random, 6);
    if (kind < 2) return String((random.int32() >> uniform(random, 31)) | 0);
    if (kind === 2) return long(1 + uniform(random, 300), random.int32());
    if (kind === 3) return "ab".repeat(uniform(random, 60));
    return `t${uniform(random, 1000)}`;
  };
  switch (uniform(random, 5)) {
    case 0:
      return [["SET", "k", text()]];
    case 1:
      return [["RPUSH", "k", ...numbered(count, () => [text()])]];
    case 2:
      return [["SADD", "k", ...numbered(count, () => [text()])]];
    case 3:
      return [["HSET", "k", ...numbered(count, () => [text(), text()])]];
    default:
      return [["ZADD", "k", ...numbered(count, () => [String(uniform(random, 4000) / 8 - 200), text()])]];
  }
}

function digestOf(client: EngineClient): string {
  return valueDigest(client.engine.dataset, entryOf(client));
}

function entryOf(client: EngineClient): number {
  const db = client.engine.dataset.database(0);
  const key = Buffer.from("k");
  return db.find(key, 0, 1, db.hash(key, 0, 1));
}
