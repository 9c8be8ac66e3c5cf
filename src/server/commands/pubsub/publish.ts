/** PUBLISH channel message, SPUBLISH shardchannel message: replied is how many subscriptions the message went to. */
import { argument, type CommandDefinition, keysAt } from "../../../command/definition.ts";
import type { PubsubHost } from "../../pubsub/registry.ts";

export function publish(server: PubsubHost): CommandDefinition {
  return {
    name: "PUBLISH",
    group: "pubsub",
    since: "2.0.0",
    summary: "Posts a message to a channel.",
    complexity:
      "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).",
    arity: 3,
    flags: ["pubsub", "loading", "stale", "fast", "may_replicate"],
    args: [argument("channel", "string"), argument("message", "string")],
    run(call) {
      const { input } = call;
      const { pubsub, turns } = server;
      const gate = turns.messageGate;
      const receivers = pubsub.publish(
        input,
        call.start(1),
        call.length(1),
        input,
        call.start(2),
        call.length(2),
        gate,
      );
      call.reply.integer(receivers);
    },
  };
}

export function spublish(server: PubsubHost): CommandDefinition {
  return {
    name: "SPUBLISH",
    group: "pubsub",
    since: "7.0.0",
    summary: "Post a message to a shard channel",
    complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
    arity: 3,
    flags: ["pubsub", "loading", "stale", "fast", "may_replicate"],
    keys: [keysAt(["not_key"])],
    args: [argument("shardchannel", "string"), argument("message", "string")],
    run(call) {
      const { input } = call;
      const { pubsub, turns } = server;
      const gate = turns.messageGate;
      const receivers = pubsub.publishToShard(
        input,
        call.start(1),
        call.length(1),
        input,
        call.start(2),
        call.length(2),
        gate,
      );
      call.reply.integer(receivers);
    },
  };
}
