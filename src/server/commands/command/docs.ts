/** COMMAND DOCS: what a person wants to know about commands. */
import type { Call } from "../../../command/call.ts";
import type { Argument, CommandDefinition } from "../../../command/definition.ts";
import { commandIdOf } from "../../../command/derive.ts";
import { UNKNOWN_COMMAND } from "../../../command/table.ts";
import type { ReplyWriter } from "../../../protocol/reply_writer.ts";
import { replyStatuses } from "./info.ts";

/** COMMAND DOCS [name ...]: names that do not exist are left out. */
export function replyDocs(call: Call): void {
  const { table } = call.executor;
  let ids: number[] = [];
  if (call.argc === 2) ids = Array.from({ length: table.commandCount }, (_, id) => id);
  else for (let i = 2; i < call.argc; i++) ids.push(commandIdOf(table, call.text(i)));
  replyAll(
    call,
    ids.filter((id) => id !== UNKNOWN_COMMAND),
  );
}

function replyAll(call: Call, ids: readonly number[]): void {
  call.reply.map(ids.length);
  for (const id of ids) replyOne(call, id);
}

/** A fact of a map: its name, and what writes its value. */
type Fact = readonly [name: string, write: () => void];

function replyFacts(reply: ReplyWriter, facts: readonly Fact[]): void {
  reply.map(facts.length);
  for (const [name, write] of facts) {
    reply.text(name);
    write();
  }
}

function replyOne(call: Call, id: number): void {
  const { reply, executor } = call;
  const { table } = executor;
  const definition = table.definitions[id]!;
  const { summary, since, group, complexity, deprecated, history, args } = definition;
  const subcommands = table.subcommandIds(id);
  const documentFlags = documentFlagsOf(definition);
  const facts: Fact[] = [
    ["summary", () => reply.text(summary)],
    ["since", () => reply.text(since)],
    ["group", () => reply.text(group)],
  ];
  if (complexity !== undefined) facts.push(["complexity", () => reply.text(complexity)]);
  if (documentFlags.length > 0) facts.push(["doc_flags", () => replyStatuses(reply, documentFlags)]);
  if (deprecated !== undefined) {
    facts.push(["deprecated_since", () => reply.text(deprecated.since)]);
    facts.push(["replaced_by", () => reply.text(deprecated.replacedBy)]);
  }
  if (history !== undefined && history.length > 0) facts.push(["history", () => replyHistory(reply, history)]);
  if (args !== undefined && args.length > 0) facts.push(["arguments", () => replyArguments(reply, args)]);
  if (subcommands.length > 0) facts.push(["subcommands", () => replyAll(call, subcommands)]);
  reply.text(table.fullNames[id]!);
  replyFacts(reply, facts);
}

function documentFlagsOf(definition: CommandDefinition): string[] {
  const flags: string[] = [];
  if (definition.deprecated !== undefined) flags.push("deprecated");
  if (definition.system === true) flags.push("syscmd");
  return flags;
}

function replyHistory(reply: ReplyWriter, history: readonly (readonly [string, string])[]): void {
  reply.set(history.length);
  for (const [version, change] of history) {
    reply.array(2);
    reply.text(version);
    reply.text(change);
  }
}

function replyArguments(reply: ReplyWriter, args: readonly Argument[]): void {
  reply.array(args.length);
  for (const argument of args) replyArgument(reply, argument);
}

function replyArgument(reply: ReplyWriter, argument: Argument): void {
  const { name, type, keySpec, token, summary, since, deprecatedSince, args } = argument;
  const display = argument.display ?? (type === "oneof" || type === "block" ? undefined : name);
  const facts: Fact[] = [
    ["name", () => reply.text(name)],
    ["type", () => reply.text(type)],
  ];
  if (display !== undefined) facts.push(["display_text", () => reply.text(display)]);
  if (keySpec !== undefined) facts.push(["key_spec_index", () => reply.integer(keySpec)]);
  if (token !== undefined) facts.push(["token", () => reply.text(token)]);
  if (summary !== undefined) facts.push(["summary", () => reply.text(summary)]);
  if (since !== undefined) facts.push(["since", () => reply.text(since)]);
  if (deprecatedSince !== undefined) facts.push(["deprecated_since", () => reply.text(deprecatedSince)]);
  const flags = argumentFlagsOf(argument);
  if (flags.length > 0) facts.push(["flags", () => replyStatuses(reply, flags)]);
  if (args !== undefined && args.length > 0) facts.push(["arguments", () => replyArguments(reply, args)]);
  replyFacts(reply, facts);
}

function argumentFlagsOf(argument: Argument): string[] {
  const flags: string[] = [];
  if (argument.optional === true) flags.push("optional");
  if (argument.multiple === true) flags.push("multiple");
  if (argument.multipleToken === true) flags.push("multiple_token");
  return flags;
}
