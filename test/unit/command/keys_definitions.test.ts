/** The keyspace commands' definitions against Valkey's, where that reference lies beside the checkout. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { debugCommand } from "../../../src/command/debug/index.ts";
import type { Argument, CommandDefinition, KeySpec } from "../../../src/command/definition.ts";
import { keyspaceCommands } from "../../../src/command/keyspace/index.ts";
import { sharedPath } from "../../support/shared_fixtures.ts";

const folder = sharedPath("reference", "commands");

interface Reference {
  summary: string;
  complexity: string;
  group: string;
  since: string;
  arity: number;
  history?: [string, string][];
  command_flags?: string[];
  acl_categories?: string[];
  command_tips?: string[];
  key_specs?: { flags: string[]; begin_search: unknown; find_keys: unknown }[];
  arguments?: ReferenceArgument[];
}

interface ReferenceArgument {
  name: string;
  type: string;
  token?: string;
  since?: string;
  key_spec_index?: number;
  optional?: boolean;
  multiple?: boolean;
  arguments?: ReferenceArgument[];
}

function reference(name: string): Reference {
  const text = readFileSync(join(folder!, `${name.toLowerCase().replace("|", "-")}.json`), "utf8");
  return Object.values(JSON.parse(text) as Record<string, Reference>)[0]!;
}

function argumentOf(argument: ReferenceArgument): Argument {
  return {
    name: argument.name,
    type: argument.type as Argument["type"],
    ...(argument.token === undefined ? {} : { token: argument.token }),
    ...(argument.since === undefined ? {} : { since: argument.since }),
    ...(argument.key_spec_index === undefined ? {} : { keySpec: argument.key_spec_index }),
    ...(argument.optional === undefined ? {} : { optional: argument.optional }),
    ...(argument.multiple === undefined ? {} : { multiple: argument.multiple }),
    ...(argument.arguments === undefined ? {} : { args: argument.arguments.map(argumentOf) }),
  };
}

function keySpecOf(spec: KeySpec): unknown {
  if (!("index" in spec.begin) || !("last" in spec.find)) throw new Error("a spec of another kind");
  return {
    flags: spec.flags.map((flag) => flag.toUpperCase()),
    begin_search: { index: { pos: spec.begin.index } },
    find_keys: { range: { lastkey: spec.find.last, step: spec.find.step, limit: spec.find.limit } },
  };
}

function check(definition: CommandDefinition, name: string): void {
  const expected = reference(name);
  expect({
    summary: definition.summary,
    complexity: definition.complexity,
    group: definition.group,
    since: definition.since,
    arity: definition.arity,
    history: definition.history ?? [],
    flags: definition.flags.map((flag) => flag.toUpperCase()),
    categories: (definition.categories ?? []).map((category) => category.toUpperCase()),
    tips: (definition.tips ?? []).map((tip) => tip.toUpperCase()),
    keys: (definition.keys ?? []).map(keySpecOf),
    args: definition.args ?? [],
  }).toEqual({
    summary: expected.summary,
    complexity: expected.complexity,
    group: expected.group,
    since: expected.since,
    arity: expected.arity,
    history: expected.history ?? [],
    // PROTECTED is enable-debug-command, and not among what COMMAND INFO prints.
    flags: (expected.command_flags ?? []).filter((flag) => flag !== "PROTECTED"),
    categories: expected.acl_categories ?? [],
    tips: expected.command_tips ?? [],
    keys: expected.key_specs ?? [],
    args: (expected.arguments ?? []).map(argumentOf),
  });
}

describe.skipIf(folder === undefined)("definitions of the keyspace commands", () => {
  for (const definition of [...keyspaceCommands, debugCommand({ refusal: () => undefined })]) {
    it(definition.name, () => check(definition, definition.name));
    for (const subcommand of definition.subcommands ?? []) {
      const name = `${definition.name}|${subcommand.name}`;
      it(name, () => check(subcommand, name));
    }
  }
});
