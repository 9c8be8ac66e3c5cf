/**
 * Where the reference data lies that tests check against and that is no part of the project: EMBERLOG_SHARED, or ../shared beside the
 * project. A checkout elsewhere has none of it; the tests that want it are skipped there, and say so.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { projectRoot } from "./emberlog_server.ts";

/** The path of a shared file or folder; undefined, with the reason printed, when it is not there. */
export function sharedPath(...parts: string[]): string | undefined {
  const path = join(resolve(projectRoot, process.env["EMBERLOG_SHARED"] ?? "../shared"), ...parts);
  if (existsSync(path)) return path;
  console.warn(
    `SKIPPED: ${path} is not here (reference data, no part of the project; EMBERLOG_SHARED names its folder)`,
  );
  return undefined;
}
