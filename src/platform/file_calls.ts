/** Calls on file descriptors that Node lacks; `disk/` takes them as hooks. Each gives zero or a negative error number. */
import { nativeAddon } from "./native.ts";

export interface FileCalls {
  /** An exclusive lock, without waiting; EAGAIN when somebody else has it. */
  readonly flock?: (fd: number) => number;
  /** Sets space aside without changing the file's length. */
  readonly fallocate?: (fd: number, position: number, length: number) => number;
}

/** Empty without the addon. */
export function nativeFileCalls(): FileCalls {
  const addon = nativeAddon();
  if (addon === undefined) return {};
  return {
    flock: (fd) => addon.flock(fd),
    fallocate: (fd, position, length) => addon.fallocate(fd, true, position, length),
  };
}
