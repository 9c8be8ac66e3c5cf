/** What the calling thread may know and decide about itself; in a worker that is the worker. */
import os from "node:os";
import { nativeAddon } from "./native.ts";

/** Sets the niceness of the calling thread alone. False where that can't be done, or isn't allowed. */
export function setThreadNice(nice: number): boolean {
  const addon = nativeAddon();
  if (addon !== undefined) return addon.setThreadNice(nice) === 0;
  // On Linux "process 0" is the calling thread; elsewhere it is the whole process, which must not be touched.
  if (process.platform !== "linux") return false;
  try {
    os.setPriority(0, nice);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the function that gives the processor time of the calling thread, microseconds. Without the addon it is that of
 * the whole process: an upper bound.
 */
export function threadCpuClock(): () => number {
  const addon = nativeAddon();
  if (addon !== undefined) return addon.threadCpuUs;
  return () => {
    const usage = process.cpuUsage();
    return usage.user + usage.system;
  };
}

/** User and system time of the calling thread, microseconds. Without the addon that of the whole process: an upper bound. */
export function threadUsage(): { user: number; system: number } {
  const times = new Float64Array(2);
  if (nativeAddon()?.threadUsage(times) !== 0) return process.cpuUsage();
  return { user: times[0]!, system: times[1]! };
}
