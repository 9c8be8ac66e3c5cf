/**
 * What `bench:versus --tests` measures: one request of redis-benchmark a workload, and how the server is filled before it.
 *
 * A workload that drains what it works on (RPOP, SPOP) is filled with as many elements as it will send requests, and filled anew
 * for each measurement; the others find what the one before left. `__rand_int__` is redis-benchmark's own: twelve digits below -r,
 * and `__data__` a value of 32 bytes.
 */
import { feed } from "./versus_load.ts";

export interface Workload {
  /** Arguments of redis-benchmark that say what is sent: `-t NAME`, or the words of a command. */
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
  INCR: { request: ["INCR", "counter:__rand_int__"] },
  "MSET 10": {
    request: ["MSET", ...Array.from({ length: 10 }, () => ["key:__rand_int__", "__data__"]).flat()],
  },
};

/** The workload of a name as one types it: LPUSH, zrange100, "MSET 10". Unknown names are those of redis-benchmark's own tests. */
export function workloadOf(name: string): Workload {
  return workloads[workloadName(name)] ?? { request: ["-t", name.toLowerCase()] };
}

export function workloadName(name: string): string {
  const plain = (text: string): string => text.toUpperCase().replaceAll(/[ _]/g, "");
  return Object.keys(workloads).find((each) => plain(each) === plain(name)) ?? name;
}
