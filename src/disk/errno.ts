/**
 * The numbers the kernel answers when it refuses, and their words as strerror(3) has them: clients see these words in
 * `MISCONF Errors writing to the AOF file: No space left on device`. Throughout `disk/` and `log/` a failed call is the
 * negative number, as libuv and the addon give it.
 */
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

export const ENOSPC = -constants.errno.ENOSPC;
export const EACCES = -constants.errno.EACCES;
export const EPERM = -constants.errno.EPERM;
export const EROFS = -constants.errno.EROFS;
export const EDQUOT = -constants.errno.EDQUOT;
export const EIO = -constants.errno.EIO;
export const ENOENT = -constants.errno.ENOENT;
export const EEXIST = -constants.errno.EEXIST;
export const EBADF = -constants.errno.EBADF;
export const EINTR = -constants.errno.EINTR;
export const EAGAIN = -constants.errno.EAGAIN;
export const ENOTSUP = -constants.errno.ENOTSUP;
export const EOPNOTSUPP = -constants.errno.EOPNOTSUPP;
export const ENOSYS = -constants.errno.ENOSYS;
export const ENOTDIR = -constants.errno.ENOTDIR;

const WORDS = new Map<number, string>([
  [ENOSPC, "No space left on device"],
  [EDQUOT, "Disk quota exceeded"],
  [EIO, "Input/output error"],
  [ENOENT, "No such file or directory"],
  [EEXIST, "File exists"],
  [EBADF, "Bad file descriptor"],
  [EACCES, "Permission denied"],
  [EPERM, "Operation not permitted"],
  [EROFS, "Read-only file system"],
  [-constants.errno.EFBIG, "File too large"],
  [-constants.errno.EMFILE, "Too many open files"],
  [-constants.errno.ENFILE, "Too many open files in system"],
  [-constants.errno.EISDIR, "Is a directory"],
  [ENOTDIR, "Not a directory"],
]);

/** The words for a negative error number. */
export function errorText(errno: number): string {
  const known = WORDS.get(errno);
  if (known !== undefined) return known;
  const described = getSystemErrorMap().get(errno);
  return described === undefined ? `Error ${-errno}` : described[1].charAt(0).toUpperCase() + described[1].slice(1);
}

/** What a client is told while the log takes no writes, as redis-server says it. */
export function misconf(reason: string): string {
  return `MISCONF Errors writing to the AOF file: ${reason}`;
}

/** True for the refusals that end when somebody frees space. */
export function isOutOfSpace(errno: number): boolean {
  return errno === ENOSPC || errno === EDQUOT;
}
