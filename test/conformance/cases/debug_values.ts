/** DEBUG and OBJECT on collections: encodings at the thresholds, DEBUG OBJECT, LISTPACK, QUICKLIST, HTSTATS-KEY, and the eviction fields of keys. */
import { both, type ConformanceCase, masked, type Same, type StepInput, sameKind, step } from "../step.ts";

/** DEBUG OBJECT but for the address, the clock, and the size, which redis-server's compression makes smaller. */
const object: Same = masked((reply) =>
  reply
    .replace(/at:\S+/, "at:#")
    .replace(/lru:\d+/, "lru:#")
    .replace(/idle:\d+/, "idle:#")
    .replace(/serializedlength:\d+/, "serializedlength:#"),
);

/** The size, too, where nothing is compressed. */
const exactObject: Same = masked((reply) =>
  reply
    .replace(/at:\S+/, "at:#")
    .replace(/lru:\d+/, "lru:#")
    .replace(/idle:\d+/, "idle:#"),
);

/** A collection of `count` elements, and what is said about it. */
function grown(key: string, build: (i: number) => string, command: string, count: number): StepInput[] {
  return [
    [command, key, ...Array.from({ length: count }, (_, i) => build(i).split(" ")).flat()],
    `OBJECT ENCODING ${key}`,
  ];
}

const values: StepInput[] = [
  "SET s hello",
  step("DEBUG OBJECT s", exactObject),
  "SET n 12345",
  step("DEBUG OBJECT n", exactObject),
  "HSET h a 1 b 2",
  step("DEBUG OBJECT h", exactObject),
  "DEBUG LISTPACK h",
  "DEBUG HTSTATS-KEY h",
  "ZADD z 1 a 2.5 b",
  step("DEBUG OBJECT z", exactObject),
  "DEBUG LISTPACK z",
  "SADD i 1 2 3",
  step("DEBUG OBJECT i", exactObject),
  "DEBUG LISTPACK i",
  "DEBUG HTSTATS-KEY i",
  ...grown("bigset", (i) => `member:${i}`, "SADD", 300),
  step("DEBUG OBJECT bigset", exactObject),
  "DEBUG LISTPACK bigset",
  step("DEBUG HTSTATS-KEY bigset", sameKind),
  ...grown("bighash", (i) => `field:${i} ${i}`, "HSET", 600),
  step("DEBUG OBJECT bighash", exactObject),
  step("DEBUG HTSTATS-KEY bighash", sameKind),
  ...grown("bigzset", (i) => `${i} member:${i}`, "ZADD", 200),
  step("DEBUG OBJECT bigzset", exactObject),
  step("DEBUG HTSTATS-KEY bigzset", both(/Hash table 0|not represented/)),
  "DEBUG QUICKLIST bigset",
  "DEBUG QUICKLIST missing",
];

const lists: StepInput[] = [
  "CONFIG SET list-max-listpack-size 16",
  ...grown("l", (i) => `element:${i}`, "RPUSH", 200),
  step("DEBUG OBJECT l", object),
  "DEBUG QUICKLIST l",
  "DEBUG QUICKLIST l 1",
  "DEBUG QUICKLIST l 1 2",
  "CONFIG SET list-compress-depth 1",
  ...grown("c", (i) => `${"x".repeat(50)}${i}`, "RPUSH", 200),
  step("DEBUG OBJECT c", object),
  "CONFIG SET list-compress-depth 0",
  "CONFIG SET list-max-listpack-size -2",
  "DEBUG QUICKLIST-PACKED-THRESHOLD 100b",
  "CONFIG SET list-max-listpack-size 1",
  ["RPUSH", "p", "x".repeat(101), "small", "y".repeat(200)],
  step("DEBUG OBJECT p", object),
  "LRANGE p 0 -1",
  "CONFIG SET list-max-listpack-size -2",
  "DEBUG QUICKLIST-PACKED-THRESHOLD 0",
];

const frequencies: StepInput[] = [
  "SET n 5",
  "OBJECT REFCOUNT n",
  "OBJECT FREQ n",
  // The clock of a value that keys share is whoever's used it last.
  "SET t text",
  "OBJECT IDLETIME t",
  "CONFIG SET maxmemory-policy allkeys-lfu",
  "SET m hello",
  "OBJECT FREQ m",
  "OBJECT IDLETIME m",
  "OBJECT FREQ missing",
  "OBJECT IDLETIME missing",
  "OBJECT FREQ",
  "CONFIG SET maxmemory 1gb",
  "SET x 5",
  "OBJECT REFCOUNT x",
  "CONFIG SET maxmemory-policy allkeys-random",
  "SET y 5",
  "OBJECT REFCOUNT y",
  "OBJECT FREQ y",
  "CONFIG SET maxmemory 0 maxmemory-policy noeviction",
];

/** -OOM exactly where redis-server gives it: the limit is below what either of them takes at rest. */
const outOfMemory: StepInput[] = [
  "SET k v",
  "RPUSH l a",
  "HSET h f v",
  "SADD s m",
  "ZADD z 1 m",
  "CONFIG SET maxmemory 1",
  ..."SET a 1|SETNX a 1|APPEND k x|INCR n|SETRANGE k 0 x|SETBIT b 1 1|MSET a 1|GETSET k v|RPUSH l b|LSET l 0 x|LINSERT l BEFORE a x|SADD s x|SMOVE s t m|HSET h f w|HINCRBY h n 1|ZADD z 2 n|ZINCRBY z 1 m|COPY k k2|SORT l STORE d|SINTERSTORE d s s|BITOP NOT d k|LMOVE l l LEFT LEFT|BLMOVE l l LEFT LEFT 1|GETEX k|GETDEL nosuch".split(
    "|",
  ),
  ..."GET k|MGET k a|STRLEN k|EXISTS k|TTL k|EXPIRE k 1000|PERSIST k|RENAME k k3|RENAME k3 k|LRANGE l 0 -1|LPOP nosuch|LREM l 0 x|LTRIM l 0 10|SREM s x|SPOP nosuch|HDEL h x|HGET h f|ZREM z x|ZRANGE z 0 -1|SORT l ALPHA|PUBLISH c m|PING|ECHO x|SELECT 0|DBSIZE|MOVE nosuch 1|UNLINK nosuch|WATCH k|UNWATCH|CONFIG GET maxmemory|SUBSCRIBE c|UNSUBSCRIBE c".split(
    "|",
  ),
  "NOSUCH x",
  "SET",
  "GET",
  "MULTI",
  "GET k",
  "PING",
  "EXEC",
  "MULTI",
  "DISCARD",
  "MULTI",
  "EXEC",
  "CONFIG SET maxmemory 0",
  "MULTI",
  "SET a 1",
  "GET a",
  "b> CONFIG SET maxmemory 1",
  "EXEC",
  "b> CONFIG SET maxmemory 0",
  "MULTI",
  "GET k",
  "b> CONFIG SET maxmemory 1",
  "EXEC",
  "MULTI",
  "MULTI",
  "RESET",
  "b> CONFIG SET maxmemory-policy volatile-lru",
  "SET a 1",
  "b> CONFIG SET maxmemory 0 maxmemory-policy noeviction",
  "SET a 1",
];

/** Nothing expires in redis-server's database 0 … 15, so that volatile policies have nothing to remove. */
export const debugValueCases: readonly ConformanceCase[] = [
  { name: "DEBUG OBJECT and the like", steps: values },
  { name: "DEBUG OBJECT of lists", steps: lists },
  { name: "OBJECT FREQ, IDLETIME and REFCOUNT by policy", steps: frequencies },
  { name: "out of memory", steps: outOfMemory },
];
