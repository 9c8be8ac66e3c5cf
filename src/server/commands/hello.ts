/** HELLO [protover [AUTH username password] [SETNAME clientname]]: the handshake. Nothing changes unless everything in it is right. */

import type { Call } from "../../command/call.ts";
import { argument, block, type CommandDefinition } from "../../command/definition.ts";
import { logIn, WRONG_PASSWORD } from "../authentication.ts";
import type { Server } from "../server.ts";
import { BAD_NAME, isName } from "./client/names.ts";

const NOT_AUTHENTICATED =
  "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option " +
  "can be used to authenticate the client and select the RESP protocol version at the same time";

/** What clients are told the server is: the version whose commands and replies are the model. */
export const REDIS_VERSION = "7.2.4";

export function hello(server: Server): CommandDefinition {
  return {
    name: "HELLO",
    group: "connection",
    since: "6.0.0",
    summary: "Handshakes with the server.",
    complexity: "O(1)",
    arity: -1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    history: [
      [
        "6.2.0",
        "`protover` made optional; when called without arguments the command reports the current connection's context.",
      ],
    ],
    args: [
      block(
        "arguments",
        [
          argument("protover", "integer"),
          block("auth", [argument("username", "string"), argument("password", "string")], {
            token: "AUTH",
            optional: true,
          }),
          argument("clientname", "string", { token: "SETNAME", optional: true }),
        ],
        { optional: true },
      ),
    ],
    secrets: namesAndPasswords,
    run: (call) => greet(call, server),
  };
}

/** The two arguments behind each AUTH. */
function namesAndPasswords(args: readonly string[]): number[] {
  return args.flatMap((arg, i) => (i > 1 && arg.toUpperCase() === "AUTH" ? [i + 1, i + 2] : []));
}

function greet(call: Call, server: Server): void {
  const { reply, session } = call;
  let protocol = session.protocol;
  if (call.argc >= 2) {
    const version = call.integer64(1);
    if (version === undefined) return reply.error("ERR Protocol version is not an integer or out of range");
    if (version < 2n || version > 3n) return reply.error("NOPROTO unsupported protocol version");
    protocol = Number(version);
  }
  let user = -1;
  let name = -1;
  for (let i = 2; i < call.argc; ) {
    if (call.is(i, "AUTH") && i + 2 < call.argc) {
      user = i + 1;
      i += 3;
    } else if (call.is(i, "SETNAME") && i + 1 < call.argc) {
      if (!isName(call, i + 1)) return reply.error(BAD_NAME);
      name = i + 1;
      i += 2;
    } else return reply.error(`ERR Syntax error in HELLO option '${call.text(i)}'`);
  }
  if (user !== -1 && !logIn(call, server, call.text(user), user + 1)) return reply.error(WRONG_PASSWORD);
  if (!session.authenticated) return reply.error(NOT_AUTHENTICATED);
  if (name !== -1) session.name = call.text(name);
  session.protocol = protocol;
  // This very reply is in the protocol just agreed on.
  reply.protocol = protocol;
  introduce(call);
}

function introduce(call: Call): void {
  const { reply, session } = call;
  reply.map(7);
  reply.text("server");
  reply.text("redis");
  reply.text("version");
  reply.text(REDIS_VERSION);
  reply.text("proto");
  reply.integer(session.protocol);
  reply.text("id");
  reply.integer(session.id);
  reply.text("mode");
  reply.text("standalone");
  reply.text("role");
  reply.text("master");
  reply.text("modules");
  reply.array(0);
}
