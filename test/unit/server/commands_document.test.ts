/** docs/commands.md is written from COMMAND DOCS: `EMBERLOG_UPDATE=1 npx vitest run test/unit/server/commands_document.test.ts` writes it anew. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { projectRoot } from "../../support/emberlog_server.ts";
import type { PlainReply } from "../../support/reply_value.ts";
import { TestServer } from "./support.ts";

const FILE = `${projectRoot}docs/commands.md`;

type Facts = ReadonlyMap<string, PlainReply>;

const HEAD = [
  "# Commands",
  "",
  "Written from the definitions in `src/command` and `src/server/commands`; `COMMAND DOCS` tells the same to clients. The version is the one",
  "of Redis (or Valkey) that first had the command.",
  "",
].join("\n");

/** What a reader must know before the commands of a group. */
const NOTES: Readonly<Record<string, string>> = {
  cluster:
    "There is no cluster: each of these answers `ERR This instance has cluster support disabled`, as redis-server does without one.",
  scripting: "There is no engine to run scripts: the set of libraries is empty and stays so.",
};

function factsOf(reply: PlainReply): Facts {
  const list = reply as readonly PlainReply[];
  const facts = new Map<string, PlainReply>();
  for (let i = 0; i < list.length; i += 2) facts.set(String(list[i]), list[i + 1]!);
  return facts;
}

function listOf(facts: Facts, name: string): readonly PlainReply[] {
  return (facts.get(name) as readonly PlainReply[] | undefined) ?? [];
}

/** One argument as people write syntax: `[EX seconds | PX milliseconds]`. */
function syntaxOf(reply: PlainReply): string {
  const facts = factsOf(reply);
  const flags = listOf(facts, "flags");
  const inner = listOf(facts, "arguments").map(syntaxOf);
  const type = facts.get("type");
  const token = facts.has("token") ? String(facts.get("token")) : "";
  let body = String(facts.get("display_text") ?? facts.get("name"));
  if (type === "pure-token") body = token;
  else if (type === "oneof") body = inner.join(" | ");
  else if (type === "block") body = inner.join(" ");
  if (type !== "pure-token" && token !== "") body = `${token} ${type === "oneof" ? `<${body}>` : body}`;
  if (flags.includes("multiple"))
    body = `${body} [${flags.includes("multiple_token") || token === "" ? body : body.slice(token.length + 1)} ...]`;
  return flags.includes("optional") ? `[${body}]` : type === "oneof" && token === "" ? `<${body}>` : body;
}

function rowsOf(name: string, facts: Facts): [group: string, row: string][] {
  const subcommands = listOf(facts, "subcommands");
  if (subcommands.length > 0 && listOf(facts, "arguments").length === 0) {
    const rows: [string, string][] = [];
    const container = factsOf(subcommands);
    for (const [subName, subFacts] of container) rows.push(...rowsOf(subName, factsOf(subFacts)));
    return rows.sort(([, a], [, b]) => (a < b ? -1 : 1));
  }
  const words = [name.toUpperCase().replace("|", " "), ...listOf(facts, "arguments").map(syntaxOf)];
  const deprecated = facts.has("deprecated_since") ? ` Deprecated: ${String(facts.get("replaced_by"))}.` : "";
  const syntax = words.join(" ").replaceAll("|", "\\|");
  const cells = [`\`${syntax}\``, String(facts.get("since")), `${String(facts.get("summary"))}${deprecated}`];
  return [[String(facts.get("group")), `| ${cells.join(" | ")} |`]];
}

test("docs/commands.md lists the commands that there are", async () => {
  const server = await TestServer.start();
  const client = await server.connect();
  const groups = new Map<string, string[]>();
  const all = [...factsOf(await client.call("COMMAND", "DOCS"))].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, facts] of all) {
    for (const [group, row] of rowsOf(name, factsOf(facts))) groups.set(group, [...(groups.get(group) ?? []), row]);
  }
  await server.stop();
  let text = HEAD;
  for (const [group, rows] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    text += `\n## ${group[0]!.toUpperCase()}${group.slice(1)}\n${group in NOTES ? `\n${NOTES[group]}\n` : ""}\n| syntax | since | what it does |\n|---|---|---|\n${rows.join("\n")}\n`;
  }
  if (process.env["EMBERLOG_UPDATE"] === "1") writeFileSync(FILE, text);
  expect(readFileSync(FILE, "utf8")).toBe(text);
});
