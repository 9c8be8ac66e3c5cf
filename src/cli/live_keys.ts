/**
 * All keys of a running server by SCAN, DUMP and PEXPIRETIME (PTTL before Redis 7.0): a batch at a time, each key as it is at the moment that it is read. Keys that exist
 * throughout are given, perhaps twice; what is written meanwhile may be seen or not.
 */
import { latin1 } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { type RedisClient, ServerError } from "./redis_client.ts";

/** SCAN is asked for so many at a time. */
const KEYS_AT_ONCE = 500;
/** PTTL and PEXPIRETIME of a key that is not there. */
const GONE = -2;

export interface LiveKey {
  readonly name: Uint8Array;
  readonly payload: Uint8Array;
  /** When it expires, ms since 1970; -1: never. */
  readonly expiryMs: number;
}

/** Databases that hold keys, and how many. */
export async function liveDatabases(client: RedisClient, only: number | undefined): Promise<Map<number, number>> {
  const reply = await client.one(["INFO", "keyspace"]);
  const text = reply instanceof Uint8Array ? latin1(reply) : "";
  const found = new Map<number, number>();
  for (const [, index, keys] of text.matchAll(/^db(\d+):keys=(\d+)/gm)) {
    if (only === undefined || Number(index) === only) found.set(Number(index), Number(keys));
  }
  return found;
}

/** The keys of one database, in batches. */
export async function* liveKeys(client: RedisClient, database: number): AsyncGenerator<LiveKey[]> {
  await client.one(["SELECT", String(database)]);
  // Before Redis 7.0 a server tells only how much time is left.
  const [probe] = await client.batch([["PEXPIRETIME", ""]]);
  const absolute = !(probe instanceof ServerError);
  let cursor = "0";
  do {
    const reply = await client.one(["SCAN", cursor, "COUNT", String(KEYS_AT_ONCE)]);
    const [next, names] = Array.isArray(reply) ? reply : [];
    if (!(next instanceof Uint8Array) || !Array.isArray(names)) {
      throw new EmberlogError("COMMAND_FAILED", `${client.where}: no answer to SCAN`);
    }
    cursor = latin1(next);
    const present = names.filter((name) => name instanceof Uint8Array);
    yield await dumped(client, present, absolute);
  } while (cursor !== "0");
}

async function dumped(client: RedisClient, names: readonly Uint8Array[], absolute: boolean): Promise<LiveKey[]> {
  const time = absolute ? "PEXPIRETIME" : "PTTL";
  const replies = await client.batch(
    names.flatMap((name) => [
      ["DUMP", name],
      [time, name],
    ]),
  );
  const nowMs = systemClock.wallMs();
  const keys: LiveKey[] = [];
  for (const [i, name] of names.entries()) {
    const payload = replies[2 * i];
    const when = replies[2 * i + 1];
    for (const reply of [payload, when]) {
      if (!(reply instanceof ServerError)) continue;
      throw new EmberlogError("COMMAND_FAILED", `${client.where}: key ${JSON.stringify(latin1(name))}: ${reply.text}`);
    }
    // Gone meanwhile.
    if (!(payload instanceof Uint8Array) || typeof when !== "number" || when === GONE) continue;
    keys.push({ name, payload, expiryMs: when >= 0 && !absolute ? nowMs + when : when });
  }
  return keys;
}
