/** COMMAND and COMMAND INFO: ten facts a command, in Redis's order. */
import type { Call } from "../../../command/call.ts";
import type { KeySpec } from "../../../command/definition.ts";
import { categoriesOf, commandIdOf, flagsOf, keyRangeOf, orderedKeyFlags } from "../../../command/derive.ts";
import { UNKNOWN_COMMAND } from "../../../command/table.ts";
import type { ReplyWriter } from "../../../protocol/reply_writer.ts";

/** COMMAND [INFO [name ...]]: all commands, or the named ones with a null for each that does not exist. */
export function replyInfo(call: Call): void {
  const { table } = call.executor;
  if (call.argc <= 2) {
    call.reply.array(table.commandCount);
    for (let id = 0; id < table.commandCount; id++) replyCommand(call, id);
    return;
  }
  call.reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++) {
    const id = commandIdOf(table, call.text(i));
    if (id === UNKNOWN_COMMAND) call.reply.nil();
    else replyCommand(call, id);
  }
}

function replyCommand(call: Call, id: number): void {
  const { reply, executor } = call;
  const { table } = executor;
  const definition = table.definitions[id]!;
  const range = keyRangeOf(definition);
  reply.array(10);
  reply.text(table.fullNames[id]!);
  reply.integer(definition.arity);
  replyStatuses(reply, flagsOf(definition));
  reply.integer(range.first);
  reply.integer(range.last);
  reply.integer(range.step);
  replyStatuses(
    reply,
    categoriesOf(definition).map((category) => `@${category}`),
  );
  const tips = definition.tips ?? [];
  reply.set(tips.length);
  for (const tip of tips) reply.text(tip);
  const specs = definition.keys ?? [];
  reply.set(specs.length);
  for (const spec of specs) replyKeySpec(reply, spec);
  const subcommands = table.subcommandIds(id);
  reply.set(subcommands.length);
  for (const subcommand of subcommands) replyCommand(call, subcommand);
}

export function replyStatuses(reply: ReplyWriter, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.status(word);
}

function replyKeySpec(reply: ReplyWriter, spec: KeySpec): void {
  reply.map(spec.notes === undefined ? 3 : 4);
  if (spec.notes !== undefined) {
    reply.text("notes");
    reply.text(spec.notes);
  }
  reply.text("flags");
  replyStatuses(reply, orderedKeyFlags(spec.flags));
  reply.text("begin_search");
  const { begin, find } = spec;
  if ("index" in begin) replyFacts(reply, "index", { index: begin.index });
  else if ("unknown" in begin) replyFacts(reply, "unknown", {});
  else replyFacts(reply, "keyword", { keyword: begin.keyword, startfrom: begin.startFrom });
  reply.text("find_keys");
  if ("last" in find) replyFacts(reply, "range", { lastkey: find.last, keystep: find.step, limit: find.limit });
  else if ("unknown" in find) replyFacts(reply, "unknown", {});
  else replyFacts(reply, "keynum", { keynumidx: find.keyCountIndex, firstkey: find.firstKey, keystep: find.step });
}

/** How one half of a key specification is told: a type, and a map of what the type needs. */
function replyFacts(reply: ReplyWriter, type: string, facts: Readonly<Record<string, number | string>>): void {
  reply.map(2);
  reply.text("type");
  reply.text(type);
  reply.text("spec");
  const entries = Object.entries(facts);
  reply.map(entries.length);
  for (const [name, value] of entries) {
    reply.text(name);
    if (typeof value === "number") reply.integer(value);
    else reply.text(value);
  }
}
