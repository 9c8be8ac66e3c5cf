/** Sections of a few lines: replication, processor, cluster, keyspace. */
import { threadUsage } from "../../platform/thread_calls.ts";
import type { Field, InfoContext } from "./sections.ts";

/** A primary without replicas: replication does not exist yet. */
export function replicationSection({ server }: InfoContext): Field[] {
  return [
    ["role", "master"],
    ["connected_slaves", 0],
    ["master_failover_state", "no-failover"],
    ["master_replid", server.replicationId],
    ["master_replid2", "0".repeat(40)],
    ["master_repl_offset", 0],
    ["second_repl_offset", -1],
    ["repl_backlog_active", 0],
    ["repl_backlog_size", server.config.integer("repl-backlog-size")],
    ["repl_backlog_first_byte_offset", 0],
    ["repl_backlog_histlen", 0],
  ];
}

/** Of the whole process, and of the thread that executes commands. */
export function processorSection(): Field[] {
  const { user, system } = process.cpuUsage();
  const main = threadUsage();
  return [
    ["used_cpu_sys", seconds(system)],
    ["used_cpu_user", seconds(user)],
    ["used_cpu_sys_children", "0.000000"],
    ["used_cpu_user_children", "0.000000"],
    ["used_cpu_sys_main_thread", seconds(main.system)],
    ["used_cpu_user_main_thread", seconds(main.user)],
  ];
}

function seconds(us: number): string {
  return (us / 1_000_000).toFixed(6);
}

export function clusterSection(): Field[] {
  return [["cluster_enabled", 0]];
}

export function keyspaceSection({ server }: InfoContext): Field[] {
  const { dataset } = server.engine;
  const fields: Field[] = [];
  for (let index = 0; index < dataset.databaseCount; index++) {
    const database = dataset.database(index);
    if (database.count === 0) continue;
    const ttl = Math.round(database.averageTtlMs);
    const hashes = database.hashes.count;
    // Redis 7.4's field, where there is something to say: older readers expect three.
    const subexpiry = hashes === 0 ? "" : `,subexpiry=${hashes}`;
    fields.push([`db${index}`, `keys=${database.count},expires=${database.expires.count},avg_ttl=${ttl}${subexpiry}`]);
  }
  return fields;
}
