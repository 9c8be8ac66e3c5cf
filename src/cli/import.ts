/**
 * `emberlog import --from FILE|DIR|redis://HOST[:PORT] --dir D`: the data of a Redis or Valkey becomes a data directory of Emberlog's.
 *
 * Nothing counts before all of it is durable: what goes wrong leaves the directory as it was, and a crash leaves one that no server starts on
 * and that the same command begins again. Exit codes: 0 imported, 1 not.
 */
import { latin1 } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { LOG_SEGMENT_BYTES_DEFAULT } from "../base/limits.ts";
import { systemRandom } from "../base/random.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { importFrom, importInto, refuseFullDirectory } from "../engine/import.ts";
import type { Importer } from "../engine/importer.ts";
import { findRedisFiles } from "../engine/redis_files.ts";
import type { StorageOptions } from "../engine/storage.ts";
import { liveDatabases, liveKeys } from "./live_keys.ts";
import { plainEngine } from "./plain_engine.ts";
import type { Progress } from "./progress.ts";
import { connectTo, isAddress, parseAddress } from "./redis_client.ts";
import { runTransfer, type Streams } from "./transfer.ts";

export interface ImportArguments {
  readonly from: string;
  readonly dir: string;
  readonly replace: boolean;
  readonly skipUnsupported: boolean;
  readonly allowTruncated: boolean;
  readonly json: boolean;
  readonly databases: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly keys: Keys;
}

interface Outcome {
  readonly keys: number;
  readonly expired: number;
  readonly empty: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly files: readonly string[];
  readonly ignored: readonly string[];
  readonly functions: readonly string[];
}

/** Resolves to the exit code. */
export function runImport(args: ImportArguments, streams: Streams): Promise<number> {
  return runTransfer(
    "importing",
    args,
    streams,
    (progress) => importAll(args, progress),
    (outcome) => asText(args, outcome),
  );
}

async function importAll(args: ImportArguments, progress: Progress): Promise<Outcome> {
  const engine = plainEngine(args.databases);
  const options: StorageOptions = {
    directory: args.dir,
    policy: "everysec",
    segmentBytesMax: LOG_SEGMENT_BYTES_DEFAULT,
    clock: systemClock,
    random: systemRandom(),
    keys: args.keys,
  };
  if (!args.replace) refuseFullDirectory(options);
  const { skipUnsupported, allowTruncated } = args;
  let files: readonly string[] = [];
  let ignored: readonly string[] = [];
  let imported: Awaited<ReturnType<typeof importInto>>;
  if (isAddress(args.from)) {
    imported = await importInto(engine, options, args.from, (importer) => importLive(importer, args, progress));
  } else {
    const { bytes } = findRedisFiles(new NodeDisk(), args.from);
    const onProgress = (read: number): void => progress.show(read / Math.max(1, bytes), engine.dataset.keyCount);
    const whole = await importFrom(engine, options, args.from, args.from, {
      skipUnsupported,
      allowTruncated,
      onProgress,
    });
    files = whole.files;
    ignored = whole.ignored;
    imported = { ...whole, setAside: [...whole.setAside] };
  }
  await imported.storage.close();
  const { counts, setAside } = imported;
  return {
    keys: engine.dataset.keyCount,
    expired: counts.expired,
    empty: counts.empty,
    skipped: Object.fromEntries(counts.skipped),
    files,
    ignored,
    functions: setAside,
  };
}

async function importLive(importer: Importer, args: ImportArguments, progress: Progress): Promise<void> {
  const address = parseAddress(args.from, args.user, args.password);
  const client = await connectTo(address);
  try {
    const databases = await liveDatabases(client, address.database);
    const total = [...databases.values()].reduce((sum, keys) => sum + keys, 0);
    for (const database of databases.keys()) {
      if (database >= args.databases) {
        throw new EmberlogError(
          "IMPORT_REFUSED",
          `${client.where} has keys in database ${database}, and there are ${args.databases} here`,
        );
      }
      for await (const keys of liveKeys(client, database)) {
        for (const { name, payload, expiryMs } of keys) {
          const problem = importer.restore(database, name, payload, expiryMs);
          if (problem === undefined) continue;
          if (!args.skipUnsupported) {
            throw new EmberlogError(
              "IMPORT_REFUSED",
              `${client.where}, database ${database}, key ${JSON.stringify(latin1(name))}: ${problem}. --skip-unsupported leaves out what can't be held`,
            );
          }
          importer.skip(problem.replace(/,.*/, ""));
        }
        progress.show(importer.counts.keys / Math.max(1, total), importer.counts.keys);
        if (importer.pieceIsFull) await importer.endPiece();
      }
    }
  } finally {
    client.close();
  }
}

function asText(args: ImportArguments, outcome: Outcome & { seconds: number }): string {
  const { keys, seconds, expired, empty, skipped, files, ignored, functions } = outcome;
  const lines = [`imported   ${keys} keys into ${args.dir} in ${seconds.toFixed(2)} s`];
  for (const file of files) lines.push(`read       ${file}`);
  for (const file of ignored) lines.push(`not read   ${file}: the append-only files hold the same data`);
  if (expired > 0) lines.push(`left out   ${expired} keys that had expired`);
  if (empty > 0) lines.push(`left out   ${empty} keys without elements`);
  for (const [kind, count] of Object.entries(skipped)) lines.push(`left out   ${count} × ${kind}`);
  for (const copy of functions)
    lines.push(`kept       ${args.dir}/${copy}: a library of functions, which Emberlog can't run`);
  return `${lines.join("\n")}\n`;
}
