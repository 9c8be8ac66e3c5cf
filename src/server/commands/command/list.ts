/** COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]: names, with a filter those of subcommands too. */
import { latin1Bytes } from "../../../base/bytes.ts";
import { globMatches } from "../../../base/glob.ts";
import type { Call } from "../../../command/call.ts";
import { categoriesOf } from "../../../command/derive.ts";
import { SYNTAX_ERROR } from "../../../command/messages.ts";

export function replyList(call: Call): void {
  const { table } = call.executor;
  if (call.argc === 2) return replyNames(call, table.fullNames.slice(0, table.commandCount));
  if (call.argc !== 5 || !call.is(2, "FILTERBY")) return call.reply.error(SYNTAX_ERROR);
  if (call.is(3, "MODULE")) return replyNames(call, []);
  if (call.is(3, "ACLCAT")) {
    const category = call.text(4).toLowerCase();
    const isIn = (_: string, id: number): boolean => categoriesOf(table.definitions[id]!).includes(category);
    return replyNames(call, table.fullNames.filter(isIn));
  }
  if (!call.is(3, "PATTERN")) return call.reply.error(SYNTAX_ERROR);
  const pattern = call.copyOf(4);
  const matches = (name: string): boolean =>
    globMatches(pattern, 0, pattern.length, latin1Bytes(name), 0, name.length, true);
  replyNames(call, table.fullNames.filter(matches));
}

function replyNames(call: Call, names: readonly string[]): void {
  call.reply.array(names.length);
  for (const name of names) call.reply.text(name);
}
