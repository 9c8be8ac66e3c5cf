/**
 * What a slow disk costs, Emberlog beside redis-server, on this disk and with every sync slowed down (slow_sync.c):
 *
 *   npm run bench:sync -- --only always      appendfsync always, 50 clients SET, pipeline 1 and 16, this disk and 2 ms slower
 *   npm run bench:sync -- --only mixed       appendfsync always, 50 clients GET beside 8 clients SET, 2 ms slower
 *   npm run bench:sync -- --only everysec    appendfsync everysec, SET, this disk and 300 ms slower
 *
 *   [--rounds 6] [--seconds 1.5] [--dir DIR] [--smoke]; without --only all of them
 *
 * All servers run, on core 0, load.c on core 1, and are measured in turn, --seconds at a time: a disk changes its speed with what else
 * is done to it, and what is compared lies close together; those not measured have nothing to do.
 * Reported are medians, and whether the targets are met. DIR (a temporary folder) decides which disk is meant. Results go to
 * bench/results/, except those of --smoke.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { emberlogMain } from "../test/support/emberlog_server.ts";
import { redisAvailable, redisVersion } from "../test/support/redis_server.ts";
import { ServerProcess } from "../test/support/server_process.ts";
import { type LoadGroup, type LoadReport, lightClientAvailable, runLoad } from "./light_client.ts";
import { keep } from "./results_file.ts";
import { type SlowSync, slowSync, slowSyncAvailable } from "./slow_sync.ts";
import { verdict } from "./verdict.ts";
import { loadKeys } from "./versus_load.ts";
import { describeMachine, headOf } from "./versus_machine.ts";
import { median } from "./versus_report.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "always,mixed,everysec" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    dir: { type: "string", default: tmpdir() },
    smoke: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds ?? (values.smoke ? 1 : 6));
const seconds = Number(values.seconds ?? (values.smoke ? 0.3 : 1.5));
/**
 * Seconds before the first measurement of a server in a case, and before each further one. V8 compiles what runs often, and again what turns
 * out to be used otherwise, for some five seconds of load: on threads that share the one core with those which are measured.
 */
const warmupFirst = values.smoke ? 0.1 : 7;
const warmup = 0.1;
const KEYS = values.smoke ? 10_000 : 100_000;

const GET = ["GET", "key:__rand_int__"];
const SET = ["SET", "key:__rand_int__", "__data__"];

interface Case {
  readonly scenario: string;
  readonly policy: "always" | "everysec";
  /** What each sync is slowed by, one kind of server each. */
  readonly slowMs: readonly number[];
  readonly groups: readonly LoadGroup[];
}

const group = (name: string, request: readonly string[], clients: number, pipeline: number, rate?: number) => ({
  name,
  request,
  clients,
  pipeline,
  keys: KEYS,
  ...(rate === undefined ? {} : { rate }),
});

const cases: readonly Case[] = [
  ...[1, 16].map((pipeline): Case => {
    const groups = [group(`SET, pipeline ${pipeline}`, SET, 50, pipeline)];
    return { scenario: "always", policy: "always", slowMs: [0, 2], groups };
  }),
  {
    scenario: "mixed",
    policy: "always",
    slowMs: [2],
    groups: [group("GET beside SET", GET, 50, 1), group("SET beside GET", SET, 8, 1)],
  },
  { scenario: "everysec", policy: "everysec", slowMs: [0, 300], groups: [group("SET", SET, 50, 1)] },
  // Begun whatever the server does, so that a stall is charged with all who would have come meanwhile.
  { scenario: "everysec", policy: "everysec", slowMs: [0, 300], groups: [group("SET, 20,000/s", SET, 50, 1, 20_000)] },
];

interface Figures {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Syncs a second, of the whole server. */
  readonly syncsPerSecond: number;
  readonly clientShare: number;
}

interface Row extends Figures {
  readonly scenario: string;
  readonly slowMs: number;
  readonly name: string;
  readonly server: string;
}

if (!redisAvailable() || !lightClientAvailable() || !slowSyncAvailable()) process.exit(0);
const machine = describeMachine(values.dir);
if (!machine.pinned) console.log("fewer than two cores, or no taskset: server and client are NOT pinned");
const EMBERLOG = "emberlog";
const REDIS = `redis ${redisVersion()}`;
const contenders: Readonly<Record<string, readonly string[]>> = {
  [EMBERLOG]: [process.execPath, emberlogMain],
  [REDIS]: ["redis-server"],
};

/** What puts a process on a core. */
const pinnedTo = (core: number): string[] => (machine.pinned ? ["taskset", "-c", String(core)] : []);

/** Every figure of a case, a group and a server, by their names. */
const measured = new Map<string, Row[]>();
const wanted = values.only.split(",");
for (const policy of ["always", "everysec"] as const) {
  const chosen = cases.filter((each) => each.policy === policy && wanted.includes(each.scenario));
  if (chosen.length > 0) await measure(policy, chosen);
}
report();

interface Subject {
  readonly label: string;
  readonly slowMs: number;
  readonly dir: string;
  readonly slow: SlowSync;
  readonly server: ServerProcess;
}

/** The cases of one policy, each on all its servers in turn. */
async function measure(policy: Case["policy"], chosen: readonly Case[]): Promise<void> {
  const subjects: Subject[] = [];
  try {
    for (const slowMs of new Set(chosen.flatMap((each) => each.slowMs))) {
      for (const label of Object.keys(contenders)) {
        subjects.push(await start(policy, slowMs, label));
        await loadKeys(subjects.at(-1)!.server.port, KEYS);
      }
    }
    for (const each of chosen) {
      const own = subjects.filter(({ slowMs }) => each.slowMs.includes(slowMs));
      for (const subject of own) await load(each, subject, warmupFirst, 0.1);
      for (let round = 1; round <= rounds; round++) {
        for (const subject of own) {
          for (const row of await sample(each, subject)) {
            const key = keyOf(row.scenario, row.slowMs, row.name, row.server);
            measured.set(key, [...(measured.get(key) ?? []), row]);
            console.log(line(row));
          }
        }
      }
    }
  } finally {
    for (const { server, slow, dir } of subjects) {
      await server.kill9();
      server.dispose();
      slow.dispose();
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

async function start(policy: string, slowMs: number, label: string): Promise<Subject> {
  const dir = mkdtempSync(join(values.dir, "emberlog-sync-"));
  const slow = slowSync(slowMs);
  const server = await ServerProcess.start("sync", contenders[label]!, {
    dir,
    env: slow.env,
    // Neither rewrites the log, or takes an image of memory, while it is measured.
    args: [
      ...["--save", "", "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", policy],
      ...["--auto-aof-rewrite-percentage", "0"],
    ],
    prefix: pinnedTo(0),
  });
  return { label, slowMs, dir, slow, server };
}

function load(each: Case, { server }: Subject, warmupSeconds: number, measuredSeconds: number): Promise<LoadReport> {
  return runLoad({
    port: server.port,
    serverPid: server.pid,
    groups: each.groups,
    seconds: measuredSeconds,
    warmup: warmupSeconds,
    wait: true,
    prefix: pinnedTo(1),
  });
}

async function sample(each: Case, subject: Subject): Promise<Row[]> {
  const before = subject.slow.syncs();
  const startMs = performance.now();
  const done = await load(each, subject, warmup, seconds);
  const syncs = subject.slow.syncs() - before;
  if (syncs === 0 && each.policy === "always") throw new Error(`${subject.label}: slow_sync.c saw no sync`);
  const syncsPerSecond = (syncs * 1000) / (performance.now() - startMs);
  return done.groups.map((of) => ({
    ...{ scenario: each.scenario, slowMs: subject.slowMs, name: of.name, server: subject.label },
    ...{ requestsPerSecond: of.requestsPerSecond, p50Ms: of.p50Ms, p99Ms: of.p99Ms, p999Ms: of.p999Ms },
    ...{ maxMs: of.maxMs, syncsPerSecond, clientShare: done.busyShare },
  }));
}

function keyOf(scenario: string, slowMs: number, name: string, server: string): string {
  return [scenario, slowMs, name, server].join("|");
}

function middle(scenario: string, slowMs: number, name: string, server: string): Row {
  const of = measured.get(keyOf(scenario, slowMs, name, server))!;
  const at = (read: (row: Row) => number): number => median(of.map(read));
  return {
    ...{ scenario, slowMs, name, server },
    requestsPerSecond: at((row) => row.requestsPerSecond),
    p50Ms: at((row) => row.p50Ms),
    p99Ms: at((row) => row.p99Ms),
    p999Ms: at((row) => row.p999Ms),
    maxMs: at((row) => row.maxMs),
    syncsPerSecond: at((row) => row.syncsPerSecond),
    clientShare: at((row) => row.clientShare),
  };
}

function line(row: Row): string {
  return [
    row.scenario.padEnd(8),
    `+${row.slowMs} ms`.padStart(7),
    row.name.padEnd(15),
    row.server.padEnd(12),
    `${Math.round(row.requestsPerSecond).toLocaleString("en-US")}/s`.padStart(11),
    `p50 ${row.p50Ms.toFixed(2)}`.padStart(10),
    `p99 ${row.p99Ms.toFixed(2)}`.padStart(11),
    `p99.9 ${row.p999Ms.toFixed(2)}`.padStart(13),
    `max ${row.maxMs.toFixed(1)} ms`.padStart(13),
    `${row.syncsPerSecond.toFixed(0)} syncs/s`.padStart(14),
    `client ${Math.round(row.clientShare * 100)} %`.padStart(13),
  ].join(" ");
}

/** A ratio and what it should be. */
function judged(what: string, value: number, target: number, least: boolean): string {
  return `${what}: ${value.toFixed(2)}× (${verdict(value, least ? { least: target } : { most: target }, values.smoke)})`;
}

function judgements(): string[] {
  const lines: string[] = [];
  const ratio = (slowMs: number, name: string, scenario: string, read: (row: Row) => number): number =>
    read(middle(scenario, slowMs, name, EMBERLOG)) / read(middle(scenario, slowMs, name, REDIS));
  const rate = (row: Row): number => row.requestsPerSecond;
  if (wanted.includes("always")) {
    for (const [slowMs, pipeline, target] of [
      [0, 1, 1],
      [2, 1, 1.3],
      [0, 16, 2],
      [2, 16, 1.8],
    ] as const) {
      const name = `SET, pipeline ${pipeline}`;
      const what = `always, syncs +${slowMs} ms, ${name}: throughput of redis-server's`;
      lines.push(judged(what, ratio(slowMs, name, "always", rate), target, true));
    }
  }
  if (wanted.includes("mixed")) {
    const what = "always, syncs +2 ms, 50 GET clients beside 8 SET clients:";
    const name = "GET beside SET";
    lines.push(judged(`${what} GET throughput of redis-server's`, ratio(2, name, "mixed", rate), 4, true));
    const p99 = ratio(2, name, "mixed", (row) => row.p99Ms);
    lines.push(judged(`${what} GET p99 of redis-server's`, p99, 0.25, false));
  }
  if (wanted.includes("everysec")) {
    for (const name of ["SET", "SET, 20,000/s"]) {
      const own = middle("everysec", 300, name, EMBERLOG).p999Ms / middle("everysec", 0, name, EMBERLOG).p999Ms;
      lines.push(judged(`everysec, ${name}: p99.9 with syncs +300 ms, of its own on this disk`, own, 2, false));
    }
  }
  return lines;
}

function report(): void {
  const date = new Date().toISOString();
  const rows = [...measured.values()].map(([{ scenario, slowMs, name, server }]) =>
    middle(scenario, slowMs, name, server),
  );
  const text = [
    headOf(date, machine),
    `load.c, ${KEYS.toLocaleString("en-US")} keys, values of 32 bytes; medians of ${rounds} round(s) of ${seconds} s, servers in turn`,
    "",
    ...rows.map(line),
    "",
    ...judgements(),
  ].join("\n");
  console.log(`\n${text}`);
  if (values.smoke) return;
  keep("sync", date, machine, text, { rows, measured: [...measured.values()].flat() });
}
