/**
 * The real redis-server, the oracle of the conformance tests. It is not part of the project: where it is not installed, the tests
 * that need it are skipped, and say so.
 */
import { spawnSync } from "node:child_process";
import { type ServerOptions, ServerProcess } from "./server_process.ts";

/** EMBERLOG_REDIS names another binary. */
const binary = process.env["EMBERLOG_REDIS"] ?? "redis-server";

let found: string | undefined;

/** The version as "7.0.15", or "" when no redis-server can be run. */
export function redisVersion(): string {
  if (found === undefined) {
    const result = spawnSync(binary, ["--version"], { encoding: "utf8" });
    found = /v=(\d+\.\d+\.\d+)/.exec(result.stdout ?? "")?.[1] ?? "";
  }
  return found;
}

/** Is a redis-server at hand? Prints the reason once when not. */
export function redisAvailable(): boolean {
  if (redisVersion() !== "") return true;
  console.warn(
    `SKIPPED: no ${binary} in PATH (Debian: apt-get install redis-server), nothing to compare Emberlog with`,
  );
  return false;
}

/** Is this program of the Redis tools (redis-cli, redis-benchmark) in PATH? */
export function toolAvailable(name: string): boolean {
  if (spawnSync(name, ["--version"]).error === undefined) return true;
  console.warn(`SKIPPED: no ${name} in PATH (Debian: apt-get install redis-tools)`);
  return false;
}

export function startRedis(options: ServerOptions = {}): Promise<ServerProcess> {
  const defaults = ["--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--bind", "127.0.0.1"];
  return ServerProcess.start("redis", [binary], { ...options, args: [...defaults, ...(options.args ?? [])] });
}
