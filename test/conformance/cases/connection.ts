/** Connections: HELLO AUTH PING ECHO QUIT RESET SELECT and CLIENT with its subcommands. */
import { decodeReply, type ReplyValue } from "../../support/reply_value.ts";
import {
  alive,
  both,
  type ConformanceCase,
  closes,
  masked,
  pending,
  type Same,
  type StepInput,
  step,
  type Target,
  wait,
} from "../step.ts";

/** HELLO's map without what names the server, its version and the connection. */
const hello: Same = masked((reply) =>
  reply
    .replace(/\$(5\r\nredis|7\r\nvalkey|8\r\nemberlog)\r\n/, "<server>")
    .replace(/(\$7\r\nversion\r\n)\$\d+\r\n[\d.]+\r\n/, "$1<version>")
    .replace(/(\$2\r\nid\r\n):\d+\r\n/, "$1<id>"),
);

/** The fields of CLIENT LIST that Redis 7.0 has, in its order, and the values that do not depend on the server's insides. */
const clientLine: Same = (ours, theirs) => {
  const left = clientFields(ours);
  const right = clientFields(theirs);
  if (left.length !== right.length) return false;
  return right.every((fields, i) => {
    const mine = left[i]!;
    let position = -1;
    for (const [name, value] of fields) {
      const at = mine.findIndex(([known]) => known === name);
      if (at <= position) return false;
      position = at;
      if (STABLE_FIELDS.has(name) && mine[at]![1] !== value) return false;
    }
    return true;
  });
};

const STABLE_FIELDS = new Set(["name", "flags", "db", "sub", "psub", "ssub", "multi", "cmd", "user", "redir", "resp"]);

function clientFields(reply: string): [string, string][][] {
  const value = decodeReply(Buffer.from(reply, "latin1"));
  if (!("text" in value) || (value.kind !== "$" && value.kind !== "=")) throw new Error("no client list");
  return value.text
    .replace(/^txt:/, "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      line.split(" ").map((field) => [field.slice(0, field.indexOf("=")), field.slice(field.indexOf("=") + 1)]),
    );
}

/** HELP: an array of status lines, the first names the container, the last two are HELP's own. */
export const help: Same = (ours, theirs) => {
  const lines = (reply: string): string[] => {
    const value = decodeReply(Buffer.from(reply, "latin1"));
    if (value.kind !== "*") throw new Error("no help");
    return value.items.map((item: ReplyValue) => (item.kind === "+" ? item.text : `not a status: ${item.kind}`));
  };
  const left = lines(ours);
  const right = lines(theirs);
  return (
    left[0] === right[0] &&
    left.at(-1) === right.at(-1) &&
    left.at(-2) === right.at(-2) &&
    !left.some((line) => line.startsWith("not a"))
  );
};

/** CLIENT KILL of a connection of this case, by something that only that connection knows. */
function killing(describe: string, killer: string, args: (target: Target) => Promise<string[]>): StepInput {
  return {
    label: `${killer}> CLIENT KILL ${describe}`,
    same: (ours, theirs) => ours === theirs,
    async run(target) {
      const client = await target.client(killer);
      return (await client.command("CLIENT", "KILL", ...(await args(target)))).toString("latin1");
    },
  };
}

async function idOf(target: Target, name: string): Promise<string> {
  return String(await (await target.client(name)).call("CLIENT", "ID"));
}

export const connectionCases: readonly ConformanceCase[] = [
  {
    name: "PING and ECHO",
    steps: [
      "PING",
      "ping",
      "PING hello",
      'PING "a\\r\\nb"',
      "PING a b",
      "ECHO hi",
      'ECHO ""',
      'ECHO "\\x00\\xff"',
      "ECHO",
      "ECHO a b",
    ],
  },
  {
    name: "unknown commands",
    steps: [
      "NOSUCH",
      "nosuch a b c",
      'nosuch "a b" "c\\nd" "\\x00\\xff" "it\'s"',
      ["nosuch", "x".repeat(300)],
      ["nosuch", "x".repeat(100), "y".repeat(100), "z"],
      ["nosuch", "x".repeat(127), "y", "z"],
      ["nosuch", "x".repeat(126), "y", "z"],
      ["n".repeat(300), "a"],
      ["no\r\nsuch", "a\r\nb"],
      ["nosuch", ...Array.from({ length: 50 }, (_, i) => `argument${i}`)],
      '""',
      '"" a',
      '" GET" a',
      '"GET " a',
      '"GET\\x00" a',
      "GETT a",
      "GE a",
    ],
  },
  {
    name: "unknown subcommands",
    steps: [
      "CLIENT",
      "CLIENT BOGUS",
      "CLIENT bogus a b",
      "CONFIG",
      "CONFIG BOGUS",
      "COMMAND BOGUS",
      "OBJECT BOGUS x",
      "MEMORY BOGUS",
      ["CLIENT", "x".repeat(300)],
      'CLIENT ""',
      'CONFIG "a\\r\\nb"',
      "FUNCTION BOGUS",
      "MODULE BOGUS",
    ],
  },
  {
    name: "HELLO",
    steps: [
      step("HELLO", hello),
      step("HELLO 2", hello),
      "CLIENT GETNAME",
      step("HELLO 3", hello),
      "CLIENT GETNAME",
      "HELLO 1",
      "HELLO 4",
      "HELLO -1",
      "HELLO abc",
      'HELLO ""',
      "HELLO 99999999999999999999",
      "HELLO 3 BOGUS",
      "HELLO 3 SETNAME",
      "HELLO 3 AUTH",
      "HELLO 3 AUTH default",
      "HELLO 3 AUTH default wrong BOGUS",
      step("HELLO 3 SETNAME me", hello),
      "CLIENT GETNAME",
      'HELLO 3 SETNAME "a b"',
      "CLIENT GETNAME",
      step("hello 2 setname you", hello),
      "CLIENT GETNAME",
      step("HELLO 3 AUTH default anything", hello),
      "GET missing",
      step("HELLO 2 AUTH default x SETNAME both", hello),
      "CLIENT GETNAME",
      step("HELLO 2 SETNAME last AUTH default x", hello),
      "CLIENT GETNAME",
      "GET missing",
      "HELLO 2 AUTH nobody x",
    ],
  },
  {
    name: "AUTH without a password",
    steps: ["AUTH", "AUTH x", "AUTH default x", 'AUTH default ""', "AUTH nobody x", "AUTH a b c", "PING"],
  },
  {
    name: "AUTH with a password",
    protocols: [2],
    steps: [
      "a> PING",
      "CONFIG SET requirepass secret",
      "a> PING",
      "b> PING",
      "b> GET k",
      "b> NOSUCH",
      "b> NOSUCH a b",
      "b> GET",
      "b> CLIENT ID",
      "b> CLIENT BOGUS",
      "b> COMMAND",
      "b> MULTI",
      "b> AUTH",
      "b> AUTH wrong",
      "b> AUTH default wrong",
      "b> AUTH nobody secret",
      "b> AUTH default secret extra",
      "b> HELLO 3",
      "b> HELLO 2",
      "b> HELLO 3 AUTH default wrong",
      "b> HELLO 4",
      "b> PING",
      "b> AUTH secret",
      "b> PING",
      "b> AUTH wrong",
      "b> PING",
      "b> RESET",
      "b> PING",
      "c> RESET",
      "c> QUIT",
      closes("c"),
      step("d> HELLO 3 AUTH default secret SETNAME dd", hello),
      "d> CLIENT GETNAME",
      "a> CONFIG GET requirepass",
      'a> CONFIG SET requirepass ""',
      "e> PING",
      "e> CONFIG GET requirepass",
    ],
  },
  { name: "QUIT", steps: ["QUIT", closes("a"), "b> QUIT now", closes("b")] },
  {
    name: "RESET",
    steps: [
      "SELECT 5",
      "CLIENT SETNAME me",
      "MULTI",
      "SET k v",
      "RESET",
      "CLIENT GETNAME",
      "GET k",
      step("CLIENT INFO", clientLine),
      "EXEC",
      "WATCH k",
      "b> SET k w",
      "RESET",
      "MULTI",
      "PING",
      "EXEC",
      {
        label: "CLIENT REPLY OFF, RESET",
        same: (ours, theirs) => ours === theirs,
        run: (target) => replies(target, [["CLIENT", "REPLY", "OFF"], ["PING"], ["RESET"]], 1),
      },
      "PING",
      "RESET x",
    ],
  },
  {
    name: "CLIENT GETNAME SETNAME ID INFO",
    steps: [
      "CLIENT GETNAME",
      "CLIENT SETNAME alpha",
      "CLIENT GETNAME",
      'CLIENT SETNAME "with space"',
      'CLIENT SETNAME "with\\nnewline"',
      'CLIENT SETNAME "\\xff"',
      "CLIENT GETNAME",
      'CLIENT SETNAME ""',
      "CLIENT GETNAME",
      "CLIENT SETNAME",
      "CLIENT SETNAME a b",
      "CLIENT GETNAME x",
      "CLIENT ID",
      "CLIENT ID x",
      step("CLIENT INFO", clientLine),
      "CLIENT SETNAME beta",
      "SELECT 7",
      step("CLIENT INFO", clientLine),
      "CLIENT INFO x",
      step("CLIENT HELP", help),
    ],
  },
  {
    name: "CLIENT LIST",
    steps: [
      "CLIENT SETNAME alpha",
      step("CLIENT LIST", clientLine),
      step("CLIENT LIST TYPE normal", clientLine),
      step("CLIENT LIST TYPE pubsub", clientLine),
      step("CLIENT LIST TYPE replica", clientLine),
      step("CLIENT LIST TYPE master", clientLine),
      "CLIENT LIST TYPE bogus",
      "CLIENT LIST TYPE",
      "CLIENT LIST BOGUS",
      "CLIENT LIST ID",
      "CLIENT LIST ID abc",
      "CLIENT LIST ID 0",
      "CLIENT LIST ID -1",
      step("CLIENT LIST ID 999999999", clientLine),
      {
        label: "CLIENT LIST ID <own id>",
        same: clientLine,
        async run(target) {
          const client = await target.client("a");
          return (await client.command("CLIENT", "LIST", "ID", await idOf(target, "a"), "99999999")).toString("latin1");
        },
      },
    ],
  },
  {
    name: "CLIENT KILL",
    steps: [
      "CLIENT KILL",
      "CLIENT KILL nosuch:1",
      "CLIENT KILL 127.0.0.1:1",
      "CLIENT KILL ID 999999999",
      "CLIENT KILL ID 0",
      "CLIENT KILL ID -1",
      "CLIENT KILL ID abc",
      "CLIENT KILL TYPE bogus",
      "CLIENT KILL TYPE pubsub",
      "CLIENT KILL TYPE master",
      "CLIENT KILL SKIPME maybe",
      "CLIENT KILL USER nobody",
      "CLIENT KILL ADDR nosuch:1",
      "CLIENT KILL LADDR nosuch:1",
      "CLIENT KILL BOGUS 1",
      "CLIENT KILL ID",
      "CLIENT KILL ID 999999999 SKIPME",
      "CLIENT KILL ID 999999999 TYPE normal SKIPME no",
      "b> PING",
      killing("ID <b>", "a", async (target) => ["ID", await idOf(target, "b")]),
      closes("b"),
      "c> PING",
      killing("<address of c>", "a", async (target) => [`127.0.0.1:${(await target.client("c")).localPort}`]),
      closes("c"),
      "d> PING",
      killing("ADDR <address of d>", "a", async (target) => [
        "ADDR",
        `127.0.0.1:${(await target.client("d")).localPort}`,
      ]),
      closes("d"),
      killing("ID <self> (skipped)", "a", async (target) => ["ID", await idOf(target, "a")]),
      alive("a"),
      "e> PING",
      "f> PING",
      "CLIENT KILL USER default",
      closes("e"),
      closes("f"),
      "g> PING",
      "CLIENT KILL TYPE normal",
      closes("g"),
      alive("a"),
      killing("ID <self> SKIPME no", "a", async (target) => ["ID", await idOf(target, "a"), "SKIPME", "no"]),
      closes("a"),
    ],
  },
  {
    name: "CLIENT REPLY",
    steps: [
      "CLIENT REPLY ON",
      {
        label: "OFF, PING, ON",
        same: (o, t) => o === t,
        run: (target) =>
          replies(target, [["CLIENT", "REPLY", "OFF"], ["PING"], ["SET", "k", "v"], ["CLIENT", "REPLY", "ON"]], 1),
      },
      "GET k",
      {
        label: "SKIP, SET, GET",
        same: (o, t) => o === t,
        run: (target) =>
          replies(
            target,
            [
              ["CLIENT", "REPLY", "SKIP"],
              ["SET", "k", "w"],
              ["GET", "k"],
            ],
            1,
          ),
      },
      {
        label: "SKIP, error, GET",
        same: (o, t) => o === t,
        run: (target) => replies(target, [["CLIENT", "REPLY", "SKIP"], ["NOSUCH"], ["GET", "k"]], 1),
      },
      {
        label: "SKIP, SKIP, PING, GET",
        same: (o, t) => o === t,
        run: (target) =>
          replies(target, [["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "SKIP"], ["PING"], ["GET", "k"]], 1),
      },
      {
        label: "OFF, SKIP, PING, ON",
        same: (o, t) => o === t,
        run: (target) =>
          replies(
            target,
            [["CLIENT", "REPLY", "OFF"], ["CLIENT", "REPLY", "SKIP"], ["PING"], ["CLIENT", "REPLY", "ON"]],
            1,
          ),
      },
      "CLIENT REPLY BOGUS",
      "CLIENT REPLY",
      "CLIENT REPLY ON x",
      "PING",
    ],
  },
  {
    name: "CLIENT NO-EVICT PAUSE UNPAUSE UNBLOCK GETREDIR TRACKINGINFO",
    steps: [
      "CLIENT NO-EVICT on",
      step("CLIENT INFO", clientLine),
      "CLIENT NO-EVICT off",
      "CLIENT NO-EVICT bogus",
      "CLIENT NO-EVICT",
      "CLIENT UNBLOCK 999999999",
      "CLIENT UNBLOCK abc",
      "CLIENT UNBLOCK 1 TIMEOUT x",
      "CLIENT UNBLOCK 999999999 ERROR",
      "CLIENT UNBLOCK 999999999 BOGUS",
      "CLIENT UNBLOCK",
      "CLIENT GETREDIR",
      "CLIENT GETREDIR x",
      "CLIENT TRACKINGINFO",
      "CLIENT TRACKINGINFO x",
      "CLIENT UNPAUSE",
      "CLIENT PAUSE abc",
      "CLIENT PAUSE -1",
      "CLIENT PAUSE 10 BOGUS",
      "CLIENT PAUSE",
      "CLIENT PAUSE 10 WRITE x",
      "CLIENT PAUSE 0",
      "CLIENT UNPAUSE x",
    ],
  },
  {
    name: "CLIENT PAUSE holds commands back",
    steps: [
      "b> PING",
      "CLIENT PAUSE 100000 WRITE",
      "b> GET k",
      {
        label: "b> SET k v (held back)",
        same: (o, t) => o === t,
        run: (target) => held(target, "b", ["SET", "k", "v"]),
      },
      "CLIENT UNPAUSE",
      pending("b"),
      "b> GET k",
      "CLIENT PAUSE 300",
      "b> GET k",
      wait(20),
      "CLIENT PAUSE 200 ALL",
      "b> SET k w",
      "GET k",
    ],
  },
  {
    name: "READONLY READWRITE ASKING CLUSTER",
    steps: [
      "READONLY",
      "READWRITE",
      "ASKING",
      "CLUSTER",
      "CLUSTER INFO",
      "CLUSTER SLOTS",
      "CLUSTER NODES",
      "CLUSTER KEYSLOT a",
      "CLUSTER BOGUS",
      "CLUSTER KEYSLOT",
      "CLUSTER MYID",
      "READONLY x",
    ],
  },
  {
    name: "CLIENT ID grows",
    steps: [
      {
        label: "ids of two connections",
        same: both(/^rising$/),
        run: async (target) =>
          Number(await idOf(target, "a")) < Number(await idOf(target, "b")) ? "rising" : "falling",
      },
    ],
  },
];

/** Sends all requests in one go, then `count` replies. */
async function replies(target: Target, requests: string[][], count: number): Promise<string> {
  const client = await target.client("a");
  const parts = requests.map(
    (args) => `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`,
  );
  client.write(Buffer.from(parts.join(""), "latin1"));
  let all = "";
  for (let i = 0; i < count; i++) all += (await client.reply()).toString("latin1");
  const ping = (await client.command("PING")).toString("latin1");
  return all + ping;
}

/** Sends a request that must get no reply within 100 ms. */
async function held(target: Target, name: string, args: string[]): Promise<string> {
  const client = await target.client(name);
  client.write(
    Buffer.from(`*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`, "latin1"),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  return client.unread === 0 ? "held back" : "answered";
}
