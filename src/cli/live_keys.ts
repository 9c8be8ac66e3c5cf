/**
 * All keys of a running server by SCAN, DUMP and PTTL: a batch at a time, each key as it is at the moment that it is read. Keys that exist
 * throughout are given, perhaps twice; what is written meanwhile may be seen or not.
 */
import { latin1 } from "../base/bytes.ts";
import { EmberlogError } from "../base/errors.ts";
import { type RedisClient, ServerError } from "./redis_client.ts";

/** SCAN is asked for so many at a time. */
const KEYS_AT_ONCE = 500;

export interface LiveKey {
  readonly name: Uint8Array;
  readonly payload: Uint8Array;
  /** Milliseconds that it has left; -1: it never expires. */
  readonly ttlMs: number;
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
  let cursor = "0";
  do {
    const reply = await client.one(["SCAN", cursor, "COUNT", String(KEYS_AT_ONCE)]);
    const [next, names] = Array.isArray(reply) ? reply : [];
    if (!(next instanceof Uint8Array) || !Array.isArray(names)) {
      throw new EmberlogError("COMMAND_FAILED", `${client.where}: no answer to SCAN`);
    }
    cursor = latin1(next);
    yield await dumped(
      client,
      names.filter((name) => name instanceof Uint8Array),
    );
  } while (cursor !== "0");
}

async function dumped(client: RedisClient, names: readonly Uint8Array[]): Promise<LiveKey[]> {
  const replies = await client.batch(
    names.flatMap((name) => [
      ["PTTL", name],
      ["DUMP", name],
    ]),
  );
  const keys: LiveKey[] = [];
  for (const [i, name] of names.entries()) {
    const ttlMs = replies[2 * i];
    const payload = replies[2 * i + 1];
    if (ttlMs instanceof ServerError || payload instanceof ServerError) {
      const text = ttlMs instanceof ServerError ? ttlMs.text : (payload as ServerError).text;
      throw new EmberlogError("COMMAND_FAILED", `${client.where}: key ${JSON.stringify(latin1(name))}: ${text}`);
    }
    // Gone meanwhile.
    if (!(payload instanceof Uint8Array) || typeof ttlMs !== "number") continue;
    keys.push({ name, payload, ttlMs });
  }
  return keys;
}
