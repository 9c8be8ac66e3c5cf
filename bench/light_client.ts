/** Runs bench/load.c, the light load client, and reads its report. What it does and how latencies are meant stands at its head. */
import { spawn } from "node:child_process";
import { compiled } from "./programs.ts";

export interface LoadGroup {
  readonly name: string;
  /** The words of the command; `__rand_int__`, `__rand_int:N__` and `__data__` in them are filled in. */
  readonly request: readonly string[];
  readonly clients: number;
  readonly pipeline: number;
  /** What random numbers are drawn below. */
  readonly keys: number;
  /** Ends after so many requests, rounded down to whole pipelines; otherwise with the run's time. */
  readonly requests?: number;
  /** Requests a second that are begun, whatever the server does. */
  readonly rate?: number;
}

export interface LoadOptions {
  readonly port: number;
  /** Whose processor time is reported. */
  readonly serverPid: number;
  readonly groups: readonly LoadGroup[];
  readonly seconds?: number;
  /** Seconds before those that are measured. */
  readonly warmup?: number;
  /** Sleep when there is nothing to do, as a client does that is not alone on its core. */
  readonly wait?: boolean;
  /** Put before the program: `["taskset", "-c", "1"]`. */
  readonly prefix: readonly string[];
}

interface GroupReport {
  readonly name: string;
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Replies, or elements of replies, that were null. */
  readonly nulls: number;
}

export interface LoadReport {
  readonly seconds: number;
  /** The part of the time in which the client had something to do: 1 = it was the limit. */
  readonly busyShare: number;
  readonly serverUserSeconds: number;
  readonly serverSystemSeconds: number;
  readonly groups: readonly GroupReport[];
}

let program: string | undefined;

/** Can the client be compiled here? Prints the reason when not. */
export function lightClientAvailable(): boolean {
  program ??= compiled("load");
  return program !== undefined;
}

/** One run. Rejects when a server replies with an error, or not at all. */
export function runLoad(options: LoadOptions): Promise<LoadReport> {
  if (!lightClientAvailable()) return Promise.reject(new Error("the light client needs a C compiler"));
  const args = [String(options.port), "--server-pid", String(options.serverPid)];
  if (options.seconds !== undefined) args.push("--seconds", String(options.seconds));
  if (options.warmup !== undefined) args.push("--warmup", String(options.warmup));
  if (options.wait === true) args.push("--wait");
  for (const group of options.groups) {
    args.push("--group", group.name, "--clients", String(group.clients), "--pipeline", String(group.pipeline));
    args.push("--keys", String(group.keys));
    if (group.requests !== undefined) args.push("--requests", String(group.requests));
    if (group.rate !== undefined) args.push("--rate", String(group.rate));
    args.push("--", ...group.request);
  }
  const [command, ...rest] = [...options.prefix, program!, ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(command!, rest, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(JSON.parse(output) as LoadReport);
      else reject(new Error(`the load client ended with ${code}: ${errors.slice(-2000)}`));
    });
  });
}
