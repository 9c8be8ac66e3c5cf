/** Commands that a configuration must allow first: DEBUG, and what loads modules. */
import type { Call } from "../../command/call.ts";
import type { Server } from "../server.ts";

/** Why this client may not use a protected command, as a RESP error; undefined when it may. "local" means from this very machine. */
export function protectedRefusal(server: Server, call: Call, command: string, directive: string): string | undefined {
  const allowed = server.config.text(directive);
  if (allowed === "yes") return undefined;
  const connection = server.clients.byId(call.session.id);
  if (allowed === "local" && (connection === undefined || isLocal(connection.peerAddress, connection.local))) {
    return undefined;
  }
  return (
    `ERR ${command} command not allowed. If the ${directive} option is set to "local", you can run it from a local ` +
    "connection, otherwise you need to set this option in the configuration file, and then restart the server."
  );
}

function isLocal(peerAddress: string, unixSocket: boolean): boolean {
  return unixSocket || peerAddress.startsWith("127.") || peerAddress.startsWith("[::1]");
}
