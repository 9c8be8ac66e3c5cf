/**
 * The cases of resp-compatibility up to 7.2.0 that use only commands the running server has, their results compared as RESP2
 * values. Which commands those are is asked of the server, so that a command added later is tested without a word here.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import { decodeReply, type PlainReply, plain } from "../support/reply_value.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { sharedPath } from "../support/shared_fixtures.ts";
import { words } from "./step.ts";

interface CompatibilityCase {
  readonly name: string;
  readonly command: readonly string[];
  readonly result: readonly unknown[];
  readonly since: string;
  /** "standalone" or "cluster"; both where absent. */
  readonly tags?: string;
  readonly command_binary?: boolean;
  readonly skipped?: boolean;
  readonly sort_result?: boolean;
  readonly float_result?: boolean;
}

const VERSION_MAX = "7.2.0";
const path = sharedPath("fixtures", "cts.json");
const all = path === undefined ? [] : (JSON.parse(readFileSync(path, "utf8")) as CompatibilityCase[]);
const cases = all.filter((each) => !later(each.since, VERSION_MAX) && each.tags !== "cluster" && each.skipped !== true);

function later(version: string, than: string): boolean {
  const [left, right] = [version, than].map((text) => text.split(".").map(Number));
  for (let i = 0; i < 3; i++) if (left![i] !== right![i]) return (left![i] ?? 0) > (right![i] ?? 0);
  return false;
}

describe.skipIf(path === undefined)(`compatibility cases up to ${VERSION_MAX}`, () => {
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

  test("every case of commands that the server has", async () => {
    const known = await knownCommands(client);
    const failures: string[] = [];
    const missing = new Set<string>();
    let passed = 0;
    let left = 0;
    for (const each of cases) {
      const unknown = each.command.map((line) => nameOf(line, known)).filter((name) => !known.has(name));
      if (unknown.length > 0) {
        left++;
        for (const name of unknown) missing.add(name);
        continue;
      }
      const failure = await runCase(client, each);
      if (failure === "") passed++;
      else if (failure === "needs an engine") left++;
      else failures.push(failure);
    }
    console.log(
      `${passed} cases passed, ${failures.length} failed, ${left} wait for: ${[...missing].sort().join(" ")}`,
    );
    expect(failures).toEqual([]);
    expect(passed).toBeGreaterThan(80);
  });
});

/** Names of all commands, and of subcommands as "container|subcommand". */
async function knownCommands(client: RespClient): Promise<Set<string>> {
  const known = new Set<string>();
  for (const command of (await client.call("COMMAND")) as readonly PlainReply[][]) {
    known.add(String(command[0]));
    for (const subcommand of command[9] as readonly PlainReply[][]) known.add(String(subcommand[0]));
  }
  return known;
}

/** The command of a line, with its subcommand where the server knows the command as a container. */
function nameOf(line: string, known: ReadonlySet<string>): string {
  const [name, subcommand] = line.toLowerCase().split(" ");
  const container = [...known].some((each) => each.startsWith(`${name}|`));
  return container && subcommand !== undefined ? `${name}|${subcommand}` : name!;
}

/** What is wrong, "" when nothing is, or that the case is one for a scripting engine, which this server does not have. */
async function runCase(client: RespClient, each: CompatibilityCase): Promise<string> {
  await client.command("FLUSHALL");
  for (const [i, line] of each.command.entries()) {
    const args =
      each.command_binary === true ? unescaped(line).split(" ") : line.includes('"') ? words(line) : line.split(" ");
    const reply = plain(decodeReply(await client.command(...args)));
    if (reply instanceof Error && /Engine 'lua' not found/i.test(reply.message)) return "needs an engine";
    const expected = each.result[i];
    if (!matches(each, reply, expected)) {
      return `${each.name} (${each.since}): ${line} gave ${shown(reply)}, expected ${JSON.stringify(expected)}`;
    }
  }
  return "";
}

function matches(each: CompatibilityCase, reply: PlainReply, expected: unknown): boolean {
  if (reply instanceof Error) return false;
  if (each.float_result === true && typeof reply === "string") return Math.abs(Number(reply) - Number(expected)) < 1e-9;
  const order = (value: unknown): unknown =>
    each.sort_result === true && Array.isArray(value)
      ? value.map(order).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : value;
  return JSON.stringify(order(reply)) === JSON.stringify(order(expected));
}

/** The escapes of the binary cases: \\xHH and the one-letter ones. */
function unescaped(line: string): string {
  const letters: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };
  return line.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (letters[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function shown(reply: PlainReply): string {
  return reply instanceof Error ? `error ${reply.message}` : JSON.stringify(reply);
}
