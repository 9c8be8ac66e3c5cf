import { EVENT_GENERIC, EVENT_STRING } from "../../dataset/key_events.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { MILLISECONDS, readExpiryOption, SECONDS } from "../expiry.ts";
import { logStored } from "./set.ts";
import { storeArgument } from "./store.ts";

/** SETEX key seconds value */
export const setex: CommandDefinition = {
  name: "SETEX",
  group: "string",
  since: "2.0.0",
  summary: "Sets the string value and expiration time of a key. Creates the key if it doesn't exist.",
  complexity: "O(1)",
  arity: 4,
  flags: ["write", "denyoom"],
  deprecated: { since: "2.6.12", replacedBy: "`SET` with the `EX` argument" },
  keys: [keysAt(["OW", "update"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("seconds", "integer"), argument("value", "string")],
  run: (call) => setExpiring(call, SECONDS, "setex"),
};

/** PSETEX key milliseconds value */
export const psetex: CommandDefinition = {
  ...setex,
  name: "PSETEX",
  since: "2.6.0",
  summary:
    "Sets both string value and expiration time in milliseconds of a key. The key is created if it doesn't exist.",
  deprecated: { since: "2.6.12", replacedBy: "`SET` with the `PX` argument" },
  args: [argument("key", "key", { keySpec: 0 }), argument("milliseconds", "integer"), argument("value", "string")],
  run: (call) => setExpiring(call, MILLISECONDS, "psetex"),
};

function setExpiring(call: Call, unit: number, name: string): void {
  const expiry = readExpiryOption(call, 2, unit, name);
  if (expiry === undefined) return;
  if (!storeArgument(call, call.write(1), 3, expiry)) return;
  logStored(call, 3, expiry);
  call.notify(EVENT_STRING, "set", 1);
  call.notify(EVENT_GENERIC, "expire", 1);
  call.reply.ok();
}
