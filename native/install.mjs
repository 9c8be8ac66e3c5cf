/**
 * The package's install script: takes the prebuilt binary where there is one, else compiles, else says in one line why
 * the addon is missing and exits 0, because Emberlog runs without it (slower, and INFO names what is then missing).
 *
 * node-gyp comes from wherever there is one: the npm that installs us names its own, else the development dependency.
 * The headers beside the running node are used where they exist, so that nothing need be downloaded.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const native = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
/** "--force" compiles although a binary is there, and fails where it can't: for developers. */
const force = process.argv.includes("--force");

function giveUp(why) {
  console.log(`emberlog: running without the native addon: ${why}`);
  process.exit(force ? 1 : 0);
}

function prebuildLoads() {
  try {
    require("node-gyp-build")(path.dirname(native));
    return true;
  } catch {
    return false;
  }
}

function findNodeGyp() {
  const named = process.env.npm_config_node_gyp;
  if (named && existsSync(named)) return named;
  try {
    return require.resolve("node-gyp/bin/node-gyp.js");
  } catch {}
  // npm beside node, as the official packages and images have it.
  const beside = path.resolve(process.execPath, "../../lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js");
  return existsSync(beside) ? beside : undefined;
}

/** The line that tells most: a compiler's error, else node-gyp's own, else the last one. */
function reasonIn(output) {
  const lines = output.split("\n").map((line) => line.trim());
  const telling =
    lines.find((line) => /\berror:|fatal error|not found: |Could not find any Python|command not found/.test(line)) ??
    lines.find((line) => /^gyp ERR! stack Error/.test(line)) ??
    lines.filter((line) => line !== "").at(-1);
  return (telling ?? "node-gyp failed").replace(/^gyp ERR! stack /, "").slice(0, 200);
}

if (process.env.EMBERLOG_NATIVE === "0") giveUp("EMBERLOG_NATIVE=0");
if (process.platform !== "linux") giveUp(`it exists for Linux only, not for ${process.platform}`);
if (!force && prebuildLoads()) process.exit(0);
if (!existsSync(path.join(native, "binding.gyp"))) giveUp("its sources are not in this package");

const nodeGyp = findNodeGyp();
if (nodeGyp === undefined) giveUp("there is no node-gyp to compile it with");
const args = [nodeGyp, "rebuild", "--directory", native];
const headers = path.resolve(process.execPath, "../..");
if (existsSync(path.join(headers, "include/node/node_api.h"))) args.push("--nodedir", headers);

const built = spawnSync(process.execPath, args, { encoding: "utf8", cwd: native });
if (built.status !== 0) giveUp(reasonIn(`${built.stderr ?? ""}\n${built.stdout ?? ""}`));
