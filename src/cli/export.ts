/**
 * `emberlog export --from redis://HOST[:PORT] | --dir D (--rdb FILE | --aof DIR)`: the data as redis-server 7.0 and later load it.
 *
 * From a directory it is the data of one moment, also while a server runs on it: what the log holds up to its last whole frame. From a server
 * each key is as it is when it is read. Exit codes: 0 exported, 1 not.
 */
import { latin1 } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { DATABASES_DEFAULT } from "../base/limits.ts";
import type { Disk } from "../disk/disk.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { beginExport, type Exported, type ExportTarget, exportDataset, finishExport } from "../engine/export.ts";
import { Importer } from "../engine/importer.ts";
import { readDataDirectory } from "../engine/read_only.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { liveDatabases, liveKeys } from "./live_keys.ts";
import { plainEngine } from "./plain_engine.ts";
import { Progress } from "./progress.ts";
import { connectTo, parseAddress } from "./redis_client.ts";

export interface ExportArguments {
  readonly from: string | undefined;
  readonly dir: string | undefined;
  readonly target: ExportTarget;
  readonly json: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly keys: Keys;
}

/** Resolves to the exit code. `terminal` writes to a terminal; undefined where there is none. */
export async function runExport(
  args: ExportArguments,
  out: (text: string) => void,
  error: (text: string) => void,
  terminal: ((text: string) => void) | undefined,
): Promise<number> {
  const progress = new Progress("exporting", args.json ? undefined : terminal);
  try {
    const disk = new NodeDisk(nativeFileCalls());
    const exported =
      args.dir === undefined
        ? await exportServer(disk, args, progress)
        : exportDirectory(disk, args.dir, args, progress);
    progress.end();
    const seconds = Math.round(progress.seconds * 1000) / 1000;
    const { path, keys, bytes, rdbVersion } = exported;
    if (args.json) out(`${JSON.stringify({ from: args.from, dir: args.dir, ...exported, seconds })}\n`);
    else
      out(
        `exported   ${keys} keys to ${path}: ${bytes} bytes, RDB version ${rdbVersion}, in ${seconds.toFixed(2)} s\n`,
      );
    return 0;
  } catch (thrown) {
    progress.end();
    if (!(thrown instanceof EmberlogError)) throw thrown;
    const { code, message, file, offset } = thrown;
    if (args.json)
      out(`${JSON.stringify({ from: args.from, dir: args.dir, error: { code, message, file, offset } })}\n`);
    else error(`${message}\n`);
    return 1;
  }
}

function exportDirectory(disk: Disk, directory: string, args: ExportArguments, progress: Progress): Exported {
  const engine = readDataDirectory(disk, directory, crc32c, () => plainEngine(DATABASES_DEFAULT), args.keys);
  const { dataset } = engine;
  const total = Math.max(1, dataset.keyCount);
  return exportDataset(disk, dataset, args.target, systemClock.wallMs(), (keys) => progress.show(keys / total, keys));
}

/** Each payload passes through an engine of our own, which writes it again as redis-server 7.0 reads it, and is forgotten. */
async function exportServer(disk: Disk, args: ExportArguments, progress: Progress): Promise<Exported> {
  const address = parseAddress(args.from!, args.user, args.password);
  const client = await connectTo(address);
  try {
    const databases = await liveDatabases(client, address.database);
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
  } finally {
    client.close();
  }
}
