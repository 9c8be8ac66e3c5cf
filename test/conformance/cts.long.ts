/**
 * The cases of resp-compatibility up to 7.2.0 that use only commands the running server has. Which commands those are is asked of the
 * server; what is waited for stands in WAITING, so that the list is exact.
 *
 * Results are written down for RESP2 and are compared as values. In RESP3 maps and pairs have shapes of their own: what they hold is
 * compared there, in order, whatever the shape; the shapes themselves are what the comparison with redis-server is for.
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

/** Commands of cases that wait for them. */
const WAITING: readonly string[] = (
  "eval eval_ro evalsha evalsha_ro fcall fcall_ro function|restore geoadd geodist geohash geopos georadius georadius_ro " +
  "georadiusbymember georadiusbymember_ro geosearch geosearchstore pfadd pfcount pfmerge script xack xadd xclaim xdel " +
  "xgroup xlen xpending xrange xread xreadgroup xrevrange xtrim"
).split(" ");

for (const protocol of [2, 3] as const) {
  describe.skipIf(path === undefined)(`compatibility cases up to ${VERSION_MAX}, RESP${protocol}`, () => {
    let server: ServerProcess;
    let client: RespClient;
    beforeAll(async () => {
      server = await startEmberlog();
    });
    afterAll(async () => {
      client.close();
      await server.stop();
    });

    async function open(): Promise<RespClient> {
      if (!server.running) {
        server.dispose();
        server = await startEmberlog();
      }
      client = await server.connect();
      if (protocol === 3) await client.command("HELLO", "3");
      return client;
    }

    /** What is wrong, "" when nothing is; a connection or server that ended is named, and there is a new one. */
    async function outcome(each: CompatibilityCase): Promise<string> {
      try {
        // A case may leave its connection in any state.
        client.close();
        return await runCase(await open(), each, protocol);
      } catch (error) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const end = server.running ? "" : server.output.slice(-1500);
        return `${each.name}: ${each.command.join("; ")}: ${error}\n${end}`;
      }
    }

    test("every case of commands that the server has", async () => {
      const known = await knownCommands(await open());
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
        const failure = await outcome(each);
        if (failure === "") passed++;
        else if (failure === "needs an engine") left++;
        else failures.push(failure);
      }
      console.log(
        `${passed} cases passed, ${failures.length} failed, ${left} wait for: ${[...missing].sort().join(" ")}`,
      );
      expect(failures).toEqual([]);
      expect(passed).toBeGreaterThan(80);
      expect([...missing].sort()).toEqual(WAITING);
    });
  });
}

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
async function runCase(client: RespClient, each: CompatibilityCase, protocol: 2 | 3): Promise<string> {
  await client.command("FLUSHALL");
  for (const [i, line] of each.command.entries()) {
    const args =
      each.command_binary === true ? unescaped(line).split(" ") : line.includes('"') ? words(line) : line.split(" ");
    const reply = plain(decodeReply(await client.command(...args)));
    if (reply instanceof Error && /Engine 'lua' not found/i.test(reply.message)) return "needs an engine";
    const expected = each.result[i];
    if (!matches(each, reply, expected, protocol)) {
      return `${each.name} (${each.since}): ${line} gave ${shown(reply)}, expected ${JSON.stringify(expected)}`;
    }
  }
  return "";
}

function matches(each: CompatibilityCase, reply: PlainReply, expected: unknown, protocol: 2 | 3): boolean {
  if (reply instanceof Error) return false;
  if (each.float_result === true && typeof reply === "string") return Math.abs(Number(reply) - Number(expected)) < 1e-9;
  const order = (value: unknown): unknown =>
    each.sort_result === true && Array.isArray(value)
      ? value.map(order).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : value;
  if (JSON.stringify(order(reply)) === JSON.stringify(order(expected))) return true;
  if (protocol === 2) return false;
  const [mine, other] = [held(reply), held(expected)];
  if (each.sort_result === true) for (const list of [mine, other]) list.sort();
  return JSON.stringify(mine) === JSON.stringify(other);
}

/** What a value holds, without its shape: the texts of everything in it, in order; null is a text of its own. */
function held(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(held);
  if (value instanceof Map) return [...value].flatMap(held);
  if (typeof value === "object" && value !== null) return Object.entries(value).flatMap(held);
  if (typeof value === "boolean") return [value ? "1" : "0"];
  return [value === null ? "null" : String(value)];
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
