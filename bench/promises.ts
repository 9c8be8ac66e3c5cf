/**
 * What Emberlog promises besides throughput, measured on the real server:
 *
 *   npm run bench:promises -- [--keys 10000000] [--large 20000000] [--replay 3000000]
 *
 * 1. the longest turn, in time on the processor as the server itself measures it, while keys are inserted, while they all expire, and
 *    while FLUSHALL ASYNC frees them
 * 2. SET commands a second when the log is replayed at a start
 * 3. what a GET costs the server at 1 M and at many keys
 * 4. memory at 5 M keys, beside redis-server where there is one
 * 5. the longest turn while a sorted set and a hash of 5 M elements (--elements) are built, ranged, expired and deleted
 *
 * Prints a line for each as soon as it is known. Server on core 0, clients on core 1, where there are two. Where the machine is a virtual one
 * its host stops a core or withdraws memory now and then, and the thread that runs there is charged for it; a witness (standstill.c) tells.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEmberlog } from "../test/support/emberlog_server.ts";
import { redisAvailable, startRedis } from "../test/support/redis_server.ts";
import type { ServerProcess } from "../test/support/server_process.ts";
import { Standstill, type Stops } from "./standstill.ts";
import { drive, feed, type Load, loadKeys } from "./versus_load.ts";
import { residentBytes } from "./versus_machine.ts";

const { values } = parseArgs({
  options: {
    keys: { type: "string", default: "10000000" },
    large: { type: "string", default: "20000000" },
    replay: { type: "string", default: "3000000" },
    elements: { type: "string", default: "5000000" },
    only: { type: "string", default: "turns,replay,cost,memory,collections" },
  },
});
const keys = Number(values.keys);
const large = Number(values.large);
const replayed = Number(values.replay);
const elements = Number(values.elements);
const only = new Set(values.only.split(","));

const pinned = availableParallelism() > 1;
const server = { prefix: pinned ? ["taskset", "-c", "0"] : [], readyMs: 120_000 };
const clientPrefix = pinned ? ["taskset", "-c", "1"] : [];

async function info(running: ServerProcess, section: string): Promise<Map<string, string>> {
  const client = await running.connect();
  const text = String(await client.call("INFO", section));
  client.close();
  return new Map(
    text.split("\r\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
}

async function call(running: ServerProcess, ...args: string[]): Promise<unknown> {
  const client = await running.connect();
  const reply = await client.call(...args);
  client.close();
  return reply;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `work` and says what the longest turn was meanwhile. */
async function longestTurn(
  running: ServerProcess,
  witness: Standstill | undefined,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  await call(running, "CONFIG", "RESETSTAT");
  await witness?.period();
  await work();
  const stops = await witness?.period();
  const stats = await info(running, "stats");
  const us = Number(stats.get("turn_cpu_us_max"));
  const long = `over 5 ms: ${stats.get("turns_over_5ms")} of ${stats.get("turns")}`;
  console.log(`${what}: longest turn ${(us / 1000).toFixed(2)} ms, ${long}${told(stops)}`);
}

/** What the machine did meanwhile that a turn is charged for. */
function told(stops: Stops | undefined): string {
  if (stops === undefined) return "";
  const { count, longestMs, totalMs, slowMs } = stops;
  const still =
    count === 0
      ? ""
      : `; core stopped ${count} times, ${longestMs.toFixed(1)} ms at most, ${totalMs.toFixed(1)} in all`;
  return slowMs === 0 ? still : `${still}; memory withdrawn for ${slowMs.toFixed(0)} ms`;
}

/** A server on its core, with the witness beside it. */
async function watched(): Promise<{ running: ServerProcess; witness: Standstill | undefined }> {
  const running = await startEmberlog({ ...server, args: ["--appendonly", "no"] });
  return { running, witness: pinned ? new Standstill(0, running.pid) : undefined };
}

/** Until the dataset is empty and freed. */
async function untilFreed(running: ServerProcess): Promise<void> {
  for (;;) {
    const left = Number(await call(running, "DBSIZE"));
    const pending = Number((await info(running, "memory")).get("lazyfree_pending_objects"));
    if (left === 0 && pending === 0) return;
    await sleep(200);
  }
}

async function turns(): Promise<void> {
  const { running, witness } = await watched();
  await longestTurn(running, witness, `inserting ${keys} keys`, () => loadKeys(running.port, keys));
  await longestTurn(running, witness, `FLUSHALL ASYNC of ${keys} keys`, async () => {
    await call(running, "FLUSHALL", "ASYNC");
    await untilFreed(running);
  });
  await longestTurn(running, witness, `inserting ${keys} keys that expire`, () =>
    loadKeys(running.port, keys, Date.now() + 60_000 + keys / 500),
  );
  await longestTurn(running, witness, `expiry of ${keys} keys`, () => untilFreed(running));
  witness?.end();
  await running.stop();
}

async function replay(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "emberlog-replay-"));
  const first = await startEmberlog({ ...server, dir });
  const load: Omit<Load, "requests"> = {
    client: "load",
    port: first.port,
    pid: first.pid,
    request: ["SET", "key:__rand_int__", "__data__"],
    pipeline: 64,
    clients: 50,
    keys: 1_000_000,
    prefix: clientPrefix,
  };
  await drive({ ...load, requests: replayed });
  await first.stop();
  const second = await startEmberlog({ ...server, dir });
  const line = second.output.split("\n").find((each) => each.includes("Recovered")) ?? "no banner";
  console.log(`replay: ${line.slice(line.indexOf("Recovered"))}`);
  await second.stop();
  rmSync(dir, { recursive: true });
}

async function cost(): Promise<void> {
  const user: number[] = [];
  for (const count of [1_000_000, large]) {
    const running = await startEmberlog({ ...server, args: ["--appendonly", "no"] });
    await loadKeys(running.port, count);
    const load: Omit<Load, "requests"> = {
      client: "load",
      port: running.port,
      pid: running.pid,
      request: ["GET", "key:__rand_int__"],
      pipeline: 64,
      clients: 50,
      keys: count,
      prefix: clientPrefix,
    };
    await drive({ ...load, requests: 2_000_000 });
    const sample = await drive({ ...load, requests: 6_000_000 });
    user.push(sample.userUsPerRequest + sample.systemUsPerRequest);
    console.log(
      `GET at ${count} keys, pipeline 64: ${sample.userUsPerRequest.toFixed(3)} µs user, ${sample.systemUsPerRequest.toFixed(3)} µs system, ${Math.round(sample.requestsPerSecond)}/s`,
    );
    await running.stop();
  }
  console.log(`GET at ${large} keys costs ${(user[1]! / user[0]!).toFixed(2)}× of what it costs at 1000000`);
}

async function memory(): Promise<void> {
  const count = 5_000_000;
  const running = await startEmberlog({ ...server, args: ["--appendonly", "no"] });
  await loadKeys(running.port, count);
  await sleep(1000);
  const resident = residentBytes(running.pid);
  const used = Number((await info(running, "memory")).get("used_memory"));
  console.log(`memory at ${count} keys: emberlog resident ${resident}, used ${used}`);
  await running.stop();
  if (!redisAvailable()) return;
  const redis = await startRedis({ ...server, args: ["--save", ""] });
  await loadKeys(redis.port, count);
  const redisUsed = Number((await info(redis, "memory")).get("used_memory"));
  console.log(
    `memory at ${count} keys: redis-server used ${redisUsed}; emberlog resident / redis used = ${(resident / redisUsed).toFixed(3)}`,
  );
  await redis.stop();
}

/** A collection of `elements` elements, built a hundred a command. */
function build(running: ServerProcess, command: string, key: string): Promise<void> {
  let at = 0;
  return feed(running.port, () => {
    if (at >= elements) return undefined;
    const args = [command, key];
    for (const end = Math.min(elements, at + 100); at < end; at++) {
      const name = `member:${String(at).padStart(12, "0")}`;
      // Scores in no order.
      if (command === "ZADD") args.push(String((at * 7_368_787) % 1_000_003), name);
      else if (command === "HSET") args.push(name, "value");
      else args.push(name);
    }
    return args;
  });
}

async function collections(): Promise<void> {
  const ranges: Readonly<Record<string, readonly string[][]>> = {
    ZADD: [
      ["ZRANGE", "big", "0", "999"],
      ["ZRANGE", "big", String(elements >> 1), String((elements >> 1) + 999)],
      ["ZREVRANGEBYSCORE", "big", "+inf", "500000", "LIMIT", "1000", "1000"],
      ["ZRANK", "big", "member:000000000007"],
      ["ZSCAN", "big", "0", "COUNT", "1000"],
    ],
    HSET: [
      ["HSCAN", "big", "0", "COUNT", "1000"],
      ["HRANDFIELD", "big", "1000"],
      ["HMGET", "big", "member:000000000007", "none"],
    ],
    SADD: [
      ["SSCAN", "big", "0", "COUNT", "1000"],
      ["SRANDMEMBER", "big", "1000"],
    ],
    RPUSH: [
      ["LRANGE", "big", String(elements >> 1), String((elements >> 1) + 999)],
      ["LINDEX", "big", "-1000"],
    ],
  };
  for (const [command, reads] of Object.entries(ranges)) {
    for (const end of ["DEL", "UNLINK", "expiry"]) {
      const { running, witness } = await watched();
      const what = `${command}, ${elements} elements`;
      await longestTurn(running, witness, `${what}: built`, () => build(running, command, "big"));
      if (end === "DEL") {
        await longestTurn(running, witness, `${what}: ranged`, async () => {
          for (let round = 0; round < 100; round++) for (const read of reads) await call(running, ...read);
        });
      }
      await longestTurn(running, witness, `${what}: ended by ${end}`, async () => {
        if (end === "expiry") await call(running, "PEXPIRE", "big", "1");
        else await call(running, end, "big");
        await untilFreed(running);
      });
      witness?.end();
      await running.stop();
    }
  }
}

if (only.has("collections")) await collections();
if (only.has("turns")) await turns();
if (only.has("replay")) await replay();
if (only.has("cost")) await cost();
if (only.has("memory")) await memory();
