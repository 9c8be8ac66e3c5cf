/** CONFIG: reading and changing the configuration while the server runs. */
import { argument, block, type CommandDefinition } from "../../../command/definition.ts";
import { replyHelp } from "../../../command/help.ts";
import type { Counters } from "../../info/counters.ts";
import type { Server } from "../../server.ts";
import { configGet, configSet, secretValues } from "./get_set.ts";
import { HELP } from "./help.ts";
import { configRewrite } from "./rewrite.ts";

export function configCommand(server: Server, counters: Counters): CommandDefinition {
  return {
    name: "CONFIG",
    group: "server",
    since: "2.0.0",
    summary: "A container for server configuration commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: "GET",
        group: "server",
        since: "2.0.0",
        summary: "Returns the effective values of configuration parameters.",
        complexity: "O(N) when N is the number of configuration parameters provided",
        arity: -3,
        flags: ["admin", "noscript", "loading", "stale"],
        history: [["7.0.0", "Added the ability to pass multiple pattern parameters in one call"]],
        args: [argument("parameter", "string", { multiple: true })],
        run: (call) => configGet(call, server.config),
      },
      {
        name: "HELP",
        group: "server",
        since: "5.0.0",
        summary: "Returns helpful text about the different subcommands.",
        complexity: "O(1)",
        arity: 2,
        flags: ["loading", "stale"],
        run: (call) => replyHelp(call, "CONFIG", HELP),
      },
      {
        name: "RESETSTAT",
        group: "server",
        since: "2.0.0",
        summary: "Resets the server's statistics.",
        complexity: "O(1)",
        arity: 2,
        flags: ["admin", "noscript", "loading", "stale"],
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: (call) => {
          counters.reset();
          server.observation.resetHistograms();
          call.reply.ok();
        },
      },
      {
        name: "REWRITE",
        group: "server",
        since: "2.8.0",
        summary: "Persists the effective configuration to file.",
        complexity: "O(1)",
        arity: 2,
        flags: ["admin", "noscript", "loading", "stale"],
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: (call) => configRewrite(call, server),
      },
      {
        name: "SET",
        group: "server",
        since: "2.0.0",
        summary: "Sets configuration parameters in-flight.",
        complexity: "O(N) when N is the number of configuration parameters provided",
        arity: -4,
        flags: ["admin", "noscript", "loading", "stale"],
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        history: [["7.0.0", "Added the ability to set multiple parameters in one call."]],
        args: [block("data", [argument("parameter", "string"), argument("value", "string")], { multiple: true })],
        secrets: secretValues,
        run: (call) => configSet(call, server.config),
      },
    ],
  };
}
