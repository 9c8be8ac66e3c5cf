/** INFO commandstats, errorstats and latencystats: what was executed, refused or answered with an error, and how long it took. */
import type { Field, InfoContext } from "./sections.ts";

export function commandStatistics({ server, counters }: InfoContext): Field[] {
  const { fullNames } = server.engine.table;
  const fields: Field[] = [];
  fullNames.forEach((name, id) => {
    const { calls, microseconds, rejected, failed } = counters.command(id);
    if (calls === 0 && rejected === 0 && failed === 0) return;
    const each = calls === 0 ? 0 : microseconds / calls;
    fields.push([
      `cmdstat_${name}`,
      `calls=${calls},usec=${Math.round(microseconds)},usec_per_call=${each.toFixed(2)},rejected_calls=${rejected},failed_calls=${failed}`,
    ]);
  });
  return fields;
}

export function errorStatistics({ counters }: InfoContext): Field[] {
  return counters.errorsByCode().map(([code, count]) => [`errorstat_${code}`, `count=${count}`]);
}

/** For each command that was executed the durations, µs, that the percentiles of latency-tracking-info-percentiles did not exceed. */
export function latencyStatistics({ server }: InfoContext): Field[] {
  const { observation, engine, config } = server;
  if (!observation.tracking) return [];
  const percentiles = config.list("latency-tracking-info-percentiles");
  const fields: Field[] = [];
  engine.table.fullNames.forEach((name, id) => {
    const histogram = observation.histogram(id);
    if (histogram === undefined) return;
    const values = percentiles.map((each) => `p${each}=${(histogram.percentile(Number(each)) / 1000).toFixed(3)}`);
    fields.push([`latency_percentiles_usec_${name}`, values.join(",")]);
  });
  return fields;
}
