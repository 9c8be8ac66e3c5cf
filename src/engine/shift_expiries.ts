/**
 * Moves every expiry of a data directory by the same time: a state of long ago whose keys live as long from now on as they had left then. The directory
 * is opened with its clock held at that moment, so that nothing expires meanwhile, and the new times are logged like any other command's.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import type { Keys } from "../base/key_ring.ts";
import { DATABASES_DEFAULT, LOG_SEGMENT_BYTES_DEFAULT } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { datasetCommands } from "../command/commands.ts";
import { CommandTable } from "../command/table.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { readExpiry } from "../dataset/entries.ts";
import { ENCODING_BIG_EXPIRING, ENCODING_LISTPACK_EXPIRING, TYPE_HASH } from "../dataset/types.ts";
import { operationsOf } from "../dataset/value_operations.ts";
import { SEGMENT_SHIFT } from "../memory/layout.ts";
import { nativeMemoryCalls } from "../platform/memory_calls.ts";
import { entryEncoding, entryType, hasExpiry, keyLength, keyOffset } from "../structure/entry.ts";
import { EntryList } from "../structure/entry_list.ts";
import { Embedded } from "./embedded.ts";
import { Engine } from "./engine.ts";
import { openStorage } from "./storage.ts";

export interface ShiftOptions {
  readonly directory: string;
  readonly keys: Keys;
  readonly random: Random;
  /** The moment of the state, wall clock. */
  readonly atMs: number;
  readonly byMs: number;
}

type Request = readonly [name: string, ...args: (string | Uint8Array)[]];

/** Returns how many expiries there were, of keys and of fields of hashes. Throws what a start throws. */
export async function shiftExpiries({ directory, keys, random, atMs, byMs }: ShiftOptions): Promise<number> {
  const clock: Clock = { wallMs: () => atMs, monotonicUs: () => systemClock.monotonicUs() };
  const memoryCalls = nativeMemoryCalls();
  const engine = new Engine({
    clock,
    random,
    table: new CommandTable(datasetCommands),
    databases: DATABASES_DEFAULT,
    ...(memoryCalls === undefined ? {} : { memoryCalls }),
  });
  const segmentBytesMax = LOG_SEGMENT_BYTES_DEFAULT;
  const storage = openStorage(engine, { directory, policy: "everysec", segmentBytesMax, clock, random, keys });
  const database = new Embedded(engine, storage);
  const { dataset } = engine;
  let shifted = 0;
  try {
    for (let index = 0; index < dataset.databaseCount; index++) {
      if (dataset.database(index).count === 0) continue;
      database.run("SELECT", index);
      for (const requests of expiriesOf(dataset, index, byMs)) {
        database.atomically(() => {
          for (const request of requests) database.run(...request);
        });
        shifted += requests.length;
      }
    }
  } finally {
    await database.close();
  }
  return shifted;
}

/** What sets the new times, a piece of the database at a time. */
function* expiriesOf(dataset: Dataset, index: number, byMs: number): Generator<Request[]> {
  const { keys } = dataset.database(index);
  const found = new EntryList(64);
  let cursor = 0;
  do {
    found.clear();
    cursor = keys.scanInto(cursor, found);
    const requests: Request[] = [];
    for (let i = 0; i < found.count; i++) addRequests(dataset, found.items[i]!, byMs, requests);
    if (requests.length > 0) yield requests;
  } while (cursor !== 0);
}

function addRequests(dataset: Dataset, entry: number, byMs: number, out: Request[]): void {
  const { arena } = dataset;
  const fields =
    entryType(arena, entry) === TYPE_HASH &&
    [ENCODING_LISTPACK_EXPIRING, ENCODING_BIG_EXPIRING].includes(entryEncoding(arena, entry));
  if (!fields && !hasExpiry(arena, entry)) return;
  const offset = keyOffset(arena, entry);
  const key = arena.bytes[entry >>> SEGMENT_SHIFT]!.slice(offset, offset + keyLength(arena, entry));
  if (hasExpiry(arena, entry)) out.push(["PEXPIREAT", key, laterBy(readExpiry(arena, entry), byMs)]);
  if (!fields) return;
  operationsOf(TYPE_HASH).forEach(dataset, entry, (field, _value, expiry) => {
    if (expiry < 0) return;
    const name = field.bytes.slice(field.offset, field.offset + field.length);
    out.push(["HPEXPIREAT", key, laterBy(expiry, byMs), "FIELDS", "1", name]);
  });
}

/** What lies so far away that the sum is no time any more stays as it is. */
function laterBy(expiry: number | bigint, byMs: number): string {
  const later = BigInt(expiry) + BigInt(byMs);
  return String(later > 2n ** 62n ? expiry : later);
}
