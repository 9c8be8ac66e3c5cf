/**
 * Runs conformance cases against Emberlog and redis-server at the same time and reports every step whose answers differ.
 *
 * Each case begins with empty databases and fresh connections on both servers, in RESP2 and again in RESP3.
 */
import { startEmberlog } from "../support/emberlog_server.ts";
import { startRedis } from "../support/redis_server.ts";
import { RespClient } from "../support/resp_client.ts";
import type { ServerOptions, ServerProcess } from "../support/server_process.ts";
import { acceptedDifference } from "./differences.ts";
import { CLOSED, type ConformanceCase, type Step, type StepInput, step, type Target } from "./step.ts";

/** One server's side of one case. */
class Side implements Target {
  readonly protocol: 2 | 3;
  private readonly server: ServerProcess;
  private readonly clients = new Map<string, RespClient>();

  constructor(server: ServerProcess, protocol: 2 | 3) {
    this.server = server;
    this.protocol = protocol;
  }

  async client(name: string): Promise<RespClient> {
    const known = this.clients.get(name);
    if (known !== undefined) return known;
    const client = await this.fresh(name);
    if (this.protocol === 3) await client.command("HELLO", "3");
    return client;
  }

  async fresh(name: string): Promise<RespClient> {
    this.clients.get(name)?.close();
    const client = await RespClient.connect(this.server.port);
    this.clients.set(name, client);
    return client;
  }

  end(): void {
    for (const client of this.clients.values()) client.close();
  }
}

export class Conformance {
  ours: ServerProcess;
  readonly theirs: ServerProcess;
  private readonly options: ServerOptions;
  /** Steps compared so far. */
  steps = 0;

  private constructor(ours: ServerProcess, theirs: ServerProcess, options: ServerOptions) {
    this.ours = ours;
    this.theirs = theirs;
    this.options = options;
  }

  static async start(options: ServerOptions = {}): Promise<Conformance> {
    const theirs = await startRedis(options);
    const ours = await startEmberlog(options).catch((error: unknown) => {
      theirs.dispose();
      throw error;
    });
    return new Conformance(ours, theirs, options);
  }

  async stop(): Promise<void> {
    await Promise.all([this.ours.stop(), this.theirs.stop()]);
  }

  /** What Emberlog printed before it ended by itself, "" while it runs; a new one is started, so that other cases mean something. */
  async obituary(): Promise<string> {
    // The exit may be noticed a moment after the connections' end.
    if (this.ours.running) await new Promise((resolve) => setTimeout(resolve, 50));
    if (this.ours.running) return "";
    const text = `the server ended by itself:\n${this.ours.output.slice(-3000)}`;
    this.ours.dispose();
    this.ours = await startEmberlog(this.options);
    return text;
  }

  /** Runs one case in one protocol; the text says what differs, "" when nothing does. */
  async run(testCase: ConformanceCase, protocol: 2 | 3): Promise<string> {
    await this.clear();
    const left = new Side(this.ours, protocol);
    const right = new Side(this.theirs, protocol);
    const failures: string[] = [];
    try {
      for (const input of testCase.steps) {
        const each = asStep(input);
        const [ours, theirs] = await Promise.all([each.run(left), each.run(right)]);
        this.steps++;
        if (this.agree(each, ours, theirs, protocol)) continue;
        failures.push(`${each.label}\n    emberlog ${cut(ours)}\n    redis    ${cut(theirs)}`);
        if (ours === CLOSED && theirs !== CLOSED) {
          const end = await this.obituary();
          if (end !== "") failures.push(end);
          if (end !== "") break;
        }
        if (failures.length === 20) break;
      }
    } finally {
      left.end();
      right.end();
    }
    if (failures.length === 0) return "";
    return `RESP${protocol}, case "${testCase.name}":\n${failures.map((failure) => `  ${failure}`).join("\n")}`;
  }

  private agree(each: Step, ours: string, theirs: string, protocol: 2 | 3): boolean {
    try {
      if (each.same(ours, theirs)) return true;
    } catch {
      // A comparison that needs well-formed replies got an error text or a closed connection: not the same.
    }
    return each.args !== undefined && acceptedDifference(each.args, ours, theirs, protocol);
  }

  private async clear(): Promise<void> {
    await Promise.all(
      [this.ours, this.theirs].map(async (server) => {
        const client = await server.connect();
        await client.command("FLUSHALL");
        client.close();
      }),
    );
  }
}

export function asStep(input: StepInput): Step {
  return typeof input === "object" && "run" in input ? input : step(input);
}

function cut(text: string): string {
  const shown = JSON.stringify(text);
  return shown.length > 500 ? `${shown.slice(0, 500)}… (${text.length} bytes)` : shown;
}
