/**
 * The C programs of this folder, compiled where and when they are needed: clients that must cost less than the servers they measure, and
 * libraries that are loaded into servers. What is compiled lies in a temporary folder and is removed with this process.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../test/support/emberlog_server.ts";

let folder: string | undefined;

/** Compiles bench/`name`.c and returns the path of the program, or of the library where it is one; undefined, saying why, without a compiler. */
export function compiled(name: string, library = false): string | undefined {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "emberlog-bench-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  const path = join(folder, library ? `${name}.so` : name);
  const kind = library ? ["-shared", "-fPIC"] : [];
  const result = spawnSync("cc", ["-O2", ...kind, "-o", path, join(projectRoot, "bench", `${name}.c`)], {
    stdio: "inherit",
  });
  if (result.status === 0) return path;
  console.warn(`bench/${name}.c could not be compiled: a C compiler (cc) is needed`);
  return undefined;
}
