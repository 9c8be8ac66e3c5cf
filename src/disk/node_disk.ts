/**
 * The real disk, over `node:fs`; the only user of `node:fs` for data. What Node can't do (flock, fallocate) comes in as
 * hooks of the addon. Without a hook the guarantee is missing, which platform/capabilities.ts tells; nothing pretends.
 */
import fs from "node:fs";
import path from "node:path";
import type { PortableFiles } from "../platform/log_io.ts";
import { acquireDirectoryLock, directoryLockHolder } from "./directory_lock.ts";
import { type DirectoryLock, type Disk, DiskError, type DiskSpace, type FileStatus, type OpenMode } from "./disk.ts";
import { EINTR, ENOENT, ENOSYS, ENOTDIR, ENOTSUP, EOPNOTSUPP } from "./errno.ts";

/** The addon's part. Each returns zero or a negative error number. */
export interface DiskHooks {
  /** flock(fd, LOCK_EX | LOCK_NB) */
  readonly flock?: ((fd: number) => number) | undefined;
  /** fallocate(fd, FALLOC_FL_KEEP_SIZE, position, length) */
  readonly fallocate?: ((fd: number, position: number, length: number) => number) | undefined;
}

/** What platform/log_io.ts needs of `node:fs` where the addon is missing. */
export const nodeFiles: PortableFiles = {
  write: (fd, bytes, offset, length, position, done) => fs.write(fd, bytes, offset, length, position, done),
  writeSync: (fd, bytes, offset, length, position) => fs.writeSync(fd, bytes, offset, length, position),
  fdatasync: (fd, done) => fs.fdatasync(fd, done),
};

const FLAGS = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
} as const;

/** The negative error number in something that node:fs threw; what is no system error is a bug and goes on up. */
function errnoOf(thrown: unknown): number {
  if (thrown instanceof Error && "errno" in thrown && typeof thrown.errno === "number") return thrown.errno;
  throw thrown;
}

/** Runs one call of node:fs and turns its exception into a DiskError. */
function attempt<T>(operation: string, file: string, call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw new DiskError(operation, file, errnoOf(thrown), thrown);
  }
}

function later(done: (result: number) => void): (error: NodeJS.ErrnoException | null) => void {
  return (error) => done(error === null ? 0 : errnoOf(error));
}

export class NodeDisk implements Disk {
  private readonly hooks: DiskHooks;

  constructor(hooks: DiskHooks = {}) {
    this.hooks = hooks;
  }

  open(file: string, mode: OpenMode): number {
    return attempt(mode === "create" ? "create" : "open", file, () => fs.openSync(file, FLAGS[mode], 0o640));
  }

  openAgain(fd: number): number {
    // Not by its name: that may be another file's by now.
    return this.open(`/proc/self/fd/${fd}`, "write");
  }

  close(fd: number): void {
    attempt("close", `descriptor ${fd}`, () => fs.closeSync(fd));
  }

  read(fd: number, target: Uint8Array, start: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const read = attempt("read", `descriptor ${fd}`, () =>
        fs.readSync(fd, target, start + done, length - done, position + done),
      );
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  pwrite(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number {
    for (;;) {
      try {
        return fs.writeSync(fd, bytes, start, length, position);
      } catch (thrown) {
        const errno = errnoOf(thrown);
        if (errno !== EINTR) return errno;
      }
    }
  }

  fdatasync(fd: number): number {
    try {
      fs.fdatasyncSync(fd);
      return 0;
    } catch (thrown) {
      return errnoOf(thrown);
    }
  }

  fdatasyncLater(fd: number, done: (result: number) => void): void {
    fs.fdatasync(fd, later(done));
  }

  syncDirectory(directory: string): void {
    attempt("sync directory", directory, () => {
      const fd = fs.openSync(directory, fs.constants.O_RDONLY);
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  syncDirectoryLater(directory: string, done: (result: number) => void): void {
    fs.open(directory, fs.constants.O_RDONLY, (openError, fd) => {
      if (openError !== null) return done(errnoOf(openError));
      fs.fsync(fd, (syncError) => {
        fs.close(fd, () => done(syncError === null ? 0 : errnoOf(syncError)));
      });
    });
  }

  truncate(fd: number, length: number): void {
    attempt("truncate", `descriptor ${fd}`, () => fs.ftruncateSync(fd, length));
  }

  length(fd: number): number {
    return attempt("stat", `descriptor ${fd}`, () => fs.fstatSync(fd).size);
  }

  reserve(fd: number, position: number, length: number): number {
    if (this.hooks.fallocate === undefined) return ENOTSUP;
    const result = this.hooks.fallocate(fd, position, length);
    return result === EOPNOTSUPP || result === ENOSYS ? ENOTSUP : result;
  }

  rename(from: string, to: string): void {
    attempt("rename", from, () => fs.renameSync(from, to));
  }

  /**
   * The name goes now. Giving back what a large file takes, which costs a file system 50 ms and more, happens when its last descriptor is
   * closed: on a thread of libuv.
   */
  unlink(file: string): void {
    let fd = -1;
    try {
      fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW);
    } catch {
      // What can't be read, is a link or is not there: unlink itself says what is wrong, if anything is.
    }
    try {
      attempt("unlink", file, () => fs.unlinkSync(file));
    } finally {
      if (fd >= 0) fs.close(fd, () => {});
    }
  }

  list(directory: string): string[] {
    return attempt("list", directory, () => fs.readdirSync(directory)).sort();
  }

  status(file: string): FileStatus | undefined {
    try {
      const stat = fs.statSync(file);
      const kind = stat.isFile() ? "file" : stat.isDirectory() ? "directory" : "other";
      return { kind, size: stat.size, inode: stat.ino };
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === ENOENT || errno === ENOTDIR) return undefined;
      throw new DiskError("stat", file, errno, thrown);
    }
  }

  space(file: string): DiskSpace | undefined {
    try {
      const { bsize, bavail, blocks } = fs.statfsSync(file);
      return blocks > 0 ? { freeBytes: bavail * bsize, totalBytes: blocks * bsize } : undefined;
    } catch (thrown) {
      // Gone, or a file system that does not tell: whoever asks does without.
      errnoOf(thrown);
      return undefined;
    }
  }

  makeDirectory(directory: string): boolean {
    const first = attempt("create directory", directory, () =>
      fs.mkdirSync(directory, { recursive: true, mode: 0o750 }),
    );
    if (first === undefined) return false;
    // D1: each name created is durable only once the directory above it is synced.
    const top = path.dirname(path.resolve(first));
    for (let above = path.dirname(path.resolve(directory)); ; above = path.dirname(above)) {
      this.syncDirectory(above);
      if (above === top || above === path.dirname(above)) break;
    }
    return true;
  }

  lock(directory: string): DirectoryLock {
    return acquireDirectoryLock(directory, this.hooks.flock);
  }

  holder(directory: string): number | undefined {
    return directoryLockHolder(directory);
  }
}
