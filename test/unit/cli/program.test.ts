/** The command line's words: help, version, mistakes; and that serving names its configuration mistakes. */
import { expect, test } from "vitest";
import { VERSION } from "../../../src/base/version.ts";
import { runProgram } from "../../../src/cli/program.ts";

async function run(...argv: string[]): Promise<{ code: number; out: string; error: string }> {
  let [out, error] = ["", ""];
  const code = await runProgram(argv, {
    out: (text) => {
      out += String(text);
    },
    error: (text) => {
      error += text;
    },
  });
  return { code, out, error };
}

test("--version and -v", async () => {
  for (const word of ["--version", "-v"]) {
    expect(await run(word)).toEqual({ code: 0, out: `Emberlog ${VERSION} (Redis 7.2.4 compatible)\n`, error: "" });
  }
});

test("help names every command, wherever it is asked for", async () => {
  for (const argv of [["--help"], ["-h"], ["serve", "--help"], ["help"]]) {
    const { code, out, error } = await run(...argv);
    for (const word of ["serve", "check", "dump", "ping", "--appendfsync always"]) expect(out + error).toContain(word);
    expect(code).toBe(0);
  }
});

test("with --json a mistake in the arguments is an object too", async () => {
  const cases: [string[], string][] = [
    [["restore", "--json"], "--from"],
    [["backup", "prune", "--json", "--from", "file:///x"], "--keep"],
    [["check", "--json"], "directory"],
  ];
  for (const [argv, missing] of cases) {
    const { code, out, error } = await run(...argv);
    const told = JSON.parse(out) as { error: string; message: string };
    expect({ argv, code, error: told.error }).toEqual({ argv, code: 1, error: "USAGE" });
    expect(told.message).toContain(missing);
    expect(told.message).not.toMatch(/^error/);
    expect(error).toContain(told.message);
  }
});

test("mistakes in arguments are exit code 1 with a reason", async () => {
  for (const argv of [["ping", "--port", "x"], ["ping", "--nosuch"], ["check"], ["dump", "a", "b"]]) {
    const { code, out, error } = await run(...argv);
    expect({ argv, code, out }).toEqual({ argv, code: 1, out: "" });
    expect(error).toContain("error:");
  }
});

test("a mistake in the configuration is exit code 1 and Redis's block on standard error", async () => {
  for (const argv of [
    ["--prot", "1"],
    ["serve", "--prot", "1"],
  ]) {
    const { code, error } = await run(...argv);
    expect(code).toBe(1);
    expect(error).toContain("FATAL CONFIG FILE ERROR");
    expect(error).toContain(">>> 'prot \"1\"'");
  }
  expect((await run("/nonexistent/redis.conf")).error).toContain("can't open config file '/nonexistent/redis.conf'");
  expect((await run("--logfile", "/nonexistent/x.log")).error).toContain("Can't open the log file");
});
