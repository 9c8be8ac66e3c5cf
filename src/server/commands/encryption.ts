/** ENCRYPTION: which keys the log is encrypted with, and the change to a new one. Emberlog's own. */
import type { Call } from "../../command/call.ts";
import type { CommandDefinition } from "../../command/definition.ts";
import { replyHelp } from "../../command/help.ts";
import type { Server } from "../server.ts";

const SINCE = "0.1.0";

const HELP = [
  "ROTATE",
  "    Read the keys again from where the configuration says they are, and go on",
  "    in a new segment of the log, encrypted with the first of them.",
  "STATUS",
  "    Show the ids of the keys, and how many segments are encrypted.",
];

export function encryptionCommand(server: Server): CommandDefinition {
  return {
    name: "ENCRYPTION",
    group: "server",
    since: SINCE,
    summary: "A container for commands of encryption at rest.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: "HELP",
        group: "server",
        since: SINCE,
        summary: "Returns helpful text about the different subcommands.",
        complexity: "O(1)",
        arity: 2,
        flags: ["loading", "stale"],
        run: (call) => replyHelp(call, "ENCRYPTION", HELP),
      },
      {
        name: "ROTATE",
        group: "server",
        since: SINCE,
        summary: "Reads the keys again and goes on in a new segment of the log, encrypted with the newest.",
        complexity: "O(N) where N is the number of segments of the log",
        arity: 2,
        flags: ["admin", "noscript"],
        run: (call) => rotate(call, server),
      },
      {
        name: "STATUS",
        group: "server",
        since: SINCE,
        summary: "Returns the ids of the keys and how many segments of the log are encrypted.",
        complexity: "O(N) where N is the number of segments of the log",
        arity: 2,
        flags: ["admin", "noscript", "loading", "stale"],
        tips: ["nondeterministic_output"],
        run: (call) => status(call, server),
      },
    ],
  };
}

function rotate({ reply }: Call, server: Server): void {
  const outcome = server.encryption.rotate();
  if (outcome === "done") reply.ok();
  else if (outcome === "begun")
    reply.status("The command that prints the keys is running; the log tells what comes of it");
  else reply.error(outcome.error);
}

function status({ reply }: Call, server: Server): void {
  const { newest, ids } = server.encryption.keys;
  const { inUse, plain, encrypted } = server.storage?.encryption ?? { inUse: [], plain: 0, encrypted: 0 };
  reply.map(6);
  reply.text("encryption");
  reply.text(newest === undefined ? "off" : "on");
  reply.text("key-id");
  if (newest === undefined) reply.nil();
  else reply.text(newest.id);
  reply.text("key-ids-given");
  reply.array(ids.length);
  for (const id of ids) reply.text(id);
  reply.text("key-ids-in-use");
  reply.array(inUse.length);
  for (const id of inUse) reply.text(id);
  reply.text("segments-plain");
  reply.integer(plain);
  reply.text("segments-encrypted");
  reply.integer(encrypted);
}
