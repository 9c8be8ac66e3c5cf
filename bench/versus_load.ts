/**
 * Fills a server with keys key:000000000000 … of 16 bytes and values of 32 bytes, and drives it: with load.c, or with redis-benchmark, whose
 * own core is the limit from 1.6 M requests a second on.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { RespClient } from "../test/support/resp_client.ts";
import { runLoad } from "./light_client.ts";
import { type CpuSeconds, endedChildrenCpu, processCpu } from "./versus_machine.ts";

/** SETs sent before their replies are waited for; two such batches are on their way at a time. */
const BATCH = 5000;
const REPLY_BYTES = "+OK\r\n".length;

const VALUE = "x".repeat(32);

/** Values of 32 bytes that do not compress, each of its own. */
export function randomValues(): () => string {
  const pool = randomBytes(1 << 20).toString("latin1");
  let at = 0;
  return () => {
    // An odd step: no two values in reach of a compressor begin at the same place.
    at = (at + 4_099) & ((1 << 20) - 1);
    return at > pool.length - 32 ? pool.slice(0, 32) : pool.slice(at, at + 32);
  };
}

/** Sets every key of [0, keys) once, to expire at `expireAtMs` where that is given; `nextValue` gives values of 32 bytes. */
export function loadKeys(
  port: number,
  keys: number,
  expireAtMs?: number,
  nextValue: () => string = () => VALUE,
): Promise<void> {
  const expiry = expireAtMs === undefined ? "" : `$4\r\nPXAT\r\n$13\r\n${expireAtMs}\r\n`;
  const head = `*${expireAtMs === undefined ? 3 : 5}\r\n$3\r\nSET\r\n$16\r\nkey:`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let sent = 0;
    let received = 0;
    const send = (): void => {
      const end = Math.min(sent + BATCH, keys);
      let text = "";
      for (; sent < end; sent++) {
        text += `${head}${String(sent).padStart(12, "0")}\r\n$32\r\n${nextValue()}\r\n${expiry}`;
      }
      socket.write(text, "latin1");
    };
    socket.once("connect", () => {
      send();
      if (sent < keys) send();
    });
    socket.on("data", (chunk) => {
      if (chunk[0] === 45) {
        reject(new Error(`loading failed: ${chunk.toString("latin1").slice(0, 200)}`));
        socket.destroy();
        return;
      }
      received += chunk.length;
      while (sent < keys && sent * REPLY_BYTES - received <= BATCH * REPLY_BYTES) send();
      if (received === keys * REPLY_BYTES) {
        socket.end();
        resolve();
      }
    });
    socket.once("error", reject);
  });
}

/** Requests that may be on their way, and how many are written at once. */
const FEED_AHEAD = 200;
const FEED_BATCH = 50;

/** Sends requests, of latin1 texts, each the next that `next` gives, until that gives none; rejects at the first error reply. */
export async function feed(port: number, next: () => readonly string[] | undefined): Promise<void> {
  const client = await RespClient.connect(port);
  const replies: Promise<Buffer>[] = [];
  try {
    for (;;) {
      let text = "";
      let sent = 0;
      for (let args = next(); args !== undefined; args = next()) {
        text += `*${args.length}\r\n`;
        for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
        replies.push(client.reply());
        if (++sent === FEED_BATCH) break;
      }
      client.write(Buffer.from(text, "latin1"));
      while (replies.length > (sent === 0 ? 0 : FEED_AHEAD)) {
        const reply = await replies.shift()!;
        if (reply[0] === 45) throw new Error(`filling failed: ${reply.toString("latin1").slice(0, 200)}`);
      }
      if (sent === 0) return;
    }
  } finally {
    for (const reply of replies) reply.catch(() => undefined);
    client.close();
  }
}

export type Client = "load" | "redis-benchmark";

export interface Load {
  readonly client: Client;
  readonly port: number;
  /** Pid of the server, whose processor time is measured. */
  readonly pid: number;
  /** The words of a command, or, for redis-benchmark alone, `["-t", "get"]`. */
  readonly request: readonly string[];
  readonly pipeline: number;
  readonly clients: number;
  readonly requests: number;
  readonly keys: number;
  /** Put before the client: `["taskset", "-c", "1"]`. */
  readonly prefix: readonly string[];
}

export interface Sample {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly userUsPerRequest: number;
  readonly systemUsPerRequest: number;
  /** Processor time of the server as a share of the wall time, 1 = a whole core. */
  readonly serverShare: number;
  /** The same of redis-benchmark; of load.c, which never sleeps, the share of the time in which it had something to do. */
  readonly clientShare: number;
  /** Null replies a request, where the client counts them. */
  readonly nullShare: number;
}

/** One run of a client. */
export function drive(load: Load): Promise<Sample> {
  return load.client === "load" ? driveLight(load) : driveRedisBenchmark(load);
}

async function driveLight(load: Load): Promise<Sample> {
  const { port, pid: serverPid, prefix, request, pipeline, clients, requests, keys } = load;
  const group = { name: request[0]!, request, pipeline, clients, requests, keys };
  const report = await runLoad({ port, serverPid, prefix, groups: [group] });
  const [done] = report.groups;
  return {
    requestsPerSecond: done!.requestsPerSecond,
    p50Ms: done!.p50Ms,
    p99Ms: done!.p99Ms,
    p999Ms: done!.p999Ms,
    userUsPerRequest: (report.serverUserSeconds * 1e6) / done!.requests,
    systemUsPerRequest: (report.serverSystemSeconds * 1e6) / done!.requests,
    serverShare: (report.serverUserSeconds + report.serverSystemSeconds) / report.seconds,
    clientShare: report.busyShare,
    nullShare: done!.nulls / done!.requests,
  };
}

async function driveRedisBenchmark(load: Load): Promise<Sample> {
  const args = ["-p", String(load.port), "-c", String(load.clients), "-P", String(load.pipeline)];
  args.push("-n", String(load.requests), "-r", String(load.keys), "-d", "32", "--precision", "3", ...load.request);
  const [program, ...rest] = [...load.prefix, "redis-benchmark", ...args];
  const serverBefore = processCpu(load.pid);
  const clientBefore = endedChildrenCpu();
  const startMs = performance.now();
  const output = await run(program!, rest);
  const wallSeconds = (performance.now() - startMs) / 1000;
  const server = difference(processCpu(load.pid), serverBefore);
  const client = difference(endedChildrenCpu(), clientBefore);
  return {
    ...readReport(output),
    userUsPerRequest: (server.user * 1e6) / load.requests,
    systemUsPerRequest: (server.system * 1e6) / load.requests,
    serverShare: (server.user + server.system) / wallSeconds,
    clientShare: (client.user + client.system) / wallSeconds,
    nullShare: 0,
  };
}

function difference(after: CpuSeconds, before: CpuSeconds): CpuSeconds {
  return { user: after.user - before.user, system: after.system - before.system };
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`redis-benchmark ended with ${code}:\n${output.slice(-2000)}`));
    });
  });
}

/** Reads throughput and percentiles from redis-benchmark's report, whose latencies are those of a whole pipeline. */
function readReport(output: string): Pick<Sample, "requestsPerSecond" | "p50Ms" | "p99Ms" | "p999Ms"> {
  const throughput = /throughput summary: ([\d.]+) requests per second/.exec(output);
  const errors = /Error from server: .*/.exec(output);
  if (throughput === null || errors !== null) throw new Error(`redis-benchmark: ${errors?.[0] ?? output.slice(-2000)}`);
  const points = [...output.matchAll(/^([\d.]+)% <= ([\d.]+) milliseconds \(cumulative count \d+\)/gm)].map(
    (match) => ({
      percent: Number(match[1]),
      ms: Number(match[2]),
    }),
  );
  const at = (percent: number): number => points.find((point) => point.percent >= percent)?.ms ?? Number.NaN;
  return { requestsPerSecond: Number(throughput[1]), p50Ms: at(50), p99Ms: at(99), p999Ms: at(99.9) };
}
