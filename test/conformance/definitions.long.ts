/**
 * Every command that the running server knows, as COMMAND INFO and COMMAND DOCS describe it, against the reference of Valkey 8: arity,
 * flags, ACL categories, key specifications, arguments and since.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import type { PlainReply } from "../support/reply_value.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { sharedPath } from "../support/shared_fixtures.ts";
import { absentFromReference, definitionDifferences } from "./definition_differences.ts";

interface ReferenceArgument {
  readonly name: string;
  readonly type: string;
  readonly token?: string;
  readonly since?: string;
  readonly key_spec_index?: number;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly multiple_token?: boolean;
  readonly arguments?: readonly ReferenceArgument[];
}

interface ReferenceKeySpec {
  readonly flags: readonly string[];
  readonly begin_search: {
    readonly index?: { readonly pos: number };
    readonly keyword?: { readonly keyword: string; readonly startfrom: number };
  };
  readonly find_keys: {
    readonly range?: { readonly lastkey: number; readonly step: number; readonly limit: number };
    readonly keynum?: { readonly keynumidx: number; readonly firstkey: number; readonly step: number };
  };
}

interface Reference {
  readonly group: string;
  readonly since: string;
  readonly arity: number;
  readonly container?: string;
  readonly command_flags?: readonly string[];
  readonly acl_categories?: readonly string[];
  readonly key_specs?: readonly ReferenceKeySpec[];
  readonly arguments?: readonly ReferenceArgument[];
}

/** What is compared of one command. */
interface Described {
  readonly arity: unknown;
  readonly flags: readonly string[];
  readonly categories: readonly string[];
  readonly keySpecs: unknown;
  readonly since: unknown;
  readonly group: unknown;
  readonly arguments: unknown;
}

const folder = sharedPath("reference", "commands");
/** Flags that COMMAND INFO does not show. */
const HIDDEN_FLAGS = new Set(["may_replicate", "protected", "sentinel", "only_sentinel", "touches_arbitrary_keys"]);
/** Groups as the JSON names them and as COMMAND DOCS prints them. */
const GROUP_NAMES: Readonly<Record<string, string>> = { sorted_set: "sorted-set" };

function readReferences(path: string): Map<string, Reference> {
  const references = new Map<string, Reference>();
  for (const file of readdirSync(path)) {
    for (const [name, reference] of Object.entries(
      JSON.parse(readFileSync(join(path, file), "utf8")) as Record<string, Reference>,
    )) {
      const full = reference.container === undefined ? name : `${reference.container}|${name}`;
      references.set(full.toLowerCase(), reference);
    }
  }
  return references;
}

function fromReference(reference: Reference): Described {
  const flags = (reference.command_flags ?? []).map((flag) => flag.toLowerCase());
  const categories = new Set((reference.acl_categories ?? []).map((category) => `@${category.toLowerCase()}`));
  if (flags.includes("write")) categories.add("@write");
  if (flags.includes("readonly") && !categories.has("@scripting")) categories.add("@read");
  if (flags.includes("admin")) categories.add("@admin").add("@dangerous");
  if (flags.includes("pubsub")) categories.add("@pubsub");
  if (flags.includes("blocking")) categories.add("@blocking");
  categories.add(flags.includes("fast") ? "@fast" : "@slow");
  // It follows from the key specifications.
  const movable = (reference.key_specs ?? []).some((spec) => spec.find_keys.range === undefined);
  if (movable && !flags.includes("movablekeys")) flags.push("movablekeys");
  return {
    arity: reference.arity,
    flags: flags.filter((flag) => !HIDDEN_FLAGS.has(flag)).sort(),
    categories: [...categories].sort(),
    keySpecs: (reference.key_specs ?? []).map((spec) => ({
      flags: spec.flags.map((flag) => flag.toLowerCase()).sort(),
      begin: spec.begin_search.index?.pos ?? spec.begin_search.keyword,
      range:
        spec.find_keys.range === undefined
          ? null
          : [spec.find_keys.range.lastkey, spec.find_keys.range.step, spec.find_keys.range.limit],
      count:
        spec.find_keys.keynum === undefined
          ? null
          : [spec.find_keys.keynum.keynumidx, spec.find_keys.keynum.firstkey, spec.find_keys.keynum.step],
    })),
    since: reference.since,
    group: GROUP_NAMES[reference.group] ?? reference.group,
    arguments: (reference.arguments ?? []).map(referenceArgument),
  };
}

function referenceArgument(argument: ReferenceArgument): unknown {
  const flags = [
    argument.optional === true ? "optional" : "",
    argument.multiple === true ? "multiple" : "",
    argument.multiple_token === true ? "multiple_token" : "",
  ];
  return {
    name: argument.name,
    type: argument.type,
    token: argument.token ?? null,
    since: argument.since ?? null,
    keySpec: argument.key_spec_index ?? null,
    flags: flags.filter((flag) => flag !== "").sort(),
    arguments: (argument.arguments ?? []).map(referenceArgument),
  };
}

/** A flat list of keys and values as an object. */
function object(list: PlainReply | undefined): Record<string, PlainReply> {
  const out: Record<string, PlainReply> = {};
  const items = (list ?? []) as readonly PlainReply[];
  for (let i = 0; i < items.length; i += 2) out[String(items[i])] = items[i + 1]!;
  return out;
}

const list = (reply: PlainReply | undefined): readonly PlainReply[] =>
  Array.isArray(reply) ? (reply as readonly PlainReply[]) : [];
const texts = (reply: PlainReply | undefined): string[] => list(reply).map(String).sort();

function fromServer(info: readonly PlainReply[], docs: Record<string, PlainReply>): Described {
  return {
    arity: info[1],
    flags: texts(info[2])
      .map((flag) => flag.toLowerCase())
      .sort(),
    categories: texts(info[6]),
    keySpecs: list(info[8]).map((each) => {
      const spec = object(each);
      const begin = object(spec["begin_search"]);
      const beginSpec = object(begin["spec"]);
      const find = object(spec["find_keys"]);
      const findSpec = object(find["spec"]);
      return {
        flags: texts(spec["flags"])
          .map((flag) => flag.toLowerCase())
          .sort(),
        begin:
          begin["type"] === "index"
            ? beginSpec["index"]
            : begin["type"] === "unknown"
              ? undefined
              : { keyword: beginSpec["keyword"], startfrom: beginSpec["startfrom"] },
        range: find["type"] === "range" ? [findSpec["lastkey"], findSpec["keystep"], findSpec["limit"]] : null,
        count: find["type"] === "keynum" ? [findSpec["keynumidx"], findSpec["firstkey"], findSpec["keystep"]] : null,
      };
    }),
    since: docs["since"],
    group: docs["group"],
    arguments: list(docs["arguments"]).map(serverArgument),
  };
}

function serverArgument(reply: PlainReply): unknown {
  const argument = object(reply);
  return {
    name: argument["name"],
    type: argument["type"],
    token: argument["token"] ?? null,
    since: argument["since"] ?? null,
    keySpec: argument["key_spec_index"] ?? null,
    flags: texts(argument["flags"]),
    arguments: list(argument["arguments"]).map(serverArgument),
  };
}

describe.skipIf(folder === undefined)("command definitions", () => {
  let server: ServerProcess;
  let client: RespClient;
  beforeAll(async () => {
    server = await startEmberlog();
    client = await server.connect();
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  test("equal the reference", async () => {
    const references = readReferences(folder!);
    const failures: string[] = [];
    const used = new Set<string>();
    let compared = 0;
    for (const top of list(await client.call("COMMAND"))) {
      for (const info of [list(top), ...list(list(top)[9]).map(list)]) {
        const name = String(info[0]).toLowerCase();
        const reference = references.get(name);
        if (reference === undefined) {
          if (absentFromReference.has(name)) continue;
          failures.push(`${name} is not in the reference`);
          continue;
        }
        compared++;
        const docs = await docsOf(client, name);
        const ours = fromServer(info, docs);
        const theirs = fromReference(reference);
        for (const field of Object.keys(theirs) as (keyof Described)[]) {
          if (JSON.stringify(ours[field]) === JSON.stringify(theirs[field])) continue;
          const accepted = definitionDifferences[`${name} ${field}`];
          if (accepted !== undefined) used.add(`${name} ${field}`);
          else
            failures.push(
              `${name} ${field}:\n    emberlog  ${JSON.stringify(ours[field])}\n    reference ${JSON.stringify(theirs[field])}`,
            );
        }
      }
    }
    console.log(`${compared} commands and subcommands compared`);
    expect(failures.join("\n")).toBe("");
    expect(Object.keys(definitionDifferences).filter((key) => !used.has(key))).toEqual([]);
    expect(compared).toBeGreaterThan(120);
  });
});

async function docsOf(client: RespClient, name: string): Promise<Record<string, PlainReply>> {
  const reply = list(await client.call("COMMAND", "DOCS", name));
  return object(reply[1]);
}
