/**
 * The steps that conformance cases are made of. Each runs against one server and gives what that server answered as a latin1
 * text; the runner executes it against both and asks the step whether the two answers are the same.
 *
 * A case is mostly written as lines, as one would type them into redis-cli: `SET k "a\x00b"`. A line that begins with "b> " is
 * sent on connection b; without it on connection a. Connections open when first used and end with the case.
 */
import { formatDouble } from "../../src/base/double.ts";
import { splitArguments } from "../../src/protocol/request_parser.ts";
import { decodeReply, encodeReply, type ReplyValue } from "../support/reply_value.ts";
import { type Argument, ConnectionClosed, type RespClient, request } from "../support/resp_client.ts";

/** One of the two servers, as a step sees it. */
export interface Target {
  readonly protocol: 2 | 3;
  client(name: string): Promise<RespClient>;
  /** Opens connection `name` anew, without a HELLO before. */
  fresh(name: string): Promise<RespClient>;
}

export type Same = (ours: string, theirs: string) => boolean;

export interface Step {
  readonly label: string;
  /** The request where the step is one, for the table of differences. */
  readonly args?: readonly string[];
  run(target: Target): Promise<string>;
  readonly same: Same;
}

export type StepInput = string | readonly Argument[] | Step;

export interface ConformanceCase {
  readonly name: string;
  readonly steps: readonly StepInput[];
  /** Both unless given. */
  readonly protocols?: readonly (2 | 3)[];
}

/** A reply must come within this time, ms. */
const REPLY_MS_MAX = 10_000;
export const CLOSED = "<connection closed>";
const SILENT = "<no reply>";

/** Byte for byte. */
export const exact: Same = (ours, theirs) => ours === theirs;

/** Integers (also as text or in an array) that may differ by `tolerance` where both are positive. */
export function near(tolerance: number): Same {
  return (ours, theirs) => {
    const pattern = /(?<=^|\n)(:?)(\d+)\r\n/g;
    if (ours.replace(pattern, "#") !== theirs.replace(pattern, "#")) return false;
    const left = [...ours.matchAll(pattern)].map((match) => Number(match[2]));
    const right = [...theirs.matchAll(pattern)].map((match) => Number(match[2]));
    return left.every((value, i) => Math.abs(value - right[i]!) <= tolerance);
  };
}

/** Arrays as sets: the order of the elements does not count. */
export const unordered: Same = (ours, theirs) => ours === theirs || sorted(ours) === sorted(theirs);

function sorted(reply: string): string {
  const value = decodeReply(Buffer.from(reply, "latin1"));
  return "items" in value ? value.kind + value.items.map(encodeReply).sort().join("") : reply;
}

/** An array whose elements' own elements have no order. */
function deeplySorted(reply: string): string {
  const value = decodeReply(Buffer.from(reply, "latin1"));
  return "items" in value ? value.items.map((item) => sorted(encodeReply(item))).join("") : reply;
}

/** Arrays of which the elements' own elements have no order. */
export const deeplyUnordered: Same = (ours, theirs) => ours === theirs || deeplySorted(ours) === deeplySorted(theirs);

/** The same kind at the top, nothing more. */
export const sameKind: Same = (ours, theirs) => ours[0] === theirs[0];

/** Both match. */
export function both(pattern: RegExp): Same {
  return (ours, theirs) => pattern.test(ours) && pattern.test(theirs);
}

/** Equal once what is volatile has been masked in both. */
export function masked(mask: (reply: string) => string): Same {
  return (ours, theirs) => mask(ours) === mask(theirs);
}

/** Replies that show the clock or each server's own measure; everything else is compared exactly. */
const volatile: Record<string, Same> = {
  TTL: near(1),
  EXPIRETIME: near(1),
  PTTL: near(3000),
  PEXPIRETIME: near(3000),
  TIME: near(5_000_000),
  LASTSAVE: both(/^:\d+\r\n$/),
  "OBJECT IDLETIME": near(2),
  "MEMORY USAGE": both(/^(:[1-9]\d*|\$-1|_|-.*)\r\n$/),
  KEYS: unordered,
  HGETALL: unordered,
  HKEYS: unordered,
  HVALS: unordered,
  HSCAN: deeplyUnordered,
  SMEMBERS: unordered,
  SINTER: unordered,
  SUNION: unordered,
  SDIFF: unordered,
  EXEC: (ours, theirs) => near(3000)(deeplySorted(withShortScores(ours)), deeplySorted(withShortScores(theirs))),
  "CLIENT ID": both(/^:[1-9]\d*\r\n$/),
};

/** A number as "%.17g" prints it, but for whole ones without an exponent, which every version prints alike. */
const SEVENTEEN_DIGITS = /^-?\d+(?=[.e])(\.\d*[1-9])?(e[+-]\d\d+)?$/;

/**
 * A reply of redis-server 7.0.15, with its scores (seventeen digits) printed as 7.2 prints them: the fewest digits that are the same number.
 * Ours must then be the same to the byte.
 */
function withShortScores(reply: string): string {
  return encodeReply(shortened(decodeReply(Buffer.from(reply, "latin1"))));
}

function shortened(value: ReplyValue): ReplyValue {
  if ("items" in value) return { ...value, items: value.items.map(shortened) };
  if ((value.kind !== "$" && value.kind !== ",") || !SEVENTEEN_DIGITS.test(value.text)) return value;
  return { ...value, text: formatDouble(Number(value.text)) };
}

const scored: Same = (ours, theirs) => ours === withShortScores(theirs);
for (const name of `ZADD ZSCORE ZMSCORE ZINCRBY ZRANK ZREVRANK ZRANGE ZRANGEBYSCORE ZREVRANGE ZREVRANGEBYSCORE ZPOPMIN ZPOPMAX ZMPOP
  BZPOPMIN BZPOPMAX BZMPOP ZUNION ZINTER ZDIFF ZSCAN`.split(/\s+/)) {
  volatile[name] = scored;
}

/** How replies of this command are compared unless a case says otherwise. */
export function sameFor(args: readonly string[]): Same {
  const name = args[0]?.toUpperCase() ?? "";
  const same = volatile[`${name} ${args[1]?.toUpperCase() ?? ""}`] ?? volatile[name] ?? exact;
  return (ours, theirs) => ours === theirs || same(ours, theirs);
}

/** A line's words. */
export function words(line: string): Uint8Array[] {
  const bytes = Buffer.from(line, "latin1");
  const args = splitArguments(new Uint8Array(bytes), 0, bytes.length);
  if (args === undefined) throw new Error(`unbalanced quotes in the case: ${line}`);
  return args;
}

/** One command, its reply compared with `same`. */
export function step(line: string | readonly Argument[], same?: Same, on = "a"): Step {
  let name = on;
  let args: readonly Argument[];
  if (typeof line === "string") {
    const prefixed = /^(\w)> (.*)$/s.exec(line);
    if (prefixed !== null) name = prefixed[1]!;
    args = words(prefixed === null ? line : prefixed[2]!);
  } else args = line;
  const texts = args.map((arg) => (arg instanceof Uint8Array ? Buffer.from(arg).toString("latin1") : String(arg)));
  return {
    label: `${name}> ${texts.map((text) => (/^[\w*.:+-]+$/.test(text) ? text : JSON.stringify(text))).join(" ")}`.slice(
      0,
      400,
    ),
    args: texts,
    same: same ?? sameFor(texts),
    async run(target) {
      const client = await target.client(name);
      if (client.closed) return CLOSED;
      client.write(request(args));
      return readReply(client);
    },
  };
}

/** The next reply of a connection that has been sent something already (a blocked command, a push). */
export function pending(on: string, same: Same = exact): Step {
  return { label: `${on}> (next reply)`, same, run: async (target) => readReply(await target.client(on)) };
}

/** Sends a command that waits: its reply is asked for by `pending` later. */
export function sends(on: string, line: string): Step {
  return {
    label: `${on}> ${line} (waits)`,
    same: exact,
    async run(target) {
      (await target.client(on)).write(request(words(line)));
      return "";
    },
  };
}

/** Lets time pass. */
export function wait(ms: number): Step {
  return {
    label: `(wait ${ms} ms)`,
    same: exact,
    run: () => new Promise((resolve) => setTimeout(() => resolve(""), ms)),
  };
}

/** Bytes sent as they are on a fresh connection, and `replies` replies to them; with `closes` all that arrives until the server closes. */
export function bytes(sent: string, expect: { replies?: number; closes?: boolean } = {}, same: Same = exact): Step {
  const label = `bytes ${JSON.stringify(sent.slice(0, 200))}${sent.length > 200 ? `… (${sent.length})` : ""}`;
  return {
    label,
    same,
    async run(target) {
      const client = await target.fresh("raw");
      client.write(Buffer.from(sent, "latin1"));
      if (expect.closes === true) {
        try {
          return (await client.untilClosed(REPLY_MS_MAX)).toString("latin1") + CLOSED;
        } catch {
          return `<still open>${client.unread} bytes`;
        }
      }
      let all = "";
      for (let i = expect.replies ?? 1; i > 0; i--) all += await readReply(client);
      return all;
    },
  };
}

/** Does the connection still answer? */
export function alive(on: string): Step {
  return {
    label: `${on}> (alive?)`,
    same: exact,
    async run(target) {
      const client = await target.client(on);
      if (client.closed) return CLOSED;
      client.write(request(["PING"]));
      return readReply(client);
    },
  };
}

/** Waits until the server has closed the connection. */
export function closes(on: string): Step {
  return {
    label: `${on}> (closed by the server)`,
    same: exact,
    async run(target) {
      try {
        await (await target.client(on)).whenClosed(REPLY_MS_MAX);
        return CLOSED;
      } catch {
        return "<still open>";
      }
    },
  };
}

/** A whole SCAN, its keys as a sorted set: the cursors and the order are each server's own. */
export function scanAll(options: string, on = "a"): Step {
  return scanOf(["SCAN"], options, 1, on);
}

/** As `scanAll`, of a key: HSCAN, SSCAN, ZSCAN; `size` words an element. */
export function scanKey(command: string, key: string, options: string, size: 1 | 2, on = "a"): Step {
  return scanOf([command, key], options, size, on);
}

function scanOf(command: readonly string[], options: string, size: 1 | 2, on: string): Step {
  return {
    label: `${on}> (${command.join(" ")} … ${options})`,
    same: exact,
    async run(target) {
      const client = await target.client(on);
      const keys = new Set<string>();
      let cursor = "0";
      for (let round = 0; round < 100_000; round++) {
        client.write(request([...command, cursor, ...words(options)]));
        const reply = await readReply(client);
        const value = decodeReply(Buffer.from(reply, "latin1"));
        if (!("items" in value)) return reply;
        const [next, page] = value.items;
        if (next === undefined || !("text" in next) || page === undefined || !("items" in page)) return `odd: ${reply}`;
        const texts = page.items.map((item) => ("text" in item ? item.text : "?"));
        for (let i = 0; i < texts.length; i += size) keys.add(texts.slice(i, i + size).join(" "));
        cursor = next.text;
        if (cursor === "0") return JSON.stringify([...keys].sort());
      }
      return "the scan does not end";
    },
  };
}

async function readReply(client: RespClient): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(SILENT), REPLY_MS_MAX);
  });
  try {
    return await Promise.race([client.reply().then((reply) => reply.toString("latin1")), silence]);
  } catch (error) {
    if (error instanceof ConnectionClosed) return CLOSED;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** As `sends`, and waits until the server says that one more client waits for a key. */
export function blocks(line: string, on = "a"): Step {
  const { name, args } = addressed(line, on);
  return {
    label: `${name}> ${line} (blocks)`,
    same: exact,
    async run(target) {
      const client = await target.client(name);
      const before = await blockedClients(target);
      client.write(request(args));
      for (let round = 0; round < 400; round++) {
        if ((await blockedClients(target)) > before) return "blocked";
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      return "not blocked";
    },
  };
}

async function blockedClients(target: Target): Promise<number> {
  const client = await target.client("INFO");
  client.write(request(["INFO", "clients"]));
  return Number(/blocked_clients:(\d+)/.exec(await readReply(client))?.[1] ?? -1);
}

function addressed(line: string, on: string): { name: string; args: Uint8Array[] } {
  const prefixed = /^(\w)> (.*)$/s.exec(line);
  return prefixed === null ? { name: on, args: words(line) } : { name: prefixed[1]!, args: words(prefixed[2]!) };
}
