/** MODULE over no modules: the list is empty, and nothing can be loaded. */

import type { Call } from "../../../command/call.ts";
import { argument, block, type CommandDefinition } from "../../../command/definition.ts";
import { replyHelp } from "../../../command/help.ts";
import type { Server } from "../../server.ts";
import { protectedRefusal } from "../protection.ts";
import { HELP } from "./help.ts";

export function moduleCommand(server: Server): CommandDefinition {
  const refuse =
    (error: string) =>
    (call: Call): void =>
      call.reply.error(protectedRefusal(server, call, "MODULE", "enable-module-command") ?? error);
  const notLoaded = refuse("ERR Error loading the extension. Please check the server logs.");
  return {
    name: "MODULE",
    group: "server",
    since: "4.0.0",
    summary: "A container for module commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: "HELP",
        group: "server",
        since: "5.0.0",
        summary: "Returns helpful text about the different subcommands.",
        complexity: "O(1)",
        arity: 2,
        flags: ["loading", "stale"],
        run: (call) => replyHelp(call, "MODULE", HELP),
      },
      {
        name: "LIST",
        group: "server",
        since: "4.0.0",
        summary: "Returns all loaded modules.",
        complexity: "O(N) where N is the number of loaded modules.",
        arity: 2,
        flags: ["admin", "noscript"],
        tips: ["nondeterministic_output_order"],
        run: (call) => call.reply.array(0),
      },
      {
        name: "LOAD",
        group: "server",
        since: "4.0.0",
        summary: "Loads a module.",
        complexity: "O(1)",
        arity: -3,
        flags: ["no_async_loading", "admin", "noscript"],
        args: [argument("path", "string"), argument("arg", "string", { optional: true, multiple: true })],
        run: notLoaded,
      },
      {
        name: "LOADEX",
        group: "server",
        since: "7.0.0",
        summary: "Loads a module using extended parameters.",
        complexity: "O(1)",
        arity: -3,
        flags: ["no_async_loading", "admin", "noscript"],
        args: [
          argument("path", "string"),
          block("configs", [argument("name", "string"), argument("value", "string")], {
            token: "CONFIG",
            optional: true,
            multiple: true,
            multipleToken: true,
          }),
          argument("args", "string", { token: "ARGS", optional: true, multiple: true }),
        ],
        run: notLoaded,
      },
      {
        name: "UNLOAD",
        group: "server",
        since: "4.0.0",
        summary: "Unloads a module.",
        complexity: "O(1)",
        arity: 3,
        flags: ["no_async_loading", "admin", "noscript"],
        args: [argument("name", "string")],
        run: refuse("ERR Error unloading module: no such module with that name"),
      },
    ],
  };
}
