/** Which guarantees are missing where the addon is, each with what follows from that: INFO server lists them. */
import { hasFlockUtility } from "./flock_utility.ts";
import { nativeAddon } from "./native.ts";

export interface MissingGuarantee {
  readonly name: string;
  readonly consequence: string;
}

/** By the addon or by flock(1). */
const DIRECTORY_LOCK: MissingGuarantee = {
  name: "directory-lock-by-kernel",
  consequence: "the data directory is locked by process id and start time; where that is in doubt, start is refused",
};

const BY_ADDON: readonly MissingGuarantee[] = [
  {
    name: "reserved-log-space",
    consequence: "space is not set aside before a turn executes; a full disk shows only when the log is written",
  },
  {
    name: "dedicated-log-threads",
    consequence: "log writes and syncs share Node's thread pool, where other work can delay them",
  },
  {
    name: "huge-pages",
    consequence: "memory segments lie on small pages; random access is 10 to 25 % slower",
  },
  {
    name: "memory-return",
    consequence: "memory freed by deleted keys stays with the process",
  },
  {
    name: "native-transport",
    consequence: "sockets go through node:net; throughput is a fraction, and failed accepts are not reported",
  },
  {
    name: "thread-cpu-time",
    consequence: "the time of a turn is measured by the processor time of the whole process, an upper bound",
  },
];

/** Worker threads have a niceness of their own only on Linux, with the addon or without. */
const BY_PLATFORM: readonly MissingGuarantee[] = [
  {
    name: "background-niceness",
    consequence: "background threads compete with the serving thread at the same priority",
  },
];

export function missingGuarantees(): readonly MissingGuarantee[] {
  const lock = hasFlockUtility() ? [] : [DIRECTORY_LOCK];
  const byAddon = nativeAddon() === undefined ? [...lock, ...BY_ADDON] : [];
  return process.platform === "linux" ? byAddon : [...byAddon, ...BY_PLATFORM];
}
