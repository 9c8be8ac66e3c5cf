/** SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]: the end of the connection is the answer. What it does stands in server/shutdown.ts. */
import type { Call } from "../../command/call.ts";
import { block, type CommandDefinition, oneOf, token } from "../../command/definition.ts";
import { SYNTAX_ERROR } from "../../command/messages.ts";
import { holdRequest } from "../blocking/held.ts";
import type { Server } from "../server.ts";
import { shutdownOptions } from "../shutdown.ts";

export function shutdown(server: Server): CommandDefinition {
  return {
    name: "SHUTDOWN",
    group: "server",
    since: "1.0.0",
    summary: "Synchronously saves the database(s) to disk and shuts down the server.",
    complexity:
      "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
    arity: -1,
    flags: ["admin", "noscript", "loading", "stale", "no_multi", "allow_busy"],
    history: [["7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers."]],
    args: [
      oneOf(
        "abort-selector",
        [
          block("save-selector-block", [
            oneOf("save-selector", [token("NOSAVE"), token("SAVE")], { optional: true }),
            token("NOW", { since: "7.0.0", optional: true }),
            token("FORCE", { since: "7.0.0", optional: true }),
          ]),
          token("ABORT", { since: "7.0.0" }),
        ],
        { optional: true },
      ),
    ],
    run: (call) => shutDown(call, server),
  };
}

const OPTIONS: readonly string[] = ["NOSAVE", "SAVE", "NOW", "FORCE", "ABORT"];

function shutDown(call: Call, server: Server): void {
  const given = new Set<string>();
  for (let i = 1; i < call.argc; i++) {
    const option = OPTIONS.find((word) => call.is(i, word));
    if (option === undefined) return call.reply.error(SYNTAX_ERROR);
    given.add(option);
  }
  if (given.has("ABORT")) {
    if (given.size > 1) return call.reply.error(SYNTAX_ERROR);
    if (server.shutdown.abort()) call.reply.status("OK");
    else call.reply.error("ERR No shutdown in progress.");
    return;
  }
  if (given.has("SAVE") && given.has("NOSAVE")) return call.reply.error(SYNTAX_ERROR);
  const answer = holdRequest(server, call);
  const words = [...given].map((word) => word.toLowerCase());
  // Behind the turn that this is part of, so that its effects are committed and its replies leave.
  setImmediate(() => server.shutdown.begin(shutdownOptions(words), answer));
}
