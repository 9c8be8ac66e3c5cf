/**
 * The SQLite library that this process and the servers it starts use for the catalogue: what EMBERLOG_SQLITE says, else what test/support/sqlite.sh has installed, which is
 * waited for, else node:sqlite. Imported before anything asks for it.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../.sqlite/", import.meta.url));
const INSTALL_MS_MAX = 180_000;
const LOOK_MS = 500;

function chosen(): string | undefined {
  const said = process.env["EMBERLOG_SQLITE"];
  if (said !== undefined) return said === "0" ? undefined : said;
  const wait = new Int32Array(new SharedArrayBuffer(4));
  for (let ms = 0; ms < INSTALL_MS_MAX && existsSync(`${folder}installing`); ms += LOOK_MS)
    Atomics.wait(wait, 0, 0, LOOK_MS);
  const installed = `${folder}node_modules/better-sqlite3`;
  for (const module of [installed, "node:sqlite"]) {
    try {
      createRequire(import.meta.url)(module);
      return module;
    } catch {
      // The next one, or none.
    }
  }
  return undefined;
}

const module = chosen();
process.env["EMBERLOG_SQLITE"] = module ?? "0";

/** Whether catalogues can be kept here; says why not otherwise. */
export function sqliteAvailable(): boolean {
  if (module === undefined)
    console.log(
      "SKIPPED: the catalogue of backups, because there is no SQLite here (bash test/support/sqlite.sh installs one)",
    );
  return module !== undefined;
}
