/**
 * Snapshots and starts, Emberlog beside redis-server:
 *
 *   npm run bench:images -- [--keys 5000000] [--writes 50000] [--reads 10000] [--rounds 3] [--pin] [--dir DIR] [--smoke]
 *   npm run bench:images -- --only save,delta,start,double
 *
 * save     BGSAVE of --keys keys (16 bytes, values of 32) while --writes SETs and --reads GETs a second are begun by load.c: how long it takes,
 *          what it takes of memory, what the GETs see, and what its beginning costs (redis-server: the fork)
 * delta    Emberlog alone: a full image, then 1 % of the keys overwritten at random, then the delta
 * start    from the snapshot alone, values that do not compress, files in the page cache: from the program's start to its being ready
 * double   the same with twice as many keys, Emberlog alone
 *
 * Both servers have their append-only file on, with everysec. They are measured in turn, --rounds times, and medians are told. --pin puts the server with
 * all that it starts (redis-server's child, Emberlog's thread) on core 0 and the client on core 1; without it the kernel decides. Results go to
 * bench/results/, except those of --smoke.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { emberlogMain } from "../test/support/emberlog_server.ts";
import { redisAvailable, redisVersion } from "../test/support/redis_server.ts";
import { ServerProcess } from "../test/support/server_process.ts";
import { lightClientAvailable, runLoad } from "./light_client.ts";
import { keep } from "./results_file.ts";
import { verdict } from "./verdict.ts";
import { loadKeys, randomValues } from "./versus_load.ts";
import { describeMachine, headOf, otherThreads, residentBytes, snapshotCpuSeconds } from "./versus_machine.ts";
import { median } from "./versus_report.ts";

const { values } = parseArgs({
  options: {
    keys: { type: "string" },
    writes: { type: "string", default: "50000" },
    reads: { type: "string", default: "10000" },
    rounds: { type: "string" },
    only: { type: "string", default: "save,delta,start,double" },
    pin: { type: "boolean", default: false },
    dir: { type: "string", default: tmpdir() },
    smoke: { type: "boolean", default: false },
  },
});
const keys = Number(values.keys ?? (values.smoke ? 100_000 : 5_000_000));
const rounds = Number(values.rounds ?? (values.smoke ? 1 : 3));
const writes = values.smoke ? 10_000 : Number(values.writes);
const reads = values.smoke ? 2_000 : Number(values.reads);
const only = new Set(values.only.split(","));

if (!redisAvailable() || !lightClientAvailable()) process.exit(0);
const machine = describeMachine(values.dir);
const pin = values.pin && machine.pinned;
const prefix = (core: number): string[] => (pin ? ["taskset", "-c", String(core)] : []);
const EMBERLOG = "emberlog";
const REDIS = `redis ${redisVersion()}`;
const WARMUP_S = values.smoke ? 0.3 : 2;

/** Every figure by what it is and whose, one a round. */
const figures = new Map<string, Map<string, number[]>>();

function note(what: string, server: string, value: number): void {
  const of = figures.get(what) ?? new Map<string, number[]>();
  of.set(server, [...(of.get(server) ?? []), value]);
  figures.set(what, of);
  console.log(`${server.padEnd(14)} ${what}: ${shown(value)}`);
}

const shown = (value: number): string => (Number.isInteger(value) ? value.toLocaleString("en-US") : value.toFixed(3));

function start(server: string, dir: string, log: boolean): Promise<ServerProcess> {
  const own =
    server === EMBERLOG
      ? { command: [process.execPath, emberlogMain], args: ["--appendonly", "yes"] }
      : { command: ["redis-server"], args: ["--appendonly", log ? "yes" : "no"] };
  const common = ["--save", "", "--bind", "127.0.0.1", "--auto-aof-rewrite-percentage", "0", ...own.args];
  return ServerProcess.start("images", own.command, { dir, args: common, prefix: prefix(0), readyMs: 600_000 });
}

async function info(running: ServerProcess): Promise<Map<string, string>> {
  const client = await running.connect();
  const text = String(await client.call("INFO", "everything"));
  client.close();
  return new Map(
    text.split("\r\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
}

async function call(running: ServerProcess, ...args: string[]): Promise<void> {
  const client = await running.connect();
  const reply = await client.command(...args);
  client.close();
  if (reply[0] === 45) throw new Error(`${args.join(" ")} was answered with ${reply.toString()}`);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Saved {
  /** From its being asked for to its end. */
  readonly seconds: number;
  /** What the server took of memory more than before, at most: its processes but for redis-server's child. */
  readonly growthBytes: number;
  /** Of the processor, by who took it: what the wait would be on a machine that has nothing else to do. */
  readonly cpuSeconds: number;
}

/** One BGSAVE. `full`: BGREWRITEAOF, which is what has Emberlog write a full image and no delta. */
async function save(running: ServerProcess, full = false): Promise<Saved> {
  const client = await running.connect();
  const before = residentBytes(running.pid);
  let most = before;
  const others = otherThreads(running.pid);
  const cpuBefore = snapshotCpuSeconds(running.pid, others);
  let cpu = cpuBefore;
  const beganMs = performance.now();
  const reply = (await client.command(full ? "BGREWRITEAOF" : "BGSAVE")).toString();
  if (reply.startsWith("-")) throw new Error(`BGSAVE was answered with ${reply}`);
  const progress = full ? "aof_rewrite_in_progress" : "rdb_bgsave_in_progress";
  const status = full ? "aof_last_bgrewrite_status" : "rdb_last_bgsave_status";
  for (;;) {
    const text = String(await client.call("INFO", "persistence"));
    if (text.includes(`${progress}:0`)) {
      client.close();
      if (!text.includes(`${status}:ok`)) throw new Error(`BGSAVE failed\n${text}`);
      return { seconds: (performance.now() - beganMs) / 1000, growthBytes: most - before, cpuSeconds: cpu - cpuBefore };
    }
    most = Math.max(most, residentBytes(running.pid));
    cpu = Math.max(cpu, snapshotCpuSeconds(running.pid, others));
    await sleep(10);
  }
}

function load(running: ServerProcess, seconds: number, warmup: number) {
  const group = (name: string, request: readonly string[], rate: number, clients: number, pipeline: number) => ({
    ...{ name, request, rate, clients, pipeline, keys },
  });
  return runLoad({
    port: running.port,
    serverPid: running.pid,
    seconds,
    warmup,
    wait: true,
    prefix: prefix(1),
    groups: [
      group("GET", ["GET", "key:__rand_int__"], reads, 50, 1),
      group("SET", ["SET", "key:__rand_int__", "__data__"], writes, 50, 10),
    ],
  });
}

/** Time on the processor, as the server measures it itself. */
async function longestTurnUs(running: ServerProcess): Promise<number> {
  return Number((await info(running)).get("turn_cpu_us_max"));
}

async function measureSaves(): Promise<void> {
  for (const server of [EMBERLOG, REDIS]) {
    const dir = mkdtempSync(join(values.dir, "emberlog-images-"));
    const running = await start(server, dir, true);
    try {
      await loadKeys(running.port, keys);
      await call(running, "CONFIG", "RESETSTAT");
      const idle = await load(running, values.smoke ? 0.3 : 3, WARMUP_S);
      note("GET p99.9 before, ms", server, idle.groups[0]!.p999Ms);
      if (server === EMBERLOG) note("longest turn before, ms", server, (await longestTurnUs(running)) / 1000);
      // The first tells how long to measure.
      let lastsS = 0;
      for (let round = 0; round <= rounds; round++) {
        const loading = load(running, round === 0 ? 5 : lastsS, WARMUP_S);
        await sleep(WARMUP_S * 1000 + 100);
        await call(running, "CONFIG", "RESETSTAT");
        const { seconds, growthBytes, cpuSeconds } = await save(running, server === EMBERLOG);
        const turnUs = server === EMBERLOG ? await longestTurnUs(running) : 0;
        const report = await loading;
        lastsS = Math.max(0.2, seconds);
        if (round === 0) continue;
        const fields = await info(running);
        const of = (name: string): number => Number(fields.get(name));
        note("BGSAVE under load, s", server, seconds);
        note("its processor time, s", server, cpuSeconds);
        note("GET p99.9 meanwhile, ms", server, report.groups[0]!.p999Ms);
        note("GET max meanwhile, ms", server, report.groups[0]!.maxMs);
        note("SETs a second meanwhile", server, Math.round(report.groups[1]!.requestsPerSecond));
        if (server === EMBERLOG) {
          note("its beginning by the clock, ms", server, of("image_last_freeze_usec") / 1000);
          note("longest turn meanwhile, ms", server, turnUs / 1000);
          note("extra memory, MB", server, of("image_memory_last") / 1e6);
          note("growth of the process, MB", server, growthBytes / 1e6);
        } else {
          note("its beginning by the clock, ms", server, of("latest_fork_usec") / 1000);
          note("extra memory, MB", server, of("rdb_last_cow_size") / 1e6);
        }
      }
    } finally {
      await end(running, dir);
    }
  }
}

async function end(running: ServerProcess, dir: string): Promise<void> {
  await running.kill9();
  running.dispose();
  rmSync(dir, { recursive: true, force: true });
}

async function measureDeltas(): Promise<void> {
  const dir = mkdtempSync(join(values.dir, "emberlog-images-"));
  const running = await start(EMBERLOG, dir, true);
  try {
    await loadKeys(running.port, keys, undefined, randomValues());
    for (let round = 0; round < rounds; round++) {
      for (const kind of ["full", "delta"]) {
        if (kind === "delta") {
          const group = {
            name: "SET",
            request: ["SET", "key:__rand_int__", "__data__"],
            clients: 50,
            pipeline: 16,
            keys,
          };
          await runLoad({
            ...{ port: running.port, serverPid: running.pid, wait: true, prefix: prefix(1) },
            groups: [{ ...group, requests: keys / 100 }],
          });
        }
        const { seconds } = await save(running, kind === "full");
        const fields = await info(running);
        if (fields.get("image_last_kind") !== kind) throw new Error(`a ${kind} image was expected`);
        note(`${kind} image, s`, EMBERLOG, seconds);
        note(`${kind} image, MB`, EMBERLOG, Number(fields.get("image_last_bytes")) / 1e6);
      }
    }
  } finally {
    await end(running, dir);
  }
}

async function measureStarts(count: number, servers: readonly string[]): Promise<void> {
  for (const server of servers) {
    const dir = mkdtempSync(join(values.dir, "emberlog-images-"));
    try {
      const first = await start(server, dir, false);
      await loadKeys(first.port, count, undefined, randomValues());
      await call(first, "SAVE");
      await first.stop();
      for (let round = 0; round < rounds; round++) {
        const beganMs = performance.now();
        const again = await start(server, dir, false);
        note(`start with ${shown(count)} keys, s`, server, (performance.now() - beganMs) / 1000);
        const own = /(?:DB loaded from disk:|Recovered .*? in) ([\d.]+) (ms|s)/.exec(again.output);
        if (own !== null) {
          note(
            `of that with ${shown(count)} keys, as it says, s`,
            server,
            Number(own[1]) / (own[2] === "ms" ? 1000 : 1),
          );
        }
        await again.kill9();
        again.dispose();
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

if (only.has("save")) await measureSaves();
if (only.has("delta")) await measureDeltas();
if (only.has("start")) await measureStarts(keys, [EMBERLOG, REDIS]);
if (only.has("double")) await measureStarts(2 * keys, [EMBERLOG]);

const middle = (what: string, server = EMBERLOG): number => median(figures.get(what)?.get(server) ?? [Number.NaN]);

function judged(what: string, value: number, most: number, unit = "×"): string {
  return `${what}: ${value.toFixed(3)}${unit} (${verdict(value, { most }, values.smoke)})`;
}

function judgements(): string[] {
  const lines: string[] = [];
  const ratio = (what: string): number => middle(what) / middle(what, REDIS);
  if (only.has("save")) {
    lines.push(judged("BGSAVE under load, of redis-server's time", ratio("BGSAVE under load, s"), 0.25));
    lines.push(judged("its processor time, of redis-server's", ratio("its processor time, s"), 0.25));
    lines.push(judged("extra memory", middle("extra memory, MB"), 67.11, " MB"));
    lines.push(judged("GET p99.9 meanwhile, of redis-server's", ratio("GET p99.9 meanwhile, ms"), 1));
    lines.push(judged("longest turn on the processor meanwhile", middle("longest turn meanwhile, ms"), 5, " ms"));
  }
  if (only.has("delta")) {
    lines.push(
      judged(
        "delta after 1 % of keys, of the full image's bytes",
        middle("delta image, MB") / middle("full image, MB"),
        0.125,
      ),
    );
    lines.push(
      judged(
        "delta after 1 % of keys, of the full image's time",
        middle("delta image, s") / middle("full image, s"),
        0.25,
      ),
    );
  }
  const one = `start with ${shown(keys)} keys, s`;
  if (only.has("start")) lines.push(judged("start, of redis-server's", ratio(one), 0.25));
  if (only.has("double") && only.has("start")) {
    lines.push(
      judged("start with twice as many keys", middle(`start with ${shown(2 * keys)} keys, s`) / middle(one), 2.2),
    );
  }
  return lines;
}

const date = new Date().toISOString();
const rows = [...figures].flatMap(([what, servers]) =>
  [...servers].map(
    ([server, of]) =>
      `${what.padEnd(40)} ${server.padEnd(14)} ${shown(median(of)).padStart(12)}   of ${of.map(shown).join(", ")}`,
  ),
);
const text = [
  headOf(date, machine),
  `${keys.toLocaleString("en-US")} keys; ${writes} SETs and ${reads} GETs a second; medians of ${rounds} round(s); ${pin ? "server on core 0, client on core 1" : "cores as the kernel likes"}`,
  "",
  ...rows,
  "",
  ...judgements(),
].join("\n");
console.log(`\n${text}`);
if (!values.smoke) {
  const data = [...figures].map(([what, servers]) => ({ what, ...Object.fromEntries(servers) }));
  keep("images", date, machine, text, { keys, writes, reads, pin, figures: data });
}
