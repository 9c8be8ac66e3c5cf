/**
 * What encryption at rest costs: Emberlog with it beside Emberlog without it, SET from 50 clients.
 *
 *   npm run bench:encryption [-- --rounds 5] [--seconds 3] [--dir DIR] [--smoke]
 *
 * Both servers run all the time on core 0, the one without work costing nothing, load.c on core 1; they take turns in every round. Reported are medians
 * of throughput, of the server's processor time per request and of their ratios within a round; the target is 0.8× of the throughput. Results go to
 * bench/results/, except those of --smoke.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { generateKey } from "../src/disk/key_files.ts";
import { emberlogMain } from "../test/support/emberlog_server.ts";
import { ServerProcess } from "../test/support/server_process.ts";
import { lightClientAvailable, runLoad } from "./light_client.ts";
import { keep } from "./results_file.ts";
import { verdict } from "./verdict.ts";
import { describeMachine } from "./versus_machine.ts";
import { median } from "./versus_report.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    seconds: { type: "string" },
    dir: { type: "string", default: tmpdir() },
    smoke: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds ?? (values.smoke ? 1 : 5));
const seconds = Number(values.seconds ?? (values.smoke ? 0.3 : 3));
const KEYS = 100_000;
const TARGET = 0.8;

const cases = [
  { policy: "everysec", pipeline: 1, bytes: 32 },
  { policy: "everysec", pipeline: 16, bytes: 32 },
  { policy: "everysec", pipeline: 16, bytes: 1024 },
  { policy: "always", pipeline: 1, bytes: 32 },
  { policy: "always", pipeline: 16, bytes: 32 },
] as const;
type Case = (typeof cases)[number];
const nameOf = ({ policy, pipeline, bytes }: Case): string => `${policy}, pipeline ${pipeline}, ${bytes} bytes`;

interface Run {
  readonly perSecond: number;
  readonly userUs: number;
  readonly systemUs: number;
}

if (!lightClientAvailable()) process.exit(0);
const machine = describeMachine(values.dir);
const [serverCore, clientCore] = machine.pinned
  ? [
      ["taskset", "-c", "0"],
      ["taskset", "-c", "1"],
    ]
  : [[], []];
if (!machine.pinned) console.log("fewer than two cores, or no taskset: server and client are NOT pinned");

const directories: string[] = [];
const plain = await start([]);
const keyDirectory = mkdtempSync(join(values.dir, "emberlog-key-"));
directories.push(keyDirectory);
const keyFile = join(keyDirectory, "key");
writeFileSync(keyFile, generateKey(), { mode: 0o600 });
const encrypted = await start(["--encryption-key-file", keyFile]);

const measured = new Map<string, { readonly plain: Run[]; readonly encrypted: Run[] }>();
try {
  for (const each of cases) {
    const runs = { plain: [] as Run[], encrypted: [] as Run[] };
    measured.set(nameOf(each), runs);
    for (const server of [plain, encrypted]) await setPolicy(server, each.policy);
    for (let round = 0; round < rounds; round++) {
      for (const which of round % 2 === 0 ? (["plain", "encrypted"] as const) : (["encrypted", "plain"] as const)) {
        runs[which].push(await measure(which === "plain" ? plain : encrypted, each));
      }
    }
    console.log(line(each));
  }
  report();
} finally {
  for (const server of [plain, encrypted]) {
    await server.kill9();
    server.dispose();
  }
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}

async function start(args: readonly string[]): Promise<ServerProcess> {
  const dir = mkdtempSync(join(values.dir, "emberlog-encryption-"));
  directories.push(dir);
  const always = ["--save", "", "--bind", "127.0.0.1", "--enable-debug-command", "yes"];
  return ServerProcess.start("encryption", [process.execPath, emberlogMain], {
    dir,
    args: [...always, ...args],
    prefix: serverCore,
  });
}

async function setPolicy(server: ServerProcess, policy: string): Promise<void> {
  const client = await server.connect();
  await client.call("CONFIG", "SET", "appendfsync", policy);
  client.close();
}

async function measure(server: ServerProcess, { pipeline, bytes }: Case): Promise<Run> {
  const value = "v".repeat(bytes);
  const done = await runLoad({
    port: server.port,
    serverPid: server.pid,
    groups: [{ name: "SET", request: ["SET", "key:__rand_int__", value], clients: 50, pipeline, keys: KEYS }],
    seconds,
    warmup: values.smoke ? 0.1 : 1,
    prefix: clientCore,
  });
  const { requests, requestsPerSecond } = done.groups[0]!;
  if (requests === 0) throw new Error("not one request was answered");
  return {
    perSecond: requestsPerSecond,
    userUs: (done.serverUserSeconds * 1e6) / requests,
    systemUs: (done.serverSystemSeconds * 1e6) / requests,
  };
}

function line(each: Case): string {
  const { plain: without, encrypted: with_ } = measured.get(nameOf(each))!;
  const ratios = with_.map((run, i) => run.perSecond / without[i]!.perSecond);
  const of = (runs: readonly Run[]): string =>
    `${Math.round(median(runs.map((run) => run.perSecond)) / 1000)} k/s, user ${median(runs.map((run) => run.userUs)).toFixed(2)} system ${median(runs.map((run) => run.systemUs)).toFixed(2)} µs`;
  const ratio = median(ratios);
  const time = (runs: readonly Run[]): number => median(runs.map((run) => run.userUs + run.systemUs));
  return [
    nameOf(each).padEnd(34),
    `without ${of(without)}`.padEnd(50),
    `with ${of(with_)}`.padEnd(48),
    `${ratio.toFixed(2)}× (${ratios.map((one) => one.toFixed(2)).join(" ")})`,
    `processor time ${(time(with_) / time(without)).toFixed(2)}×`,
    verdict(ratio, { least: TARGET }, values.smoke),
  ].join(" ");
}

function report(): void {
  const date = new Date().toISOString();
  const text = [
    `${date}, commit ${machine.commit}, ${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}, data on ${machine.filesystem}`,
    `load.c, SET from 50 clients, ${KEYS.toLocaleString("en-US")} keys; medians of ${rounds} round(s) of ${seconds} s, servers in turn`,
    "",
    ...cases.map(line),
  ].join("\n");
  console.log(`\n${text}`);
  if (values.smoke) return;
  keep("encryption", date, machine, text, { measured: Object.fromEntries(measured) });
}
