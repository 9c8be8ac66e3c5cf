/**
 * Messages to many subscribers, Emberlog beside redis-server:
 *
 *   ulimit -n 20000; npm run bench:subscribers -- [--subscribers 10000] [--pipelines 1,16] [--rounds 3] [--seconds 4] [--bytes 32] [--smoke]
 *
 * All subscribers listen to one channel, one publisher sends pipelines. Each server and the clients need a descriptor for each connection: raise
 * the limit before, as above. The clients are one small C program (subscribers.c, compiled when needed), because what reads ten thousand sockets
 * must cost less than what writes to them. One server runs at a time, on core 0, the clients on core 1; the servers take turns in every round.
 * Reported are medians: messages delivered a second, and the server's time on the processor for each, which also tells them apart where the
 * client is the slower one. Results go to bench/results/, except those of --smoke.
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { emberlogMain } from "../test/support/emberlog_server.ts";
import { redisAvailable, redisVersion } from "../test/support/redis_server.ts";
import { ServerProcess } from "../test/support/server_process.ts";
import { compiled } from "./programs.ts";
import { keep } from "./results_file.ts";
import { describeMachine, headOf } from "./versus_machine.ts";
import { median } from "./versus_report.ts";

const { values } = parseArgs({
  options: {
    subscribers: { type: "string" },
    pipelines: { type: "string", default: "1,16" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    smoke: { type: "boolean", default: false },
    bytes: { type: "string", default: "32" },
  },
});
const subscribers = Number(values.subscribers ?? (values.smoke ? 100 : 10_000));
const rounds = Number(values.rounds ?? (values.smoke ? 1 : 3));
const seconds = values.seconds ?? (values.smoke ? "0.2" : "4");
/** Jiffies a second, the unit of /proc/<pid>/stat. */
const TICKS = 100;

interface Sample {
  readonly deliveredPerSecond: number;
  /** The server's time on the processor for a message delivered, and how much of it was not the kernel's. */
  readonly cpuUs: number;
  readonly userUs: number;
}

interface Ticks {
  readonly user: number;
  readonly system: number;
}

const descriptors = Number(spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }).stdout);
if (descriptors < subscribers + 100) {
  console.error(`only ${descriptors} descriptors: ulimit -n ${subscribers + 1000}, or fewer --subscribers`);
  process.exit(1);
}
const program = compiled("subscribers") ?? process.exit(1);
const machine = describeMachine(tmpdir());
const { pinned } = machine;
if (!pinned) console.log("fewer than two cores, or no taskset: server and clients are NOT pinned, mind the numbers");

const contenders: { label: string; command: readonly string[] }[] = [
  { label: "emberlog", command: [process.execPath, emberlogMain] },
];
if (redisAvailable()) contenders.push({ label: `redis ${redisVersion()}`, command: ["redis-server"] });

const samples = new Map<string, Sample[]>();
for (let round = 1; round <= rounds; round++) {
  for (const contender of contenders) {
    for (const pipeline of values.pipelines.split(",")) {
      const sample = await measure(contender.command, pipeline);
      const name = `pipeline ${pipeline}, ${contender.label}`;
      samples.set(name, [...(samples.get(name) ?? []), sample]);
      console.log(`round ${round}: ${name}: ${shown(sample)}`);
    }
  }
}
const lines = [`${subscribers} subscribers, messages of ${values.bytes} bytes, medians of ${rounds}:`];
for (const [name, of] of [...samples].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const middle = {
    deliveredPerSecond: median(of.map((sample) => sample.deliveredPerSecond)),
    cpuUs: median(of.map((sample) => sample.cpuUs)),
    userUs: median(of.map((sample) => sample.userUs)),
  };
  lines.push(`${name}: ${shown(middle)}`);
}
const date = new Date().toISOString();
const text = [headOf(date, machine), ...lines].join("\n");
console.log(`\n${text}`);
if (!values.smoke) keep("subscribers", date, machine, text, { samples: Object.fromEntries(samples) });

function shown({ deliveredPerSecond, cpuUs, userUs }: Sample): string {
  const rate = Math.round(deliveredPerSecond).toLocaleString("en-US");
  return `${rate} delivered/s, ${cpuUs.toFixed(2)} µs of the server's processor each, ${userUs.toFixed(2)} of them not in the kernel`;
}

async function measure(command: readonly string[], pipeline: string): Promise<Sample> {
  const prefix = pinned ? ["taskset", "-c", "0"] : [];
  const args = ["--save", "", "--appendonly", "no", "--maxclients", String(subscribers + 50)];
  const server = await ServerProcess.start("subscribers", command, { args: [...args, "--bind", "127.0.0.1"], prefix });
  try {
    const client = spawn(
      pinned ? "taskset" : program,
      [
        ...(pinned ? ["-c", "1", program] : []),
        ...[String(server.port), String(subscribers), pipeline, seconds, values.bytes],
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let output = "";
    let before: Ticks = { user: 0, system: 0 };
    client.stdout.on("data", (chunk: Buffer) => {
      if (output === "") before = processorTicks(server.pid);
      output += chunk.toString();
    });
    const code = await new Promise((resolve) => client.once("close", resolve));
    const after = processorTicks(server.pid);
    if (code !== 0) throw new Error(`the clients ended with ${String(code)}\n${server.output.slice(-500)}`);
    const [tookSeconds, delivered] = output.trim().split("\n").at(-1)!.split(" ").map(Number);
    const usOf = (ticks: number): number => ((ticks / TICKS) * 1e6) / delivered!;
    return {
      deliveredPerSecond: delivered! / tookSeconds!,
      cpuUs: usOf(after.user + after.system - before.user - before.system),
      userUs: usOf(after.user - before.user),
    };
  } finally {
    await server.kill9();
    server.dispose();
  }
}

/** User and system time of a process so far. */
function processorTicks(pid: number): Ticks {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
  return { user: Number(fields[11]), system: Number(fields[12]) };
}
