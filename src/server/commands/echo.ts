/** ECHO message. */
import { argument, type CommandDefinition } from "../../command/definition.ts";

export const echo: CommandDefinition = {
  name: "ECHO",
  group: "connection",
  since: "1.0.0",
  summary: "Returns the given string.",
  complexity: "O(1)",
  arity: 2,
  flags: ["loading", "stale", "fast"],
  args: [argument("message", "string")],
  run(call) {
    call.reply.bulk(call.input, call.start(1), call.length(1));
  },
};
