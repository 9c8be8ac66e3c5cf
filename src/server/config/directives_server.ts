/** Directives of the listening server: network, connections, limits, security, logging, the process. */
import { DATABASES_DEFAULT, STRING_BYTES_MAX, TRANSPORT_SLOTS_MAX } from "../../base/limits.ts";
import { HIDDEN, honoured, inertBecause, refusedBecause, START } from "./directive.ts";
import { addresses, outputBufferLimits, scoreAdjustments } from "./special_values.ts";
import { integer, MEMORY_BYTES_MAX, memory, oneOf, permissions, text, yesNo } from "./values.ts";

const INT_MAX = 2147483647;
/** The transport has more slots than that, so that there is one left to say no through. */
const CLIENTS_MAX = TRANSPORT_SLOTS_MAX - 64;
const UINT_MAX = 4294967295;
const MIB = 1024 * 1024;

/** Above this many timer ticks a second a server does nothing but tick; Redis corrects the value, too. */
const TICKS_MAX = 500n;
const clampTicks = (ticks: bigint): bigint => (ticks < 1n ? 1n : ticks > TICKS_MAX ? TICKS_MAX : ticks);

const oneThread = inertBecause("one thread executes commands; the log has threads of its own");
const supervisor = inertBecause("the server stays in the foreground: let a supervisor such as systemd start it");
const noSyslog = inertBecause("the log goes to standard output or to `logfile`, not to syslog");
const noTitle = inertBecause("Node.js sets the title of the process");
const kernelSetting = inertBecause("Emberlog doesn't change this setting of the kernel; the supervisor can");
const crashReport = inertBecause("Node.js prints the stack of a crash");
const noTracking = inertBecause("client-side caching does not exist yet");
const noModules = inertBecause("modules do not exist");
const alwaysProtected = inertBecause("protected directives can't be changed while the server runs");
const noAcl = refusedBecause("access control lists do not exist yet; only `requirepass` protects the server");
const aclInert = inertBecause("access control lists do not exist yet");
const noTls = refusedBecause("TLS does not exist yet; put a TLS proxy in front");
const noClientEviction = inertBecause("clients are not evicted by memory yet; client-output-buffer-limit applies");
const shutdownFlags = oneOf(["default", "save", "nosave", "now", "force"], true, [
  "save",
  "nosave",
  "shutdown options SAVE and NOSAVE can't be used simultaneously",
]);
const notNeeded = inertBecause("not needed: this server has nothing to slow down, mark or reload");

export const serverDirectives = [
  honoured("port", integer(0, 65535), "6379"),
  honoured("bind", addresses, "127.0.0.1 -::1"),
  honoured("protected-mode", yesNo, "yes"),
  honoured("unixsocket", text(), "", START),
  honoured("unixsocketperm", permissions, "0", START),
  honoured("tcp-backlog", integer(0, INT_MAX), "511", START),
  honoured("tcp-keepalive", integer(0, INT_MAX), "300"),
  honoured("timeout", integer(0, INT_MAX), "0"),
  honoured("maxclients", integer(1, CLIENTS_MAX), "10000"),
  honoured("requirepass", text(), ""),
  honoured("proto-max-bulk-len", memory(MIB, STRING_BYTES_MAX), String(STRING_BYTES_MAX)),
  honoured("client-query-buffer-limit", memory(MIB), "1073741824"),
  honoured(
    "client-output-buffer-limit",
    outputBufferLimits,
    "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
  ),
  honoured("databases", integer(1, DATABASES_DEFAULT), String(DATABASES_DEFAULT), START),
  honoured("hz", integer(0, INT_MAX, clampTicks), "10"),
  honoured("enable-debug-command", oneOf(["no", "yes", "local"]), "no", START),
  honoured("loglevel", oneOf(["debug", "verbose", "notice", "warning"]), "notice"),
  honoured("logfile", text(), "", START),
  honoured("pidfile", text(), "", START),

  inertBecause("turns are bounded in time whatever the timer's rate")("dynamic-hz", yesNo, "yes"),
  oneThread("io-threads", integer(1, 128), "1", START),
  oneThread("io-threads-do-reads", yesNo, "no", START),
  oneThread("server_cpulist", text(), "", START),
  oneThread("bio_cpulist", text(), "", START),
  oneThread("aof_rewrite_cpulist", text(), "", START),
  oneThread("bgsave_cpulist", text(), "", START),
  supervisor("daemonize", yesNo, "no", START),
  supervisor("supervised", oneOf(["upstart", "systemd", "auto", "no"]), "no", START),
  noSyslog("syslog-enabled", yesNo, "no", START),
  noSyslog("syslog-ident", text(), "redis", START),
  noSyslog("syslog-facility", oneOf(["user", ...localFacilities()]), "local0", START),
  noTitle("set-proc-title", yesNo, "yes", START),
  noTitle("proc-title-template", text(titleProblem), "{title} {listen-addr} {server-mode}"),
  noTitle("always-show-logo", yesNo, "no", START),
  kernelSetting("disable-thp", yesNo, "yes", START),
  kernelSetting("oom-score-adj", oneOf(["no", "yes", "relative", "absolute"]), "no"),
  kernelSetting("oom-score-adj-values", scoreAdjustments, "0 200 800"),
  kernelSetting("socket-mark-id", integer(0, UINT_MAX), "0", START),
  kernelSetting("bind-source-addr", text(), ""),
  crashReport("crash-log-enabled", yesNo, "yes"),
  crashReport("crash-memcheck-enabled", yesNo, "yes"),
  notNeeded("watchdog-period", integer(0, INT_MAX), "0", HIDDEN),
  notNeeded("ignore-warnings", text(), ""),
  notNeeded("loading-process-events-interval-bytes", integer(1024, INT_MAX), "2097152", HIDDEN),
  notNeeded("key-load-delay", integer(-INT_MAX - 1, INT_MAX), "0", HIDDEN),
  honoured("rdb-key-save-delay", integer(-INT_MAX - 1, INT_MAX), "0", HIDDEN),
  honoured("shutdown-on-sigterm", shutdownFlags, "default"),
  honoured("shutdown-on-sigint", shutdownFlags, "default"),
  inertBecause("there are no replicas to wait for")("shutdown-timeout", integer(0, INT_MAX), "10"),
  noTracking("tracking-table-max-keys", integer(0), "1000000"),
  noModules("enable-module-command", oneOf(["no", "yes", "local"]), "no", START),
  alwaysProtected("enable-protected-configs", oneOf(["no", "yes", "local"]), "no", START),
  noAcl("aclfile", text(), "", START),
  aclInert("acllog-max-len", integer(0), "128"),
  aclInert("acl-pubsub-default", oneOf(["allchannels", "resetchannels"]), "resetchannels"),
  noClientEviction("maxmemory-clients", memory(0, MEMORY_BYTES_MAX, { percent: true }), "0"),

  noTls("tls-port", integer(0, 65535), "0"),
  noTls("tls-cluster", yesNo, "no"),
  noTls("tls-replication", yesNo, "no"),
  noTls("tls-auth-clients", oneOf(["no", "yes", "optional"]), "yes"),
  noTls("tls-prefer-server-ciphers", yesNo, "no"),
  noTls("tls-session-caching", yesNo, "yes"),
  noTls("tls-session-cache-size", integer(0, INT_MAX), "20480"),
  noTls("tls-session-cache-timeout", integer(0, INT_MAX), "300"),
  noTls("tls-cert-file", text(), ""),
  noTls("tls-key-file", text(), ""),
  noTls("tls-key-file-pass", text(), ""),
  noTls("tls-client-cert-file", text(), ""),
  noTls("tls-client-key-file", text(), ""),
  noTls("tls-client-key-file-pass", text(), ""),
  noTls("tls-dh-params-file", text(), ""),
  noTls("tls-ca-cert-file", text(), ""),
  noTls("tls-ca-cert-dir", text(), ""),
  noTls("tls-protocols", text(), ""),
  noTls("tls-ciphers", text(), ""),
  noTls("tls-ciphersuites", text(), ""),
];

function localFacilities(): string[] {
  return Array.from({ length: 8 }, (_, index) => `local${index}`);
}

const TITLE_FIELDS = ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];

function titleProblem(template: string): string | undefined {
  const unknown = [...template.matchAll(/\{([^}]*)\}/g)].some((field) => !TITLE_FIELDS.includes(field[1]!));
  return unknown || template === "" ? "template format is invalid or contains unknown variables" : undefined;
}
