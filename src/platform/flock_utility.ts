/**
 * flock(2) where the addon is missing: by the program flock(1), which util-linux and busybox have.
 *
 * A lock belongs to the open file, not to the process: the child locks a descriptor that it has inherited and ends, and this process holds
 * the lock from then on. It costs one short child at the start, and excludes processes of other containers, which no process id can.
 */
import { spawnSync } from "node:child_process";
import { constants } from "node:os";

const WAIT_MS_MAX = 10_000;
/** What flock(1) exits with when somebody else has the lock. */
const HELD = 1;

/** An exclusive lock, without waiting: zero or a negative error number; ENOSYS where there is no such program. */
export function flockByUtility(fd: number): number {
  const { status, error } = spawnSync("flock", ["-n", "-x", "3"], {
    stdio: ["ignore", "ignore", "ignore", fd],
    timeout: WAIT_MS_MAX,
  });
  if (error !== undefined) return -constants.errno.ENOSYS;
  if (status === 0) return 0;
  return status === HELD ? -constants.errno.EAGAIN : -constants.errno.ENOSYS;
}

let known: boolean | undefined;

export function hasFlockUtility(): boolean {
  known ??= process.platform === "linux" && spawnSync("flock", ["--help"], { stdio: "ignore" }).error === undefined;
  return known;
}
