/** Definitions of string and bitmap commands against Valkey's command descriptions, where those lie beside the working tree. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bitmapCommands } from "../../../src/command/bitmap/index.ts";
import type { Argument, CommandDefinition } from "../../../src/command/definition.ts";
import { stringCommands } from "../../../src/command/string/index.ts";
import { sharedPath } from "../../support/shared_fixtures.ts";

const folder = sharedPath("reference", "commands");

interface ReferenceArgument {
  name: string;
  type: string;
  token?: string;
  since?: string;
  summary?: string;
  display?: string;
  key_spec_index?: number;
  optional?: boolean;
  multiple?: boolean;
  multiple_token?: boolean;
  arguments?: ReferenceArgument[];
}

interface Reference {
  summary: string;
  complexity: string;
  group: string;
  since: string;
  arity: number;
  deprecated_since?: string;
  replaced_by?: string;
  history?: [string, string][];
  command_flags?: string[];
  command_tips?: string[];
  key_specs: { notes?: string; flags: string[]; begin_search: unknown; find_keys: unknown }[];
  arguments: ReferenceArgument[];
}

function ours(argument: Argument): ReferenceArgument {
  const { keySpec, multipleToken, args, ...same } = argument;
  return {
    ...same,
    ...(keySpec === undefined ? {} : { key_spec_index: keySpec }),
    ...(multipleToken === undefined ? {} : { multiple_token: multipleToken }),
    ...(args === undefined ? {} : { arguments: args.map(ours) }),
  };
}

function keySpecs(definition: CommandDefinition): unknown[] {
  return (definition.keys ?? []).map(({ notes, flags, begin, find }) => ({
    ...(notes === undefined ? {} : { notes }),
    flags: flags.map((flag) => flag.toUpperCase()).sort(),
    begin_search: "index" in begin ? { index: { pos: begin.index } } : begin,
    find_keys: "last" in find ? { range: { lastkey: find.last, step: find.step, limit: find.limit } } : find,
  }));
}

/** What Valkey 8.1 added after the descriptions were taken. */
function withoutIfeq(args: ReferenceArgument[]): ReferenceArgument[] {
  return args.map((argument) =>
    argument.arguments === undefined
      ? argument
      : { ...argument, arguments: withoutIfeq(argument.arguments.filter(({ token }) => token !== "IFEQ")) },
  );
}

describe.skipIf(folder === undefined)("definitions", () => {
  test.each([...stringCommands, ...bitmapCommands].map((each) => [each.name, each] as const))(
    "%s",
    (name, definition) => {
      const text = readFileSync(`${folder}/${name.toLowerCase()}.json`, "utf8");
      const reference = (JSON.parse(text) as Record<string, Reference>)[name]!;
      const { group, since, arity, summary, complexity } = definition;
      expect({ group, since, arity, summary, complexity }).toEqual({
        group: reference.group,
        since: reference.since,
        arity: reference.arity,
        summary: reference.summary,
        complexity: reference.complexity,
      });
      expect(definition.flags.map((flag) => flag.toUpperCase()).sort()).toEqual((reference.command_flags ?? []).sort());
      expect((definition.tips ?? []).map((tip) => tip.toUpperCase())).toEqual(reference.command_tips ?? []);
      expect(definition.deprecated).toEqual(
        reference.deprecated_since === undefined
          ? undefined
          : { since: reference.deprecated_since, replacedBy: reference.replaced_by },
      );
      expect(keySpecs(definition)).toEqual(
        reference.key_specs.map((spec) => ({ ...spec, flags: [...spec.flags].sort() })),
      );
      expect((definition.history ?? []).filter(([version]) => version !== "8.1.0")).toEqual(reference.history ?? []);
      expect(withoutIfeq((definition.args ?? []).map(ours))).toEqual(reference.arguments);
    },
  );
});
