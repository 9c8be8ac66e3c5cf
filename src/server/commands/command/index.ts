/** COMMAND: what the definitions say, as Redis's clients ask for it. */
import { argument, type CommandDefinition, oneOf } from "../../../command/definition.ts";
import { replyHelp } from "../../../command/help.ts";
import { replyDocs } from "./docs.ts";
import { HELP } from "./help.ts";
import { replyInfo } from "./info.ts";
import { replyKeys } from "./keys.ts";
import { replyList } from "./list.ts";

export const command: CommandDefinition = {
  name: "COMMAND",
  group: "server",
  since: "2.8.13",
  summary: "Returns detailed information about all commands.",
  complexity: "O(N) where N is the total number of commands",
  arity: -1,
  flags: ["loading", "stale"],
  categories: ["connection"],
  tips: ["nondeterministic_output_order"],
  subcommands: [
    {
      name: "COUNT",
      group: "server",
      since: "2.8.13",
      summary: "Returns a count of commands.",
      complexity: "O(1)",
      arity: 2,
      flags: ["loading", "stale"],
      categories: ["connection"],
      run: (call) => call.reply.integer(call.executor.table.commandCount),
    },
    {
      name: "DOCS",
      group: "server",
      since: "7.0.0",
      summary: "Returns documentary information about one, multiple or all commands.",
      complexity: "O(N) where N is the number of commands to look up",
      arity: -2,
      flags: ["loading", "stale"],
      categories: ["connection"],
      tips: ["nondeterministic_output_order"],
      args: [argument("command-name", "string", { optional: true, multiple: true })],
      run: replyDocs,
    },
    {
      name: "GETKEYS",
      group: "server",
      since: "2.8.13",
      summary: "Extracts the key names from an arbitrary command.",
      complexity: "O(N) where N is the number of arguments to the command",
      arity: -3,
      flags: ["loading", "stale"],
      categories: ["connection"],
      args: [argument("command", "string"), argument("arg", "string", { optional: true, multiple: true })],
      run: (call) => replyKeys(call, false),
    },
    {
      name: "GETKEYSANDFLAGS",
      group: "server",
      since: "7.0.0",
      summary: "Extracts the key names and access flags for an arbitrary command.",
      complexity: "O(N) where N is the number of arguments to the command",
      arity: -3,
      flags: ["loading", "stale"],
      categories: ["connection"],
      args: [argument("command", "string"), argument("arg", "string", { optional: true, multiple: true })],
      run: (call) => replyKeys(call, true),
    },
    {
      name: "HELP",
      group: "server",
      since: "5.0.0",
      summary: "Returns helpful text about the different subcommands.",
      complexity: "O(1)",
      arity: 2,
      flags: ["loading", "stale"],
      categories: ["connection"],
      run: (call) => replyHelp(call, "COMMAND", HELP),
    },
    {
      name: "INFO",
      group: "server",
      since: "2.8.13",
      summary: "Returns information about one, multiple or all commands.",
      complexity: "O(N) where N is the number of commands to look up",
      arity: -2,
      flags: ["loading", "stale"],
      categories: ["connection"],
      tips: ["nondeterministic_output_order"],
      history: [["7.0.0", "Allowed to be called with no argument to get info on all commands."]],
      args: [argument("command-name", "string", { optional: true, multiple: true })],
      run: replyInfo,
    },
    {
      name: "LIST",
      group: "server",
      since: "7.0.0",
      summary: "Returns a list of command names.",
      complexity: "O(N) where N is the total number of commands",
      arity: -2,
      flags: ["loading", "stale"],
      categories: ["connection"],
      tips: ["nondeterministic_output_order"],
      args: [
        oneOf(
          "filterby",
          [
            argument("module-name", "string", { token: "MODULE" }),
            argument("category", "string", { token: "ACLCAT" }),
            argument("pattern", "pattern", { token: "PATTERN" }),
          ],
          { token: "FILTERBY", optional: true },
        ),
      ],
      run: replyList,
    },
  ],
  run(call) {
    replyInfo(call);
  },
};
