/**
 * The package as a user gets it: packed, installed into an empty folder (with install scripts and without them), then
 * the program, the library and the types are used from there. Works without a network: its dependencies are packed
 * from this checkout's node_modules.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../support/emberlog_server.ts";
import { ServerProcess } from "../support/server_process.ts";

const folder = mkdtempSync(join(tmpdir(), "emberlog-pack-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** Without scripts: `prepare` would build dist anew below the feet of tests that run from it. */
function pack(path: string): Packed {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const out = execFileSync("npm", args, { cwd: path, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return (JSON.parse(out) as Packed[])[0]!;
}

let emberlog: Packed;
let tarballs: string[];
beforeAll(() => {
  if (!existsSync(join(projectRoot, "dist/main.mjs")))
    throw new Error("dist is missing: run `npm run build:dist` first");
  emberlog = pack(projectRoot);
  const { dependencies } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  // npm's cache need not hold what `npm ci` has installed in a form that `npm install --offline` takes.
  const needed = Object.keys(dependencies).map((name) => pack(join(projectRoot, "node_modules", name)));
  tarballs = [...needed, emberlog].map(({ filename }) => join(folder, filename));
});

test("the package holds what it needs and nothing else", () => {
  const paths = emberlog.files.map(({ path }) => path);
  for (const needed of [
    "package.json",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "dist/main.mjs",
    "dist/index.mjs",
    "dist/index.d.mts",
    "native/binding.gyp",
    "native/install.mjs",
    "native/module.cc",
    "docs/deploy/emberlog.service",
  ]) {
    expect(paths).toContain(needed);
  }
  const foreign = paths.filter((path) => /^(src|test|bench|fuzz|scripts|data|node_modules|native\/build)\//.test(path));
  expect(foreign).toEqual([]);
});

const CONSUMER = `
import { open, startServer, EmberlogError } from "emberlog";
const database = await open({ dir: process.argv[2]! });
await database.close();
export const types: [typeof startServer, typeof EmberlogError] = [startServer, EmberlogError];
`;

describe.each([
  { name: "with install scripts", flags: [] as string[] },
  { name: "without install scripts", flags: ["--ignore-scripts"] },
])("installed $name", ({ name, flags }) => {
  const home = join(folder, name.replaceAll(" ", "-"));
  const bin = join(home, "node_modules/.bin/emberlog");

  beforeAll(() => {
    mkdirSync(home);
    writeFileSync(join(home, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
    const args = ["install", "--offline", "--no-audit", "--no-fund", ...flags, ...tarballs];
    const result = spawnSync("npm", args, { cwd: home, encoding: "utf8" });
    if (result.status !== 0) throw new Error(`npm install failed:\n${result.stdout}${result.stderr}`);
  }, 240_000);

  test("the program says its version and answers a health check while it runs", async () => {
    expect(execFileSync(bin, ["--version"], { encoding: "utf8" })).toMatch(/^Emberlog \d+\.\d+\.\d+ /);
    const server = await ServerProcess.start("package", [bin], {});
    const ping = spawnSync(bin, ["ping", "--port", String(server.port)], { encoding: "utf8" });
    expect([ping.status, ping.stdout]).toEqual([0, "PONG\n"]);
    expect(await server.stop()).toBe(0);
    const refused = spawnSync(bin, ["ping", "--port", String(server.port)], { encoding: "utf8" });
    expect([refused.status, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain("ECONNREFUSED");
  });

  test("the addon is compiled where that is allowed and possible, and nowhere else", () => {
    const compiler = ["c++", "make", "python3"].every((tool) => spawnSync(tool, ["--version"]).error === undefined);
    const compiled = existsSync(join(home, "node_modules/emberlog/native/build/Release/emberlog.node"));
    const prebuilt = existsSync(join(home, "node_modules/emberlog/prebuilds"));
    const wanted = process.platform === "linux" && compiler && !prebuilt && process.env["EMBERLOG_NATIVE"] !== "0";
    expect(compiled).toBe(wanted && flags.length === 0);
  });

  test("the library is imported, and its types are there", () => {
    writeFileSync(join(home, "consumer.ts"), CONSUMER);
    const options = ["--module", "nodenext", "--target", "es2023", "--strict", "--outDir", home];
    const types = ["--types", "node", "--typeRoots", join(projectRoot, "node_modules/@types")];
    const tsc = join(projectRoot, "node_modules/typescript/bin/tsc");
    const compiled = spawnSync(process.execPath, [tsc, ...options, ...types, "consumer.ts"], {
      cwd: home,
      encoding: "utf8",
    });
    expect(compiled.stdout).toBe("");
    const run = spawnSync(process.execPath, ["consumer.js", join(home, "data")], { cwd: home, encoding: "utf8" });
    expect([run.status, run.stderr]).toEqual([0, ""]);
  });
});
