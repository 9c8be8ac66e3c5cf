import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { type Random, seededRandom } from "../src/base/random.ts";
import { startEmberlog } from "../test/support/emberlog_server.ts";
import { redisAvailable, redisVersion, startRedis } from "../test/support/redis_server.ts";
import type { ServerProcess } from "../test/support/server_process.ts";
import { keep } from "./results_file.ts";
import { feed } from "./versus_load.ts";
import { describeMachine, residentBytes } from "./versus_machine.ts";

/** Redis-server's memory that Emberlog may take. */
const TARGET = 0.8;
/** Elements of one filling command. */
const BATCH = 100;
const MILLION = 1_000_000;

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "1" },
    only: { type: "string" },
    smoke: { type: "boolean", default: false },
  },
});
const scale = values.smoke ? 0.002 : Number(values.scale);
const only = values.only?.split(",");

interface Subject {
  readonly name: string;
  readonly what: string;
  /** Elements at scale 1. */
  readonly count: number;
  /** The command that an element, or a batch of elements, is written with. */
  readonly head: (n: number) => string[];
  readonly element: (n: number, random: Random) => string[];
  readonly batch: number;
}

const digits = (n: number, length: number): string => String(n).padStart(length, "0");

/** Letters that have nothing in common from one call to the next. */
function noise(random: Random, length: number): string {
  let text = "";
  while (text.length < length) text += (random.int32() >>> 0).toString(36);
  return text.slice(0, length);
}

const real = (random: Random): string => String((random.int32() >>> 0) / 1000 + (random.int32() >>> 0) / 1e13);

const subjects: readonly Subject[] = [
  {
    name: "hashes",
    what: "hashes of 5 small fields",
    count: MILLION,
    head: (n) => ["HSET", `user:${digits(n, 11)}`],
    element: (n, random) => [
      ...["name", noise(random, 8), "country", "ch", "age", String(n % 90)],
      ...["score", String(random.int32() >>> 8), "visits", String(n & 1023)],
    ],
    batch: 1,
  },
  {
    name: "set",
    what: "a set, members of 16 bytes",
    count: MILLION,
    head: () => ["SADD", "set"],
    element: (n) => [`member:${digits(n, 9)}`],
    batch: BATCH,
  },
  {
    name: "zset",
    what: "a sorted set, members of 16 bytes, random doubles",
    count: MILLION,
    head: () => ["ZADD", "zset"],
    element: (n, random) => [real(random), `member:${digits(n, 9)}`],
    batch: BATCH,
  },
  {
    name: "list",
    what: "a list, items of 20 bytes (job:%016d)",
    count: 5 * MILLION,
    head: () => ["RPUSH", "list"],
    element: (n) => [`job:${digits(n, 16)}`],
    batch: BATCH,
  },
  {
    name: "list-random",
    what: "a list, items of 20 random letters",
    count: 5 * MILLION,
    head: () => ["RPUSH", "list"],
    element: (_, random) => [noise(random, 20)],
    batch: BATCH,
  },
];

interface Memory {
  readonly used: number;
  readonly resident: number;
}

async function memoryOf(server: ServerProcess): Promise<Memory> {
  // Buffers of the connections that filled the server are given back by its timer.
  await new Promise((resolve) => setTimeout(resolve, values.smoke ? 200 : 1500));
  const client = await server.connect();
  const info = String(await client.call("INFO", "memory"));
  client.close();
  return { used: Number(/used_memory:(\d+)/.exec(info)?.[1]), resident: residentBytes(server.pid) };
}

/** Memory that a subject adds to an empty server. */
async function measure(start: () => Promise<ServerProcess>, subject: Subject, count: number): Promise<Memory> {
  const server = await start();
  try {
    const empty = await memoryOf(server);
    const random = seededRandom(7);
    let at = 0;
    await feed(server.port, () => {
      if (at >= count) return undefined;
      const args = subject.head(at);
      for (const end = Math.min(count, at + subject.batch); at < end; at++) args.push(...subject.element(at, random));
      return args;
    });
    const full = await memoryOf(server);
    return { used: full.used - empty.used, resident: full.resident - empty.resident };
  } finally {
    await server.kill9();
    server.dispose();
  }
}

interface Row {
  readonly name: string;
  readonly what: string;
  readonly count: number;
  readonly emberlog: Memory;
  readonly redis: Memory;
}

if (!redisAvailable()) process.exit(0);
const rows: Row[] = [];
for (const subject of subjects) {
  if (only !== undefined && !only.includes(subject.name)) continue;
  const count = Math.round(subject.count * scale);
  const emberlog = await measure(() => startEmberlog({ args: ["--appendonly", "no"] }), subject, count);
  const redis = await measure(() => startRedis(), subject, count);
  rows.push({ name: subject.name, what: subject.what, count, emberlog, redis });
  console.log(line(rows.at(-1)!));
}

function line({ what, count, emberlog, redis }: Row): string {
  const each = (bytes: number): string => (bytes / count).toFixed(1);
  const ratio = emberlog.used / redis.used;
  return [
    `${count.toLocaleString("en-US")} × ${what}:`,
    `used ${each(emberlog.used)} B each, redis-server ${each(redis.used)}: ${ratio.toFixed(2)}×`,
    ratio <= TARGET ? `(≤ ${TARGET})` : `(ABOVE ${TARGET})`,
    `| resident ${each(emberlog.resident)}, redis-server ${each(redis.resident)}`,
  ].join(" ");
}

if (!values.smoke) {
  const machine = describeMachine(tmpdir());
  const date = new Date().toISOString();
  const head = `${date}, commit ${machine.commit}, redis-server ${redisVersion()}, ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}`;
  const text = [head, "memory beyond that of an empty server, bytes an element (a whole hash in the first row)", ""];
  keep("memory", date, machine, [...text, ...rows.map(line)].join("\n"), { rows });
}
