/** WAITAOF with a log: what is acknowledged is durable. Syncs are held back by the portable log threads, whose calls a test can replace. // D12 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

vi.hoisted(() => {
  process.env["EMBERLOG_NATIVE"] = "0";
});

import { nodeFiles } from "../../../src/disk/node_disk.ts";
import { type RespClient, request } from "../../support/resp_client.ts";
import { ask, infoFields, TestServer } from "./support.ts";

const { fdatasync } = nodeFiles;
let dir = "";
let server: TestServer;
const held: (() => void)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "emberlog-wait-"));
  server = await TestServer.start({ dir, appendonly: "yes", appendfsync: "everysec" });
});

afterEach(async () => {
  letGo();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

function holdSyncs(): void {
  nodeFiles.fdatasync = (fd, done) => held.push(() => fdatasync(fd, done));
}

function letGo(): void {
  nodeFiles.fdatasync = fdatasync;
  for (const sync of held.splice(0)) sync();
}

async function next(client: RespClient): Promise<string> {
  return (await client.reply()).toString("latin1").replaceAll("\r\n", " ").trim();
}

async function untilBlocked(observer: RespClient, count: number): Promise<void> {
  while ((await infoFields(observer, "clients")).get("blocked_clients") !== String(count));
}

it("a sync begins for who waits, and the answer comes when it has ended", async () => {
  const [client, observer] = [await server.connect(), await server.connect()];
  expect(await ask(client, "WAITAOF 1 0 0")).toBe("*2\r\n:1\r\n:0\r\n");
  holdSyncs();
  client.write(Buffer.concat([request(["SET", "a", "1"]), request(["WAITAOF", "1", "0", "0"]), request(["GET", "a"])]));
  expect(await next(client)).toBe("+OK");
  await untilBlocked(observer, 1);
  await vi.waitUntil(() => held.length === 1);
  // Who has written nothing waits for nothing.
  expect(await ask(observer, "WAITAOF 1 0 0")).toBe("*2\r\n:1\r\n:0\r\n");
  expect(client.unread).toBe(0);
  letGo();
  expect(await next(client)).toBe("*2 :1 :0");
  expect(await next(client)).toBe("$1 1");
  await untilBlocked(observer, 0);
});

it("tells what is durable when the time is up, in a transaction, when it is unblocked, and when nobody is there to acknowledge", async () => {
  const [client, observer] = [await server.connect(), await server.connect()];
  const id = (await ask(client, "CLIENT ID")).slice(1).trim();
  holdSyncs();
  await ask(client, "SET a 1");
  expect(await ask(client, "WAITAOF 1 0 20")).toBe("*2\r\n:0\r\n:0\r\n");
  await ask(client, "MULTI");
  await ask(client, "WAITAOF 1 1 0");
  expect(await ask(client, "EXEC")).toBe("*1\r\n*2\r\n:0\r\n:0\r\n");
  client.write(request(["WAITAOF", "1", "0", "0"]));
  await untilBlocked(observer, 1);
  expect(await ask(observer, `CLIENT UNBLOCK ${id} ERROR`)).toBe(":1\r\n");
  expect(await next(client)).toBe("-UNBLOCKED client unblocked via CLIENT UNBLOCK");
  letGo();
  expect(await ask(client, "WAITAOF 1 0 0")).toBe("*2\r\n:1\r\n:0\r\n");
  expect(await ask(client, "WAITAOF 1 1 20")).toBe("*2\r\n:1\r\n:0\r\n");
  await ask(client, "CONFIG SET appendfsync no");
  await ask(client, "SET a 2");
  expect(await ask(client, "WAITAOF 1 0 20")).toBe("*2\r\n:0\r\n:0\r\n");
  await ask(client, "CONFIG SET appendfsync everysec");
  expect(await ask(client, "WAITAOF 1 0 0")).toBe("*2\r\n:1\r\n:0\r\n");
  expect(await ask(client, "WAITAOF 0 1 20")).toBe("*2\r\n:1\r\n:0\r\n");
});

it("who waits for a log that is turned off is told so, and one that is being filled acknowledges when it is whole", async () => {
  const [client, observer] = [await server.connect(), await server.connect()];
  holdSyncs();
  client.write(Buffer.concat([request(["SET", "a", "1"]), request(["WAITAOF", "1", "0", "0"])]));
  expect(await next(client)).toBe("+OK");
  await untilBlocked(observer, 1);
  expect(await ask(observer, "CONFIG SET appendonly no")).toBe("+OK\r\n");
  expect(await next(client)).toBe("-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
  expect(await ask(client, "WAITAOF 0 0 0")).toBe("*2\r\n:0\r\n:0\r\n");
  expect(await ask(client, "WAITAOF 1 0 0")).toBe(
    "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n",
  );
  letGo();
  while ((await ask(observer, "CONFIG SET appendonly yes")) !== "+OK\r\n");
  expect(await ask(client, "WAITAOF 1 0 0")).toBe("*2\r\n:1\r\n:0\r\n");
  expect((await infoFields(observer, "persistence")).get("aof_rewrite_in_progress")).toBe("0");
});
