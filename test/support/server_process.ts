/**
 * A server as a child process in a temporary directory on a free port: what redis-server and Emberlog have in common.
 *
 * Both take redis-server's flags and both print "Ready to accept connections". A child never outlives the test process, and a
 * directory made here is removed with it unless the test asked to keep it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RespClient } from "./resp_client.ts";

export interface ServerOptions {
  /** Further flags, as `["--appendonly", "yes"]`. */
  readonly args?: readonly string[];
  /** An existing data directory; otherwise a temporary one is made. */
  readonly dir?: string;
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** How long the ready line may take, ms. */
  readonly readyMs?: number;
  /** Put before the command: `["taskset", "-c", "0"]`. */
  readonly prefix?: readonly string[];
}

const READY = "eady to accept connections";
const live = new Set<ServerProcess>();
process.once("exit", () => {
  for (const server of live) server.dispose();
});

export class ServerProcess {
  readonly label: string;
  readonly dir: string;
  readonly port: number;
  /** Everything printed so far, both streams. */
  output = "";
  private readonly child: ChildProcess;
  private readonly temporary: boolean;
  private readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  private ready = false;
  private over = false;

  private constructor(label: string, command: readonly string[], port: number, dir: string, options: ServerOptions) {
    this.label = label;
    this.port = port;
    this.dir = dir;
    this.temporary = options.dir === undefined;
    const [program, ...args] = [...(options.prefix ?? []), ...command];
    this.child = spawn(program!, args, {
      cwd: dir,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
    });
    live.add(this);
    this.exited = new Promise((resolve) => {
      this.child.once("error", (error) => {
        this.output += `\n${error.message}`;
        this.over = true;
        resolve({ code: -1, signal: null });
      });
      this.child.once("exit", (code, signal) => {
        this.over = true;
        resolve({ code, signal });
      });
    });
    const collect = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-200_000);
      if (this.output.includes(READY)) this.ready = true;
    };
    this.child.stdout!.on("data", collect);
    this.child.stderr!.on("data", collect);
  }

  /** Starts `command` and waits for the ready line. Tries another port when the one chosen was taken meanwhile. */
  static async start(label: string, command: readonly string[], options: ServerOptions = {}): Promise<ServerProcess> {
    for (let attempt = 0; ; attempt++) {
      const dir = options.dir ?? mkdtempSync(join(tmpdir(), `emberlog-test-${label}-`));
      const port = options.port ?? (await freePort());
      const flags = ["--port", String(port), "--dir", dir, ...(options.args ?? [])];
      const server = new ServerProcess(label, [...command, ...flags], port, dir, options);
      if (await server.untilReady(options.readyMs ?? 60_000)) return server;
      const taken = /EADDRINUSE|already in use/i.test(server.output);
      await server.kill9();
      server.dispose();
      if (!taken || options.port !== undefined || attempt === 3) {
        throw new Error(`${label} did not become ready:\n${server.output}`);
      }
    }
  }

  get pid(): number {
    return this.child.pid!;
  }

  get running(): boolean {
    return !this.over;
  }

  connect(): Promise<RespClient> {
    return RespClient.connect(this.port);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Exit code and signal, once the process has ended. */
  exit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return this.exited;
  }

  /** SIGTERM, then waits; SIGKILL when that takes longer than 20 s. Returns the exit code. */
  async stop(): Promise<number | null> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), 20_000);
    const { code } = await this.exited;
    clearTimeout(timer);
    this.dispose();
    return code;
  }

  /** SIGKILL, as a crash does; the directory stays. */
  async kill9(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
    live.delete(this);
  }

  /** Kills what still runs and removes the directory if it was made here. */
  dispose(): void {
    if (!this.over) this.child.kill("SIGKILL");
    live.delete(this);
    if (this.temporary) rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  private async untilReady(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!this.ready) {
      if (this.over || performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return true;
  }
}

/** A port nobody listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error("no port"));
      });
    });
  });
}
