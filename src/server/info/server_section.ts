/** INFO server: what runs, since when, where it listens, and which guarantees this machine lacks. */
import os from "node:os";
import { VERSION } from "../../base/version.ts";
import { missingGuarantees } from "../../platform/capabilities.ts";
import { nativeAddon, nativeMissingReason } from "../../platform/native.ts";
import { REDIS_VERSION } from "../commands/hello.ts";
import type { Server } from "../server.ts";
import { yesNo } from "./format.ts";
import type { Field, InfoContext } from "./sections.ts";

const DAY_SECONDS = 86400;

export function serverSection({ server, clock, call }: InfoContext): Field[] {
  const { config } = server;
  const nowMs = server.clock.wallMs();
  const uptimeSeconds = Math.max(0, Math.floor((nowMs - server.startedMs) / 1000));
  return [
    ["redis_version", REDIS_VERSION],
    ["redis_git_sha1", "00000000"],
    ["redis_git_dirty", 0],
    ["redis_build_id", "0"],
    ["redis_mode", "standalone"],
    ["server_name", "emberlog"],
    ["emberlog_version", VERSION],
    ["node_version", process.version],
    ["os", `${os.type()} ${os.release()} ${os.machine()}`],
    ["arch_bits", 64],
    ["monotonic_clock", "node performance"],
    ["multiplexing_api", server.transport.kind === "epoll" ? "epoll" : "libuv"],
    ["process_id", process.pid],
    ["process_supervised", "no"],
    ["run_id", server.runId],
    ["tcp_port", server.port],
    ["server_time_usec", clock.nowUs()],
    ["uptime_in_seconds", uptimeSeconds],
    ["uptime_in_days", Math.floor(uptimeSeconds / DAY_SECONDS)],
    ["hz", config.integer("hz")],
    ["configured_hz", config.integer("hz")],
    ["lru_clock", Math.floor(call.nowMs / 1000) & 0xffffff],
    ["executable", process.argv[1] ?? process.execPath],
    ["config_file", config.file ?? ""],
    ["io_threads_active", 0],
    ...listeners(server),
    ["transport", server.transport.kind],
    ["native", yesNo(nativeAddon() !== undefined)],
    ["native_missing_reason", nativeMissingReason()],
    ["missing_guarantees", missingGuarantees().length],
    ...missingGuarantees().map(({ name, consequence }): Field => [`missing_${name.replaceAll("-", "_")}`, consequence]),
  ];
}

function listeners(server: Server): Field[] {
  const tcp = server.listening.filter((address) => !address.startsWith("/"));
  const unix = server.listening.filter((address) => address.startsWith("/"));
  const found: string[] = [];
  if (tcp.length > 0) {
    const bound = tcp.map((address) => `bind=${address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "")}`);
    found.push(`name=tcp,${bound.join(",")},port=${server.port}`);
  }
  for (const path of unix) found.push(`name=unix,bind=${path}`);
  return found.map((text, index) => [`listener${index}`, text]);
}
