/**
 * ACL over the one user there is, "default", who may do everything: what clients and tools ask at their start is answered truthfully.
 * What would make or change users does not exist, and is an unknown subcommand.
 */
import { createHash } from "node:crypto";
import { latin1Bytes } from "../../../base/bytes.ts";
import type { Call } from "../../../command/call.ts";
import { argument, type CommandDefinition, type CommandFlag } from "../../../command/definition.ts";
import { CATEGORIES, categoriesOf } from "../../../command/derive.ts";
import { replyHelp } from "../../../command/help.ts";
import { NOT_AN_INTEGER, wrongSubcommand } from "../../../command/messages.ts";
import type { Server } from "../../server.ts";
import { HELP } from "./help.ts";

const USER = "default";
const PASSWORD_BITS_MAX = 4096;

const OPEN: readonly CommandFlag[] = ["noscript", "loading", "stale"];
const ADMIN: readonly CommandFlag[] = ["admin", ...OPEN];

export function aclCommand(server: Server): CommandDefinition {
  return {
    name: "ACL",
    group: "server",
    since: "6.0.0",
    summary: "A container for Access List Control commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: "CAT",
        group: "server",
        since: "6.0.0",
        summary: "Lists the ACL categories, or the commands inside a category.",
        complexity: "O(1) since the categories and commands are a fixed set.",
        arity: -2,
        flags: OPEN,
        args: [argument("category", "string", { optional: true })],
        run: replyCategories,
      },
      {
        name: "GENPASS",
        group: "server",
        since: "6.0.0",
        summary: "Generates a pseudorandom, secure password that can be used to identify ACL users.",
        complexity: "O(1)",
        arity: -2,
        flags: OPEN,
        args: [argument("bits", "integer", { optional: true })],
        run: replyPassword,
      },
      {
        name: "GETUSER",
        group: "server",
        since: "6.0.0",
        summary: "Lists the ACL rules of a user.",
        complexity: "O(N). Where N is the number of password, command and pattern rules that the user has.",
        arity: 3,
        flags: ADMIN,
        history: [
          ["6.2.0", "Added Pub/Sub channel patterns."],
          [
            "7.0.0",
            "Added selectors and changed the format of key and channel patterns from a list to their rule representation.",
          ],
        ],
        args: [argument("username", "string")],
        run: (call) => replyUser(call, server),
      },
      {
        name: "HELP",
        group: "server",
        since: "6.0.0",
        summary: "Returns helpful text about the different subcommands.",
        complexity: "O(1)",
        arity: 2,
        flags: ["loading", "stale"],
        run: (call) => replyHelp(call, "ACL", HELP),
      },
      {
        name: "LIST",
        group: "server",
        since: "6.0.0",
        summary: "Dumps the effective rules in ACL file format.",
        complexity: "O(N). Where N is the number of configured users.",
        arity: 2,
        flags: ADMIN,
        run(call) {
          const password = passwordHash(server);
          call.reply.array(1);
          call.reply.text(`user ${USER} on ${password === undefined ? "nopass" : `#${password}`} ~* &* +@all`);
        },
      },
      {
        name: "USERS",
        group: "server",
        since: "6.0.0",
        summary: "Lists all ACL users.",
        complexity: "O(N). Where N is the number of configured users.",
        arity: 2,
        flags: ADMIN,
        run(call) {
          call.reply.array(1);
          call.reply.text(USER);
        },
      },
      {
        name: "WHOAMI",
        group: "server",
        since: "6.0.0",
        summary: "Returns the authenticated username of the current connection.",
        complexity: "O(1)",
        arity: 2,
        flags: OPEN,
        run: (call) => call.reply.text(USER),
      },
    ],
  };
}

/** As Redis keeps and shows passwords: SHA-256 in hexadecimal. Undefined: none is needed. */
function passwordHash(server: Server): string | undefined {
  const password = server.config.text("requirepass");
  return password === "" ? undefined : createHash("sha256").update(latin1Bytes(password)).digest("hex");
}

function replyCategories(call: Call): void {
  const { reply } = call;
  if (call.argc > 3) return reply.error(wrongSubcommand("ACL", call.text(1)));
  if (call.argc === 2) {
    reply.array(CATEGORIES.length);
    for (const category of CATEGORIES) reply.text(category);
    return;
  }
  const wanted = call.text(2).toLowerCase();
  if (!CATEGORIES.includes(wanted)) return reply.error(`ERR Unknown category '${call.text(2)}'`);
  const { definitions, fullNames } = call.executor.table;
  const names = fullNames.filter((_, id) => categoriesOf(definitions[id]!).includes(wanted));
  reply.array(names.length);
  for (const name of names) reply.text(name);
}

function replyPassword(call: Call): void {
  const { reply } = call;
  if (call.argc > 3) return reply.error(wrongSubcommand("ACL", call.text(1)));
  let bits = 256;
  if (call.argc === 3) {
    const wanted = call.integer64(2);
    if (wanted === undefined) return reply.error(NOT_AN_INTEGER);
    if (wanted <= 0n || wanted > BigInt(PASSWORD_BITS_MAX)) {
      return reply.error(
        `ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to ${PASSWORD_BITS_MAX}`,
      );
    }
    bits = Number(wanted);
  }
  const digits = Math.ceil(bits / 4);
  const bytes = call.random.bytes(Math.ceil(digits / 2));
  reply.text(Buffer.from(bytes).toString("hex").slice(0, digits));
}

function replyUser(call: Call, server: Server): void {
  const { reply } = call;
  if (call.text(2) !== USER) return reply.nil();
  const password = passwordHash(server);
  reply.map(6);
  reply.text("flags");
  reply.set(password === undefined ? 2 : 1);
  reply.text("on");
  if (password === undefined) reply.text("nopass");
  reply.text("passwords");
  reply.array(password === undefined ? 0 : 1);
  if (password !== undefined) reply.text(password);
  for (const [name, rule] of [
    ["commands", "+@all"],
    ["keys", "~*"],
    ["channels", "&*"],
  ] as const) {
    reply.text(name);
    reply.text(rule);
  }
  reply.text("selectors");
  reply.array(0);
}
