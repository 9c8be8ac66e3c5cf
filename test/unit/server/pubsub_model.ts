/**
 * Random publishers and subscribers against a model: every reply in order, every message once for each subscription, those of one publisher in
 * its order, and what a client publishes to itself right behind the reply to it. Subscriptions change between rounds only; within a round
 * everybody sends at once, cut at random places, with messages from none to more than a turn's room for them.
 */
import { expect } from "vitest";
import { type Random, uniform } from "../../../src/base/random.ts";
import { decodeReply, type PlainReply, plain } from "../../support/reply_value.ts";
import { type RespClient, request } from "../../support/resp_client.ts";
import type { TestServer } from "./support.ts";

const CHANNELS = ["alpha", "beta", "gamma", "delta"];
const PATTERNS = ["a*", "*a", "[bg]*", "nothing*"];
const CLIENTS = 10;

interface Message {
  readonly channel: string;
  readonly payload: string;
}

class Client {
  readonly connection: RespClient;
  readonly protocol: 2 | 3;
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();
  readonly published: Message[] = [];
  replies: string[] = [];

  constructor(connection: RespClient, protocol: 2 | 3) {
    this.connection = connection;
    this.protocol = protocol;
  }

  get subscribed(): boolean {
    return this.channels.size + this.patterns.size > 0;
  }

  /** What it gets of a message: "channel payload" for the channel, then "pattern channel payload" for each pattern. */
  heard({ channel, payload }: Message): string[] {
    const own = this.channels.has(channel) ? [`${channel} ${payload}`] : [];
    const fitting = [...subscribersOf].filter(([each]) => this.patterns.has(each) && fits(each, channel));
    return [...own, ...fitting.map(([each]) => `${each} ${channel} ${payload}`)];
  }
}

/** Patterns in the order in which they got their first subscriber, which is that of their messages, and how many they have. */
const subscribersOf = new Map<string, number>();

function countPattern(pattern: string, change: number): void {
  const count = (subscribersOf.get(pattern) ?? 0) + change;
  if (count === 0) subscribersOf.delete(pattern);
  else subscribersOf.set(pattern, count);
}

function fits(pattern: string, channel: string): boolean {
  return new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(channel);
}

export async function runPubSub(server: TestServer, random: Random, rounds: number): Promise<void> {
  subscribersOf.clear();
  const clients: Client[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const protocol = i % 3 === 2 ? 2 : 3;
    const client = new Client(await server.connect(), protocol);
    if (protocol === 3) await client.connection.command("HELLO", "3");
    clients.push(client);
  }
  for (let round = 0; round < rounds; round++) {
    for (const client of clients) await subscribe(client, random);
    const streams = clients.map((client, index) => pipeline(client, clients, random, `${round}.${index}`));
    await Promise.all(clients.map((client, i) => send(client, streams[i]!, random)));
    // All replies are there when the last one is; all messages when a reply to something sent after that is.
    const received: PlainReply[][] = await Promise.all(clients.map((client) => readUntil(client, "end")));
    for (const [i, client] of clients.entries()) {
      client.connection.write(request(["PING", "over"]));
      received[i]!.push(...(await readUntil(client, "over")));
      verify(client, clients, received[i]!, i);
    }
  }
}

async function subscribe(client: Client, random: Random): Promise<void> {
  for (const [known, all, verb] of [
    [client.channels, CHANNELS, "SUBSCRIBE"],
    [client.patterns, PATTERNS, "PSUBSCRIBE"],
  ] as const) {
    for (const name of all) {
      if (uniform(random, 3) > 0) continue;
      if (verb === "PSUBSCRIBE") countPattern(name, known.has(name) ? -1 : 1);
      if (known.delete(name)) await client.connection.command(verb.replace("SUB", "UNSUB"), name);
      else {
        known.add(name);
        await client.connection.command(verb, name);
      }
    }
  }
}

function pipeline(client: Client, clients: readonly Client[], random: Random, name: string): Buffer {
  client.replies = [];
  client.published.length = 0;
  const requests: Buffer[] = [];
  const add = (args: string[], reply: string): void => {
    requests.push(request(args));
    client.replies.push(reply);
  };
  for (let i = uniform(random, 60); i > 0; i--) {
    if (uniform(random, 4) === 0 || (client.protocol === 2 && client.subscribed)) {
      add(["PING", `${name}.${i}`], `${name}.${i}`);
      continue;
    }
    const sizes = [0, 10, 100, 5000, 60_000];
    const size = uniform(random, 100) === 0 ? 300_000 : sizes[uniform(random, sizes.length)]!;
    const message = {
      channel: CHANNELS[uniform(random, CHANNELS.length)]!,
      payload: `${name}.${i} ${"x".repeat(size)}`,
    };
    client.published.push(message);
    const receivers = clients.reduce((sum, each) => sum + each.heard(message).length, 0);
    add(["PUBLISH", message.channel, message.payload], `:${receivers} ${client.published.length - 1}`);
  }
  add(["PING", "end"], "end");
  return Buffer.concat(requests);
}

async function send(client: Client, bytes: Buffer, random: Random): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const end = uniform(random, 3) === 0 ? bytes.length : at + 1 + uniform(random, 40_000);
    client.connection.write(bytes.subarray(at, end));
    at = end;
    if (uniform(random, 2) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Everything up to the reply to PING with this text. Pushes of RESP3 are arrays, too. */
async function readUntil(client: Client, text: string): Promise<PlainReply[]> {
  const all: PlainReply[] = [];
  for (;;) {
    const reply = plain(decodeReply(await client.connection.reply()));
    all.push(reply);
    if (reply === text || (Array.isArray(reply) && reply[0] === "pong" && reply[1] === text)) return all;
  }
}

function verify(client: Client, clients: readonly Client[], received: readonly PlainReply[], index: number): void {
  const replies: string[] = [];
  const heard: string[] = [];
  /** What must come next, because the client has just published it to itself. */
  let own: string[] = [];
  for (const reply of received) {
    if (Array.isArray(reply) && reply[0] !== "pong") {
      const text = reply.slice(1).join(" ");
      heard.push(text);
      if (own.length > 0) expect(own.shift() === text, `client ${index}: its own message follows`).toBe(true);
      continue;
    }
    expect(own.length, `client ${index}: replies behind its own messages`).toBe(0);
    const text = Array.isArray(reply) ? String(reply[1]) : String(reply);
    if (text === "over") continue;
    const expected = client.replies[replies.length]!;
    if (expected?.startsWith(":") && client.subscribed)
      own = client.heard(client.published[Number(expected.split(" ")[1])]!);
    replies.push(
      typeof reply === "number" ? `${expected?.split(" ")[0] === `:${text}` ? expected : `:${text}`}` : text,
    );
  }
  expect(replies).toEqual(client.replies);
  for (const [i, publisher] of clients.entries()) {
    const mark = new RegExp(` \\d+\\.${i}\\.\\d+ x*$`);
    const fromIt = heard.filter((text) => mark.test(text)).map(short);
    expect(fromIt, `client ${index} of ${i}`).toEqual(
      publisher.published.flatMap((each) => client.heard(each)).map(short),
    );
  }
}

function short(text: string): string {
  return `${text.slice(0, 40)} (${text.length})`;
}
