/** The largest value there is: 512 MB set, read back, kept through kill -9; one byte more is refused. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import { RespClient } from "../support/resp_client.ts";

const LENGTH = 512 * 1024 * 1024;

test("512 MB", async () => {
  const dir = mkdtempSync(join(tmpdir(), "emberlog-huge-"));
  const server = await startEmberlog({ dir, args: ["--appendfsync", "always"] });
  try {
    const value = Buffer.alloc(LENGTH);
    for (let i = 0; i < LENGTH; i += 4096) value.writeUInt32LE(i / 4096, i);
    const digest = createHash("sha1").update(value).digest("hex");
    const client = await server.connect();
    const other = await server.connect();
    client.write(Buffer.from(`*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$${LENGTH}\r\n`));
    const piece = 16 * 1024 * 1024;
    for (let at = 0; at < LENGTH; at += piece) {
      await client.flush(value.subarray(at, at + piece));
      expect((await other.command("PING")).toString()).toBe("+PONG\r\n");
    }
    client.write(Buffer.from("\r\n"));
    expect((await client.reply()).toString()).toBe("+OK\r\n");
    expect((await client.command("STRLEN", "huge")).toString()).toBe(`:${LENGTH}\r\n`);
    expect((await client.command("APPEND", "huge", "x")).toString()).toMatch(
      /^-ERR string exceeds maximum allowed size/,
    );
    expect((await client.command("SETRANGE", "huge", LENGTH, "x")).toString()).toMatch(
      /^-ERR string exceeds maximum allowed size/,
    );
    expect((await client.command("SETRANGE", "huge", LENGTH - 1, "y")).toString()).toBe(`:${LENGTH}\r\n`);
    expect((await client.command("SETRANGE", "huge", LENGTH - 1, "\0")).toString()).toBe(`:${LENGTH}\r\n`);
    await server.kill9();
    client.close();
    other.close();
    const second = await startEmberlog({ dir, args: ["--appendfsync", "always"] });
    const reader = await RespClient.connect(second.port);
    const reply = await reader.command("GET", "huge");
    const header = `$${LENGTH}\r\n`.length;
    expect(
      createHash("sha1")
        .update(reply.subarray(header, header + LENGTH))
        .digest("hex"),
    ).toBe(digest);
    expect((await reader.command("UNLINK", "huge")).toString()).toBe(":1\r\n");
    expect((await reader.command("PING")).toString()).toBe("+PONG\r\n");
    reader.close();
    expect(await second.stop()).toBe(0);
  } finally {
    if (server.running) await server.kill9();
    rmSync(dir, { recursive: true, force: true });
  }
});
