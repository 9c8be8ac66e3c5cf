/**
 * What `bench:versus` measures: one request a workload, and how the server is filled before it.
 *
 * Those of `--tests all` are what redis-benchmark asks for, all clients working on ONE list, set, hash or sorted set; behind them come the
 * same commands spread over 10,000 keys, as queues and sessions do, under names of their own.
 *
 * A workload that drains what it works on (RPOP, SPOP) is filled with as many elements as it will send requests, and filled anew
 * for each measurement; the others find what the one before left. `__rand_int__` is redis-benchmark's own: twelve digits below -r,
 * and `__data__` a value of 32 bytes. `__rand_int:N__`, twelve digits below N, is known to load.c alone.
 */
import { feed } from "./versus_load.ts";

export interface Workload {
  /** The words of a command; `-t NAME`, one of redis-benchmark's own tests, for that client alone. */
  readonly request: readonly string[];
  /** Fills an empty server for `requests` requests over `keys` different keys, members or fields. */
  fill?(port: number, keys: number, requests: number): Promise<void>;
  /** Takes away what it was filled with. */
  readonly drains?: boolean;
  /** Different keys that random numbers are drawn from, where not as many as the run asks for. */
  readonly keys?: number;
}

/** Members, fields and elements of one filling command. */
const BATCH = 100;
const VALUE = "x".repeat(32);

const digits = (n: number): string => String(n).padStart(12, "0");
/** Spreads over all keys without an order, and hits each once in a run of `keys`, which are prime to it. */
const scattered = (n: number, keys: number): number => (n * 7_368_787) % keys;

/** Calls `command` for [0, count) in steps of `BATCH`, with the arguments of each step's elements. */
function inBatches(port: number, count: number, head: readonly string[], element: (n: number) => string[]) {
  let at = 0;
  return feed(port, () => {
    if (at >= count) return undefined;
    const args = [...head];
    for (const end = Math.min(at + BATCH, count); at < end; at++) args.push(...element(at));
    return args;
  });
}

const HASHES = 10_000;
const HASH_FIELDS = 20;
/** Keys of the workloads that are spread. */
const SPREAD = 10_000;

/** Fills each of `SPREAD` keys with `each` elements, `BATCH` a command. */
function inEach(port: number, each: number, head: (key: string) => string[], element: (n: number) => string[]) {
  let key = 0;
  let at = 0;
  return feed(port, () => {
    if (key === SPREAD) return undefined;
    const args = head(digits(key));
    for (const end = Math.min(at + BATCH, each); at < end; at++) args.push(...element(at));
    if (at === each) {
      key++;
      at = 0;
    }
    return args;
  });
}

/** Elements a key so that `requests` drawn by chance empty none: six times the deviation above the mean. */
const drawnFrom = (requests: number): number => {
  const mean = requests / SPREAD;
  return Math.ceil(mean + 6 * Math.sqrt(mean) + 10);
};

export const workloads: Readonly<Record<string, Workload>> = {
  LPUSH: { request: ["LPUSH", "list", "__data__"] },
  RPOP: {
    request: ["RPOP", "list"],
    drains: true,
    fill: (port, _keys, requests) => inBatches(port, requests, ["RPUSH", "list"], () => [VALUE]),
  },
  SADD: { request: ["SADD", "set", "member:__rand_int__"] },
  HSET: { request: ["HSET", "hash", "field:__rand_int__", "__data__"] },
  ZADD: { request: ["ZADD", "zset", "__rand_int__", "member:__rand_int__"] },
  "ZRANGE 100": {
    request: ["ZRANGE", "zset", "0", "99"],
    fill: (port, keys) =>
      inBatches(port, Math.min(keys, 100_000), ["ZADD", "zset"], (n) => [
        String(scattered(n, keys)),
        `member:${digits(n)}`,
      ]),
  },
  "LRANGE 100": {
    request: ["LRANGE", "list", "0", "99"],
    fill: (port, keys) => inBatches(port, Math.min(keys, 100_000), ["RPUSH", "list"], () => [VALUE]),
  },
  "HGETALL 20": {
    request: ["HGETALL", "hash:__rand_int__"],
    keys: HASHES,
    fill(port) {
      let at = 0;
      return feed(port, () => {
        if (at === HASHES) return undefined;
        const args = ["HSET", `hash:${digits(at++)}`];
        for (let i = 0; i < HASH_FIELDS; i++) args.push(`field:${i}`, `value of field ${i}`);
        return args;
      });
    },
  },
  SPOP: {
    request: ["SPOP", "set"],
    drains: true,
    fill: (port, _keys, requests) => inBatches(port, requests, ["SADD", "set"], (n) => [`member:${digits(n)}`]),
  },
  ZPOPMIN: {
    request: ["ZPOPMIN", "zset"],
    drains: true,
    fill: (port, keys, requests) =>
      inBatches(port, requests, ["ZADD", "zset"], (n) => [String(scattered(n, keys)), `member:${digits(n)}`]),
  },
  LMOVE: {
    request: ["LMOVE", "list", "list", "RIGHT", "LEFT"],
    fill: (port, keys) => inBatches(port, Math.min(keys, 100_000), ["RPUSH", "list"], () => [VALUE]),
  },
  INCR: { request: ["INCR", "counter:__rand_int__"] },
  "MSET 10": {
    request: ["MSET", ...Array.from({ length: 10 }, () => ["key:__rand_int__", "__data__"]).flat()],
  },
  "LPUSH 10k lists": { request: ["LPUSH", "list:__rand_int__", "__data__"], keys: SPREAD },
  "RPOP 10k lists": {
    request: ["RPOP", "list:__rand_int__"],
    keys: SPREAD,
    drains: true,
    fill: (port, _keys, requests) =>
      inEach(
        port,
        drawnFrom(requests),
        (key) => ["RPUSH", `list:${key}`],
        () => [VALUE],
      ),
  },
  // The number of elements stays; a list is empty at times, as a queue is.
  "LMOVE 10k lists": {
    request: ["LMOVE", "list:__rand_int__", "list:__rand_int__", "RIGHT", "LEFT"],
    keys: SPREAD,
    fill: (port) =>
      inEach(
        port,
        100,
        (key) => ["RPUSH", `list:${key}`],
        () => [VALUE],
      ),
  },
  "LRANGE 100 10k lists": {
    request: ["LRANGE", "list:__rand_int__", "0", "99"],
    keys: SPREAD,
    fill: (port) =>
      inEach(
        port,
        100,
        (key) => ["RPUSH", `list:${key}`],
        () => [VALUE],
      ),
  },
  "SADD 10k sets": { request: ["SADD", "set:__rand_int__", "member:__rand_int:100__"], keys: SPREAD },
  "HSET 10k hashes": { request: ["HSET", "hash:__rand_int__", "field:__rand_int:20__", "__data__"], keys: SPREAD },
  "ZADD 10k zsets": {
    request: ["ZADD", "zset:__rand_int__", "__rand_int:1000000__", "member:__rand_int:100__"],
    keys: SPREAD,
  },
};

/** What is measured on keys that were loaded before. */
export const ofLoadedKeys: Readonly<Record<string, Workload>> = {
  GET: { request: ["GET", "key:__rand_int__"] },
  SET: { request: ["SET", "key:__rand_int__", "__data__"] },
};

/** The workload of a name. Other names than those above are those of redis-benchmark's own tests. */
export function workloadOf(name: string): Workload {
  return workloads[name] ?? ofLoadedKeys[name] ?? { request: ["-t", name.toLowerCase()] };
}

/** The name as it stands above, of one as it is typed: lpush, zrange100, "mset 10". */
export function workloadName(typed: string): string {
  const plain = (text: string): string => text.toUpperCase().replaceAll(/[ _]/g, "");
  const names = [...Object.keys(workloads), ...Object.keys(ofLoadedKeys)];
  return names.find((name) => plain(name) === plain(typed)) ?? typed;
}

/** Can redis-benchmark send it? load.c can send all but redis-benchmark's own tests. */
export function redisBenchmarkKnows({ request }: Workload): boolean {
  return !request.some((word) => word.includes("__rand_int:"));
}
