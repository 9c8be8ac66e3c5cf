/**
 * Emberlog beside redis-server (and any further server), one table:
 *
 *   npm run bench:versus -- [--peer PATH]... [--smoke] [--keys 1000000,5000000] [--rounds 3] [--seconds 3.5]
 *                           [--policies no-aof,everysec,always] [--pipelines 1,16,64] [--commands get,set] [--dir DIR]
 *                           [--client load|redis-benchmark] [--slow-sync MS]
 *   npm run bench:versus -- --tests all|LPUSH,RPOP,… [--pipelines 16] [--policies no-aof] …
 *
 * The first measures commands on keys that were loaded before. The second measures the workloads of versus_workloads.ts, each on a
 * server filled for it alone; a list of names chooses among them, and redis-benchmark's own tests may be named too.
 *
 * The client is load.c, or redis-benchmark, which is the limit itself from 1.6 M requests a second on. The report says how busy it was.
 *
 * --slow-sync delays every fdatasync of every server by MS milliseconds (slow_sync.c), as a slow disk does; 0 only counts them.
 *
 * One server runs at a time, on core 0, with the client on core 1; the servers take turns in every round, so that what
 * changes on the machine meanwhile changes for all. Results go to bench/results/, except those of --smoke.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { emberlogMain } from "../test/support/emberlog_server.ts";
import { redisAvailable, redisVersion, toolAvailable } from "../test/support/redis_server.ts";
import { ServerProcess } from "../test/support/server_process.ts";
import { lightClientAvailable } from "./light_client.ts";
import { keep } from "./results_file.ts";
import { slowSync, slowSyncAvailable } from "./slow_sync.ts";
import { type Client, drive, loadKeys, type Sample } from "./versus_load.ts";
import { describeMachine, residentBytes } from "./versus_machine.ts";
import { formatReport, median, type Row } from "./versus_report.ts";
import {
  ofLoadedKeys,
  redisBenchmarkKnows,
  type Workload,
  workloadName,
  workloadOf,
  workloads,
} from "./versus_workloads.ts";

const CLIENTS = 50;
/** Requests of the run that finds out how many fill the time of a measurement. */
const CALIBRATION_REQUESTS = 20_000;
/** Before each workload; one that a server is filled for is filled anew afterwards. */
const WARM_UP_SECONDS = 0.7;

const POLICIES: Readonly<Record<string, readonly string[]>> = {
  "no-aof": ["--appendonly", "no"],
  everysec: ["--appendonly", "yes", "--appendfsync", "everysec"],
  always: ["--appendonly", "yes", "--appendfsync", "always"],
  no: ["--appendonly", "yes", "--appendfsync", "no"],
};

interface Contender {
  readonly label: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
}

interface Work {
  readonly keys: number;
  readonly policy: string;
  readonly command: string;
  readonly pipeline: number;
}

interface Measurement extends Work {
  readonly server: string;
  readonly sample: Sample;
  readonly usedBytesPerKey: number;
  readonly residentBytesPerKey: number;
}

const { values } = parseArgs({
  options: {
    peer: { type: "string", multiple: true, default: [] },
    smoke: { type: "boolean", default: false },
    keys: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    policies: { type: "string" },
    pipelines: { type: "string" },
    commands: { type: "string" },
    tests: { type: "string" },
    dir: { type: "string" },
    client: { type: "string", default: "load" },
    "slow-sync": { type: "string" },
  },
});
const smoke = values.smoke;
const tests = values.tests;
const byTest = tests !== undefined;
const keyCounts = numbers(values.keys ?? (smoke ? "20000" : byTest ? "1000000" : "1000000,5000000"));
const rounds = Number(values.rounds ?? (smoke ? 1 : 3));
const seconds = Number(values.seconds ?? (smoke ? 0.4 : byTest ? 2 : 3.5));
const policies = (values.policies ?? (byTest ? "no-aof" : "no-aof,everysec,always")).split(",");
const pipelines = numbers(values.pipelines ?? (byTest ? "16" : "1,16,64"));
const commands = byTest
  ? (tests === "all" ? Object.keys(workloads) : tests.split(",")).map(workloadName)
  : (values.commands ?? "get,set").split(",").map(workloadName);
for (const policy of policies) {
  if (POLICIES[policy] === undefined)
    throw new Error(`no such policy: ${policy} (${Object.keys(POLICIES).join(", ")})`);
}

const slowSyncMs = values["slow-sync"] === undefined ? undefined : Number(values["slow-sync"]);
const client = values.client as Client;
if (client !== "load" && client !== "redis-benchmark") throw new Error(`no such client: ${values.client}`);
for (const command of commands) {
  const { request } = workloadOf(command);
  if (!byTest && ofLoadedKeys[command] === undefined) throw new Error(`no such command: ${command} (get, set)`);
  if (client === "load" && request[0] === "-t")
    throw new Error(`no such workload: ${command}; redis-benchmark's own tests need --client redis-benchmark`);
}

function numbers(list: string): number[] {
  return list.split(",").map(Number);
}

if (client === "load" ? !lightClientAvailable() : !toolAvailable("redis-benchmark")) process.exit(0);
if (slowSyncMs !== undefined && !slowSyncAvailable()) process.exit(0);
const dataRoot = values.dir ?? tmpdir();
const machine = describeMachine(dataRoot);
if (!machine.pinned)
  console.log("fewer than two cores, or no taskset: server and client are NOT pinned, mind the numbers");

const BASE = `redis ${redisVersion()}`;
const contenders: Contender[] = [{ label: "emberlog", command: [process.execPath, emberlogMain], args: [] }];
if (redisAvailable())
  contenders.push({ label: BASE, command: ["redis-server"], args: ["--auto-aof-rewrite-percentage", "0"] });
for (const peer of values.peer) {
  const version = /v=([\w.]+)/.exec(spawnSync(peer, ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1] ?? "";
  contenders.push({
    label: `${basename(peer)} ${version}`.trim(),
    command: [peer],
    args: ["--auto-aof-rewrite-percentage", "0"],
  });
}

/** Requests a second last seen for a workload on a server, to size the next measurement. */
const rates = new Map<string, number>();
const measurements: Measurement[] = [];

for (const keys of keyCounts) {
  for (const policy of policies) {
    for (let round = 1; round <= rounds; round++) {
      for (const contender of contenders) await measure(contender, keys, policy, round);
    }
  }
}
report();

/** Starts one server, fills it, and runs every workload on it. */
async function measure(contender: Contender, keys: number, policy: string, round: number): Promise<void> {
  const dir = mkdtempSync(join(dataRoot, "emberlog-versus-"));
  const args = ["--save", "", "--bind", "127.0.0.1", ...POLICIES[policy]!, ...contender.args];
  const prefix = machine.pinned ? ["taskset", "-c", "0"] : [];
  const slow = slowSyncMs === undefined ? undefined : slowSync(slowSyncMs);
  const env = slow?.env ?? {};
  const server = await ServerProcess.start("versus", contender.command, { dir, args, prefix, env });
  try {
    if (!byTest) await loadKeys(server.port, keys);
    const residentBytesPerKey = residentBytes(server.pid) / keys;
    const usedBytesPerKey = (await usedMemory(server)) / keys;
    for (const command of commands) {
      if (client === "redis-benchmark" && !redisBenchmarkKnows(workloadOf(command))) {
        console.log(`SKIPPED ${command}: redis-benchmark draws from one range only`);
        continue;
      }
      if (byTest && !(await knows(server, workloadOf(command).request[0]!))) {
        console.log(`SKIPPED ${command}: ${contender.label} does not know the command`);
        continue;
      }
      for (const pipeline of pipelines) {
        const sample = await sampleOf(server, contender, { keys, policy, command, pipeline });
        measurements.push({
          server: contender.label,
          keys,
          policy,
          command,
          pipeline,
          sample,
          usedBytesPerKey,
          residentBytesPerKey,
        });
        const rate = Math.round(sample.requestsPerSecond).toLocaleString("en-US");
        console.log(
          `round ${round}: ${keys} keys, ${policy}, ${command}, pipeline ${pipeline}, ${contender.label}: ${rate}/s`,
        );
      }
    }
    if (slow !== undefined) console.log(`${contender.label}: ${slow.syncs()} syncs slowed by ${slowSyncMs} ms`);
    if (slow?.syncs() === 0 && policy === "always") throw new Error(`${contender.label}: no sync was seen`);
  } finally {
    await server.kill9();
    server.dispose();
    slow?.dispose();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function sampleOf(server: ServerProcess, contender: Contender, work: Work): Promise<Sample> {
  const name = `${contender.label}|${work.policy}|${work.command}|${work.pipeline}`;
  const workload = workloadOf(work.command);
  const load = {
    client,
    port: server.port,
    pid: server.pid,
    request: workload.request,
    pipeline: work.pipeline,
    clients: CLIENTS,
    keys: workload.keys ?? work.keys,
    prefix: machine.pinned ? ["taskset", "-c", "1"] : [],
  };
  // What the server does first after it was started, filled or emptied is not part of the workload: V8 compiles what runs often.
  const first = CALIBRATION_REQUESTS * (smoke ? 1 : Math.min(work.pipeline, 16));
  const warmUp = async (requests: number): Promise<void> => {
    if (byTest) await fill(server, workload, work.keys, requests);
    rates.set(name, (await drive({ ...load, requests })).requestsPerSecond);
  };
  if (byTest || !rates.has(name)) await warmUp(first);
  if (!smoke) {
    await warmUp(Math.round(rates.get(name)! * WARM_UP_SECONDS));
    if (byTest) await warmUp(first);
  }
  const requests = Math.max(1000, Math.round(rates.get(name)! * seconds));
  if (workload.drains === true) await fill(server, workload, work.keys, requests);
  const sample = await drive({ ...load, requests });
  if (workload.drains === true && sample.nullShare > 0)
    throw new Error(`${work.command}: ${contender.label} ran out of what was to be drained`);
  rates.set(name, sample.requestsPerSecond);
  return sample;
}

/** Has the server a command of this name? An option of redis-benchmark is none that could be missing. */
async function knows(server: ServerProcess, name: string): Promise<boolean> {
  if (name.startsWith("-")) return true;
  const client = await server.connect();
  const [found] = (await client.call("COMMAND", "INFO", name)) as readonly unknown[];
  client.close();
  return found !== null;
}

/** Empties the server and fills it for a workload. */
async function fill(server: ServerProcess, workload: Workload, keys: number, requests: number): Promise<void> {
  const client = await server.connect();
  await client.call("FLUSHALL", "SYNC");
  client.close();
  await workload.fill?.(server.port, keys, requests);
}

async function usedMemory(server: ServerProcess): Promise<number> {
  const client = await server.connect();
  const info = String(await client.call("INFO", "memory"));
  client.close();
  return Number(/used_memory:(\d+)/.exec(info)?.[1] ?? Number.NaN);
}

function report(): void {
  const rows: Row[] = [];
  for (const keys of keyCounts) {
    for (const policy of policies) {
      for (const command of commands) {
        for (const pipeline of pipelines) {
          for (const { label } of contenders) {
            const each = row({ keys, policy, command, pipeline }, label);
            if (each.rounds > 0) rows.push(each);
          }
        }
      }
    }
  }
  const date = new Date().toISOString();
  const text = formatReport(rows, BASE, { machine, date, client, slowSyncMs, ownData: byTest });
  console.log(`\n${text}`);
  // A smoke run proves that this program works; its numbers say nothing.
  if (smoke) return;
  const what = byTest ? "versus-tests" : "versus";
  keep(what, date, machine, text, { client, slowSyncMs, rows, measurements });
}

function row(work: Work, server: string): Row {
  const samples = measurements.filter(
    (each) =>
      each.server === server &&
      each.keys === work.keys &&
      each.policy === work.policy &&
      each.command === work.command &&
      each.pipeline === work.pipeline,
  );
  const middle = (read: (sample: Sample) => number): number => median(samples.map((each) => read(each.sample)));
  return {
    server,
    ...work,
    rounds: samples.length,
    requestsPerSecond: middle((sample) => sample.requestsPerSecond),
    p50Ms: middle((sample) => sample.p50Ms),
    p99Ms: middle((sample) => sample.p99Ms),
    p999Ms: middle((sample) => sample.p999Ms),
    userUsPerRequest: middle((sample) => sample.userUsPerRequest),
    systemUsPerRequest: middle((sample) => sample.systemUsPerRequest),
    serverShare: middle((sample) => sample.serverShare),
    clientShare: middle((sample) => sample.clientShare),
    nullShare: middle((sample) => sample.nullShare),
    usedBytesPerKey: median(samples.map((each) => each.usedBytesPerKey)),
    residentBytesPerKey: median(samples.map((each) => each.residentBytesPerKey)),
  };
}
