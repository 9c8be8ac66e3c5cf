/** Arguments that commands on sorted sets share: how they are described, and how they are read. */
import type { Call } from "../call.ts";
import { type Argument, argument, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { NOT_AN_INTEGER } from "../messages.ts";

export const KEY = argument("key", "key", { keySpec: 0 });
export const MEMBER = argument("member", "string");
export const WITH_SCORES = token("WITHSCORES", { optional: true });
export const LIMIT: Argument = {
  name: "limit",
  type: "block",
  token: "LIMIT",
  optional: true,
  args: [argument("offset", "integer"), argument("count", "integer")],
};
export const WHERE = oneOf("where", [token("MIN"), token("MAX")]);
export const COUNT = argument("count", "integer", { token: "COUNT", optional: true });

/** What all commands that only read one sorted set have in common. */
export const READS = {
  group: "sorted-set",
  flags: ["readonly"],
  keys: [keysAt(["RO", "access"])],
} as const satisfies Partial<CommandDefinition>;

/** As `READS`, for those that are fast. */
export const READS_FAST = { ...READS, flags: ["readonly", "fast"] } as const satisfies Partial<CommandDefinition>;

/** Beyond any rank. */
const RANK_MAX = Number.MAX_SAFE_INTEGER;

/** Argument i as a rank or a count: any 64-bit number, those beyond 2^53 as near as it matters. NaN: none, and the error has been replied. */
export function readLong(call: Call, i: number, error = NOT_AN_INTEGER): number {
  const value = call.integer(i);
  if (value === value) return value;
  const large = call.integer64(i);
  if (large !== undefined) return large < 0n ? -RANK_MAX : RANK_MAX;
  call.reply.error(error);
  return Number.NaN;
}
