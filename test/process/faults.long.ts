/**
 * Calls that fail under a real server, with the addon and without: failed and short writes, failed syncs, a clock that is set. What clients
 * see, what the log and INFO say, and that nothing acknowledged is lost.
 */
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { emberlogMain, startEmberlog } from "../support/emberlog_server.ts";
import { Faults, faultsPossible } from "../support/faults.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";

let faults: Faults;
let servers: ServerProcess[] = [];
beforeEach(() => {
  faults = new Faults();
  servers = [];
});
afterEach(async () => {
  for (const server of servers) {
    if (server.running) await server.kill9();
    server.dispose();
  }
  faults.dispose();
});

async function start(native: string, policy: string, more: readonly string[] = []): Promise<ServerProcess> {
  const env = { ...faults.env, EMBERLOG_NATIVE: native };
  const server = await startEmberlog({ env, args: ["--appendonly", "yes", "--appendfsync", policy, ...more] });
  servers.push(server);
  return server;
}

/** The same directory again, with a sound disk. */
async function startAgain(server: ServerProcess, native: string): Promise<RespClient> {
  if (server.running) await server.kill9();
  const again = await startEmberlog({
    dir: server.dir,
    env: { EMBERLOG_NATIVE: native },
    args: ["--appendonly", "yes"],
  });
  servers.push(again);
  return again.connect();
}

const said = async (client: RespClient, ...args: string[]): Promise<string> =>
  (await client.command(...args)).toString("latin1");
const info = (client: RespClient): Promise<string> => said(client, "INFO", "persistence");

/** Until a write is refused. What is executed before the failure shows waits for its answer, so each attempt has a connection of its own. */
async function untilRefused(server: ServerProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const probe = await server.connect();
    const reply = said(probe, "SET", "probe", "1").catch(() => "closed");
    const waited = new Promise<string>((resolve) => setTimeout(() => resolve("waits"), 300));
    const outcome = await Promise.race([reply, waited]);
    probe.close();
    if (outcome === MISCONF) return;
  }
  throw new Error("no write is refused");
}

const MISCONF = "-MISCONF Errors writing to the AOF file: Input/output error\r\n";

// "" lets the addon be found.
describe.runIf(faultsPossible()).each([
  ["with the addon", ""],
  ["without the addon", "0"],
])("%s", (_, native) => {
  test("D9: a failed sync under `always` ends the process; undecided writes are answered by nobody", async () => {
    const server = await start(native, "always");
    const client = await server.connect();
    for (let i = 0; i < 50; i++) expect(await said(client, "SET", `key:${i}`, "acknowledged")).toBe("+OK\r\n");
    faults.failSyncs("EIO");
    await expect(client.command("SET", "key:0", "undecided")).rejects.toThrow();
    expect(await server.exit()).toEqual({ code: 1, signal: null });
    expect(faults.syncsFailed).toBeGreaterThan(0);
    expect(server.output).toMatch(
      /# A sync of the log in .* failed \(Input\/output error\): .* the server stops .*To go on: look into the disk/,
    );
    const reader = await startAgain(server, native);
    for (let i = 1; i < 50; i++) expect(String(await reader.call("GET", `key:${i}`))).toBe("acknowledged");
    expect(["acknowledged", "undecided"]).toContain(String(await reader.call("GET", "key:0")));
    reader.close();
  });

  test("D9: after a failed sync `everysec` refuses until an image of memory is on the disk, and then goes on", async () => {
    const server = await start(native, "everysec");
    const client = await server.connect();
    expect(await said(client, "SET", "a", "1")).toBe("+OK\r\n");
    faults.failSyncs("EIO");
    await expect.poll(() => said(client, "SET", "b", "1"), { timeout: 10_000 }).toBe(MISCONF);
    expect(await said(client, "GET", "a")).toBe("$1\r\n1\r\n");
    expect(await said(client, "CONFIG", "SET", "appendfsync", "always")).toMatch(/^-ERR.*a sync of the log has failed/);
    await expect
      .poll(() => server.output, { timeout: 5000 })
      .toMatch(/# No image could take the place of the log.*Input/);
    const text = await info(client);
    expect(text).toContain("storage_state:sync-failed\r\n");
    expect(text).toMatch(/storage_error:A sync of the log in .* failed \(Input\/output error\)\r\n/);
    expect(text).toMatch(/storage_remedy:.*don't stop the server/);
    expect(text).toContain("aof_last_write_status:err");
    expect(server.output).toMatch(/# A sync of the log in .* failed .*writes are refused, reads go on. To go on: /);
    faults.failSyncs(undefined);
    await expect.poll(() => said(client, "SET", "b", "1"), { timeout: 15_000 }).toBe("+OK\r\n");
    expect(await info(client)).toMatch(/storage_resumptions:1\r\nstorage_resumption_attempts:[2-9]\r\n/);
    await expect.poll(() => server.output).toContain("the log has begun anew behind it: the log takes writes again");
    expect(await said(client, "CONFIG", "SET", "appendfsync", "always")).toBe("+OK\r\n");
    expect(await said(client, "SET", "c", "1")).toBe("+OK\r\n");
    client.close();
    const reader = await startAgain(server, native);
    expect(await said(reader, "MGET", "a", "b", "c")).toBe("*3\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n");
    reader.close();
  });

  test("a write fails, then a sync: who waits is cut off, everybody else is answered", async () => {
    const server = await start(native, "everysec");
    const client = await server.connect();
    const other = await server.connect();
    expect(await said(client, "SET", "a", "1")).toBe("+OK\r\n");
    faults.failWrites("EIO");
    const undecided = client.command("SET", "b", "1");
    undecided.catch(() => {});
    await untilRefused(server);
    expect(await said(other, "SET", "c", "1")).toBe(MISCONF);
    expect(await said(other, "PING")).toBe("+PONG\r\n");
    await expect.poll(() => info(other), { timeout: 3000 }).toContain("storage_state:write-failed\r\n");
    expect(await said(other, "GET", "a")).toBe("$1\r\n1\r\n");
    faults.failSyncs("EIO");
    await expect(undecided).rejects.toThrow();
    await expect.poll(() => info(other), { timeout: 3000 }).toContain("storage_state:sync-failed\r\n");
    expect(await said(other, "GET", "a")).toBe("$1\r\n1\r\n");
    // What nobody can ever have from the log is shown to nobody.
    await expect(other.command("GET", "b")).rejects.toThrow();
    const reader = await startAgain(server, native);
    expect(await said(reader, "MGET", "a", "b", "c")).toBe("*3\r\n$1\r\n1\r\n$-1\r\n$-1\r\n");
    reader.close();
  });

  test.each(["always", "everysec"] as const)(
    "D7: failed writes under `%s` are refused, then taken again",
    async (policy) => {
      const server = await start(native, policy);
      const client = await server.connect();
      const other = await server.connect();
      for (let i = 0; i < 20; i++) expect(await said(client, "SET", `key:${i}`, "1")).toBe("+OK\r\n");
      faults.failWrites("EIO");
      const late = said(client, "SET", "late", "1");
      await untilRefused(server);
      expect(await said(other, "SET", "refused", "1")).toBe(MISCONF);
      await expect.poll(() => info(other), { timeout: 3000 }).toContain("storage_state:write-failed\r\n");
      await new Promise((resolve) => setTimeout(resolve, 700));
      faults.failWrites(undefined);
      // It was executed, and its answer waited until it was in the log.
      expect(await late).toBe("+OK\r\n");
      await expect.poll(() => said(other, "SET", "after", "1"), { timeout: 5000 }).toBe("+OK\r\n");
      await expect.poll(() => info(other), { timeout: 3000 }).toContain("storage_state:ok\r\n");
      expect(await info(other)).toMatch(
        /storage_last_error:The log in .* can't be written \(Input\/output error\)\r\n/,
      );
      expect(server.output).toMatch(/# The log in .* can't be written .*To go on: /);
      expect(server.output).toContain("Writing works again: the log takes writes again");
      client.close();
      other.close();
      const reader = await startAgain(server, native);
      expect(await said(reader, "MGET", "late", "after", "refused", "key:19")).toBe(
        "*4\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n$1\r\n1\r\n",
      );
      reader.close();
    },
  );

  test("D7: writes that are cut short are continued", async () => {
    const server = await start(native, "always");
    const client = await server.connect();
    faults.cutWrites(7);
    const value = "v".repeat(3000);
    for (let i = 0; i < 20; i++) expect(await said(client, "SET", `key:${i}`, value)).toBe("+OK\r\n");
    faults.cutWrites(0);
    expect(faults.writesCut).toBeGreaterThan(1000);
    client.close();
    const reader = await startAgain(server, native);
    for (let i = 0; i < 20; i++) expect(String(await reader.call("GET", `key:${i}`))).toBe(value);
    reader.close();
  });

  test("a clock that goes back an hour: said, and nothing else suffers", async () => {
    const server = await start(native, "everysec");
    const client = await server.connect();
    await said(client, "SET", "short", "1", "EX", "100");
    await said(client, "SET", "before", "1");
    faults.setClock(-3_600_000);
    await expect
      .poll(() => server.output, { timeout: 5000 })
      .toMatch(/# The clock went back by 360\d seconds: keys with an expiry live that much longer/);
    expect(Number(await client.call("TTL", "short"))).toBeGreaterThan(3600);
    await said(client, "SET", "after", "1");
    // A second is a second, whatever the wall clock says.
    const sequences = async (): Promise<string[]> =>
      [...(await info(client)).matchAll(/log_(?:written|durable)_sequence:(\d+)/g)].map((m) => m[1]!);
    await expect.poll(async () => new Set(await sequences()).size, { timeout: 1800, interval: 50 }).toBe(1);
    expect(await info(client)).toMatch(
      /clock_steps_back:1\r\nclock_last_step_ms:-3(?:59|60)\d{4}\r\nclock_last_step_time:1\d{9}\r\n/,
    );
    server.signal("SIGTERM");
    expect(await server.exit()).toEqual({ code: 0, signal: null });
    const dumped = spawnSync(process.execPath, [emberlogMain, "dump", server.dir, "--json"], {
      encoding: "utf8",
    }).stdout;
    const times = [...dumped.matchAll(/"commitMs":(\d+)/g)].map((match) => Number(match[1]));
    expect(times.length).toBeGreaterThan(2);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const raw = [...dumped.matchAll(/"rawClockMs":(\d+)/g)].map((match) => Number(match[1]));
    expect(Math.max(...times) - raw[raw.length - 1]!).toBeGreaterThan(3_500_000);
    client.close();
    faults.setClock(-7_200_000);
    const again = await startEmberlog({ dir: server.dir, env: faults.env, args: ["--appendonly", "yes"] });
    servers.push(again);
    expect(again.output).toMatch(/# The clock is (7|10)\d{3} seconds behind the last write in the log/);
  });
});
