/** The commands about channels: PUBSUB, which tells about them, and those who subscribe and publish. */
import type { Call } from "../../../command/call.ts";
import { argument, type CommandDefinition } from "../../../command/definition.ts";
import { replyHelp } from "../../../command/help.ts";
import { wrongSubcommand } from "../../../command/messages.ts";
import type { Channels } from "../../pubsub/channels.ts";
import { matchingNames } from "../../pubsub/registry.ts";
import type { Server } from "../../server.ts";
import { HELP } from "./help.ts";
import { publish, spublish } from "./publish.ts";
import { subscriptionCommands } from "./subscribe.ts";

export function pubsubCommands(server: Server): readonly CommandDefinition[] {
  return [...subscriptionCommands(server), publish(server), spublish(server), pubsub(server)];
}

function pubsub(server: Server): CommandDefinition {
  const flags = ["pubsub", "loading", "stale"] as const;
  return {
    name: "PUBSUB",
    group: "pubsub",
    since: "2.8.0",
    summary: "A container for Pub/Sub commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: "CHANNELS",
        group: "pubsub",
        since: "2.8.0",
        summary: "Returns the active channels.",
        complexity:
          "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
        arity: -2,
        flags,
        args: [argument("pattern", "pattern", { optional: true })],
        run: (call) => replyNames(call, server.pubsub.channels),
      },
      {
        name: "HELP",
        group: "pubsub",
        since: "6.2.0",
        summary: "Returns helpful text about the different subcommands.",
        complexity: "O(1)",
        arity: 2,
        flags: ["loading", "stale"],
        run: (call) => replyHelp(call, "PUBSUB", HELP),
      },
      {
        name: "NUMPAT",
        group: "pubsub",
        since: "2.8.0",
        summary: "Returns a count of unique pattern subscriptions.",
        complexity: "O(1)",
        arity: 2,
        flags,
        run: (call) => call.reply.integer(server.pubsub.patterns.size),
      },
      {
        name: "NUMSUB",
        group: "pubsub",
        since: "2.8.0",
        summary: "Returns a count of subscribers to channels.",
        complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
        arity: -2,
        flags,
        args: [argument("channel", "string", { optional: true, multiple: true })],
        run: (call) => replyCounts(call, server.pubsub.channels),
      },
      {
        name: "SHARDCHANNELS",
        group: "pubsub",
        since: "7.0.0",
        summary: "Returns the active shard channels.",
        complexity:
          "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
        arity: -2,
        flags,
        args: [argument("pattern", "pattern", { optional: true })],
        run: (call) => replyNames(call, server.pubsub.shards),
      },
      {
        name: "SHARDNUMSUB",
        group: "pubsub",
        since: "7.0.0",
        summary: "Returns the count of subscribers of shard channels.",
        complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
        arity: -2,
        flags,
        args: [argument("shardchannel", "string", { optional: true, multiple: true })],
        run: (call) => replyCounts(call, server.pubsub.shards),
      },
    ],
  };
}

function replyNames(call: Call, channels: Channels): void {
  const { reply } = call;
  if (call.argc > 3) return reply.error(wrongSubcommand("PUBSUB", call.text(1)));
  const names = matchingNames(channels, call.argc === 3 ? call.copyOf(2) : undefined);
  reply.array(names.length);
  for (const name of names) reply.bulk(name, 0, name.length);
}

function replyCounts(call: Call, channels: Channels): void {
  const { reply } = call;
  reply.array((call.argc - 2) * 2);
  for (let i = 2; i < call.argc; i++) {
    reply.bulk(call.input, call.start(i), call.length(i));
    reply.integer(channels.find(call.input, call.start(i), call.length(i))?.subscribers.size ?? 0);
  }
}
