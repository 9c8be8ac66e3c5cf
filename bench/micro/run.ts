/**
 * Runs a micro bench as the server runs: bundled into one file. `npx tsx bench/micro/run.ts table [arguments …]`
 *
 * It matters: constants and functions imported from other modules are cells that V8 reads at each use, while within
 * one file they are known to it. Finds in a Table are up to twice as fast in the bundle, so numbers of unbundled
 * modules say little.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "tsdown";

const [name, ...rest] = process.argv.slice(2);
if (name === undefined) throw new Error("which bench? for instance: npx tsx bench/micro/run.ts table");

// Inside the package, so that it can find the addon.
const cache = path.join(import.meta.dirname, "../../node_modules/.cache");
mkdirSync(cache, { recursive: true });
const directory = mkdtempSync(path.join(cache, "micro-"));
try {
  await build({
    config: false,
    entry: { [name]: path.join(import.meta.dirname, `${name}.ts`) },
    outDir: directory,
    format: "esm",
    platform: "node",
    target: "node20",
    dts: false,
    logLevel: "error",
  });
  const { status } = spawnSync(process.execPath, [path.join(directory, `${name}.mjs`), ...rest], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(directory, { recursive: true });
}
