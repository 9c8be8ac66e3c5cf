/** AUTH [username] password. */

import type { Call } from "../../command/call.ts";
import { argument, type CommandDefinition } from "../../command/definition.ts";
import { SYNTAX_ERROR } from "../../command/messages.ts";
import { logIn, passwordIsSet, WRONG_PASSWORD } from "../authentication.ts";
import type { Server } from "../server.ts";

const NO_PASSWORD =
  "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";

export function auth(server: Server): CommandDefinition {
  // Without a password everybody is in, also who had not given the old one yet.
  server.config.onChange(["requirepass"], () => {
    if (passwordIsSet(server)) return undefined;
    for (const connection of server.clients) {
      connection.authenticated = true;
      connection.refresh();
    }
    return undefined;
  });
  return {
    name: "AUTH",
    group: "connection",
    since: "1.0.0",
    summary: "Authenticates the connection.",
    complexity: "O(N) where N is the number of passwords defined for the user",
    arity: -2,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    history: [["6.0.0", "Added ACL style (username and password)."]],
    args: [argument("username", "string", { since: "6.0.0", optional: true }), argument("password", "string")],
    secrets: (args) => args.map((_, i) => i).slice(1),
    run: (call) => authenticate(call, server),
  };
}

function authenticate(call: Call, server: Server): void {
  const { reply } = call;
  if (call.argc > 3) return reply.error(SYNTAX_ERROR);
  if (call.argc === 2 && !passwordIsSet(server)) return reply.error(NO_PASSWORD);
  const user = call.argc === 2 ? "default" : call.text(1);
  if (logIn(call, server, user, call.argc - 1)) reply.ok();
  else reply.error(WRONG_PASSWORD);
}
