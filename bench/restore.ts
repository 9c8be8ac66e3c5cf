/**
 * How fast a backup comes back: `emberlog restore` from a real S3 server, encrypted, in MB of dataset (keys and values) a second of the whole program's time.
 *
 *   npm run bench:restore [-- --megabytes 400] [--value 4096] [--rounds 3] [--dir DIR] [--smoke]
 *
 * (a) an image with a short log behind it, (b) the log alone; values are random bytes, so that nothing is made smaller on the way. The rounds take turns. Also
 * told: processor time of the restoring program, and what a plain copy of the same bytes onto the same disk, synced, takes: no restore is faster than that. The
 * S3 server is Ceph's gateway on the same machine, its data in memory, which takes part of the same cores. Results go to bench/results/, except those of --smoke.
 */
import { execFile, execFileSync, spawn } from "node:child_process";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { open } from "../src/engine/embedded.ts";
import { emberlogMain } from "../test/support/emberlog_server.ts";
import { createBucket, gatewayEnvironment, radosgwAvailable, startRadosgw } from "../test/support/radosgw.ts";
import { keep } from "./results_file.ts";
import { verdict } from "./verdict.ts";
import { describeMachine } from "./versus_machine.ts";
import { median } from "./versus_report.ts";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string" },
    value: { type: "string", default: "4096" },
    rounds: { type: "string" },
    dir: { type: "string", default: tmpdir() },
    smoke: { type: "boolean", default: false },
  },
});
const MB = 1e6;
const valueBytes = Number(values.value);
const datasetBytes = Number(values.megabytes ?? (values.smoke ? 20 : 400)) * MB;
const rounds = Number(values.rounds ?? (values.smoke ? 1 : 3));
const TARGET = 150;
const KINDS = ["image and a short log", "log alone"] as const;
type Kind = (typeof KINDS)[number];

interface Run {
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly mbPerSecond: number;
}

if (!radosgwAvailable()) process.exit(0);
const machine = describeMachine(values.dir);
const root = mkdtempSync(join(values.dir, "emberlog-restore-bench-"));
const gateway = await startRadosgw(join(root, "gateway"));
const env = { ...process.env, ...gatewayEnvironment(gateway.endpoint) };
const identity = join(root, "identity.txt");
try {
  await createBucket(gateway, "backups");
  const { stdout } = await emberlog("backup", "identity", identity, "--json");
  const [recipient] = (JSON.parse(stdout) as { recipients: string[] }).recipients;
  for (const kind of KINDS) await store(kind, recipient!);
  const runs: Record<Kind, Run[]> = { "image and a short log": [], "log alone": [] };
  const copies: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const kind of KINDS) runs[kind].push(await restored(kind, round));
    copies.push(copied());
  }
  report(runs, copies);
} finally {
  gateway.stop();
  rmSync(root, { recursive: true, force: true });
}

function emberlog(...words: string[]): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, ["--no-warnings", emberlogMain, ...words], { env });
}

function targetOf(kind: Kind): string {
  return `s3://backups/${kind.replaceAll(" ", "-")}`;
}

/** A data directory with the whole dataset, brought into the store. */
async function store(kind: Kind, recipient: string): Promise<void> {
  const dir = join(root, kind.replaceAll(" ", "-"));
  const database = await open({ dir, appendfsync: "no" });
  const bytes = Buffer.alloc(valueBytes);
  const keys = Math.round(datasetBytes / (valueBytes + 10));
  const set = (key: number): void => {
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((Math.random() * 2 ** 32) >>> 0, at);
    database.set(`key:${String(key).padStart(6, "0")}`, bytes);
  };
  for (let key = 0; key < keys; key++) {
    set(key);
    if (key % 1000 === 0) await database.durable();
  }
  if (kind === "image and a short log") {
    await database.snapshot();
    for (let key = 0; key < keys / 50; key++) set(key);
  }
  await database.close();
  await emberlog("backup", "now", dir, "--to", targetOf(kind), "--recipient", recipient);
  rmSync(dir, { recursive: true });
}

async function restored(kind: Kind, round: number): Promise<Run> {
  const dir = join(root, `restored-${round}`);
  const words = ["restore", "--from", targetOf(kind), "--dir", dir, "--identity", identity, "--json"];
  const began = process.hrtime.bigint();
  const child = spawn(
    "bash",
    ["-c", 'TIMEFORMAT="%U %S"; time "$@"', "bash", process.execPath, emberlogMain, ...words],
    {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let said = "";
  child.stderr.on("data", (text) => {
    said += String(text);
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  if (code !== 0) throw new Error(`the restore failed: ${said}`);
  const [user, system] = said.trim().split("\n").at(-1)!.split(" ").map(Number);
  rmSync(dir, { recursive: true });
  return { seconds, processorSeconds: user! + system!, mbPerSecond: datasetBytes / MB / seconds };
}

/** MB a second of a file of the same size, written and synced. */
function copied(): number {
  const file = join(root, "copy");
  const bytes = Buffer.alloc(MB, 7);
  const began = process.hrtime.bigint();
  const fd = openSync(file, "w");
  for (let at = 0; at < datasetBytes; at += bytes.length) writeSync(fd, bytes);
  fdatasyncSync(fd);
  closeSync(fd);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  rmSync(file);
  return datasetBytes / MB / seconds;
}

function report(runs: Readonly<Record<Kind, readonly Run[]>>, copies: readonly number[]): void {
  const date = new Date().toISOString();
  const of = (kind: Kind, what: keyof Run): number => median(runs[kind].map((run) => run[what]));
  const line = (kind: Kind): string => {
    const rate = of(kind, "mbPerSecond");
    const all = runs[kind].map((run) => run.mbPerSecond.toFixed(0)).join(" ");
    return `${kind.padEnd(22)} ${rate.toFixed(0)} MB/s (${all}), ${of(kind, "seconds").toFixed(2)} s, processor ${of(kind, "processorSeconds").toFixed(2)} s; ${verdict(rate, { least: TARGET }, values.smoke)}`;
  };
  const load = execFileSync("cat", ["/proc/loadavg"]).toString().split(" ").slice(0, 1).join(" ");
  const text = [
    `${date}, commit ${machine.commit}, ${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}, data on ${machine.filesystem}, load ${load} at the end`,
    `${(datasetBytes / MB).toFixed(0)} MB of dataset in random values of ${valueBytes} bytes, encrypted, Ceph's gateway on the same machine; medians of ${rounds} round(s)`,
    "",
    ...KINDS.map(line),
    `a file of that size, written and synced: ${median([...copies]).toFixed(0)} MB/s`,
  ].join("\n");
  console.log(`\n${text}`);
  if (!values.smoke) keep("restore", date, machine, text, { runs, copies });
}
