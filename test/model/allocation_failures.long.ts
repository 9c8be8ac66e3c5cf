/**
 * Fails one allocation of a command after the other, alone, as where a smaller block is still to be had, and with all that follow. Either
 * the command says -OOM and has changed nothing, or what it logged makes the same dataset. Nothing leaks.
 *
 * EMBERLOG_ONLY=ZADD runs the commands that begin so.
 */
import { describe, expect, test } from "vitest";
import { stateDigest } from "../../src/dataset/digest.ts";
import { EngineClient } from "../support/engine_client.ts";
import { failAllocation } from "../support/failing_allocator.ts";
import { verifyDataset } from "../support/verify_dataset.ts";

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

type Words = readonly (string | number)[];

const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}:${i}`);
const scored = (count: number): string[] => numbered("m", count).flatMap((member, i) => [String(i), member]);
const paired = (count: number): string[] => numbered("f", count).flatMap((field) => [field, `value of ${field}`]);
const future = "1700000900000";
const LONG = "x".repeat(3000);
const HUGE = "y".repeat(1_200_000);
/** Elements that compress well, enough of them for several nodes. */
const compressible = (count: number): string[] => Array.from({ length: count }, (_, i) => "abc".repeat(30) + i);

const SETUP: readonly Words[] = [
  ["HSET", "h:full", ...paired(512)],
  ["HSET", "h:small", ...paired(3)],
  ["HSET", "h:big", ...paired(600)],
  ["HSET", "h:expiring", ...paired(8)],
  ["HPEXPIREAT", "h:expiring", future, "FIELDS", 3, "f:1", "f:3", "f:5"],
  ["HSET", "h:bigexpiring", ...paired(600)],
  ["HPEXPIREAT", "h:bigexpiring", future, "FIELDS", 3, "f:1", "f:3", "f:5"],
  ["RPUSH", "l:small", "a", "b", "c"],
  ["RPUSH", "l:big", ...compressible(400)],
  ["RPUSH", "l:plain", HUGE.slice(0, 9000), "b", HUGE],
  ["RPUSH", "l:edge", ...compressible(80)],
  ["SADD", "s:ints", 1, 2, 3],
  ["SADD", "s:fullints", ...Array.from({ length: 512 }, (_, i) => i)],
  ["SADD", "s:full", ...numbered("m", 128)],
  ["SADD", "s:small", "a", "b", 3],
  ["SADD", "s:big", ...numbered("m", 300)],
  ["ZADD", "z:full", ...scored(128)],
  ["ZADD", "z:small", 1, "a", 2.5, "b"],
  ["ZADD", "z:big", ...scored(300)],
  ["SET", "expiring", "1", "PXAT", future],
];

const COMMANDS: readonly Words[] = [
  ["HSET", "h:new", "f", "v"],
  ["HSET", "h:new", "f", LONG],
  ["HSET", "h:new", ...paired(600)],
  ["HSET", "h:full", "one too many", "v"],
  ["HSET", "h:full", "f:1", LONG],
  ["HSET", "h:full", "new:1", "v", "new:2", "w"],
  ["HSET", "h:small", "f:1", "another value, a longer one"],
  ["HSET", "h:big", "f:1", LONG, "new", LONG, "f:1", "again"],
  ["HSET", "h:big", "new", "v"],
  ["HSET", "h:expiring", "f:1", LONG],
  ["HSET", "h:expiring", "f:1", "v", "new", "w"],
  ["HSET", "h:bigexpiring", "f:1", LONG, "f:3", "v", "new", HUGE],
  ["HINCRBY", "h:small", "n", 5],
  ["HINCRBYFLOAT", "h:bigexpiring", "n", "1.5"],
  ["HSETNX", "h:big", "new", LONG],
  ["HPEXPIREAT", "h:full", future, "FIELDS", 2, "f:1", "f:2"],
  ["HPEXPIREAT", "h:big", future, "FIELDS", 3, "f:1", "f:2", "f:1"],
  ["HPEXPIREAT", "h:bigexpiring", "1700000800000", "FIELDS", 3, "f:1", "f:2", "f:4"],
  ["HPERSIST", "h:expiring", "FIELDS", 2, "f:1", "f:3"],
  ["HPERSIST", "h:bigexpiring", "FIELDS", 2, "f:1", "f:3"],
  ["HGETEX", "h:small", "PXAT", future, "FIELDS", 2, "f:1", "f:2"],
  ["HGETEX", "h:big", "PXAT", future, "FIELDS", 2, "f:1", "f:2"],
  ["HSETEX", "h:new", "PXAT", future, "FIELDS", 2, "f:1", "v", "f:2", LONG],
  ["HSETEX", "h:small", "PXAT", future, "FIELDS", 2, "f:1", "v", "f:9", "w"],
  ["HSETEX", "h:big", "PXAT", future, "FIELDS", 3, "f:1", "v", "f:9", LONG, "f:1", "w"],
  ["HSETEX", "h:bigexpiring", "KEEPTTL", "FIELDS", 3, "f:1", "v", "f:9", LONG, "f:1", "w"],
  ["HDEL", "h:small", "f:1"],
  ["HGETDEL", "h:expiring", "FIELDS", 2, "f:1", "f:2"],
  ["RPUSH", "l:new", "a"],
  ["RPUSH", "l:new", ...compressible(300)],
  ["LPUSH", "l:new", HUGE, "b", HUGE],
  ["RPUSH", "l:small", ...compressible(300)],
  ["LPUSH", "l:big", ...compressible(700)],
  ["RPUSH", "l:big", ...compressible(700), LONG, HUGE],
  ["RPUSH", "l:edge", "abc".repeat(200), "abc".repeat(300)],
  ["LMOVE", "l:big", "l:big", "LEFT", "RIGHT"],
  ["LMOVE", "l:plain", "l:plain", "RIGHT", "LEFT"],
  ["LMOVE", "l:plain", "l:plain", "LEFT", "RIGHT"],
  ["LMOVE", "l:plain", "l:small", "RIGHT", "LEFT"],
  ["LMOVE", "l:small", "l:new", "RIGHT", "LEFT"],
  ["LMOVE", "l:big", "l:edge", "RIGHT", "LEFT"],
  ["LINSERT", "l:big", "BEFORE", "abc".repeat(30) + 200, LONG],
  ["LINSERT", "l:big", "AFTER", "abc".repeat(30) + 200, HUGE],
  ["LINSERT", "l:edge", "AFTER", "abc".repeat(30) + 40, LONG],
  ["LINSERT", "l:small", "AFTER", "b", HUGE],
  ["LSET", "l:big", 200, HUGE],
  ["LSET", "l:big", 200, LONG],
  ["LSET", "l:small", 1, HUGE],
  ["LSET", "l:plain", 0, "short"],
  ["LSET", "l:plain", 2, `${HUGE}z`],
  ["LREM", "l:big", 0, "abc".repeat(30) + 200],
  ["LTRIM", "l:big", 50, -50],
  ["LTRIM", "l:big", 399, -1],
  ["LPOP", "l:big", 250],
  ["RPOP", "l:plain"],
  ["LMPOP", 2, "none", "l:big", "RIGHT", "COUNT", 90],
  ["SADD", "s:new", 1],
  ["SADD", "s:new", "a", "b", LONG],
  ["SADD", "s:ints", "a"],
  ["SADD", "s:ints", "9000000000", "70000", LONG],
  ["SADD", "s:fullints", 9999],
  ["SADD", "s:fullints", 9999, "text"],
  ["SADD", "s:full", "one too many", "another"],
  ["SADD", "s:big", "new", LONG, "more"],
  ["SMOVE", "s:big", "s:ints", "m:5"],
  ["SMOVE", "s:small", "s:new", "a"],
  ["SMOVE", "s:full", "s:big", "m:5"],
  ["SUNIONSTORE", "s:new", "s:big", "s:full", "s:ints"],
  ["SUNIONSTORE", "s:ints", "s:ints", "s:small"],
  ["SINTERSTORE", "s:full", "s:big", "s:full"],
  ["SDIFFSTORE", "expiring", "s:big", "s:full"],
  ["SPOP", "s:big", 280],
  ["SPOP", "s:full", 100],
  ["ZADD", "z:new", 1, "a"],
  ["ZADD", "z:new", 1, LONG],
  ["ZADD", "z:new", 1, "a", 2, LONG],
  ["ZADD", "z:full", 1, "one too many"],
  ["ZADD", "z:full", 1, LONG],
  ["ZADD", "z:full", 0.123456789, "m:5"],
  ["ZADD", "z:small", 0.123456789, "a"],
  ["ZADD", "z:big", 1.5, "m:200"],
  ["ZADD", "z:big", 1.5, "new"],
  ["ZINCRBY", "z:big", 1000, "m:3"],
  ["ZUNIONSTORE", "z:new", 2, "z:big", "s:big"],
  ["ZUNIONSTORE", "z:small", 2, "z:small", "s:ints"],
  ["ZINTERSTORE", "expiring", 2, "z:big", "z:full"],
  ["ZDIFFSTORE", "z:big", 2, "z:big", "z:full"],
  ["ZRANGESTORE", "z:full", "z:big", 0, -1],
  ["ZRANGESTORE", "z:new", "z:big", "[m:1", "[m:2", "BYLEX"],
  ["ZREM", "z:big", "m:1"],
  ["ZREMRANGEBYRANK", "z:big", 3, 200],
  ["ZPOPMIN", "z:full", 100],
  ["SORT", "l:big", "ALPHA", "STORE", "l:small"],
  ["SORT", "s:big", "ALPHA", "STORE", "expiring"],
  ["SORT", "s:big", "BY", "nosort", "STORE", "h:bigexpiring"],
  ["SORT", "l:big", "ALPHA", "STORE", "l:new"],
  ["COPY", "h:bigexpiring", "h:new"],
  ["COPY", "h:expiring", "h:bigexpiring", "REPLACE"],
  ["COPY", "l:big", "l:new"],
  ["COPY", "l:plain", "expiring", "REPLACE"],
  ["COPY", "z:big", "z:new"],
  ["COPY", "s:big", "h:bigexpiring", "REPLACE"],
  ["RENAME", "h:bigexpiring", `h:${LONG}`],
  ["RENAME", "h:expiring", `h:${LONG}`],
  ["RENAME", "z:small", "expiring"],
  ["MOVE", "h:bigexpiring", 1],
  ["MOVE", "h:expiring", 1],
  ["PEXPIREAT", "h:bigexpiring", future],
  ["PEXPIREAT", "h:small", future],
  ["PERSIST", "expiring"],
  ["FLUSHALL", "SYNC"],
];

/** Ways that lists may lie, and encodings that convert early. */
const LIMITS = {
  usual: {},
  low: {
    hashListpackEntries: 4,
    zsetListpackEntries: 4,
    setIntsetEntries: 4,
    setListpackEntries: 4,
    listListpackSize: 8,
    listCompressDepth: 1,
  },
  compressed: { listCompressDepth: 1 },
} as const;

/** Which allocations of so many to fail: the first and the last ones, and some in between. */
function chosen(total: number): number[] {
  const step = Math.max(1, Math.floor(total / 12));
  return Array.from({ length: total }, (_, i) => i + 1).filter((n) => n <= 10 || n > total - 16 || n % step === 0);
}

function attempt(limits: object, command: Words): void {
  const options = { recording: true, databases: 2, firstSegment: 0 };
  const client = new EngineClient(options);
  const copy = new EngineClient({ ...options, recording: false });
  const { dataset } = client.engine;
  Object.assign(dataset.limits, limits);
  const setup = SETUP.filter((words) => command.includes(words[1]!) || command[0] === "FLUSHALL");
  const told = (n: number, ever: boolean): string =>
    `${command.slice(0, 6).join(" ").slice(0, 80)}, allocation ${n}${ever ? " and all behind it" : ""}`;

  const run = (n: number, ever: boolean): number => {
    const what = told(n, ever);
    for (const words of setup) expect(client.command(...words)).not.toMatch(/^-/);
    copy.replay(client.takeEffects());
    const before = stateDigest(dataset);
    const end = failAllocation(dataset.allocator, n, ever);
    let reply: string;
    let allocations = 0;
    try {
      reply = client.command(...command);
    } catch (error) {
      throw new Error(`${what}: ${error instanceof Error ? error.stack : error}`);
    } finally {
      allocations = end();
    }
    const effects = client.takeEffects();
    const after = stateDigest(dataset);
    // Several members for a sorted set are added one by one, and those that were are logged.
    const several = command[0] === "ZADD" && command.length > 4;
    if (reply === OOM && !several) expect([what, after, effects.length]).toEqual([what, before, 0]);
    else if (reply !== OOM) expect([what, reply]).not.toEqual([what, expect.stringMatching(/^-/)]);
    expect([what, ...verifyDataset(dataset)]).toEqual([what]);
    copy.replay(effects);
    expect([what, stateDigest(copy.engine.dataset)]).toEqual([what, after]);
    // Emptied without room for new tables, a database keeps its own until it is flushed with something in it.
    client.command("SET", "last", "1");
    client.command("FLUSHALL", "SYNC");
    while (dataset.releaseStep());
    expect([what, dataset.allocator.allocatedBytes]).toEqual([what, dataset.memory.startBytes]);
    copy.replay(client.takeEffects());
    return allocations;
  };

  const total = run(Number.POSITIVE_INFINITY, false);
  for (const n of chosen(total)) {
    run(n, false);
    run(n, true);
  }
}

const only = process.env["EMBERLOG_ONLY"];
describe.each(Object.entries(LIMITS))("%s limits", (_, limits) => {
  const chosen = COMMANDS.filter((words) => only === undefined || words.slice(0, 2).join(" ").startsWith(only));
  test.each(chosen.map((words) => [words.slice(0, 8).join(" ").slice(0, 60), words] as const))("%s", (_name, words) => {
    attempt(limits, words);
  });
});
