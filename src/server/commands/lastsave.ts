/** LASTSAVE: when the last snapshot was made; as long as there are none, when the server started, as in Redis. */
import type { CommandDefinition } from "../../command/definition.ts";
import type { Server } from "../server.ts";

export function lastsave(server: Server): CommandDefinition {
  return {
    name: "LASTSAVE",
    group: "server",
    since: "1.0.0",
    summary: "Returns the Unix timestamp of the last successful save to disk.",
    complexity: "O(1)",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    categories: ["admin", "dangerous"],
    tips: ["nondeterministic_output"],
    run: (call) => call.reply.integer(Math.floor(server.startedMs / 1000)),
  };
}
