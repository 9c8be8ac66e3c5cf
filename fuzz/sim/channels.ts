/**
 * Channels in the model: who is subscribed, and what each subscriber must get, behind what it was to get before.
 *
 * What a message shows: a notification tells of the last change of its key; what a client publishes may tell of all that this client was
 * answered, or has itself done in the same transaction.
 */
import type { SimClient } from "./clients.ts";
import { array, bulk, integer } from "./replies.ts";

/** Channels that clients publish to and subscribe to, and the patterns they may use. */
export const CHANNELS = ["news", "other"];
export const PATTERNS = ["n*", "__keyevent@*"];

const KEY_EVENT = /^__keyevent@(\d+)__:/;

export interface Message {
  readonly channel: string;
  readonly payload: string;
}

/** SUBSCRIBE and the like, on one name; undefined where it is none of them. */
export function subscription({ session }: SimClient, [name, argument]: readonly string[]): string | undefined {
  const answer = (word: string): string => array([bulk(word), bulk(argument!), integer(session.subscriptions)]);
  switch (name) {
    case "SUBSCRIBE":
      session.channels.add(argument!);
      return answer("subscribe");
    case "PSUBSCRIBE":
      session.patterns.add(argument!);
      return answer("psubscribe");
    case "UNSUBSCRIBE":
      session.channels.delete(argument!);
      return answer("unsubscribe");
    case "PUNSUBSCRIBE":
      session.patterns.delete(argument!);
      return answer("punsubscribe");
    default:
      return undefined;
  }
}

/** What each client gets for a message, in its order. */
export function deliveries(clients: readonly SimClient[], { channel, payload }: Message): [SimClient, string][] {
  const found: [SimClient, string][] = [];
  for (const client of clients) {
    if (client.session.channels.has(channel)) found.push([client, array(["message", channel, payload].map(bulk))]);
  }
  for (const pattern of PATTERNS) {
    if (!channel.startsWith(pattern.slice(0, -1))) continue;
    for (const client of clients) {
      if (!client.session.patterns.has(pattern)) continue;
      found.push([client, array(["pmessage", pattern, channel, payload].map(bulk))]);
    }
  }
  return found;
}

/** The database and the key that a notification tells of; undefined: it is a message. */
export function keyOf({ channel, payload }: Message): { database: number; key: string } | undefined {
  const database = KEY_EVENT.exec(channel)?.[1];
  return database === undefined ? undefined : { database: Number(database), key: payload };
}
