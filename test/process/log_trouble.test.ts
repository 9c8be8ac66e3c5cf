/**
 * The data directory removed from under a running server: said in the log and in INFO, and nothing is acknowledged into nowhere. And a second
 * server on the same directory.
 */
import { renameSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import type { ServerProcess } from "../support/server_process.ts";

test("everysec: writes are refused, reads go on, and the log says why (D9)", async () => {
  const server = await startEmberlog({ args: ["--appendonly", "yes", "--appendfsync", "everysec"] });
  const client = await server.connect();
  expect(await client.call("SET", "a", "1")).toBe("OK");
  const moved = `${server.dir}.moved`;
  renameSync(server.dir, moved);
  await expect
    .poll(async () => (await client.command("SET", "a", "2")).toString(), { timeout: 10_000, interval: 100 })
    .toBe("-MISCONF Errors writing to the AOF file: No such file or directory\r\n");
  const { length } = String(await client.call("GET", "a"));
  expect(length).toBe(1);
  const info = String(await client.call("INFO", "persistence"));
  expect(info).toContain("aof_last_write_status:err");
  expect(info).toContain("storage_state:directory-gone");
  expect(info).toMatch(
    /storage_state_since:1\d{9}\r\nstorage_refuses_writes:yes\r\nstorage_error:.* is gone from under the server\r/,
  );
  expect(info).toMatch(/storage_remedy:put it back or mount it again, then start the server again/);
  expect(info).toMatch(/storage_last_error_time:1\d{9}/);
  await expect.poll(() => server.output, { timeout: 5000 }).toContain("is gone from under the server");
  client.close();
  await server.kill9();
  renameSync(moved, server.dir);
  server.dispose();
});

test("always: the server stops", async () => {
  const server = await startEmberlog({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  const moved = `${server.dir}.moved`;
  renameSync(server.dir, moved);
  const { code } = await server.exit();
  expect(code).toBe(1);
  expect(server.output).toContain("is gone from under the server, and with it the log, so the server stops");
  renameSync(moved, server.dir);
  server.dispose();
});

/** D15. "" lets the addon be found; without it the lock is flock(1)'s, and where that can't be found it is a file with a process id. */
for (const native of ["", "0"]) {
  let first: ServerProcess;
  beforeAll(async () => {
    first = await startEmberlog({ env: { EMBERLOG_NATIVE: native } });
  });
  afterAll(() => first.stop());

  test.each(["", "0"])(`D15: a second server is refused (EMBERLOG_NATIVE "${native}", then "%s")`, async (second) => {
    await expect(startEmberlog({ dir: first.dir, env: { EMBERLOG_NATIVE: second } })).rejects.toThrow(
      new RegExp(
        `# the data directory .* is in use by process ${first.pid}. To go on: stop that one, or choose another`,
      ),
    );
    expect(first.running).toBe(true);
  });
}

test("D15: without any flock a process id excludes, and one that is gone does not", async () => {
  // An empty PATH: there is no flock(1).
  const env = { EMBERLOG_NATIVE: "0", PATH: "" };
  const first = await startEmberlog({ env });
  expect(first.output).toContain("directory-lock-by-kernel: ");
  await expect(startEmberlog({ dir: first.dir, env })).rejects.toThrow(/in use by process \d+\. To go on/);
  await expect(startEmberlog({ dir: first.dir })).rejects.toThrow(/in use by process \d+\. To go on/);
  await first.kill9();
  const again = await startEmberlog({ dir: first.dir, env });
  await again.stop();
  first.dispose();
});
