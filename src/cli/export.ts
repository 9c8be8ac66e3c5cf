/**
 * `emberlog export --from redis://HOST[:PORT] | --dir D (--rdb FILE | --aof DIR)`: the data as redis-server 7.0 and later load it.
 *
 * From a directory it is the data of one moment, also while a server runs on it: what the log holds up to its last whole frame. So it is from an
 * Emberlog that runs on this machine, whose directory is read (local_directory.ts). From any other server each key is as it is when it is
 * read, and the outcome says so. Exit codes: 0 exported, 1 not.
 */
import { latin1 } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { DATABASES_DEFAULT } from "../base/limits.ts";
import type { Disk } from "../disk/disk.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import type { Engine } from "../engine/engine.ts";
import { beginExport, type Exported, type ExportTarget, exportDataset, finishExport } from "../engine/export.ts";
import { Importer } from "../engine/importer.ts";
import { readDataDirectory } from "../engine/read_only.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { liveDatabases, liveKeys } from "./live_keys.ts";
import { localDirectory } from "./local_directory.ts";
import { plainEngine } from "./plain_engine.ts";
import type { Progress } from "./progress.ts";
import { connectTo, parseAddress, type RedisClient } from "./redis_client.ts";
import { runTransfer, type Streams } from "./transfer.ts";

export interface ExportArguments {
  readonly from: string | undefined;
  readonly dir: string | undefined;
  readonly target: ExportTarget;
  readonly json: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly keys: Keys;
}

/** Why a directory can't be read here although its server runs: it has keys that were not given here, or another owner. */
const UNREADABLE: readonly string[] = ["KEY_MISSING", "DISK_FAILED"];

interface Outcome extends Exported {
  readonly asOf: "one moment" | "each key";
}

/** Resolves to the exit code. */
export function runExport(args: ExportArguments, streams: Streams): Promise<number> {
  const disk = new NodeDisk(nativeFileCalls());
  return runTransfer(
    "exporting",
    args,
    streams,
    async (progress): Promise<Outcome> => {
      if (args.dir === undefined) return exportServer(disk, args, progress);
      const exported = exportEngine(disk, read(disk, args.dir, args.keys), undefined, args, progress);
      return { ...exported, asOf: "one moment" };
    },
    ({ path, keys, bytes, rdbVersion, asOf, seconds }) =>
      `exported   ${keys} keys to ${path}: ${bytes} bytes, RDB version ${rdbVersion}, in ${seconds.toFixed(2)} s\n` +
      `as of      ${asOf === "one moment" ? asOf : "the moment at which each key was read"}\n`,
  );
}

function read(disk: Disk, directory: string, keys: Keys): Engine {
  return readDataDirectory(disk, directory, crc32c, () => plainEngine(DATABASES_DEFAULT), keys);
}

function exportEngine(
  disk: Disk,
  { dataset }: Engine,
  database: number | undefined,
  { target }: ExportArguments,
  progress: Progress,
): Exported {
  const total = Math.max(1, dataset.keyCount);
  const onProgress = (keys: number): void => progress.show(keys / total, keys);
  return exportDataset(disk, dataset, target, systemClock.wallMs(), onProgress, database);
}

async function exportServer(disk: Disk, args: ExportArguments, progress: Progress): Promise<Outcome> {
  const address = parseAddress(args.from!, args.user, args.password);
  const client = await connectTo(address);
  try {
    const engine = await readLocal(disk, client, args.keys);
    if (engine !== undefined) {
      return { ...exportEngine(disk, engine, address.database, args, progress), asOf: "one moment" };
    }
    return { ...(await exportKeys(disk, client, address.database, args, progress)), asOf: "each key" };
  } finally {
    client.close();
  }
}

/** What the server's own files say; undefined: they can't be read here. */
async function readLocal(disk: Disk, client: RedisClient, keys: Keys): Promise<Engine | undefined> {
  try {
    const directory = await localDirectory(client, disk);
    return directory === undefined ? undefined : read(disk, directory, keys);
  } catch (thrown) {
    if (thrown instanceof EmberlogError && UNREADABLE.includes(thrown.code)) return undefined;
    throw thrown;
  }
}

/** Each payload passes through an engine of our own, which writes it again as redis-server 7.0 reads it, and is forgotten. */
async function exportKeys(
  disk: Disk,
  client: RedisClient,
  only: number | undefined,
  args: ExportArguments,
  progress: Progress,
): Promise<Exported> {
  const databases = await liveDatabases(client, only);
  const total = [...databases.values()].reduce((sum, keys) => sum + keys, 0);
  const engine = plainEngine(1);
  const importer = new Importer(engine);
  const { dataset } = engine;
  const file = beginExport(disk, dataset, args.target, systemClock.wallMs());
  try {
    for (const database of databases.keys()) {
      const seen = new Set<string>();
      file.writer.database(database);
      for await (const keys of liveKeys(client, database)) {
        for (const { name, payload, expiryMs } of keys) {
          const text = latin1(name);
          if (seen.has(text)) continue;
          seen.add(text);
          const entry = importer.build(name, payload, expiryMs);
          if (typeof entry === "string") {
            throw new EmberlogError(
              "IMPORT_REFUSED",
              `${client.where}, database ${database}, key ${JSON.stringify(text)}: ${entry}`,
            );
          }
          file.writer.key(entry);
          importer.forget(entry);
        }
        progress.show(file.writer.keys / Math.max(1, total), file.writer.keys);
      }
    }
  } catch (thrown) {
    file.giveUp();
    throw thrown;
  }
  return finishExport(disk, args.target, file);
}
