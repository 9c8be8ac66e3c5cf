/**
 * What redis_exporter and RedisInsight send, replayed against Emberlog and redis-server: Emberlog knows every command that redis-server does, and
 * answers in the same shape.
 *
 * The sequences are from the public sources: redis_exporter's exporter/{exporter,redis,info,latency,slowlog,keys,clients,modules}.go;
 * RedisInsight's redisinsight/api/src/modules (database-info.provider, dangerous-commands.provider, cluster.util, the browser's commands, slow log,
 * profiler), and the start-up of the client that it uses (ioredis).
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import { redisAvailable, startRedis } from "../support/redis_server.ts";
import { decodeReply, type ReplyValue } from "../support/reply_value.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";

const DATA = [
  "SET text hello",
  "SET number 17 EX 1000",
  "RPUSH list a b c",
  "SADD set a b",
  "SADD numbers 1 2 3",
  "ZADD zset 1 a 2 b",
  "HSET hash a 1 b 2",
];

const EXPORTER = [
  "PING",
  "CLIENT SETNAME redis_exporter",
  "CONFIG GET *",
  "INFO ALL",
  "CLUSTER INFO",
  "LATENCY LATEST",
  "LATENCY HISTOGRAM",
  "SELECT 0",
  "TYPE text",
  "STRLEN text",
  "GET text",
  "TYPE list",
  "LLEN list",
  "GET list",
  "SCARD set",
  "ZCARD zset",
  "HLEN hash",
  "TYPE missing",
  "MEMORY USAGE hash",
  "SCAN 0 MATCH * COUNT 1000",
  "SLOWLOG LEN",
  "SLOWLOG GET 1",
  "CLIENT LIST",
  "MODULE LIST",
  "INFO KEYSPACE",
];

const INSIGHT = [
  "INFO",
  "CLIENT SETNAME redisinsight-browser-1",
  "CLUSTER INFO",
  "CLUSTER SLOTS",
  "SENTINEL MASTERS",
  "COMMAND",
  "COMMAND COUNT",
  "MODULE LIST",
  "ACL WHOAMI",
  "ACL CAT dangerous",
  "ACL GETUSER default",
  "CONFIG GET databases",
  "INFO server clients memory stats replication keyspace cpu",
  "CLIENT LIST",
  "DBSIZE",
  "SCAN 0 MATCH * COUNT 10000",
  ...["text", "number", "list", "set", "zset", "hash", "missing"].flatMap((key) => [
    `TYPE ${key}`,
    `TTL ${key}`,
    `MEMORY USAGE ${key} SAMPLES 0`,
    `OBJECT ENCODING ${key}`,
  ]),
  "STRLEN text",
  "GETRANGE text 0 4999",
  "LLEN list",
  "LRANGE list 0 499",
  "LINDEX list 1",
  "SCARD set",
  "SSCAN set 0 MATCH * COUNT 500",
  "SISMEMBER set a",
  "ZCARD zset",
  "ZRANGE zset 0 499 WITHSCORES",
  "ZREVRANGE zset 0 499 WITHSCORES",
  "ZSCAN zset 0 MATCH a* COUNT 500",
  "ZSCORE zset a",
  "HLEN hash",
  "HSCAN hash 0 MATCH * COUNT 500",
  "HGETALL hash",
  "HGET hash a",
  "EXISTS hash",
  "EXPIRE text 1000",
  "PERSIST text",
  "RENAMENX text set",
  "SLOWLOG LEN",
  "SLOWLOG GET 50",
  "CONFIG GET slowlog*",
  "CONFIG SET slowlog-max-len 128 slowlog-log-slower-than 10000",
  "SLOWLOG RESET",
  "PUBSUB CHANNELS",
  "PUBLISH channel message",
  "MEMORY STATS",
  "MEMORY DOCTOR",
  "LATENCY DOCTOR",
  "OBJECT HELP",
  "MONITOR",
  "RESET",
];

/** Replies whose parts are each server's own: what both have in common is said apart. */
const OWN =
  /^(CONFIG GET \*|INFO|COMMAND$|COMMAND COUNT|ACL CAT|LATENCY HISTOGRAM|MEMORY STATS|CLIENT LIST|SCAN|SSCAN)/;

/** Kinds in their nesting; elements of the same shape once. */
function shape(value: ReplyValue): string {
  if (!("items" in value)) return value.kind === "-" ? `-${value.text.split(" ")[0]}` : value.kind;
  return `${value.kind}[${[...new Set(value.items.map(shape))].join(" ")}]`;
}

function texts(value: ReplyValue): string[] {
  if ("items" in value) return value.items.flatMap(texts);
  return "text" in value ? [value.text] : [];
}

/** Names of the fields of INFO, of directives, of commands. */
function namesIn(line: string, value: ReplyValue): string[] {
  if (line.startsWith("INFO")) {
    const all = texts(value)[0]!.match(/^[a-z_0-9]+(?=:)/gim) ?? [];
    return all.filter((name) => !/^(cmdstat|errorstat|latency_percentiles)_|^db\d/.test(name));
  }
  if (line.startsWith("CLIENT LIST"))
    return (
      texts(value)[0]!
        .split("\n")[0]!
        .match(/[a-z-]+(?==)/g) ?? []
    ).sort();
  if ("items" in value && /^(CONFIG|MEMORY)/.test(line))
    return value.items.flatMap((item, i) => (i % 2 === 0 ? texts(item) : []));
  return [];
}

/** Fields that redis-server 7.0.15 has and Emberlog can't, for the reasons in unit/server/info.test.ts. */
const LACKING = new Set(["gcc_version", "atomicvar_api"]);

describe.skipIf(!redisAvailable())("monitoring tools", () => {
  let ours: ServerProcess;
  let theirs: ServerProcess;
  beforeAll(async () => {
    [ours, theirs] = await Promise.all([startEmberlog(), startRedis()]);
  });
  afterAll(() => Promise.all([ours?.stop(), theirs?.stop()]));

  async function ask(client: RespClient, line: string): Promise<ReplyValue> {
    return decodeReply(await client.command(...line.split(" ")));
  }

  for (const [tool, lines] of Object.entries({ redis_exporter: EXPORTER, RedisInsight: INSIGHT })) {
    for (const protocol of ["2", "3"]) {
      test(`${tool}'s requests in RESP${protocol}`, async () => {
        const [left, right] = await Promise.all([ours.connect(), theirs.connect()]);
        for (const client of [left, right]) {
          await client.command("HELLO", protocol);
          await client.command("FLUSHALL");
          // Nothing is slow here but by chance.
          await client.command("CONFIG", "SET", "slowlog-log-slower-than", "-1");
          await client.command("SLOWLOG", "RESET");
          for (const line of DATA) await client.command(...line.split(" "));
        }
        const wrong: string[] = [];
        for (const line of lines) {
          const [mine, other] = await Promise.all([ask(left, line), ask(right, line)]);
          const own = OWN.test(line);
          if (own ? mine.kind !== other.kind : shape(mine) !== shape(other)) {
            wrong.push(`${line}: ${shape(mine)}, redis-server ${shape(other)}`);
          }
          const have = new Set(namesIn(line, mine));
          const missing = namesIn(line, other).filter((name) => !have.has(name) && !LACKING.has(name));
          if (missing.length > 0) wrong.push(`${line} lacks ${missing.join(" ")}`);
        }
        expect(wrong).toEqual([]);
        left.close();
        right.close();
      });
    }
  }

  test("the profiler sees what another client does", async () => {
    const [watcher, other] = await Promise.all([ours.connect(), ours.connect()]);
    await watcher.command("MONITOR");
    await other.pipeline([
      ["SET", "k", "v"],
      ["GET", "k"],
    ]);
    const lines = [(await watcher.reply()).toString(), (await watcher.reply()).toString()];
    // What RedisInsight's profiler splits a line by.
    for (const line of lines) expect(line).toMatch(/^\+\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "(SET|GET)" "k"( "v")?\r\n$/);
    watcher.close();
    other.close();
  });
});
