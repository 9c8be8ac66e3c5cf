/** COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a whole request, given as arguments. */
import type { Call } from "../../../command/call.ts";
import { arityFits, commandIdAt, hasKeys, keysOf, orderedKeyFlags } from "../../../command/derive.ts";
import { UNKNOWN_COMMAND } from "../../../command/table.ts";
import { replyStatuses } from "./info.ts";

const REQUEST_AT = 2;

export function replyKeys(call: Call, withFlags: boolean): void {
  const { reply, executor } = call;
  const id = commandIdAt(executor.table, call, REQUEST_AT);
  if (id === UNKNOWN_COMMAND) return reply.error("ERR Invalid command specified");
  const definition = executor.table.definitions[id]!;
  const argc = call.argc - REQUEST_AT;
  if (!hasKeys(definition)) return reply.error("ERR The command has no key arguments");
  if (!arityFits(definition, argc)) return reply.error("ERR Invalid number of arguments specified for command");
  const keys = keysOf(definition, call, REQUEST_AT, argc) ?? [];
  if (keys.length === 0 && !definition.flags.includes("no_mandatory_keys")) {
    return reply.error("ERR Invalid arguments specified for command");
  }
  reply.array(keys.length);
  for (const { index, flags } of keys) {
    if (withFlags) reply.array(2);
    reply.bulk(call.input, call.start(REQUEST_AT + index), call.length(REQUEST_AT + index));
    if (withFlags) replyStatuses(reply, orderedKeyFlags(flags));
  }
}
