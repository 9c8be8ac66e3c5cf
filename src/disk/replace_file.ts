/**
 * Replacing a file so that a crash leaves the old one or the new one, whole, and afterwards the new one (D2): temporary file
 * in the same directory, write, sync, rename, sync the directory.
 */
import { type Disk, DiskError, syncFully, writeFully } from "./disk.ts";
import { joinPath } from "./file_names.ts";

/** Throws a DiskError; then the old file is still there, or a later crash may still bring it back. */
export function replaceFile(disk: Disk, directory: string, name: string, temporary: string, bytes: Uint8Array): void {
  const from = joinPath(directory, temporary);
  const fd = writeTemporary(disk, from, bytes);
  try {
    syncFully(disk, fd, from);
  } finally {
    disk.close(fd);
  }
  disk.rename(from, joinPath(directory, name));
  disk.syncDirectory(directory);
}

/** The same without waiting for the syncs: `done` is called once, later, with zero or a negative error number. */
export function replaceFileLater(
  disk: Disk,
  directory: string,
  name: string,
  temporary: string,
  bytes: Uint8Array,
  done: (result: number) => void,
): void {
  const from = joinPath(directory, temporary);
  try {
    const fd = writeTemporary(disk, from, bytes);
    disk.fdatasyncLater(fd, (result) => {
      try {
        disk.close(fd);
        if (result < 0) return done(result);
        disk.rename(from, joinPath(directory, name));
      } catch (thrown) {
        return done(errnoOf(thrown));
      }
      disk.syncDirectoryLater(directory, done);
    });
  } catch (thrown) {
    const errno = errnoOf(thrown);
    queueMicrotask(() => done(errno));
  }
}

function errnoOf(thrown: unknown): number {
  if (thrown instanceof DiskError) return thrown.errno;
  throw thrown;
}

function writeTemporary(disk: Disk, path: string, bytes: Uint8Array): number {
  if (disk.status(path) !== undefined) disk.unlink(path);
  const fd = disk.open(path, "create");
  try {
    writeFully(disk, fd, bytes, 0, bytes.length, 0, path);
  } catch (thrown) {
    disk.close(fd);
    throw thrown;
  }
  return fd;
}
