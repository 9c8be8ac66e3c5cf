/**
 * Import as a whole: an empty engine, a log that counts when everything is in it, and what to import into them.
 *
 * Order, so that no start ever serves a half: the marker (import_marker.ts), the log, `take`, the log durable and the manifest complete, the
 * marker gone. What goes wrong on the way leaves the directory as it was; a crash leaves the marker.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { syncFully, writeFully } from "../disk/disk.ts";
import { joinPath, QUARANTINE_NAME, quarantineName } from "../disk/file_names.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import type { Engine } from "./engine.ts";
import { directoryState } from "./examination.ts";
import { importFiles } from "./import_files.ts";
import { OWN_FILES, startsWithImport, unfinishedImport } from "./import_marker.ts";
import type { ImportOptions } from "./import_rdb.ts";
import { type ImportCounts, Importer } from "./importer.ts";
import { findRedisFiles } from "./redis_files.ts";
import { openStorageToImport, type Storage, type StorageOptions } from "./storage.ts";

export interface Imported {
  readonly storage: Storage;
  readonly counts: ImportCounts;
  /** Files that were read, and such that were not. */
  readonly files: readonly string[];
  readonly ignored: readonly string[];
  /** Copies of libraries of functions, under the data directory. */
  readonly setAside: readonly string[];
}

function diskOf(options: StorageOptions): Disk {
  return options.backing?.disk ?? new NodeDisk(nativeFileCalls());
}

/** Does a directory hold nothing but data of Redis, which a start is to import? */
export function importsAtStart(options: StorageOptions): boolean {
  return startsWithImport(diskOf(options), options.directory, options.backing?.crc32c ?? crc32c);
}

/** Imports the data of Redis that lies in the data directory itself. */
export function importOwnFiles(engine: Engine, options: StorageOptions, how: ImportOptions): Promise<Imported> {
  return importFrom(engine, options, options.directory, OWN_FILES, how);
}

/** Imports a file or directory. Throws IMPORT_REFUSED, naming file and offset; the data directory is then as it was. */
export async function importFrom(
  engine: Engine,
  options: StorageOptions,
  path: string,
  source: string,
  how: ImportOptions,
): Promise<Imported> {
  const disk = diskOf(options);
  const files = findRedisFiles(disk, path);
  const { storage, counts, setAside } = await importInto(engine, options, source, (importer) =>
    importFiles(disk, importer, files, how),
  );
  return { storage, counts, setAside, files: files.paths, ignored: files.ignored };
}

/** Imports whatever `take` gives the importer. */
export async function importInto(
  engine: Engine,
  options: StorageOptions,
  source: string,
  take: (importer: Importer) => Promise<void>,
): Promise<{ storage: Storage; counts: ImportCounts; setAside: string[] }> {
  const storage = openStorageToImport(engine, options, source);
  const { policy } = storage;
  try {
    // Nothing is acknowledged before all of it is there: one sync at the end is enough.
    storage.policy = "everysec";
    const importer = new Importer(engine, storage);
    await take(importer);
    await importer.finish();
    const setAside = keepFunctions(
      diskOf(options),
      options.directory,
      importer.counts.functions,
      options.clock.wallMs(),
    );
    await storage.completeImport();
    storage.policy = policy;
    engine.executor.resetStatistics(engine.call);
    return { storage, counts: importer.counts, setAside };
  } catch (thrown) {
    engine.dataset.clockHeld = false;
    await storage.discardImport();
    throw thrown;
  }
}

/** Throws DIRECTORY_HOLDS_DATA unless the directory is free for an import. */
export function refuseFullDirectory(options: StorageOptions): void {
  const disk = diskOf(options);
  const { directory } = options;
  const state = directoryState(disk, directory);
  if (state !== "ours" && state !== "redis") return;
  if (unfinishedImport(disk, directory, options.backing?.crc32c ?? crc32c) !== undefined) return;
  throw new EmberlogError(
    "DIRECTORY_HOLDS_DATA",
    `${directory} holds data${state === "redis" ? " of redis-server" : ""} already. ` +
      "To go on: choose an empty directory; or --replace, and what is there is lost.",
    { file: directory },
  );
}

/** Functions can't be run here, and are not lost. */
function keepFunctions(disk: Disk, directory: string, functions: readonly Uint8Array[], nowMs: number): string[] {
  if (functions.length === 0) return [];
  const quarantine = joinPath(directory, QUARANTINE_NAME);
  if (disk.makeDirectory(quarantine)) disk.syncDirectory(directory);
  const kept: string[] = [];
  for (const [i, library] of functions.entries()) {
    const name = quarantineName("function.lua", i, nowMs);
    const path = joinPath(quarantine, name);
    const fd = disk.open(path, "create");
    try {
      writeFully(disk, fd, library, 0, library.length, 0, path);
      syncFully(disk, fd, path);
    } finally {
      disk.close(fd);
    }
    kept.push(joinPath(QUARANTINE_NAME, name));
  }
  disk.syncDirectory(quarantine);
  return kept;
}
