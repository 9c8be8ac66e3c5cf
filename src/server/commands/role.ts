/** ROLE: a primary without replicas. */
import type { CommandDefinition } from "../../command/definition.ts";

export const role: CommandDefinition = {
  name: "ROLE",
  group: "server",
  since: "2.8.12",
  summary: "Returns the replication role.",
  complexity: "O(1)",
  arity: 1,
  flags: ["noscript", "loading", "stale", "fast"],
  categories: ["admin", "dangerous"],
  run(call) {
    call.reply.array(3);
    call.reply.text("master");
    call.reply.integer(0);
    call.reply.array(0);
  },
};
