/**
 * SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites: each name given is answered by a push of its own, with how many subscriptions the
 * connection has then. The pushes are the reply, so they stand where the reply does, and CLIENT REPLY does not silence them.
 */
import type { Call } from "../../../command/call.ts";
import { argument, type CommandDefinition, keysAt } from "../../../command/definition.ts";
import type { Connection } from "../../connection.ts";
import type { Kind, PubsubHost, Registry } from "../../pubsub/registry.ts";

interface Wording {
  readonly kind: Kind;
  /** The commands' names. */
  readonly begin: string;
  readonly end: string;
  readonly since: string;
  readonly argument: string;
  readonly beginSummary: string;
  readonly beginComplexity: string;
  readonly endSummary: string;
  readonly endComplexity: string;
}

const wordings: readonly Wording[] = [
  {
    kind: "channels",
    begin: "SUBSCRIBE",
    end: "UNSUBSCRIBE",
    since: "2.0.0",
    argument: "channel",
    beginSummary: "Listens for messages published to channels.",
    beginComplexity: "O(N) where N is the number of channels to subscribe to.",
    endSummary: "Stops listening to messages posted to channels.",
    endComplexity: "O(N) where N is the number of channels to unsubscribe.",
  },
  {
    kind: "patterns",
    begin: "PSUBSCRIBE",
    end: "PUNSUBSCRIBE",
    since: "2.0.0",
    argument: "pattern",
    beginSummary: "Listens for messages published to channels that match one or more patterns.",
    beginComplexity: "O(N) where N is the number of patterns to subscribe to.",
    endSummary: "Stops listening to messages published to channels that match one or more patterns.",
    endComplexity: "O(N) where N is the number of patterns to unsubscribe.",
  },
  {
    kind: "shards",
    begin: "SSUBSCRIBE",
    end: "SUNSUBSCRIBE",
    since: "7.0.0",
    argument: "shardchannel",
    beginSummary: "Listens for messages published to shard channels.",
    beginComplexity: "O(N) where N is the number of shard channels to subscribe to.",
    endSummary: "Stops listening to messages posted to shard channels.",
    endComplexity: "O(N) where N is the number of shard channels to unsubscribe.",
  },
];

export function subscriptionCommands(server: PubsubHost): CommandDefinition[] {
  return wordings.flatMap((wording) => {
    const { kind, begin, end } = wording;
    const type = kind === "patterns" ? "pattern" : "string";
    const common = {
      group: "pubsub",
      since: wording.since,
      flags: ["pubsub", "noscript", "loading", "stale"],
      ...(kind === "shards" ? { keys: [keysAt(["not_key"], 1, -1)] } : {}),
    } as const;
    return [
      {
        ...common,
        name: begin,
        summary: wording.beginSummary,
        complexity: wording.beginComplexity,
        arity: -2,
        args: [argument(wording.argument, type, { multiple: true })],
        run: (call: Call) => subscribe(call, server, kind, begin.toLowerCase()),
      },
      {
        ...common,
        name: end,
        summary: wording.endSummary,
        complexity: wording.endComplexity,
        arity: -1,
        args: [argument(wording.argument, type, { optional: true, multiple: true })],
        run: (call: Call) => unsubscribe(call, server, kind, end.toLowerCase()),
      },
    ];
  });
}

function subscribe(call: Call, server: PubsubHost, kind: Kind, word: string): void {
  if (kind === "shards" && call.inTransaction) {
    // Redis takes a transaction for a client that must not wait, as if this command did.
    return call.reply.error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  }
  const connection = call.session as Connection;
  const { pubsub } = server;
  for (let i = 1; i < call.argc; i++) {
    const name = call.copyOf(i);
    pubsub.subscribe(connection, kind, name);
    confirm(call, connection, pubsub, kind, word, name);
  }
}

/** Without a name: all of them, or a single answer that names none. */
function unsubscribe(call: Call, server: PubsubHost, kind: Kind, word: string): void {
  const connection = call.session as Connection;
  const { pubsub } = server;
  const names: (Uint8Array | undefined)[] = [];
  for (let i = 1; i < call.argc; i++) names.push(call.copyOf(i));
  if (call.argc === 1) names.push(...pubsub.namesOf(connection, kind));
  if (names.length === 0) names.push(undefined);
  for (const name of names) {
    if (name !== undefined) pubsub.unsubscribe(connection, kind, name);
    confirm(call, connection, pubsub, kind, word, name);
  }
}

function confirm(
  { reply }: Call,
  connection: Connection,
  pubsub: Registry,
  kind: Kind,
  word: string,
  name: Uint8Array | undefined,
): void {
  const { muted } = reply;
  if (muted) reply.unmute();
  reply.push(3);
  reply.text(word);
  if (name === undefined) reply.nil();
  else reply.bulk(name, 0, name.length);
  reply.integer(pubsub.countOf(connection, kind));
  if (muted) reply.mute();
}
