/**
 * The built Emberlog server as a child process: what a user starts, not the modules it is made of.
 *
 * EMBERLOG_MAIN names another entry file. EMBERLOG_SUBJECT=redis puts a second redis-server in Emberlog's place: the harness
 * must then find no difference, which shows that what it finds otherwise is real.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startRedis } from "./redis_server.ts";
import { type ServerOptions, ServerProcess } from "./server_process.ts";

export const projectRoot: string = fileURLToPath(new URL("../..", import.meta.url));
export const emberlogMain: string = process.env["EMBERLOG_MAIN"] ?? `${projectRoot}dist/main.mjs`;
export const subjectIsRedis: boolean = process.env["EMBERLOG_SUBJECT"] === "redis";

export async function startEmberlog(options: ServerOptions = {}): Promise<ServerProcess> {
  const args = ["--enable-debug-command", "yes", ...(options.args ?? [])];
  if (subjectIsRedis) return startRedis({ ...options, args: ["--appendonly", "yes", ...args] });
  if (!existsSync(emberlogMain)) throw new Error(`${emberlogMain} is missing: run "npm run build" first`);
  return ServerProcess.start("emberlog", [process.execPath, emberlogMain], { ...options, args });
}
