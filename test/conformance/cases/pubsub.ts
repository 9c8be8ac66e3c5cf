/** Publish and subscribe: every option, error, arity and limit. */
import { type ConformanceCase, masked, pending, type Step, step } from "../step.ts";

/** As many further replies of a connection, in whatever order: Redis ends many subscriptions in the order of a hash table. */
function further(on: string, count: number): Step[] {
  const each: Step = pending(on);
  return [
    {
      label: `${on}> (${count} further replies, in any order)`,
      same: each.same,
      async run(target) {
        const replies: string[] = [];
        for (let i = 0; i < count; i++) replies.push(await each.run(target));
        return replies.sort().join("");
      },
    },
  ];
}

/** One request with so many replies, in any order. */
function answers(line: string, count: number): Step {
  const first = step(line);
  const on = /^(\w)> /.exec(line)?.[1] ?? "a";
  const rest = further(on, count - 1)[0]!;
  return {
    label: `${first.label} (${count} replies, in any order)`,
    same: first.same,
    async run(target) {
      const one = await first.run(target);
      return [one, await rest.run(target)].sort().join("");
    },
  };
}

/** What does not depend on the order of channels in a hash table, nor on which of them was counted first. */
const counted = masked((reply) => reply.replace(/^(\$\w+|\w+)\r\n/gm, "#"));

/** Of a line of CLIENT LIST, what subscriptions show in. */
const subscriptionFields = masked((reply) =>
  [...reply.matchAll(/ (flags|sub|psub|ssub|multi|resp)=\S+/g)].map(([field]) => field).join(""),
);

const STATE = "PUBSUB NUMSUB a b c";

export const pubsubCases: readonly ConformanceCase[] = [
  {
    name: "subscribe, publish, unsubscribe",
    steps: [
      "b> PUBLISH a nobody",
      "SUBSCRIBE a",
      answers("SUBSCRIBE b c a", 3),
      `b> ${STATE}`,
      "b> PUBLISH a hello",
      pending("a"),
      'b> PUBLISH b "\\x00\\r\\n\\xff"',
      pending("a"),
      'b> PUBLISH c ""',
      pending("a"),
      "UNSUBSCRIBE b",
      "UNSUBSCRIBE b",
      answers("UNSUBSCRIBE nosuch c", 2),
      "b> PUBLISH c gone",
      "b> PUBLISH a there",
      pending("a"),
      "UNSUBSCRIBE",
      `b> ${STATE}`,
      "UNSUBSCRIBE",
      "PUNSUBSCRIBE",
      "SUNSUBSCRIBE",
      "GET key",
      answers("SUBSCRIBE a b", 2),
      answers("UNSUBSCRIBE a b c", 3),
      "SET key value",
    ],
  },
  {
    name: "patterns",
    steps: [
      answers("PSUBSCRIBE n* ne?s n[eo]ws n\\* [^x]ews", 5),
      "PSUBSCRIBE n*",
      "b> PUBSUB NUMPAT",
      "b> PUBLISH news one",
      ...further("a", 4),
      "b> PUBLISH n* two",
      ...further("a", 2),
      "b> PUBLISH nows three",
      ...further("a", 2),
      "b> PUBLISH other four",
      "c> PSUBSCRIBE n*",
      "c> SUBSCRIBE n",
      "b> PUBSUB NUMPAT",
      "b> PUBLISH n five",
      pending("a"),
      ...further("c", 2),
      "PUNSUBSCRIBE nosuch",
      "PUNSUBSCRIBE n*",
      "b> PUBSUB NUMPAT",
      "UNSUBSCRIBE",
      { ...answers("PUNSUBSCRIBE", 4), same: counted },
      "PUNSUBSCRIBE",
      "b> PUBSUB NUMPAT",
      "b> PUBLISH n six",
      ...further("c", 2),
      "c> PUNSUBSCRIBE",
      "c> UNSUBSCRIBE",
      "b> PUBLISH n seven",
    ],
  },
  {
    name: "channels of shards",
    steps: [
      "b> SPUBLISH a nobody",
      answers("SSUBSCRIBE a b a", 3),
      "SUBSCRIBE a",
      "PSUBSCRIBE a*",
      "b> SPUBLISH a hello",
      pending("a"),
      "b> PUBLISH a hello",
      ...further("a", 2),
      "b> PUBSUB SHARDNUMSUB a b c",
      "b> PUBSUB SHARDNUMSUB",
      { ...step("b> PUBSUB SHARDCHANNELS"), same: counted },
      "b> PUBSUB SHARDCHANNELS b*",
      "b> PUBSUB SHARDCHANNELS a b",
      "b> PUBSUB NUMSUB a b",
      "SUNSUBSCRIBE nosuch",
      "SUNSUBSCRIBE b",
      "SUNSUBSCRIBE",
      "SUNSUBSCRIBE",
      "b> PUBSUB SHARDCHANNELS",
      "b> SPUBLISH a gone",
      "UNSUBSCRIBE",
      "PUNSUBSCRIBE",
      "SPUBLISH a",
      "SPUBLISH a b c",
      "SSUBSCRIBE",
      "PING",
    ],
  },
  {
    name: "PUBSUB",
    steps: [
      "PUBSUB CHANNELS",
      "PUBSUB CHANNELS *",
      "b> SUBSCRIBE alpha",
      "b> SUBSCRIBE beta",
      "c> SUBSCRIBE alpha",
      { ...step("PUBSUB CHANNELS"), same: counted },
      "PUBSUB CHANNELS a*",
      "pubsub channels [b]*",
      "PUBSUB CHANNELS x*",
      'PUBSUB CHANNELS ""',
      "PUBSUB CHANNELS a b",
      "PUBSUB NUMSUB",
      "PUBSUB NUMSUB alpha beta gamma alpha",
      "PUBSUB NUMPAT",
      "PUBSUB NUMPAT x",
      "PUBSUB NOSUCH",
      "PUBSUB",
      "PUBSUB HELP",
      "PUBSUB HELP x",
      "PUBLISH",
      "PUBLISH a",
      "PUBLISH a b c",
      "SUBSCRIBE",
      "PSUBSCRIBE",
      "MULTI",
      "PUBSUB NUMSUB alpha",
      "PUBLISH alpha m",
      "EXEC",
      pending("b"),
      pending("c"),
    ],
  },
  {
    name: "what a subscriber may do",
    steps: [
      "SUBSCRIBE a",
      "PING",
      "PING hello",
      "PING a b",
      "GET key",
      "CLIENT LIST",
      "CONFIG GET port",
      "NOSUCH",
      "GET",
      "PUBLISH a b",
      "MULTI",
      "EXEC",
      "DISCARD",
      "SELECT 1",
      "COMMAND COUNT",
      "HELLO 2",
      "UNSUBSCRIBE a",
      "PING",
      "SSUBSCRIBE a",
      "GET key",
      "PING",
      "SUNSUBSCRIBE a",
      "GET key",
      "PSUBSCRIBE a",
      "GET key",
      "RESET",
      "GET key",
      "PING",
    ],
    protocols: [2],
  },
  {
    name: "with RESP3 everything is allowed to a subscriber",
    steps: [
      "SUBSCRIBE a",
      "PING",
      "PING hello",
      "SET key value",
      "GET key",
      "MULTI",
      "GET key",
      "EXEC",
      "b> PUBLISH a m",
      pending("a"),
      "RESET",
      "b> PUBSUB NUMSUB a",
      "GET key",
      "PING",
    ],
    protocols: [3],
  },
  {
    name: "the protocol changes while subscribed",
    steps: [
      "SUBSCRIBE a",
      "b> PUBLISH a in-3",
      pending("a"),
      step(
        "HELLO 2",
        masked(() => ""),
      ),
      "b> PUBLISH a in-2",
      pending("a"),
      "GET key",
      "PING",
      "HELLO 3",
      "UNSUBSCRIBE",
      "GET key",
    ],
    protocols: [3],
  },
  {
    name: "RESET ends all subscriptions",
    steps: [
      "SUBSCRIBE a",
      "PSUBSCRIBE a*",
      "SSUBSCRIBE a",
      step("b> CLIENT LIST TYPE pubsub", subscriptionFields),
      "RESET",
      step("b> CLIENT LIST TYPE pubsub", subscriptionFields),
      "b> PUBLISH a m",
      "b> SPUBLISH a m",
      "b> PUBSUB NUMPAT",
      "PING",
    ],
  },
  {
    name: "CLIENT LIST and CLIENT KILL know subscribers",
    steps: [
      answers("SUBSCRIBE a b", 2),
      "PSUBSCRIBE p",
      answers("SSUBSCRIBE s t u", 3),
      step("b> CLIENT LIST TYPE pubsub", subscriptionFields),
      step(
        "b> CLIENT LIST TYPE normal",
        masked((reply) => String(/flags=\w*P/.test(reply))),
      ),
      "b> CLIENT KILL TYPE pubsub SKIPME yes",
      "b> PUBSUB NUMSUB a b",
      "b> PUBSUB NUMPAT",
      "b> PUBSUB SHARDCHANNELS",
      "b> PUBLISH a m",
    ],
  },
  {
    name: "in MULTI",
    steps: [
      "MULTI",
      "SUBSCRIBE a",
      "PSUBSCRIBE p*",
      "UNSUBSCRIBE nosuch",
      "EXEC",
      "b> PUBLISH a m",
      pending("a"),
      "PING",
      "UNSUBSCRIBE",
      "PUNSUBSCRIBE",
      "MULTI",
      "UNSUBSCRIBE",
      "SSUBSCRIBE s",
      "SUNSUBSCRIBE",
      "SET key value",
      "EXEC",
      "GET key",
      "c> SUBSCRIBE a",
      "MULTI",
      "SET key other",
      "PUBLISH a one",
      "PUBLISH a two",
      "GET key",
      "EXEC",
      pending("c"),
      pending("c"),
    ],
  },
  {
    name: "CLIENT REPLY silences replies, not pushes",
    steps: [
      {
        ...answers("b> PING", 1),
        label: "CLIENT REPLY OFF, SUBSCRIBE a, PING",
        async run(target) {
          const client = await target.client("a");
          client.write(Buffer.from("CLIENT REPLY OFF\r\nSUBSCRIBE a\r\nPING\r\nPING\r\n"));
          return (await client.reply()).toString("latin1");
        },
      },
      "b> PUBLISH a m",
      pending("a"),
      {
        ...answers("b> PING", 1),
        label: "UNSUBSCRIBE, CLIENT REPLY ON",
        async run(target) {
          const client = await target.client("a");
          client.write(Buffer.from("UNSUBSCRIBE\r\nGET key\r\nCLIENT REPLY ON\r\n"));
          return `${await client.reply()}${await client.reply()}`;
        },
      },
      {
        ...answers("b> PING", 1),
        label: "CLIENT REPLY SKIP, SUBSCRIBE b, PING",
        async run(target) {
          const client = await target.client("a");
          client.write(Buffer.from("CLIENT REPLY SKIP\r\nSUBSCRIBE b\r\nPING\r\n"));
          return `${await client.reply()}${await client.reply()}`;
        },
      },
    ],
  },
  {
    name: "large messages and names",
    steps: [
      "SUBSCRIBE a",
      ["SUBSCRIBE", "n".repeat(200_000)],
      ["PSUBSCRIBE", `${"n".repeat(150_000)}*`],
      step(["PUBLISH", "a", "v".repeat(70_000)], undefined, "b"),
      pending("a"),
      step(["PUBLISH", "a", "v".repeat(3_000_000)], undefined, "b"),
      pending("a"),
      step(["PUBLISH", "n".repeat(200_000), "v".repeat(5000)], undefined, "b"),
      pending("a"),
      pending("a"),
      "b> PUBLISH a small",
      pending("a"),
    ],
  },
];
