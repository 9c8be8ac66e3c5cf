/**
 * INFO: sections of `name:value` lines, with the names that Redis 7.2 has and Emberlog's own among them. A section is a function from
 * the running server to its fields; nothing is kept for INFO's sake.
 */
import type { Call } from "../../command/call.ts";
import type { MicrosecondClock } from "../microseconds.ts";
import type { Server } from "../server.ts";
import { backupSection } from "./backup_section.ts";
import { clientsSection } from "./clients_section.ts";
import { commandStatistics, errorStatistics, latencyStatistics } from "./command_statistics.ts";
import type { Counters } from "./counters.ts";
import { memorySection } from "./memory_section.ts";
import { persistenceSection } from "./persistence_section.ts";
import { serverSection } from "./server_section.ts";
import { clusterSection, keyspaceSection, processorSection, replicationSection } from "./small_sections.ts";
import { statisticsSection } from "./statistics_section.ts";

export interface InfoContext {
  readonly server: Server;
  readonly counters: Counters;
  readonly clock: MicrosecondClock;
  readonly call: Call;
}

export type Field = readonly [name: string, value: string | number];

interface Section {
  readonly title: string;
  /** Shown without being asked for by name. */
  readonly standard: boolean;
  fields(context: InfoContext): readonly Field[];
}

/** By the name that asks for a section, in the order in which they are shown. */
const SECTIONS: ReadonlyMap<string, Section> = new Map<string, Section>([
  ["server", { title: "Server", standard: true, fields: serverSection }],
  ["clients", { title: "Clients", standard: true, fields: clientsSection }],
  ["memory", { title: "Memory", standard: true, fields: memorySection }],
  ["persistence", { title: "Persistence", standard: true, fields: persistenceSection }],
  ["backup", { title: "Backup", standard: true, fields: backupSection }],
  ["stats", { title: "Stats", standard: true, fields: statisticsSection }],
  ["replication", { title: "Replication", standard: true, fields: replicationSection }],
  ["cpu", { title: "CPU", standard: true, fields: processorSection }],
  ["modules", { title: "Modules", standard: true, fields: () => [] }],
  ["commandstats", { title: "Commandstats", standard: false, fields: commandStatistics }],
  ["errorstats", { title: "Errorstats", standard: true, fields: errorStatistics }],
  ["latencystats", { title: "Latencystats", standard: false, fields: latencyStatistics }],
  ["cluster", { title: "Cluster", standard: true, fields: clusterSection }],
  ["keyspace", { title: "Keyspace", standard: true, fields: keyspaceSection }],
]);

/** The sections with these names (lower case), each once; names that are none are left out, no name at all means the usual ones. */
export function renderInfo(context: InfoContext, names: readonly string[]): string {
  const wanted = new Set<string>();
  for (const name of names.length === 0 ? ["default"] : names) {
    if (name === "all" || name === "everything") for (const each of SECTIONS.keys()) wanted.add(each);
    else if (name === "default") for (const [each, section] of SECTIONS) section.standard && wanted.add(each);
    else wanted.add(name);
  }
  const parts: string[] = [];
  for (const [name, section] of SECTIONS) {
    if (!wanted.has(name)) continue;
    const lines = section.fields(context).map(([field, value]) => `${field}:${value}\r\n`);
    parts.push(`# ${section.title}\r\n${lines.join("")}`);
  }
  return parts.join("\r\n");
}
