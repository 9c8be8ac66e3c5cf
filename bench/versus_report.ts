/** The table that a comparison prints: one row for each server and workload, with its ratio to redis-server. */
import type { Client, Sample } from "./versus_load.ts";
import { headOf, type Machine } from "./versus_machine.ts";

/** One workload on one server: the medians over the rounds. */
export interface Row extends Sample {
  readonly server: string;
  readonly keys: number;
  readonly policy: string;
  readonly command: string;
  readonly pipeline: number;
  readonly rounds: number;
  /** The server's own used_memory and the resident memory of its process after loading, bytes a key. */
  readonly usedBytesPerKey: number;
  readonly residentBytesPerKey: number;
}

/** The client's core was the limit from this share of the wall time on. */
export const CLIENT_BOUND_SHARE = 0.95;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const COLUMNS: readonly (readonly [title: string, cell: (row: Row, base: Row | undefined) => string])[] = [
  ["keys", (row) => (row.keys >= 1e6 ? `${row.keys / 1e6} M` : `${row.keys / 1e3} k`)],
  ["policy", (row) => row.policy],
  ["command", (row) => row.command],
  ["pipe", (row) => String(row.pipeline)],
  ["server", (row) => row.server],
  ["requests/s", (row) => Math.round(row.requestsPerSecond).toLocaleString("en-US")],
  ["ratio", (row, base) => ratio(row.requestsPerSecond, base?.requestsPerSecond)],
  ["p50 ms", (row) => row.p50Ms.toFixed(3)],
  ["p99 ms", (row) => row.p99Ms.toFixed(3)],
  ["p99.9 ms", (row) => row.p999Ms.toFixed(3)],
  ["user µs", (row) => row.userUsPerRequest.toFixed(2)],
  ["ratio", (row, base) => ratio(row.userUsPerRequest, base?.userUsPerRequest)],
  ["sys µs", (row) => row.systemUsPerRequest.toFixed(2)],
  ["server cpu", (row) => `${Math.round(row.serverShare * 100)} %`],
  [
    "client cpu",
    (row) => `${Math.round(row.clientShare * 100)} %${row.clientShare >= CLIENT_BOUND_SHARE ? " *" : "  "}`,
  ],
  ["used B/key", (row) => row.usedBytesPerKey.toFixed(1)],
  ["resident B/key", (row) => row.residentBytesPerKey.toFixed(1)],
  ["resident/redis used", (row, base) => (base === row ? "" : ratio(row.residentBytesPerKey, base?.usedBytesPerKey))],
];

function ratio(value: number, base: number | undefined): string {
  return base === undefined || base === 0 ? "" : `${(value / base).toFixed(2)}×`;
}

/** Columns that say something of keys loaded before, and nothing where each workload has its own data. */
const OF_LOADED_KEYS = ["used B/key", "resident B/key", "resident/redis used"];

/** How a report was measured. */
export interface Circumstances {
  readonly machine: Machine;
  readonly date: string;
  readonly client: Client;
  /** What every sync of every server was delayed by, if it was. */
  readonly slowSyncMs: number | undefined;
  /** Each workload was filled for itself. */
  readonly ownData: boolean;
}

/** The whole report as text. `base` is the label of the server that ratios refer to. */
export function formatReport(rows: readonly Row[], base: string, circumstances: Circumstances): string {
  const { machine, date, client, slowSyncMs, ownData } = circumstances;
  const columns = ownData ? COLUMNS.filter(([title]) => !OF_LOADED_KEYS.includes(title)) : COLUMNS;
  const cells = rows.map((row) => {
    const other = rows.find((candidate) => candidate.server === base && sameWork(candidate, row));
    return columns.map(([, cell]) => cell(row, other));
  });
  const titles = columns.map(([title]) => title);
  const widths = titles.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i < 5 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  const lines = [line(titles), widths.map((width) => "-".repeat(width)).join("  ")];
  cells.forEach((row, i) => {
    if (i > 0 && !sameWork(rows[i]!, rows[i - 1]!)) lines.push("");
    lines.push(line(row));
  });
  return [
    headOf(date, machine),
    machine.pinned ? "server pinned to core 0, client to core 1" : "NOT pinned: fewer than two cores, or no taskset",
    `${client === "load" ? "load.c" : client}, 50 clients, ${ownData ? "each workload on a server filled for it alone (bench/versus_workloads.ts)" : "keys of 16 bytes drawn from all that were loaded"}, values of 32 bytes; medians of ${rows[0]?.rounds ?? 0} round(s), servers in turn`,
    client === "load"
      ? "client cpu: the share of the time in which the client, which never sleeps, had something to do"
      : "client cpu: processor time of redis-benchmark",
    ...(slowSyncMs === undefined ? [] : [`every sync of every server is slowed by ${slowSyncMs} ms`]),
    "latencies are those of a whole pipeline; processor time is that of the whole server process a request; redis-server's AOF rewrite is off",
    "",
    ...lines,
    "",
    "* the client's core was the limit: the server could do more than this row says",
  ].join("\n");
}

function sameWork(a: Row, b: Row): boolean {
  return a.keys === b.keys && a.policy === b.policy && a.command === b.command && a.pipeline === b.pipeline;
}
