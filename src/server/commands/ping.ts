/** PING [message]. */
import { argument, type CommandDefinition } from "../../command/definition.ts";
import { wrongArity } from "../../command/messages.ts";

export const ping: CommandDefinition = {
  name: "PING",
  group: "connection",
  since: "1.0.0",
  summary: "Returns the server's liveliness response.",
  complexity: "O(1)",
  arity: -1,
  flags: ["fast"],
  tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
  args: [argument("message", "string", { optional: true })],
  run(call) {
    if (call.argc > 2) call.reply.error(wrongArity("ping"));
    else if (call.session.subscribed && call.session.protocol === 2) {
      // Among messages, the answer must look like one.
      call.reply.array(2);
      call.reply.text("pong");
      if (call.argc === 2) call.reply.bulk(call.input, call.start(1), call.length(1));
      else call.reply.text("");
    } else if (call.argc === 2) call.reply.bulk(call.input, call.start(1), call.length(1));
    else call.reply.status("PONG");
  },
};
