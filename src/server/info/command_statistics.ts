/** INFO commandstats and errorstats: what was executed, refused or answered with an error. */
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
