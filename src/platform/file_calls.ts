/** Calls on file descriptors that Node lacks; `disk/` takes them as hooks. Each gives zero or a negative error number. */
import { flockByUtility, hasFlockUtility } from "./flock_utility.ts";
import { nativeAddon } from "./native.ts";

export interface FileCalls {
  /** An exclusive lock, without waiting; EAGAIN when somebody else has it. */
  readonly flock?: (fd: number) => number;
  /** Sets space aside without changing the file's length. */
  readonly fallocate?: (fd: number, position: number, length: number) => number;
}

/** Without the addon at most the lock, by a program that most systems have. */
export function nativeFileCalls(): FileCalls {
  const addon = nativeAddon();
  if (addon === undefined) return hasFlockUtility() ? { flock: flockByUtility } : {};
  return {
    flock: (fd) => addon.flock(fd),
    fallocate: (fd, position, length) => addon.fallocate(fd, true, position, length),
  };
}
