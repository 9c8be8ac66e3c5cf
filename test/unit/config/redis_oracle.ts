/**
 * A real redis-server to compare with, on a unix socket in a folder of its own, so that no port is needed.
 * Where none is installed, the tests that need it are skipped and say why.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

export const oracleMissing: string | undefined = (() => {
  const found = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  if (found.error !== undefined) return "redis-server is not installed (apt-get install redis-server)";
  return found.stdout.includes("v=7.0.") ? undefined : `redis-server is not 7.0: ${found.stdout.trim()}`;
})();

if (oracleMissing !== undefined) console.log(`skipped: comparison with redis-server: ${oracleMissing}`);

export interface Oracle {
  readonly folder: string;
  call(...args: string[]): Promise<unknown>;
  /** The reply as text, an error's as it came. */
  reply(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function startOracle(...args: string[]): Promise<Oracle> {
  const folder = mkdtempSync(join(tmpdir(), "emberlog-oracle-"));
  const socket = join(folder, "s");
  const child: ChildProcess = spawn("redis-server", [...args, "--port", "0", "--unixsocket", socket, "--dir", folder], {
    stdio: "ignore",
  });
  for (let wait = 0; !existsSync(socket) && wait < 500; wait++) await new Promise((done) => setTimeout(done, 10));
  const client = new Redis({ path: socket, maxRetriesPerRequest: 1 });
  return {
    folder,
    call: (name, ...rest) => client.call(name!, ...rest),
    reply: (name, ...rest) =>
      client.call(name!, ...rest).then(
        (value) => String(value),
        (error: Error) => error.message,
      ),
    async stop() {
      client.disconnect();
      const gone = new Promise((done) => child.once("exit", done));
      child.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
