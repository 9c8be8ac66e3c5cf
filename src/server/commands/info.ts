/** INFO [section ...]. */
import { argument, type CommandDefinition } from "../../command/definition.ts";
import type { Counters } from "../info/counters.ts";
import { renderInfo } from "../info/sections.ts";
import type { MicrosecondClock } from "../microseconds.ts";
import type { Server } from "../server.ts";

export function info(server: Server, counters: Counters, clock: MicrosecondClock): CommandDefinition {
  return {
    name: "INFO",
    group: "server",
    since: "1.0.0",
    summary: "Returns information and statistics about the server.",
    complexity: "O(1)",
    arity: -1,
    flags: ["loading", "stale"],
    categories: ["dangerous"],
    tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    history: [["7.0.0", "Added support for taking multiple section arguments."]],
    args: [argument("section", "string", { optional: true, multiple: true })],
    run(call) {
      const names = Array.from({ length: call.argc - 1 }, (_, i) => call.text(i + 1).toLowerCase());
      call.reply.verbatim(renderInfo({ server, counters, clock, call }, names));
    },
  };
}
