/** SLOWLOG: the commands that took longer than slowlog-log-slower-than. */
import type { Call } from "../../command/call.ts";
import { argument, type CommandDefinition } from "../../command/definition.ts";
import { replyHelp } from "../../command/help.ts";
import { wrongSubcommand } from "../../command/messages.ts";
import type { SlowLog } from "../observation/slow_log.ts";
import type { Server } from "../server.ts";

const ENTRIES_DEFAULT = 10;

const HELP = [
  "GET [<count>]",
  "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
  "    Entries are made of:",
  "    id, timestamp, time in microseconds, arguments array, client IP and port,",
  "    client name",
  "LEN",
  "    Return the length of the slowlog.",
  "RESET",
  "    Reset the slowlog.",
];

export function slowlogCommand(server: Server): CommandDefinition {
  return {
    name: "SLOWLOG",
    group: "server",
    since: "2.2.12",
    summary: "A container for slow log commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: "GET",
        group: "server",
        since: "2.2.12",
        summary: "Returns the slow log's entries.",
        complexity: "O(N) where N is the number of entries returned",
        arity: -2,
        flags: ["admin", "loading", "stale"],
        tips: ["request_policy:all_nodes", "nondeterministic_output"],
        history: [["4.0.0", "Added client IP address, port and name to the reply."]],
        args: [argument("count", "integer", { optional: true })],
        run: (call) => replyEntries(call, server.observation.slowLog),
      },
      {
        name: "HELP",
        group: "server",
        since: "6.2.0",
        summary: "Show helpful text about the different subcommands",
        complexity: "O(1)",
        arity: 2,
        flags: ["loading", "stale"],
        run: (call) => replyHelp(call, "SLOWLOG", HELP),
      },
      {
        name: "LEN",
        group: "server",
        since: "2.2.12",
        summary: "Returns the number of entries in the slow log.",
        complexity: "O(1)",
        arity: 2,
        flags: ["admin", "loading", "stale"],
        tips: ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
        run: (call) => call.reply.integer(server.observation.slowLog.length),
      },
      {
        name: "RESET",
        group: "server",
        since: "2.2.12",
        summary: "Clears all entries from the slow log.",
        complexity: "O(N) where N is the number of entries in the slowlog",
        arity: 2,
        flags: ["admin", "loading", "stale"],
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        run(call) {
          server.observation.slowLog.clear();
          call.reply.ok();
        },
      },
    ],
  };
}

function replyEntries(call: Call, slowLog: SlowLog): void {
  const { reply } = call;
  if (call.argc > 3) return reply.error(wrongSubcommand("SLOWLOG", call.text(1)));
  let count = ENTRIES_DEFAULT;
  if (call.argc === 3) {
    const wanted = call.integer(2);
    if (!(wanted >= -1)) return reply.error("ERR count should be greater than or equal to -1");
    count = wanted === -1 ? slowLog.length : wanted;
  }
  const entries = slowLog.newest(count);
  reply.array(entries.length);
  for (const { id, time, microseconds, args, address, name } of entries) {
    reply.array(6);
    reply.integer(id);
    reply.integer(time);
    reply.integer(microseconds);
    reply.array(args.length);
    for (const arg of args) reply.bulk(arg, 0, arg.length);
    reply.text(address);
    reply.text(name);
  }
}
