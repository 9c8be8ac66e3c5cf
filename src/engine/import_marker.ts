/**
 * The file IMPORT of a data directory: an import into it has begun and is not whole yet.
 *
 * ```
 * emberlog import 1
 * <where the data comes from>      "." for files in the directory itself
 * ```
 * It is durable before anything else of an import is, and removed when the manifest says that the log holds everything. So a crash in between
 * leaves a directory that no start takes for data: files of Redis in the directory itself are imported again from the beginning, anything else
 * waits for whoever began it.
 */
import { latin1, latin1Bytes } from "../base/bytes.ts";
import { EmberlogError } from "../base/errors.ts";
import { type Disk, readWholeFile } from "../disk/disk.ts";
import { IMPORT_NAME, IMPORT_TEMPORARY_NAME, joinPath } from "../disk/file_names.ts";
import { replaceFile } from "../disk/replace_file.ts";
import type { Crc32c } from "../log/format.ts";
import { readManifest } from "../manifest/store.ts";
import { directoryState } from "./examination.ts";

/** As a source: the directory's own files. */
export const OWN_FILES = ".";

const HEAD = "emberlog import 1\n";
const MARKER_BYTES_MAX = 64 * 1024;

export function writeImportMarker(disk: Disk, directory: string, source: string): void {
  const bytes = latin1Bytes(`${HEAD}${source}\n`);
  replaceFile(disk, directory, IMPORT_NAME, IMPORT_TEMPORARY_NAME, bytes);
}

export function removeImportMarker(disk: Disk, directory: string): void {
  const path = joinPath(directory, IMPORT_NAME);
  if (disk.status(path) === undefined) return;
  disk.unlink(path);
  disk.syncDirectory(directory);
}

/** Where an unfinished import comes from; undefined: there is none, or it is whole but for this file. */
export function unfinishedImport(disk: Disk, directory: string, crc32c: Crc32c): string | undefined {
  if (disk.status(directory) === undefined) return undefined;
  const bytes = readWholeFile(disk, joinPath(directory, IMPORT_NAME), MARKER_BYTES_MAX);
  if (bytes === undefined) return undefined;
  const manifest = readManifest(disk, directory, crc32c);
  if (manifest.kind !== "missing" && !(manifest.kind === "sound" && manifest.manifest.state === "filling")) {
    return undefined;
  }
  const text = latin1(bytes);
  return text.startsWith(HEAD) ? text.slice(HEAD.length).trimEnd() : "an unknown source";
}

/** Does the directory hold nothing but data of Redis, or a half of it imported, so that a start imports it? */
export function startsWithImport(disk: Disk, directory: string, crc32c: Crc32c): boolean {
  const unfinished = unfinishedImport(disk, directory, crc32c);
  if (unfinished !== undefined) return unfinished === OWN_FILES;
  return directoryState(disk, directory) === "redis";
}

/** Throws IMPORT_UNFINISHED where a start would serve half of a dataset. */
export function refuseUnfinishedImport(disk: Disk, directory: string, crc32c: Crc32c): void {
  const source = unfinishedImport(disk, directory, crc32c);
  if (source === undefined) return;
  throw new EmberlogError(
    "IMPORT_UNFINISHED",
    `an import into ${directory} from ${source} has not been finished, and what is there is not the whole. ` +
      `To go on: run it again (\`emberlog import --from ${source} --dir ${directory}\`), or remove the directory.`,
    { file: joinPath(directory, IMPORT_NAME) },
  );
}
