/**
 * `emberlog history KEY --from URL | --dir DIR`: each version of one key that the backup or the directory remembers, with its time and its command's
 * number. `--restore-into redis://HOST[:PORT][/DATABASE]` puts one of them back into a running server by RESTORE and touches nothing else.
 *
 * A store's objects are restored into a scratch folder (under TMPDIR), which is gone afterwards. Exit codes: 0 told, or put back; 1 there is no version
 * of the key; 2 it failed.
 */

import type { FetchOptions } from "../backup/fetch.ts";
import { type History, type Reach, reaches } from "../backup/history.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { DATABASES_DEFAULT } from "../base/limits.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { withScratchFolder } from "../disk/object_files.ts";
import { type KeyHistory, type KeyHistoryOptions, type KeyVersion, readKeyHistory } from "../engine/key_history.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { generationOf, restoreInto } from "../server/restoring.ts";
import {
  historyFor,
  manifestOf,
  openBackupStore,
  parseTime,
  readIdentities,
  timeText,
  withErrors,
} from "./backup_options.ts";
import { plainEngine } from "./plain_engine.ts";
import { connectTo, parseAddress, ServerError } from "./redis_client.ts";

export interface HistoryOptions {
  readonly from?: string;
  readonly dir?: string;
  readonly claim?: string;
  readonly db?: string;
  readonly hex?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly sequence?: string;
  readonly limit?: string;
  readonly identity?: string;
  readonly restoreInto?: string;
  readonly replace?: boolean;
  readonly ttl?: string;
  readonly user?: string;
  readonly password?: string;
  readonly json?: boolean;
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000_000;

interface Wanted {
  readonly key: Uint8Array;
  readonly database: number;
  readonly versionsMax: number;
  readonly sinceMs: number;
  readonly until: KeyHistoryOptions["until"];
}

type Out = (text: string) => void;

export function runHistory(key: string, options: HistoryOptions, keys: Keys, out: Out): Promise<number> {
  const json = options.json === true;
  return withErrors(json, out, async () => {
    const wanted = wantedOf(key, options);
    const ttl = options.ttl ?? "keep";
    if (ttl !== "keep" && ttl !== "shift") throw invalid(`--ttl is keep or shift, not ${ttl}`);
    const look = await lookerOf(options, keys);
    try {
      const found = await look.read(wanted);
      if (options.restoreInto === undefined) {
        if (json) out(`${JSON.stringify({ place: look.place, key, database: wanted.database, ...asJson(found) })}\n`);
        else out(historyText(look.place, found));
        return found.versions.length === 0 ? 1 : 0;
      }
      const version = found.versions.findLast(({ state }) => state !== null);
      if (version === undefined) {
        out(
          json
            ? `${JSON.stringify({ place: look.place, key, restored: null })}\n`
            : `${look.place} has no version of that key\n`,
        );
        return 1;
      }
      // Up to where that version is the newest one, its value is what is read.
      const exact =
        version === found.versions.at(-1)
          ? found
          : await look.read({ ...wanted, until: { ...wanted.until, sequence: version.sequence } });
      await putBack(options, options.restoreInto, wanted, version, exact.payload!, ttl);
      if (json) out(`${JSON.stringify({ place: look.place, key, database: wanted.database, restored: version })}\n`);
      else
        out(`restored   the version of command ${version.sequence}, ${timeText(version.ms)}: ${stateText(version)}\n`);
      return 0;
    } finally {
      look.close();
    }
  });
}

function invalid(message: string): EmberlogError {
  return new EmberlogError("CONFIG_INVALID", message);
}

function wantedOf(key: string, { db, hex, since, until, sequence, limit }: HistoryOptions): Wanted {
  if (hex === true && !/^([0-9a-f]{2})*$/i.test(key)) throw invalid(`--hex: ${key} is not written in hex digits`);
  return {
    key: Uint8Array.from(Buffer.from(key, hex === true ? "hex" : "utf8")),
    database: db === undefined ? 0 : whole(db, 0, DATABASES_DEFAULT - 1, "--db"),
    versionsMax: limit === undefined ? LIMIT_DEFAULT : whole(limit, 1, LIMIT_MAX, "--limit"),
    sinceMs: since === undefined ? 0 : parseTime(since),
    until: {
      sequence:
        sequence === undefined ? Number.MAX_SAFE_INTEGER : whole(sequence, 0, Number.MAX_SAFE_INTEGER, "--sequence"),
      ms: until === undefined ? Number.MAX_SAFE_INTEGER : parseTime(until),
    },
  };
}

function whole(text: string, min: number, max: number, option: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw invalid(`${option} is a number from ${min} to ${max}, not ${text}`);
  return value;
}

/** Where versions are read from. */
interface Looker {
  readonly place: string;
  read(wanted: Wanted): Promise<KeyHistory>;
  close(): void;
}

async function lookerOf({ from, dir, identity, claim }: HistoryOptions, keys: Keys): Promise<Looker> {
  if ((from === undefined) === (dir === undefined))
    throw invalid("one of --from URL and --dir DIRECTORY says where to look");
  if (dir !== undefined) {
    return {
      place: dir,
      read: async (wanted) => sinceOnly(readDirectory(dir, keys, wanted), wanted),
      close: () => undefined,
    };
  }
  const identities = await readIdentities(identity);
  const store = await openBackupStore(from!);
  const fetching: FetchOptions = { store, identities };
  return {
    place: store.place,
    read: async (wanted) => sinceOnly(await readStore(await historyFor(store, claim), fetching, keys, wanted), wanted),
    close: () => store.close(),
  };
}

/** What was current when the time began is told too. */
function sinceOnly(found: KeyHistory, { sinceMs }: Wanted): KeyHistory {
  const first = found.versions.findIndex(({ ms }) => ms >= sinceMs);
  const from = Math.max(0, first < 0 ? found.versions.length - 1 : first - 1);
  return { ...found, versions: found.versions.slice(from) };
}

function readDirectory(directory: string, keys: Keys, { key, database, versionsMax, until }: Wanted): KeyHistory {
  const disk = new NodeDisk(nativeFileCalls());
  const manifest = manifestOf(disk, directory);
  const engine = plainEngine(DATABASES_DEFAULT);
  return readKeyHistory({ disk, directory, manifest, crc32c, keys, engine, database, key, versionsMax, until });
}

async function readStore(history: History, fetching: FetchOptions, keys: Keys, wanted: Wanted): Promise<KeyHistory> {
  const stretches = stretchesOf(history, wanted);
  if (stretches.length === 0)
    throw new EmberlogError("DATA_MISSING", `${fetching.store.place} holds nothing that can be restored`);
  let all: KeyHistory | undefined;
  for (const { generation, segments, first, last } of stretches) {
    const plan = { generation, segments, origin: history.origin, first, last, target: { kind: "latest" } } as const;
    const found = await withScratchFolder(async (scratch) => {
      await restoreInto(`${scratch}/data`, keys, fetching, plan, await generationOf(plan, fetching.store));
      return readDirectory(`${scratch}/data`, keys, wanted);
    });
    all = all === undefined ? found : joined(all, found, wanted.versionsMax);
  }
  return all!;
}

/** From where on to read so that everything wanted is seen: one stretch, or several with holes in the log between them. */
function stretchesOf(history: History, { sinceMs, until }: Wanted): Reach[] {
  const stretches: Reach[] = [];
  for (const reach of reaches(history)) {
    const segments = reach.segments.filter(({ object }) => object.firstSequence <= until.sequence);
    const stretch = { ...reach, segments };
    const before = stretches.at(-1);
    if (before === undefined || reach.first > before.last) {
      if (reach.first <= until.sequence) stretches.push(stretch);
    } else if (
      reach.generation !== null &&
      reach.generation.object.lastMs <= sinceMs &&
      reach.first <= until.sequence
    ) {
      stretches[stretches.length - 1] = stretch;
    }
  }
  return stretches;
}

function joined(a: KeyHistory, b: KeyHistory, versionsMax: number): KeyHistory {
  const versions = [...a.versions, ...b.versions];
  return {
    versions: versions.slice(-versionsMax),
    omitted: a.omitted + b.omitted + Math.max(0, versions.length - versionsMax),
    first: a.first,
    last: b.last,
    payload: b.payload,
  };
}

async function putBack(
  { user, password, replace }: HistoryOptions,
  server: string,
  { key, database }: Wanted,
  { ms, state }: KeyVersion,
  payload: Uint8Array,
  ttl: "keep" | "shift",
): Promise<void> {
  const address = parseAddress(server, user, password ?? process.env["EMBERLOG_PASSWORD"]);
  const expiry = state!.expiryMs;
  const client = await connectTo(address);
  try {
    await client.one(["SELECT", String(address.database ?? database)]);
    const time = expiry === null ? ["0"] : ttl === "keep" ? [String(expiry)] : [String(Math.max(1, expiry - ms))];
    const request = ["RESTORE", key, ...time, payload];
    if (expiry !== null && ttl === "keep") request.push("ABSTTL");
    if (replace === true) request.push("REPLACE");
    const [reply] = await client.batch([request]);
    if (reply instanceof ServerError) {
      const busy = reply.text.startsWith("BUSYKEY");
      throw new EmberlogError(
        "COMMAND_FAILED",
        busy
          ? `${client.where} has that key already: --replace puts the version over it`
          : `${client.where} answered RESTORE with: ${reply.text}`,
      );
    }
    if (expiry !== null && ttl === "keep" && (await client.one(["EXISTS", key])) === 0) {
      throw new EmberlogError(
        "COMMAND_FAILED",
        `that version expired at ${timeText(expiry)}, so it is not there: --ttl shift lets it live as long from now as it had left`,
      );
    }
  } finally {
    client.close();
  }
}

function asJson({ versions, omitted, first, last }: KeyHistory): object {
  return { first, last, omitted, versions };
}

function historyText(place: string, { versions, omitted, first, last }: KeyHistory): string {
  const lines: string[] = [];
  if (omitted > 0) lines.push(`older      ${omitted} versions (--limit tells more)`);
  for (const version of versions) {
    lines.push(`${timeText(version.ms)}  command ${version.sequence}  ${version.by.padEnd(10)}  ${stateText(version)}`);
  }
  if (versions.length === 0) lines.push(`${place} has no version of that key in the commands ${first} to ${last}`);
  return `${lines.join("\n")}\n`;
}

function stateText({ state }: KeyVersion): string {
  if (state === null) return "gone";
  const { type, size, expiryMs, preview } = state;
  const value =
    preview === null
      ? `${type} of ${size}`
      : `${JSON.stringify(preview)}${size > preview.length ? `… ${size} bytes` : ""}`;
  return `${value}${expiryMs === null ? "" : `, expires ${timeText(expiryMs)}`}`;
}
