/** Effects on fields, as the log gets them. */
import type { Call } from "../call.ts";

/**
 * Logs a command on those fields of the running request that the first `count` of `fields`, indices of arguments, name: "HDEL key field
 * ...", or, for any other command, "name key [time] FIELDS n field ...". `time`: absolute ms, -1 for none.
 */
export function logFields(call: Call, name: string, time: number, fields: Int32Array, count: number): void {
  const { input } = call;
  const plain = name === "HDEL";
  const effect = call.effect((plain ? 2 : 4) + (time === -1 ? 0 : 1) + count);
  effect.text(name);
  effect.argument(input, call.start(1), call.length(1));
  if (time !== -1) effect.integer(time);
  if (!plain) {
    effect.text("FIELDS");
    effect.integer(count);
  }
  for (let k = 0; k < count; k++) effect.argument(input, call.start(fields[k]!), call.length(fields[k]!));
}
