/** CONFIG GET and SET; what a directive is and when it may change is the configuration's. */
import type { Call } from "../../../command/call.ts";
import { SYNTAX_ERROR } from "../../../command/messages.ts";
import type { Config } from "../../config/config.ts";

/** Directives whose values neither the slow log nor MONITOR may show. */
const SECRET_DIRECTIVES = new Set([
  "requirepass",
  "masterauth",
  "masteruser",
  "primaryauth",
  "primaryuser",
  "tls-key-file-pass",
  "tls-client-key-file-pass",
]);

/** Indices of the values of CONFIG SET that are secret. */
export function secretValues(args: readonly string[]): number[] {
  return args.flatMap((arg, i) => (i >= 2 && i % 2 === 0 && SECRET_DIRECTIVES.has(arg.toLowerCase()) ? [i + 1] : []));
}

/** CONFIG GET pattern [pattern ...] */
export function configGet(call: Call, config: Config): void {
  const patterns = Array.from({ length: call.argc - 2 }, (_, i) => call.text(i + 2));
  const found = config.match(patterns);
  call.reply.map(found.length);
  for (const [name, value] of found) {
    call.reply.text(name);
    call.reply.text(value);
  }
}

/** CONFIG SET name value [name value ...]: all of them or none. */
export function configSet(call: Call, config: Config): void {
  if (call.argc % 2 !== 0) return call.reply.error(SYNTAX_ERROR);
  const pairs: [string, string][] = [];
  for (let i = 2; i < call.argc; i += 2) pairs.push([call.text(i), call.text(i + 1)]);
  const error = config.set(pairs);
  if (error === undefined) call.reply.ok();
  else call.reply.error(error);
}
