/** QUIT: answered, then closed. */
import type { CommandDefinition } from "../../command/definition.ts";

export const quit: CommandDefinition = {
  name: "QUIT",
  group: "connection",
  since: "1.0.0",
  summary: "Closes the connection.",
  complexity: "O(1)",
  arity: -1,
  flags: ["allow_busy", "noscript", "loading", "stale", "fast", "no_auth"],
  deprecated: { since: "7.2.0", replacedBy: "just closing the connection" },
  run(call) {
    call.reply.ok();
    call.session.closing = true;
    call.session.refresh();
  },
};
