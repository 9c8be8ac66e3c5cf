/** LATENCY DOCTOR: what the latency monitor has seen, in sentences, and what can be done about it. */
import type { LatencyEvents, LatencySeries } from "../../observation/latency_events.ts";

const OFF =
  "The latency monitor is off, so there is nothing to tell. Turn it on with " +
  '"CONFIG SET latency-monitor-threshold <milliseconds>", and come back when something was slow.\n';
const NOTHING = "Nothing took longer than the threshold so far: there is no latency to complain about.\n";

/** By kind of event: what helps. */
const ADVICE: ReadonlyMap<string, readonly string[]> = new Map([
  [
    "command",
    [
      "SLOWLOG GET names the commands that took long, with their arguments; replace those that touch a whole collection by ranges or SCAN.",
      "LATENCY HISTOGRAM and INFO latencystats show which commands are slow in general.",
    ],
  ],
  [
    "fast-command",
    [
      "Fast commands touch little: when they are slow, the processor or the memory was busy elsewhere. Look for other processes, swapping and steal time.",
    ],
  ],
  ["expire-cycle", ["Many keys expire together: spread their times to live, or lower active-expire-effort."]],
  [
    "eviction-cycle",
    [
      "Much had to be evicted at once: raise maxmemory, write smaller values, or lower maxmemory-eviction-tenacity so that evicting stops sooner and goes on later.",
    ],
  ],
  [
    "aof-write",
    ["The log takes writes slowly: see the disk's load, and INFO persistence for the fields that begin with log_."],
  ],
  [
    "aof-write-pending-fsync",
    [
      "Writes wait for the disk while it syncs: only replies wait with them, but log_sync_usec_p99 in INFO persistence tells how long.",
    ],
  ],
  [
    "aof-fsync-always",
    [
      "With appendfsync always every reply waits for the disk: a faster disk helps, appendfsync everysec waits for none.",
    ],
  ],
]);

export function diagnose(latency: LatencyEvents): string {
  if (!latency.on && latency.series.size === 0) return OFF;
  if (latency.series.size === 0) return NOTHING;
  const lines = ["These kinds of work took longer than the threshold:", ""];
  const advice = new Set<string>();
  let at = 0;
  for (const [event, series] of latency.series) {
    lines.push(`${++at}. ${event}: ${describe(series)}`);
    for (const each of ADVICE.get(event) ?? []) advice.add(each);
  }
  if (advice.size > 0) lines.push("", "What can be done:", "", ...[...advice].map((each) => `- ${each}`));
  return `${lines.join("\n")}\n`;
}

function describe({ samples, max }: LatencySeries): string {
  const values = samples.map(({ milliseconds }) => milliseconds);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = values.reduce((sum, value) => sum + Math.abs(value - mean), 0) / values.length;
  const span = samples.at(-1)!.time - samples[0]!.time;
  const apart = samples.length > 1 ? `, one every ${Math.round(span / (samples.length - 1))} seconds` : "";
  return (
    `${samples.length} latency spikes (average ${Math.round(mean)} ms, mean deviation ${Math.round(deviation)} ms${apart}). ` +
    `Worst of all time ${max} ms.`
  );
}
