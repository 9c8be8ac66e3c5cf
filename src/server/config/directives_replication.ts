/** Directives of replication and cluster: neither exists yet, so what would rely on them is refused. */
import { inertBecause, refusedBecause, START } from "./directive.ts";
import { primaryAddress } from "./special_values.ts";
import { integer, MEMORY_BYTES_MAX, memory, oneOf, text, yesNo } from "./values.ts";

const INT_MAX = 2147483647;
const BACKLOG_BYTES_MIN = 16384n;

const inert = inertBecause("replication does not exist yet");
const refused = refusedBecause("replication does not exist yet");
const cluster = inertBecause("cluster mode does not exist");
const anyway = refusedBecause("replication does not exist yet, so this promise could not be kept");

export const replicationDirectives = [
  refused("replicaof", primaryAddress, "", { aliases: ["slaveof"], ...START }),
  anyway("min-replicas-to-write", integer(0, INT_MAX), "0", { aliases: ["min-slaves-to-write"] }),
  inert("min-replicas-max-lag", integer(0, INT_MAX), "10", { aliases: ["min-slaves-max-lag"] }),
  inert("masterauth", text(), ""),
  inert("masteruser", text(), ""),
  inert("replica-serve-stale-data", yesNo, "yes", { aliases: ["slave-serve-stale-data"] }),
  inert("replica-read-only", yesNo, "yes", { aliases: ["slave-read-only"] }),
  inert("replica-lazy-flush", yesNo, "no", { aliases: ["slave-lazy-flush"] }),
  inert("replica-ignore-maxmemory", yesNo, "yes", { aliases: ["slave-ignore-maxmemory"] }),
  inert("replica-ignore-disk-write-errors", yesNo, "no"),
  inert("replica-priority", integer(0, INT_MAX), "100", { aliases: ["slave-priority"] }),
  inert("replica-announced", yesNo, "yes"),
  inert("replica-announce-ip", text(), "", { aliases: ["slave-announce-ip"] }),
  inert("replica-announce-port", integer(0, 65535), "0", { aliases: ["slave-announce-port"] }),
  inert("propagation-error-behavior", oneOf(["ignore", "panic", "panic-on-replicas"]), "ignore"),
  inert("repl-diskless-sync", yesNo, "yes"),
  inert("repl-diskless-sync-delay", integer(0, INT_MAX), "5"),
  inert("repl-diskless-sync-max-replicas", integer(0, INT_MAX), "0"),
  inert("repl-diskless-load", oneOf(["disabled", "on-empty-db", "swapdb"]), "disabled"),
  inert("repl-ping-replica-period", integer(1, INT_MAX), "10", { aliases: ["repl-ping-slave-period"] }),
  inert("repl-timeout", integer(1, INT_MAX), "60"),
  inert("repl-disable-tcp-nodelay", yesNo, "no"),
  inert(
    "repl-backlog-size",
    memory(1, undefined, { adjust: (bytes) => (bytes < BACKLOG_BYTES_MIN ? BACKLOG_BYTES_MIN : bytes) }),
    "1048576",
  ),
  inert("repl-backlog-ttl", integer(0), "3600"),

  refusedBecause("cluster mode does not exist")("cluster-enabled", yesNo, "no", START),
  cluster("cluster-config-file", text(), "nodes.conf", START),
  cluster("cluster-node-timeout", integer(0), "15000"),
  cluster("cluster-migration-barrier", integer(0, INT_MAX), "1"),
  cluster("cluster-allow-replica-migration", yesNo, "yes"),
  cluster("cluster-replica-validity-factor", integer(0, INT_MAX), "10", { aliases: ["cluster-slave-validity-factor"] }),
  cluster("cluster-replica-no-failover", yesNo, "no", { aliases: ["cluster-slave-no-failover"] }),
  cluster("cluster-require-full-coverage", yesNo, "yes"),
  cluster("cluster-allow-reads-when-down", yesNo, "no"),
  cluster("cluster-allow-pubsubshard-when-down", yesNo, "yes"),
  cluster("cluster-link-sendbuf-limit", memory(0, MEMORY_BYTES_MAX), "0"),
  cluster("cluster-announce-ip", text(), ""),
  cluster("cluster-announce-hostname", text(hostNameProblem), ""),
  cluster("cluster-announce-port", integer(0, 65535), "0"),
  cluster("cluster-announce-tls-port", integer(0, 65535), "0"),
  cluster("cluster-announce-bus-port", integer(0, 65535), "0"),
  cluster("cluster-port", integer(0, 65535), "0", START),
  cluster("cluster-preferred-endpoint-type", oneOf(["ip", "hostname", "unknown-endpoint"]), "ip"),
];

function hostNameProblem(name: string): string | undefined {
  return /^[A-Za-z0-9.-]*$/.test(name)
    ? undefined
    : "Hostnames may only contain alphanumeric characters, hyphens or dots";
}
