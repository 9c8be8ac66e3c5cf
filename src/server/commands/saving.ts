/** BGSAVE, SAVE, BGREWRITEAOF, LASTSAVE: images, under the names that Redis gives them. What each means stands in server/saving.ts. */
import type { Call } from "../../command/call.ts";
import { type CommandDefinition, oneOf, token } from "../../command/definition.ts";
import { SYNTAX_ERROR } from "../../command/messages.ts";
import { holdRequest } from "../blocking/held.ts";
import type { Server } from "../server.ts";

const FLAGS = ["no_async_loading", "admin", "noscript"] as const;
const IN_PROGRESS = "ERR Background save already in progress";
const OTHER_CHILD =
  "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";

export function savingCommands(server: Server): readonly CommandDefinition[] {
  return [
    {
      name: "BGSAVE",
      group: "server",
      since: "1.0.0",
      summary: "Asynchronously saves the database(s) to disk.",
      complexity: "O(1)",
      arity: -1,
      flags: FLAGS,
      history: [
        ["3.2.2", "Added the `SCHEDULE` option."],
        ["8.1.0", "Added the `CANCEL` option."],
      ],
      args: [
        oneOf("operation", [token("SCHEDULE", { since: "3.2.2" }), token("CANCEL", { since: "8.1.0" })], {
          optional: true,
        }),
      ],
      run: (call) => bgsave(call, server),
    },
    {
      name: "SAVE",
      group: "server",
      since: "1.0.0",
      summary: "Synchronously saves the database(s) to disk.",
      complexity: "O(N) where N is the total number of keys in all databases",
      arity: 1,
      flags: [...FLAGS, "no_multi"],
      run: (call) => save(call, server),
    },
    {
      name: "BGREWRITEAOF",
      group: "server",
      since: "1.0.0",
      summary: "Asynchronously rewrites the append-only file to disk.",
      complexity: "O(1)",
      arity: 1,
      flags: FLAGS,
      run: (call) => bgrewriteaof(call, server),
    },
    {
      name: "LASTSAVE",
      group: "server",
      since: "1.0.0",
      summary: "Returns the Unix timestamp of the last successful save to disk.",
      complexity: "O(1)",
      arity: 1,
      flags: ["loading", "stale", "fast"],
      categories: ["admin", "dangerous"],
      tips: ["nondeterministic_output"],
      run: (call) => call.reply.integer(Math.floor(server.saving.lastSaveMs / 1000)),
    },
  ];
}

function bgsave(call: Call, server: Server): void {
  const { reply } = call;
  const { saving } = server;
  const schedule = call.argc === 2 && call.is(1, "SCHEDULE");
  if (call.argc === 2 && call.is(1, "CANCEL")) return cancel(call, server);
  if (call.argc > 1 && !schedule) return reply.error(SYNTAX_ERROR);
  if (saving.current === "save") return reply.error(IN_PROGRESS);
  if (saving.current !== undefined || call.inTransaction) {
    if (!schedule && !call.inTransaction) return reply.error(OTHER_CHILD);
    const { refusal } = saving;
    if (refusal !== undefined) return reply.error(refusal);
    saving.saveScheduled = true;
    return reply.status("Background saving scheduled");
  }
  const refusal = saving.begin("save");
  if (refusal !== undefined) return reply.error(refusal);
  reply.status("Background saving started");
}

function cancel({ reply }: Call, server: Server): void {
  const { saving, storage } = server;
  if (saving.current === "save") {
    void storage?.images.cancel();
    return reply.status("Background saving cancelled");
  }
  if (!saving.saveScheduled) {
    return reply.error("ERR Background saving is currently not in progress or scheduled");
  }
  saving.saveScheduled = false;
  reply.status("Scheduled background saving cancelled");
}

/** Who asked waits, behind a BGREWRITEAOF too; everybody else goes on, unlike in Redis. */
function save(call: Call, server: Server): void {
  const { saving } = server;
  if (saving.current === "save") return call.reply.error(IN_PROGRESS);
  const { refusal } = saving;
  if (refusal !== undefined) return call.reply.error(refusal);
  const answer = holdRequest(server, call);
  void saving.saveNext().then((problem) =>
    answer((reply) => {
      if (problem === undefined) reply.status("OK");
      else reply.error(problem);
    }),
  );
}

function bgrewriteaof(call: Call, server: Server): void {
  const { reply } = call;
  const { saving } = server;
  if (saving.current === "rewrite") {
    return reply.error("ERR Background append only file rewriting already in progress");
  }
  const { refusal } = saving;
  if (refusal !== undefined) return reply.error(refusal);
  if (saving.current !== undefined || call.inTransaction) {
    saving.rewriteScheduled = true;
    return reply.status("Background append only file rewriting scheduled");
  }
  const refused = saving.begin("rewrite");
  if (refused !== undefined) return reply.error(refused);
  reply.status("Background append only file rewriting started");
}
