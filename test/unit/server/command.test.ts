/** COMMAND against redis-server: what is derived from the definitions, for every command that both know. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisAvailable, startRedis } from "../../support/redis_server.ts";
import type { PlainReply } from "../../support/reply_value.ts";
import type { RespClient } from "../../support/resp_client.ts";
import type { ServerProcess } from "../../support/server_process.ts";
import { ask, TestServer } from "./support.ts";

/** Commands that 7.0.15 lacks: of Redis 7.2, and of Redis 7.4 and 8 those about fields of hashes that expire. */
const NEWER: readonly string[] = [
  ..."client|no-touch client|setinfo cluster|myshardid".split(" "),
  ..."hexpire hexpireat hexpiretime hgetdel hgetex hpersist hpexpire hpexpireat hpexpiretime hpttl hsetex httl waitaof".split(
    " ",
  ),
];

/** Commands that no Redis has. */
const OWN: readonly string[] = [
  ..."encryption encryption|help encryption|rotate encryption|status".split(" "),
  ..."backup backup|drill backup|help backup|list backup|now backup|prune backup|status backup|verify".split(" "),
];

/** Where COMMAND INFO differs from redis-server 7.0.15 on purpose: by command and field, with the reason. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "command|getkeys arity": "7.2: the request may be a name alone, and the error then tells about it",
  "command|getkeysandflags arity": "7.2: as COMMAND GETKEYS",
  "randomkey tips": "7.2 says how the replies of several shards are joined",
  "scan tips": "7.2 says how the replies of several shards are joined",
  "msetnx tips": "7.2: it can't be split over shards and stay all or nothing",
  "client|setname tips": "7.2: for all nodes of a cluster",
  "latency|reset tips": "7.2: the numbers of several nodes are added",
  "config|resetstat tips": "7.2: for all nodes of a cluster",
  "config|rewrite tips": "7.2: for all nodes of a cluster",
  "bzpopmax flags": "7.2: a script may call it, and is answered at once",
  "bzpopmin flags": "7.2: a script may call it, and is answered at once",
  "zrank arity": "7.2: WITHSCORE",
  "zrevrank arity": "7.2: WITHSCORE",
  "sinterstore key specs": "7.2: the destination is only written",
  "blpop flags": "7.2: a script may call it, and is answered at once",
  "brpop flags": "7.2: a script may call it, and is answered at once",
  "blmove flags": "7.2: a script may call it, and is answered at once",
  "brpoplpush flags": "7.2: a script may call it, and is answered at once",
  "wait flags": "7.2: it blocks, and a script may call it and is answered at once",
  "wait categories": "7.2: it blocks",
};

const FIELDS = ["name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specs"] as const;

interface Facts {
  readonly [field: string]: string;
}

/** All commands and subcommands by full name. Flags, categories and tips are sets. */
async function readCommands(client: RespClient): Promise<Map<string, Facts>> {
  const found = new Map<string, Facts>();
  const read = (reply: PlainReply): void => {
    const facts = reply as readonly PlainReply[];
    expect(facts).toHaveLength(10);
    const unordered = new Set(["flags", "categories", "tips"]);
    const entries = FIELDS.map((field, i): [string, string] => {
      const value = facts[i]!;
      return [field, JSON.stringify(unordered.has(field) ? [...(value as readonly string[])].sort() : value)];
    });
    found.set(String(facts[0]), Object.fromEntries(entries));
    for (const subcommand of facts[9] as readonly PlainReply[]) read(subcommand);
  };
  for (const command of (await client.call("COMMAND")) as readonly PlainReply[]) read(command);
  return found;
}

let server: TestServer;
let client: RespClient;

beforeAll(async () => {
  server = await TestServer.start();
  client = await server.connect();
});
afterAll(() => server.stop());

describe.skipIf(!redisAvailable())("COMMAND and redis-server's", () => {
  let redis: ServerProcess;
  let theirs: Map<string, Facts>;
  let ours: Map<string, Facts>;
  beforeAll(async () => {
    redis = await startRedis();
    theirs = await readCommands(await redis.connect());
    ours = await readCommands(client);
  });
  afterAll(() => redis.stop());

  test("say the same of every command that both know", () => {
    const differences: string[] = [];
    const applied = new Set<string>();
    for (const [name, facts] of ours) {
      const other = theirs.get(name);
      if (other === undefined) continue;
      for (const field of FIELDS) {
        if (facts[field] === other[field]) continue;
        const known = `${name} ${field}`;
        if (known in DIFFERENCES) applied.add(known);
        else differences.push(`${known}: ${facts[field]}, redis-server ${other[field]}`);
      }
    }
    expect(differences).toEqual([]);
    expect([...applied].sort()).toEqual(Object.keys(DIFFERENCES).sort());
  });

  test("Emberlog knows only what later versions added besides, and its own", () => {
    const more = [...ours.keys()].filter((name) => !theirs.has(name));
    expect(more.sort()).toEqual([...NEWER, ...OWN].sort());
  });
});

test("COUNT, LIST and the whole list agree", async () => {
  const names = (await client.call("COMMAND", "LIST")) as string[];
  expect(await client.call("COMMAND", "COUNT")).toBe(names.length);
  expect((await client.call("COMMAND")) as PlainReply[]).toHaveLength(names.length);
  expect((await client.call("COMMAND", "INFO")) as PlainReply[]).toHaveLength(names.length);
  expect((await client.call("COMMAND", "DOCS")) as PlainReply[]).toHaveLength(names.length * 2);
});

test("LIST filters", async () => {
  const list = async (...args: string[]): Promise<string[]> => {
    return ((await client.call("COMMAND", "LIST", "FILTERBY", ...args)) as string[]).sort();
  };
  expect(await list("PATTERN", "client|no-*")).toEqual(["client|no-evict", "client|no-touch"]);
  expect(await list("PATTERN", "GET?")).toEqual([]);
  expect(await list("pattern", "GETD*")).toEqual(["getdel"]);
  expect(await list("ACLCAT", "transaction")).toEqual(["discard", "exec", "multi", "unwatch", "watch"]);
  expect(await list("ACLCAT", "nosuch")).toEqual([]);
  expect(await list("MODULE", "any")).toEqual([]);
  expect(await ask(client, "COMMAND LIST FILTERBY ACLCAT")).toBe("-ERR syntax error\r\n");
});

test("DOCS in both protocols", async () => {
  const text = await ask(client, "COMMAND DOCS nosuch client|setname");
  expect(text).toMatch(/^\*2\r\n\$14\r\nclient\|setname\r\n\*10\r\n\$7\r\nsummary\r\n/);
  const three = await server.connect();
  await three.command("HELLO", "3");
  expect(await ask(three, "COMMAND DOCS QUIT")).toBe(
    "%1\r\n$4\r\nquit\r\n%7\r\n$7\r\nsummary\r\n$22\r\nCloses the connection.\r\n$5\r\nsince\r\n$5\r\n1.0.0\r\n" +
      "$5\r\ngroup\r\n$10\r\nconnection\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n$9\r\ndoc_flags\r\n~1\r\n+deprecated\r\n" +
      "$16\r\ndeprecated_since\r\n$5\r\n7.2.0\r\n$11\r\nreplaced_by\r\n$27\r\njust closing the connection\r\n",
  );
  const kill = await ask(three, "COMMAND DOCS client|kill");
  expect(kill).toContain(
    "$4\r\nname\r\n$10\r\nold-format\r\n$4\r\ntype\r\n$6\r\nstring\r\n$12\r\ndisplay_text\r\n$7\r\nip:port\r\n",
  );
  expect(kill).toContain("$5\r\nflags\r\n~1\r\n+multiple\r\n");
});
