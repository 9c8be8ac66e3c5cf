/** LATENCY HISTOGRAM [command ...]: for each command how many executions took up to 1, 2, 4, 8 … µs. */
import type { Call } from "../../../command/call.ts";
import { UNKNOWN_COMMAND } from "../../../command/table.ts";
import type { Observation } from "../../observation/observation.ts";

export function replyHistograms(call: Call, observation: Observation): void {
  const { reply } = call;
  const { fullNames } = call.executor.table;
  const recorded = (id: number): boolean => observation.histogram(id) !== undefined;
  const ids = call.argc === 2 ? fullNames.map((_, id) => id) : namedIds(call);
  const found = ids.filter(recorded);
  reply.map(found.length);
  for (const id of found) {
    const histogram = observation.histogram(id)!;
    const lines = histogram.lines();
    reply.text(fullNames[id]!);
    reply.map(2);
    reply.text("calls");
    reply.integer(histogram.total);
    reply.text("histogram_usec");
    reply.map(lines.length);
    for (const [microseconds, executions] of lines) {
      reply.integer(microseconds);
      reply.integer(executions);
    }
  }
}

/** A container stands for all its subcommands; names that are none are left out. */
function namedIds(call: Call): number[] {
  const { table } = call.executor;
  const ids: number[] = [];
  for (let i = 2; i < call.argc; i++) {
    const id = table.lookup(call.input, call.start(i), call.length(i));
    if (id === UNKNOWN_COMMAND) {
      const sub = table.fullNames.indexOf(call.text(i).toLowerCase());
      if (sub !== -1) ids.push(sub);
    } else if (table.definitions[id]!.subcommands !== undefined) ids.push(...table.subcommandIds(id));
    else ids.push(id);
  }
  return ids;
}
