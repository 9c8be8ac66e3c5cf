/**
 * How much memory the container lets this process use: the limit of its control group, version 2 or 1, or of one above it.
 *
 * It is only told about: a server that set `maxmemory` for itself would begin to evict, or to refuse writes, where nobody asked for it.
 */
import { readFileSync } from "node:fs";
import os from "node:os";
import { humanBytes } from "../base/memory_size.ts";

/** Share of the limit that maxmemory may have: the rest is for Node.js, buffers of the log, and pages that are written while data are freed. */
const ADVISED_SHARE = 0.7;

/** A file's text, undefined when it can't be read. */
export type ReadText = (path: string) => string | undefined;

export const readSystemFile: ReadText = (path) => {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
};

/** The least limit on the way from this process's group to the root, bytes; undefined without one. */
export function containerLimitBytes(read: ReadText, machineBytes: number = os.totalmem()): number | undefined {
  let least = Number.POSITIVE_INFINITY;
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined || controllers === undefined) continue;
    const unified = controllers === "";
    if (!unified && !controllers.split(",").includes("memory")) continue;
    const root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const file = unified ? "memory.max" : "memory.limit_in_bytes";
    // Inside a container the group's own path often can't be seen, but its files stand at the root.
    for (let group = path; ; group = group.slice(0, group.lastIndexOf("/"))) {
      const text = read(`${root}${group === "/" ? "" : group}/${file}`)?.trim();
      if (text !== undefined && /^\d+$/.test(text)) least = Math.min(least, Number(text));
      if (group === "" || group === "/") break;
    }
  }
  return least < machineBytes ? least : undefined;
}

/** What to say at the start about `maxmemory` in a container with this limit; undefined when all is well. */
export function memoryAdvice(limitBytes: number | undefined, maxmemory: number): string | undefined {
  if (limitBytes === undefined) return undefined;
  const advised = Math.floor((limitBytes * ADVISED_SHARE) / (1024 * 1024));
  const advice = `"maxmemory ${advised}mb" leaves room for Node.js and the log, "maxmemory-policy" says what happens then`;
  const limit = `The container may use ${humanBytes(limitBytes)} of memory`;
  if (maxmemory === 0) return `${limit}, and the system ends what uses more: ${advice}`;
  if (maxmemory > limitBytes * 0.85)
    return `${limit} and maxmemory is ${humanBytes(maxmemory)}, which leaves too little beside it: ${advice}`;
  return undefined;
}
