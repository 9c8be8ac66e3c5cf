/**
 * A dataset as files of Redis: an RDB file, or an append-only directory whose base is one.
 *
 * ```
 * DIR/appendonly.aof.1.base.rdb     everything
 * DIR/appendonly.aof.1.incr.aof     nothing yet
 * DIR/appendonly.aof.manifest       lists the two; written last
 * ```
 * Everything is written in one go, so what is written is the dataset of one moment.
 */
import { EmberlogError } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { type Disk, syncFully, writeFully } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";
import { RdbFileWriter } from "../rdb/file_writer.ts";
import { VERSION_WRITTEN } from "../rdb/format.ts";
import { RdbOutput } from "../rdb/output.ts";
import { EntryList } from "../structure/entry_list.ts";
import { RdbFile, refuseExisting } from "./rdb_file.ts";

/** What the files say wrote them: readers tell it, and choose nothing by it. */
const REDIS_VERSION = "7.0.15";
const BASE_NAME = "appendonly.aof.1.base.rdb";
const INCREMENT_NAME = "appendonly.aof.1.incr.aof";
const MANIFEST_NAME = "appendonly.aof.manifest";

export interface ExportTarget {
  /** A file to be made, or a directory. */
  readonly kind: "rdb" | "aof";
  readonly path: string;
  /** Write over what is there. */
  readonly replace: boolean;
}

export interface Exported {
  readonly path: string;
  readonly keys: number;
  readonly bytes: number;
  readonly rdbVersion: number;
}

/** Facts that an RDB file tells about itself. */
export function auxiliary(nowMs: number, isBase: boolean): [string, string][] {
  return [
    ["redis-ver", REDIS_VERSION],
    ["redis-bits", "64"],
    ["ctime", String(Math.floor(nowMs / 1000))],
    ["emberlog-ver", VERSION],
    ["aof-base", isBase ? "1" : "0"],
  ];
}

/** Writes all of a dataset, or `only` one of its databases. Throws where something is in the way, or the disk fails; then nothing is left behind. */
export function exportDataset(
  disk: Disk,
  dataset: Dataset,
  target: ExportTarget,
  nowMs: number,
  onProgress: (keys: number) => void = () => {},
  only?: number,
): Exported {
  const file = beginExport(disk, dataset, target, nowMs, versionOf(dataset));
  try {
    const found = new EntryList(64);
    for (let index = 0; index < dataset.databaseCount; index++) {
      const { keys, expires } = dataset.database(index);
      if (keys.count === 0 || (only !== undefined && index !== only)) continue;
      file.writer.database(index, keys.count, expires.count);
      let cursor = 0;
      do {
        found.clear();
        cursor = keys.scanInto(cursor, found);
        for (let i = 0; i < found.count; i++) file.writer.key(found.items[i]!);
        onProgress(file.writer.keys);
      } while (cursor !== 0);
    }
  } catch (thrown) {
    file.giveUp();
    throw thrown;
  }
  return finishExport(disk, target, file);
}

/** Begins the RDB file of a target. */
export function beginExport(
  disk: Disk,
  dataset: Dataset,
  target: ExportTarget,
  nowMs: number,
  version = VERSION_WRITTEN,
): RdbFile {
  if (target.kind === "rdb") {
    return new RdbFile(disk, target.path, dataset, version, target.replace, auxiliary(nowMs, false));
  }
  disk.makeDirectory(target.path);
  const names = disk.list(target.path).filter((name) => !name.endsWith(".emberlog-tmp"));
  if (names.length > 0 && !target.replace) {
    throw new EmberlogError(
      "DIRECTORY_HOLDS_DATA",
      `${target.path} is not empty; --replace writes over what is there`,
      {
        file: target.path,
      },
    );
  }
  return new RdbFile(disk, joinPath(target.path, BASE_NAME), dataset, version, target.replace, auxiliary(nowMs, true));
}

/** Ends it, and writes what else belongs to the target. */
export function finishExport(disk: Disk, target: ExportTarget, file: RdbFile): Exported {
  file.finish();
  if (target.kind === "aof") {
    writeNew(disk, joinPath(target.path, INCREMENT_NAME), target.replace, "");
    const manifest = `file ${BASE_NAME} seq 1 type b\nfile ${INCREMENT_NAME} seq 1 type i\n`;
    writeNew(disk, joinPath(target.path, MANIFEST_NAME), target.replace, manifest);
    disk.syncDirectory(target.path);
  }
  const { keys, version } = file.writer;
  return { path: target.path, keys, bytes: file.bytes, rdbVersion: version };
}

function writeNew(disk: Disk, path: string, replace: boolean, text: string): void {
  refuseExisting(disk, path, replace);
  if (disk.status(path) !== undefined) disk.unlink(path);
  const fd = disk.open(path, "create");
  try {
    const bytes = Buffer.from(text);
    writeFully(disk, fd, bytes, 0, bytes.length, 0, path);
    syncFully(disk, fd, path);
  } finally {
    disk.close(fd);
  }
}

/** The version that a file of the whole dataset needs: only hashes with fields that expire need a later one. */
function versionOf(dataset: Dataset): number {
  const probe = new RdbFileWriter(dataset, new RdbOutput());
  const found = new EntryList(64);
  let version = VERSION_WRITTEN;
  for (let index = 0; index < dataset.databaseCount; index++) {
    let cursor = 0;
    do {
      found.clear();
      cursor = dataset.database(index).hashes.scanInto(cursor, found);
      for (let i = 0; i < found.count; i++) version = Math.max(version, probe.versionOf(found.items[i]!));
    } while (cursor !== 0);
  }
  return version;
}
