/** MONITOR: from here on the connection sees every command that is executed, until RESET, QUIT or its end. */
import type { CommandDefinition } from "../../command/definition.ts";
import type { Connection } from "../connection.ts";
import type { Server } from "../server.ts";

export function monitor(server: Server): CommandDefinition {
  return {
    name: "MONITOR",
    group: "server",
    since: "1.0.0",
    summary: "Listens for all requests received by the server in real-time.",
    arity: 1,
    flags: ["admin", "noscript", "loading", "stale"],
    run(call) {
      const connection = call.session as Connection;
      if (call.inTransaction) {
        call.reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
      }
      // As in Redis, whoever watches already is answered nothing.
      if (connection.monitoring) return;
      server.monitors.add(connection);
      call.reply.ok();
    },
  };
}
