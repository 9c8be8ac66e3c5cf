/** LATENCY: when which kind of work took long, and how long commands take. */
import type { Call } from "../../../command/call.ts";
import { argument, type CommandDefinition } from "../../../command/definition.ts";
import { replyHelp } from "../../../command/help.ts";
import type { LatencyEvents } from "../../observation/latency_events.ts";
import { latencyGraph } from "../../observation/latency_graph.ts";
import type { Observation } from "../../observation/observation.ts";
import type { Server } from "../../server.ts";
import { diagnose } from "./doctor.ts";
import { HELP } from "./help.ts";
import { replyHistograms } from "./histogram.ts";

const EVERYWHERE: readonly string[] = [
  "nondeterministic_output",
  "request_policy:all_nodes",
  "response_policy:special",
];

export function latencyCommand(server: Server): CommandDefinition {
  const subcommand = (
    name: string,
    since: string,
    summary: string,
    arity: number,
    run: (call: Call, observation: Observation) => void,
    more: Partial<CommandDefinition> = {},
  ): CommandDefinition => ({
    name,
    group: "server",
    since,
    summary,
    complexity: "O(1)",
    arity,
    flags: ["admin", "noscript", "loading", "stale"],
    tips: EVERYWHERE,
    run: (call) => run(call, server.observation),
    ...more,
  });
  return {
    name: "LATENCY",
    group: "server",
    since: "2.8.13",
    summary: "A container for latency diagnostics commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: [],
    subcommands: [
      subcommand("DOCTOR", "2.8.13", "Returns a human-readable latency analysis report.", 2, (call, { latency }) =>
        call.reply.verbatim(diagnose(latency)),
      ),
      subcommand(
        "GRAPH",
        "2.8.13",
        "Returns a latency graph for an event.",
        3,
        (call, { latency }) => replyGraph(call, latency),
        { args: [argument("event", "string")] },
      ),
      {
        name: "HELP",
        group: "server",
        since: "2.8.13",
        summary: "Returns helpful text about the different subcommands.",
        complexity: "O(1)",
        arity: 2,
        flags: ["loading", "stale"],
        run: (call) => replyHelp(call, "LATENCY", HELP),
      },
      subcommand(
        "HISTOGRAM",
        "7.0.0",
        "Returns the cumulative distribution of latencies of a subset or all commands.",
        -2,
        replyHistograms,
        {
          complexity: "O(N) where N is the number of commands with latency information being retrieved.",
          args: [argument("COMMAND", "string", { optional: true, multiple: true })],
        },
      ),
      subcommand(
        "HISTORY",
        "2.8.13",
        "Returns timestamp-latency samples for an event.",
        3,
        (call, { latency }) => replyHistory(call, latency),
        { args: [argument("event", "string")] },
      ),
      subcommand("LATEST", "2.8.13", "Returns the latest latency samples for all events.", 2, (call, { latency }) =>
        replyLatest(call, latency),
      ),
      subcommand(
        "RESET",
        "2.8.13",
        "Resets the latency data for one or more events.",
        -2,
        (call, { latency }) => {
          const names = Array.from({ length: call.argc - 2 }, (_, i) => call.text(i + 2));
          call.reply.integer(latency.reset(names));
        },
        {
          tips: ["request_policy:all_nodes", "response_policy:agg_sum"],
          args: [argument("event", "string", { optional: true, multiple: true })],
        },
      ),
    ],
  };
}

function replyGraph(call: Call, latency: LatencyEvents): void {
  const event = call.text(2);
  const series = latency.series.get(event);
  if (series === undefined) call.reply.error(`ERR No samples available for event '${event}'`);
  else call.reply.verbatim(latencyGraph(event, series, call.nowMs));
}

function replyHistory(call: Call, latency: LatencyEvents): void {
  const { reply } = call;
  const samples = latency.series.get(call.text(2))?.samples ?? [];
  reply.array(samples.length);
  for (const { time, milliseconds } of samples) {
    reply.array(2);
    reply.integer(time);
    reply.integer(milliseconds);
  }
}

function replyLatest(call: Call, latency: LatencyEvents): void {
  const { reply } = call;
  reply.array(latency.series.size);
  for (const [event, series] of latency.series) {
    const last = series.samples.at(-1)!;
    reply.array(4);
    reply.text(event);
    reply.integer(last.time);
    reply.integer(last.milliseconds);
    reply.integer(series.max);
  }
}
