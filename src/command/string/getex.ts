import { EVENT_GENERIC } from "../../dataset/key_events.ts";
import { hasExpiry } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { MILLISECONDS_ABSOLUTE, readExpiryOption, SECONDS_ABSOLUTE } from "../expiry.ts";
import { OUT_OF_MEMORY, SYNTAX_ERROR, WRONG_TYPE } from "../messages.ts";
import { removeKey } from "./getdel.ts";
import { options, PERSIST, readOptions } from "./options.ts";
import { replyString } from "./reply.ts";
import { isOtherType } from "./store.ts";

/** GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] */
export const getex: CommandDefinition = {
  name: "GETEX",
  group: "string",
  since: "6.2.0",
  summary: "Returns the string value of a key after setting its expiration time.",
  complexity: "O(1)",
  arity: -2,
  flags: ["write", "fast"],
  keys: [{ ...keysAt(["RW", "access", "update"]), notes: "RW and UPDATE because it changes the TTL" }],
  args: [
    argument("key", "key", { keySpec: 0 }),
    oneOf(
      "expiration",
      [
        argument("seconds", "integer", { token: "EX" }),
        argument("milliseconds", "integer", { token: "PX" }),
        argument("unix-time-seconds", "unix-time", { token: "EXAT" }),
        argument("unix-time-milliseconds", "unix-time", { token: "PXAT" }),
        token("PERSIST"),
      ],
      { optional: true },
    ),
  ],
  run(call) {
    if (!readOptions(call, 2, false)) return call.reply.error(SYNTAX_ERROR);
    const entry = call.read(1);
    if (entry === 0) return call.reply.nil();
    if (isOtherType(call, entry)) return call.reply.error(WRONG_TYPE);
    if (options.unit !== 0) {
      expireAt(call, entry);
      return;
    }
    if (options.expiry === PERSIST && hasExpiry(call.dataset.arena, entry)) persist(call, entry);
    else replyString(call, entry);
  },
};

function expireAt(call: Call, entry: number): void {
  const { unit } = options;
  const at = readExpiryOption(call, options.time, unit, "getex");
  if (at === undefined) return;
  if ((unit === SECONDS_ABSOLUTE || unit === MILLISECONDS_ABSOLUTE) && at <= call.nowMs && !call.replaying) {
    replyString(call, entry);
    removeKey(call, entry);
    return;
  }
  const moved = call.db.setExpiry(entry, call.hash(1), at);
  if (moved === 0) return call.reply.error(OUT_OF_MEMORY);
  call.changed(1);
  const effect = call.effect(3);
  effect.text("PEXPIREAT");
  effect.argument(call.input, call.start(1), call.length(1));
  effect.integer(at);
  call.notify(EVENT_GENERIC, "expire", 1);
  replyString(call, moved);
}

function persist(call: Call, entry: number): void {
  const moved = call.db.setExpiry(entry, call.hash(1), -1);
  if (moved === 0) return call.reply.error(OUT_OF_MEMORY);
  call.changed(1);
  const effect = call.effect(2);
  effect.text("PERSIST");
  effect.argument(call.input, call.start(1), call.length(1));
  call.notify(EVENT_GENERIC, "persist", 1);
  replyString(call, moved);
}
