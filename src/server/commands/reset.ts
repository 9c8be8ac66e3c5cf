/** RESET: the connection as it was when it was new. */
import type { Call } from "../../command/call.ts";
import type { CommandDefinition } from "../../command/definition.ts";
import { endTransaction } from "../../command/transaction/multi.ts";
import { passwordIsSet } from "../authentication.ts";
import type { Connection } from "../connection.ts";
import type { Server } from "../server.ts";

export function reset(server: Server): CommandDefinition {
  return {
    name: "RESET",
    group: "connection",
    since: "6.2.0",
    summary: "Resets the connection.",
    complexity: "O(1)",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    run: (call) => resetSession(call, server),
  };
}

/** The name and version of the client's library stay: they are still true. */
function resetSession(call: Call, server: Server): void {
  const { reply, session } = call;
  endTransaction(call);
  const connection = server.clients.byId(session.id);
  if (connection !== undefined) server.pubsub.leave(connection);
  session.database = 0;
  call.db = call.dataset.database(0);
  session.protocol = 2;
  reply.protocol = 2;
  server.monitors.remove(session as Connection);
  session.name = "";
  session.noEvict = false;
  session.noTouch = false;
  session.replyMode = "on";
  session.authenticated = !passwordIsSet(server);
  session.refresh();
  reply.unmute();
  reply.status("RESET");
}
