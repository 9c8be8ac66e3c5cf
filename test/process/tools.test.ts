/** Redis's own tools against Emberlog: redis-cli in its several modes, and redis-benchmark. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import { toolAvailable } from "../support/redis_server.ts";
import type { ServerProcess } from "../support/server_process.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await startEmberlog();
});
afterAll(() => server?.stop());

function run(program: string, args: readonly string[], input?: string): string {
  const result = spawnSync(program, ["-p", String(server.port), ...args], { encoding: "utf8", input, timeout: 50_000 });
  expect(result.stderr.replace(/^WARNING: Keepalive disabled.*\n/, "")).toBe("");
  expect(result.status).toBe(0);
  return result.stdout;
}

describe.skipIf(!toolAvailable("redis-cli"))("redis-cli", () => {
  test("one command", () => {
    expect(run("redis-cli", ["SET", "k", "v"])).toBe("OK\n");
    expect(run("redis-cli", ["-3", "GET", "k"])).toBe("v\n");
    expect(run("redis-cli", ["-n", "3", "GET", "k"])).toBe("\n");
    expect(run("redis-cli", ["--no-raw", "INCR", "n"])).toBe("(integer) 1\n");
    expect(run("redis-cli", ["--json", "MGET", "k", "none"])).toBe('["v",null]\n');
  });

  test("commands from its input", () => {
    expect(run("redis-cli", [], "SET a 1\nINCR a\nMULTI\nGET a\nEXEC\n")).toBe("OK\n2\nOK\nQUEUED\n2\n");
  });

  test("--pipe loads in bulk", () => {
    const requests = Array.from(
      { length: 20_000 },
      (_, i) => `*3\r\n$3\r\nSET\r\n$${`p:${i}`.length}\r\np:${i}\r\n$1\r\nx\r\n`,
    );
    expect(run("redis-cli", ["--pipe"], requests.join(""))).toContain("errors: 0, replies: 20000");
  });

  test("--scan, --bigkeys and --memkeys walk the keyspace", () => {
    run("redis-cli", ["SET", "big", "x".repeat(10_000)]);
    expect(run("redis-cli", ["--scan", "--pattern", "big*"])).toBe("big\n");
    expect(run("redis-cli", ["--bigkeys"])).toMatch(/Biggest string found.*big.*10000 bytes/s);
    expect(run("redis-cli", ["--memkeys"])).toMatch(/Biggest string found.*big/s);
  });

  test("INFO, CONFIG and COMMAND as a person reads them", () => {
    expect(run("redis-cli", ["INFO", "server"])).toMatch(/redis_version:7\.2\.4/);
    expect(run("redis-cli", ["CONFIG", "GET", "appendfsync"])).toBe("appendfsync\neverysec\n");
    expect(Number(run("redis-cli", ["COMMAND", "COUNT"]))).toBeGreaterThan(80);
  });
});

describe.skipIf(!toolAvailable("redis-benchmark"))("redis-benchmark", () => {
  for (const args of [
    ["-t", "ping,set,get,incr,mset", "-n", "20000"],
    ["-t", "ping,set,get,incr,mset", "-n", "50000", "-P", "16", "-r", "10000"],
    ["-t", "set,get", "-n", "50000", "-P", "64", "-c", "100", "-3", "-d", "1000", "-r", "1000"],
    ["-t", "set", "-n", "2000", "-k", "0"],
    ["-n", "20000", "-P", "10", "-r", "100", "SETRANGE", "key:__rand_int__", "100", "__data__"],
  ]) {
    test(args.join(" "), () => {
      const output = run("redis-benchmark", ["-q", ...args]);
      expect(output).not.toMatch(/error/i);
      const rates = [...output.matchAll(/([\d.]+) requests per second, p50=/g)];
      const tests = args[0] === "-t" ? args[1]!.replace("ping", "ping_inline,ping_mbulk").split(",").length : 1;
      expect(rates).toHaveLength(tests);
    });
  }
});
