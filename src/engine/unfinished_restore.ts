/**
 * A restore into a data directory that has not come to its end: its files lie in the folder `restoring` until they are whole, then they move up, the manifest
 * last, and the folder goes. So a directory with that folder and no manifest holds a half, which no start takes for data or for nothing.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { isImageName, joinPath, MANIFEST_NAME, parseSegmentName, RESTORING_NAME } from "../disk/file_names.ts";
import { removeFolder } from "../disk/object_files.ts";

function isUnfinished(disk: Disk, directory: string): boolean {
  return (
    disk.status(joinPath(directory, RESTORING_NAME)) !== undefined &&
    disk.status(joinPath(directory, MANIFEST_NAME)) === undefined
  );
}

/** Throws RESTORE_UNFINISHED where a start would serve half of a dataset, or nothing. */
export function refuseUnfinishedRestore(disk: Disk, directory: string): void {
  if (!isUnfinished(disk, directory)) return;
  throw new EmberlogError(
    "RESTORE_UNFINISHED",
    `a restore into ${directory} has not been finished, and what is there is not the whole. ` +
      "To go on: run it again (`emberlog restore`, which begins anew there), or remove the directory.",
    { file: joinPath(directory, RESTORING_NAME) },
  );
}

/** Takes away what an unfinished restore has left, all of which is from it, or the empty folder of one that is whole. */
export async function clearUnfinishedRestore(disk: Disk, directory: string): Promise<void> {
  if (disk.status(joinPath(directory, RESTORING_NAME)) === undefined) return;
  if (isUnfinished(disk, directory)) {
    for (const name of disk.list(directory)) if (isDataName(name)) disk.unlink(joinPath(directory, name));
    disk.syncDirectory(directory);
  }
  await removeFolder(joinPath(directory, RESTORING_NAME));
}

/** What lies in `restoring` and is whole becomes the data directory's. // D3 */
export async function finishRestore(disk: Disk, directory: string): Promise<void> {
  const restoring = joinPath(directory, RESTORING_NAME);
  for (const name of disk.list(restoring).filter(isDataName))
    disk.rename(joinPath(restoring, name), joinPath(directory, name));
  disk.syncDirectory(directory);
  disk.rename(joinPath(restoring, MANIFEST_NAME), joinPath(directory, MANIFEST_NAME));
  disk.syncDirectory(directory);
  await removeFolder(restoring);
}

function isDataName(name: string): boolean {
  return parseSegmentName(name) !== undefined || isImageName(name);
}
