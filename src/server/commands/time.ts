/** TIME: seconds and microseconds. */
import type { CommandDefinition } from "../../command/definition.ts";
import type { MicrosecondClock } from "../microseconds.ts";

export function time(clock: MicrosecondClock): CommandDefinition {
  return {
    name: "TIME",
    group: "server",
    since: "2.6.0",
    summary: "Returns the server time.",
    complexity: "O(1)",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    tips: ["nondeterministic_output"],
    run(call) {
      const us = clock.nowUs();
      call.reply.array(2);
      call.reply.numberText(Math.floor(us / 1_000_000));
      call.reply.numberText(us % 1_000_000);
    },
  };
}
