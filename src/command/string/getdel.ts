import { EVENT_GENERIC } from "../../dataset/key_events.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { WRONG_TYPE } from "../messages.ts";
import { replyString } from "./reply.ts";
import { isOtherType } from "./store.ts";

/** GETDEL key */
export const getdel: CommandDefinition = {
  name: "GETDEL",
  group: "string",
  since: "6.2.0",
  summary: "Returns the string value of a key after deleting the key.",
  complexity: "O(1)",
  arity: 2,
  flags: ["write", "fast"],
  keys: [keysAt(["RW", "access", "delete"])],
  args: [argument("key", "key", { keySpec: 0 })],
  run(call) {
    const entry = call.read(1);
    if (entry === 0) return call.reply.nil();
    if (isOtherType(call, entry)) return call.reply.error(WRONG_TYPE);
    replyString(call, entry);
    removeKey(call, entry);
  },
};

/** Removes what key argument 1 holds, logged as DEL. */
export function removeKey(call: Call, entry: number): void {
  call.changed(1);
  const effect = call.effect(2);
  effect.text("DEL");
  effect.argument(call.input, call.start(1), call.length(1));
  call.db.remove(entry, call.hash(1));
  call.notify(EVENT_GENERIC, "del", 1);
}
