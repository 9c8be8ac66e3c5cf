/**
 * Disks that are really full and file systems that really become read-only, mounted by loop: what clients see, what the log and INFO say, and
 * that nothing acknowledged is lost. Root only; elsewhere it says that it was skipped.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { type FileSystem, Mounted, powerCutsPossible } from "./power_ground.ts";

const MB = 1 << 20;
const VALUE = "v".repeat(16 * 1024);
const FULL = /^-MISCONF Errors writing to the AOF file: No space left on device/;
const SEGMENTS = ["--log-segment-bytes", "4194304"];
/** Smaller ones XFS does not make. */
const IMAGE_BYTES: Readonly<Record<FileSystem, number>> = { ext4: 64 * MB, xfs: 320 * MB };
const FREE_BYTES = 28 * MB;

let mounted: Mounted;
let dir = "";
let filler = "";
let servers: ServerProcess[] = [];

/** A file system with some 40 MiB free, 12 of them taken by a file that can go. */
function mount(kind: FileSystem): void {
  mounted = new Mounted(kind, IMAGE_BYTES[kind]);
  dir = join(mounted.directory, "data");
  filler = join(mounted.directory, "filler");
  mkdirSync(dir);
  writeFileSync(filler, new Uint8Array(12 * MB));
  const free = mounted.freeBytes();
  writeFileSync(join(mounted.directory, "others"), new Uint8Array(Math.max(0, free - FREE_BYTES)));
}

beforeEach(() => {
  servers = [];
});
afterEach(async () => {
  for (const server of servers) if (server.running) await server.kill9();
  mounted.remove();
});

async function start(policy: string, ...more: string[]): Promise<ServerProcess> {
  const args = ["--appendonly", "yes", "--appendfsync", policy, ...SEGMENTS, ...more];
  const server = await startEmberlog({ dir, args });
  servers.push(server);
  return server;
}

/**
 * Sets keys of 16 KiB until one is refused; how many were acknowledged, and what the refusal said. Where a sync has failed nobody answers what was under
 * way, and the connection ends: `again` gives another one.
 */
async function fill(
  client: RespClient,
  from: number,
  again?: () => Promise<RespClient>,
): Promise<{ next: number; refusal: string }> {
  let asked = client;
  for (let i = from; ; i++) {
    let reply: string;
    try {
      reply = (await asked.command("SET", `key:${i}`, VALUE)).toString();
    } catch (thrown) {
      if (again === undefined) throw thrown;
      asked = await again();
      reply = (await asked.command("SET", `key:${i}`, VALUE)).toString();
    }
    if (reply !== "+OK\r\n") return { next: i, refusal: reply };
    if (i > from + 20_000) throw new Error("the disk does not get full");
  }
}

async function expectKeys(server: ServerProcess, count: number): Promise<void> {
  const reader = await server.connect();
  for (let i = 0; i < count; i += 7) expect(String(await reader.call("STRLEN", `key:${i}`))).toBe("16384");
  reader.close();
}

async function info(client: RespClient): Promise<Map<string, string>> {
  const lines = String(await client.call("INFO", "persistence")).split("\r\n");
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

for (const kind of ["ext4", "xfs"] as const) {
  describe.runIf(powerCutsPossible(kind))(`D15: a full disk, ${kind}`, () => {
    test.each(["always", "everysec"] as const)(
      "%s: warned of, refused in time, started again as it is",
      async (policy) => {
        mount(kind);
        const server = await start(policy, "--disk-low-watermark", "10mb", "--disk-stop-watermark", "6mb");
        const client = await server.connect();
        expect((await info(client)).get("storage_state")).toBe("ok");
        const first = await fill(client, 0);
        expect(first.refusal).toMatch(FULL);
        // The file system takes a few blocks for its own records of what the log has reserved.
        expect(mounted.freeBytes()).toBeGreaterThanOrEqual(6 * MB - 65_536);
        await expect.poll(async () => (await info(client)).get("storage_state"), { timeout: 5000 }).toBe("disk-stop");
        const told = await info(client);
        expect(Number(told.get("disk_free_bytes"))).toBeLessThan(FREE_BYTES);
        expect(told.get("disk_stop_watermark_bytes")).toBe(String(6 * MB));
        expect(told.get("storage_refuses_writes")).toBe("yes");
        expect(told.get("storage_remedy")).toMatch(
          /^free space on this disk or enlarge it, or lower disk-stop-watermark/,
        );
        // A segment that is sealed gives back what it had set aside: there may be room for a little more.
        await expect
          .poll(async () => (await client.command("SET", "more", VALUE)).toString(), { timeout: 10_000, interval: 5 })
          .toMatch(/No space left on device \([\d.]+M free, disk-stop-watermark is 6.00M\)/);
        const warned = server.output.indexOf("less than disk-low-watermark (10485760)");
        // A load that fills 4 MB between two looks at the disk is stopped without having been warned.
        const stopped = server.output.indexOf("disk-stop-watermark (6291456) keeps 6.00M of it");
        expect(stopped).toBeGreaterThan(Math.max(0, warned));
        // What is kept free is enough for a start, even behind a kill.
        await server.kill9();
        client.close();
        const again = await start(policy, "--disk-low-watermark", "10mb", "--disk-stop-watermark", "6mb");
        await expectKeys(again, first.next);
        const second = await again.connect();
        await expect
          .poll(async () => (await second.command("SET", "more", VALUE)).toString(), { timeout: 10_000, interval: 5 })
          .toMatch(FULL);
        rmSync(filler);
        await expect
          .poll(async () => (await second.command("SET", "more", "1")).toString(), { timeout: 10_000 })
          .toBe("+OK\r\n");
        await expect.poll(() => again.output, { timeout: 5000 }).toMatch(/has space again: the log takes writes again/);
        // Room again; whether above the first watermark, too, depends on what the file system keeps to itself.
        await expect
          .poll(async () => (await info(second)).get("storage_state"), { timeout: 5000 })
          .toMatch(/^(?:ok|disk-low)$/);
        expect((await info(second)).get("storage_last_error")).toContain("disk-stop-watermark");
        second.close();
        expect(await again.stop()).toBe(0);
      },
    );

    test.each(["always", "everysec"] as const)("%s, without watermarks: refused at the last byte", async (policy) => {
      mount(kind);
      const server = await start(policy, "--disk-low-watermark", "0", "--disk-stop-watermark", "0");
      const lastly = policy === "everysec" ? () => server.connect() : undefined;
      const first = await fill(await server.connect(), 0, lastly);
      const client = await server.connect();
      expect(first.refusal).toBe("-MISCONF Errors writing to the AOF file: No space left on device\r\n");
      // Now and then the file system has not even the space for what the log lists, so it counts as a failed sync: an image of these values is
      // small, takes the log's place, and there is space again.
      await expect
        .poll(async () => (await info(client)).get("storage_state"), { timeout: 5000 })
        .toMatch(policy === "always" ? /^disk-full$/ : /^(?:disk-full|sync-failed|ok)$/);
      expect(String(await client.call("STRLEN", `key:${first.next - 1}`))).toBe("16384");
      rmSync(filler);
      await expect
        .poll(async () => (await client.command("SET", "again", "1")).toString(), { timeout: 10_000 })
        .toBe("+OK\r\n");
      const second = await fill(client, first.next, lastly);
      expect(second.next).toBeGreaterThan(first.next + 100);
      await server.kill9();
      client.close();
      // A start needs a little space of its own, and says so; where an image has taken the log's place there may be some.
      const started = await start(policy).catch((thrown: Error) => thrown.message);
      if (typeof started === "string")
        expect(started).toMatch(/No space left on device. To go on: free space on this disk/);
      else {
        expect(policy).toBe("everysec");
        await started.kill9();
      }
      rmSync(join(mounted.directory, "others"), { force: true });
      if (kind === "ext4") mounted.grow(128 * MB);
      const again = await start(policy);
      await expectKeys(again, second.next);
      const reader = await again.connect();
      expect(String(await reader.call("GET", "again"))).toBe("1");
      reader.close();
      await again.stop();
    });
  });
}

describe.runIf(powerCutsPossible("ext4"))("a file system that becomes read-only, ext4", () => {
  test.each(["always", "everysec"] as const)("%s: refused or ended, and whole after fsck", async (policy) => {
    mount("ext4");
    const server = await start(policy);
    const client = await server.connect();
    for (let i = 0; i < 100; i++) await client.command("SET", `key:${i}`, VALUE);
    // Under everysec what was synced counts.
    await new Promise((resolve) => setTimeout(resolve, policy === "always" ? 0 : 2500));
    mounted.abort();
    const replies = new Set<string>();
    for (let i = 0; i < 20 && server.running; i++) {
      const probe = await server.connect().catch(() => undefined);
      const reply = probe?.command("SET", "probe", "1").then(String, () => "closed") ?? Promise.resolve("closed");
      replies.add(
        await Promise.race([reply, new Promise<string>((resolve) => setTimeout(() => resolve("waits"), 200))]),
      );
      probe?.close();
    }
    expect([...replies]).not.toContain("+OK\r\n");
    if (server.running) {
      expect([...replies]).toContain("-MISCONF Errors writing to the AOF file: Read-only file system\r\n");
      const reader = await server.connect();
      expect(String(await reader.call("STRLEN", "key:99"))).toBe("16384");
      expect((await info(reader)).get("storage_state")).toMatch(/^(read-only|sync-failed)$/);
      expect((await info(reader)).get("storage_error")).toMatch(/read-only|Read-only file system/);
      reader.close();
      expect(server.output).toMatch(
        /(has become read-only|Read-only file system\)): writes are refused, reads go on. To go on: /,
      );
      server.signal("SIGTERM");
      expect((await server.exit()).code).toBe(1);
    } else {
      expect(policy).toBe("always");
      expect((await server.exit()).code).toBe(1);
      expect(server.output).toContain("the server stops");
    }
    client.close();
    mounted.repair(true);
    await expect(start(policy)).rejects.toThrow(/Read-only file system. To go on: mount the file system for writing/);
    mounted.repair();
    const again = await start(policy);
    await expectKeys(again, 100);
    expect(await again.stop()).toBe(0);
  });
});
