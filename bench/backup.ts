/**
 * What continuous backup costs: Emberlog that ships to a real S3 server, encrypted, beside Emberlog that does not, under writes at one rate.
 *
 *   npm run bench:backup [-- --rate 20000] [--rounds 3] [--seconds 25] [--dir DIR] [--smoke]
 *
 * Both servers run all the time and take turns in every round. The rate is the same for both, so that processor time per request can be compared: of the
 * thread that serves, and of the whole process with the thread that ships. The target is 1.1x. Also told: the largest backup_lag_seconds that
 * INFO showed while it was under load. The S3 server is Ceph's gateway on the same machine, whose own work disturbs both alike. Results go to
 * bench/results/, except those of --smoke.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { emberlogMain } from "../test/support/emberlog_server.ts";
import { createBucket, gatewayEnvironment, radosgwAvailable, startRadosgw } from "../test/support/radosgw.ts";
import { ServerProcess } from "../test/support/server_process.ts";
import { lightClientAvailable, runLoad } from "./light_client.ts";
import { keep } from "./results_file.ts";
import { verdict } from "./verdict.ts";
import { describeMachine } from "./versus_machine.ts";
import { median } from "./versus_report.ts";

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "20000" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    dir: { type: "string", default: tmpdir() },
    smoke: { type: "boolean", default: false },
  },
});
const rate = Number(values.rate);
const rounds = Number(values.rounds ?? (values.smoke ? 1 : 3));
const seconds = Number(values.seconds ?? (values.smoke ? 2 : 25));
const KEYS = 100_000;
const VALUE_BYTES = 100;
const TARGET = 1.1;
const LOOK_MS = 250;

interface Run {
  readonly perSecond: number;
  /** Processor time a request, µs. */
  readonly mainUs: number;
  readonly processUs: number;
  readonly p99Ms: number;
}

if (!lightClientAvailable() || !radosgwAvailable()) process.exit(0);
const machine = describeMachine(values.dir);
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"]).toString());
const directories: string[] = [];
const temporary = (what: string): string => {
  const directory = mkdtempSync(join(values.dir, `emberlog-${what}-`));
  directories.push(directory);
  return directory;
};
const gateway = await startRadosgw(temporary("gateway"));
const servers: ServerProcess[] = [];
let lagMax = 0;
try {
  await createBucket(gateway, "backups");
  const recipient = await identityToRecipient(await generateIdentity());
  const without = await start([], {});
  const shipping = await start(
    ["--backup-target", "s3://backups/bench", "--backup-recipient", recipient],
    gatewayEnvironment(gateway.endpoint),
  );
  const runs = { without: [] as Run[], shipping: [] as Run[] };
  for (let round = 0; round < rounds; round++) {
    for (const which of round % 2 === 0 ? (["without", "shipping"] as const) : (["shipping", "without"] as const)) {
      runs[which].push(await measure(which === "without" ? without : shipping, which === "shipping"));
    }
  }
  report(runs.without, runs.shipping);
} finally {
  for (const server of servers) {
    await server.kill9();
    server.dispose();
  }
  gateway.stop();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}

async function start(args: readonly string[], env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const server = await ServerProcess.start("backup", [process.execPath, emberlogMain], {
    dir: temporary("backup"),
    args: ["--save", "", "--bind", "127.0.0.1", ...args],
    env,
  });
  servers.push(server);
  return server;
}

/** Processor time so far, s: of the thread that serves, and of all. */
function processorTime(pid: number): { readonly main: number; readonly all: number } {
  const of = (path: string): number => {
    const fields = readFileSync(path, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  };
  return { main: of(`/proc/${pid}/task/${pid}/stat`), all: of(`/proc/${pid}/stat`) };
}

async function measure(server: ServerProcess, looks: boolean): Promise<Run> {
  const client = await server.connect();
  const look = looks
    ? setInterval(() => {
        void client.command("INFO", "backup").then((reply) => {
          lagMax = Math.max(lagMax, Number(/backup_lag_seconds:([\d.]+)/.exec(String(reply))?.[1] ?? 0));
        });
      }, LOOK_MS)
    : undefined;
  const before = processorTime(server.pid);
  const load = await runLoad({
    port: server.port,
    serverPid: server.pid,
    groups: [
      {
        name: "SET",
        request: ["SET", "key:__rand_int__", "v".repeat(VALUE_BYTES)],
        clients: 50,
        pipeline: 1,
        keys: KEYS,
        rate,
      },
    ],
    seconds,
    wait: true,
    prefix: [],
  });
  const after = processorTime(server.pid);
  clearInterval(look);
  client.close();
  const { requests, requestsPerSecond, p99Ms } = load.groups[0]!;
  return {
    perSecond: requestsPerSecond,
    mainUs: ((after.main - before.main) * 1e6) / requests,
    processUs: ((after.all - before.all) * 1e6) / requests,
    p99Ms,
  };
}

function report(without: readonly Run[], shipping: readonly Run[]): void {
  const date = new Date().toISOString();
  const of = (runs: readonly Run[], what: keyof Run): number => median(runs.map((run) => run[what]));
  const line = (name: string, runs: readonly Run[]): string =>
    `${name.padEnd(10)} ${of(runs, "perSecond").toFixed(0)} writes/s, serving thread ${of(runs, "mainUs").toFixed(2)} µs a request, process ${of(runs, "processUs").toFixed(2)} µs, p99 ${of(runs, "p99Ms").toFixed(2)} ms`;
  const ratio = (what: "mainUs" | "processUs"): string => {
    const ratios = shipping.map((run, i) => run[what] / without[i]![what]);
    const middle = median(ratios);
    return `${middle.toFixed(3)}x (${ratios.map((one) => one.toFixed(2)).join(" ")}), ${verdict(middle, { most: TARGET }, values.smoke)}`;
  };
  const text = [
    `${date}, commit ${machine.commit}, ${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}, data on ${machine.filesystem}`,
    `load.c at ${rate.toLocaleString("en-US")} SETs of ${VALUE_BYTES} bytes a second from 50 clients; medians of ${rounds} round(s) of ${seconds} s, servers in turn; Ceph's gateway on the same machine`,
    "",
    line("without", without),
    line("shipping", shipping),
    `processor time, serving thread: ${ratio("mainUs")}`,
    `processor time, process:        ${ratio("processUs")}`,
    `largest backup_lag_seconds while writing: ${lagMax.toFixed(1)}`,
  ].join("\n");
  console.log(`\n${text}`);
  if (!values.smoke) keep("backup", date, machine, text, { without, shipping, lagMax });
}
