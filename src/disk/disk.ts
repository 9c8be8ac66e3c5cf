/**
 * What Emberlog asks of a disk: the one interface through which all data reaches files. There is the real one
 * (`node_disk.ts`) and one in memory with faults (`memory_disk.ts`).
 *
 * Two manners of failing, by who asks. `pwrite`, `fdatasync`, `reserve` and the `Later` calls return a negative error
 * number, because the log's writer treats failure as a normal event (D7, D9). All others throw a `DiskError`.
 *
 * Paths are complete; file descriptors are those of the operating system, so that the addon's threads may write and sync
 * through the same descriptor (D10). Nothing here retries a failed sync (D9) or hides a short write.
 */
import { EmberlogError } from "../base/errors.ts";
import { errorText, isOutOfSpace } from "./errno.ts";

export class DiskError extends EmberlogError {
  /** Negative error number. */
  readonly errno: number;

  constructor(operation: string, path: string, errno: number, cause?: unknown) {
    const code = isOutOfSpace(errno) ? "DISK_FULL" : "DISK_FAILED";
    super(code, `can't ${operation} ${path}: ${errorText(errno)}`, { file: path, cause });
    this.name = "DiskError";
    this.errno = errno;
  }
}

/** How a file is opened: `create` fails where the name exists, `write` where it doesn't. Both can read as well. */
export type OpenMode = "read" | "write" | "create";

export interface FileStatus {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
  /** Another number is another file; 0 where nobody can say. */
  readonly inode: number;
}

/** Of the file system that a path is on: what an ordinary user may still write, and what there is in all, bytes. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The data directory held for one process (D15). */
export interface DirectoryLock {
  release(): void;
}

export interface Disk {
  open(path: string, mode: OpenMode): number;
  close(fd: number): void;
  /** A further descriptor of an open file, which is told of each failed writeback for itself, as the first one is (D9). */
  openAgain(fd: number): number;
  /** Reads up to `length` bytes at `position`; fewer only at the end of the file. */
  read(fd: number, target: Uint8Array, start: number, length: number, position: number): number;
  /** Bytes written, perhaps fewer than asked (D7: the caller continues), or a negative error number. */
  pwrite(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number;
  /** Zero or a negative error number, which is final (D9). */
  fdatasync(fd: number): number;
  /** The same without waiting; `done` runs on a later turn of the event loop. */
  fdatasyncLater(fd: number, done: (result: number) => void): void;
  /** Makes names created, renamed and unlinked in a directory durable (D1, D2). */
  syncDirectory(path: string): void;
  syncDirectoryLater(path: string, done: (result: number) => void): void;
  truncate(fd: number, length: number): void;
  /** Length in bytes of an open file. */
  length(fd: number): number;
  /**
   * Sets space aside for [position, position + length) without changing the file's length: zero, a negative error number,
   * or ENOTSUP where the file system or the platform can't.
   */
  reserve(fd: number, position: number, length: number): number;
  /** Replaces `to` if it exists, atomically. */
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Names in a directory, sorted. */
  list(path: string): string[];
  status(path: string): FileStatus | undefined;
  /** Undefined where nobody can say. */
  space(path: string): DiskSpace | undefined;
  /** Creates a directory and its parents; true if it did not exist. */
  makeDirectory(path: string): boolean;
  /** Takes the data directory for this process or throws DIRECTORY_LOCKED (D15). */
  lock(directory: string): DirectoryLock;
  /** The process that holds the directory, if one certainly does; changes nothing. */
  holder(directory: string): number | undefined;
}

/** Writes a run of bytes completely, continuing short writes (D7). Throws a DiskError. */
export function writeFully(
  disk: Disk,
  fd: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  position: number,
  path: string,
): void {
  let done = 0;
  while (done < length) {
    const written = disk.pwrite(fd, bytes, start + done, length - done, position + done);
    if (written < 0) throw new DiskError("write to", path, written);
    done += written;
  }
}

/** Syncs an open file or throws. */
export function syncFully(disk: Disk, fd: number, path: string): void {
  const result = disk.fdatasync(fd);
  if (result < 0) throw new DiskError("sync", path, result);
}

/** For descriptors on which nothing depends any more: what counts was synced before. */
export function closeQuietly(disk: Disk, fd: number): void {
  try {
    disk.close(fd);
  } catch (thrown) {
    if (!(thrown instanceof DiskError)) throw thrown;
  }
}

/** A whole small file (a manifest, a lock), or undefined where there is none. Larger than `bytesMax` is an error. */
export function readWholeFile(disk: Disk, path: string, bytesMax: number): Uint8Array | undefined {
  const status = disk.status(path);
  if (status === undefined) return undefined;
  if (status.kind !== "file") throw new EmberlogError("DATA_ROTTEN", `${path} is not a file`, { file: path });
  const fd = disk.open(path, "read");
  try {
    const length = disk.length(fd);
    if (length > bytesMax) {
      throw new EmberlogError("DATA_ROTTEN", `${path} has ${length} bytes, more than the ${bytesMax} it may have`, {
        file: path,
      });
    }
    const bytes = new Uint8Array(length);
    const read = disk.read(fd, bytes, 0, length, 0);
    return read === length ? bytes : bytes.slice(0, read);
  } finally {
    disk.close(fd);
  }
}
