/**
 * A log that takes no more for a while: what arrives meanwhile waits, is executed in order afterwards, and answered. Writes are held back
 * by the portable log threads, whose calls a test can replace; the transport is the portable one, too.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

vi.hoisted(() => {
  process.env["EMBERLOG_NATIVE"] = "0";
});

import { LOG_PENDING_BYTES_MAX } from "../../../src/base/limits.ts";
import { nodeFiles } from "../../../src/disk/node_disk.ts";
import { type RespClient, request } from "../../support/resp_client.ts";
import { ask, infoFields, TestServer } from "./support.ts";

const { write } = nodeFiles;
const VALUE_BYTES = 4 * 1024 * 1024;
let dir = "";
let server: TestServer;
const held: (() => void)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "emberlog-congestion-"));
  server = await TestServer.start({ dir, appendonly: "yes" });
});

afterEach(async () => {
  letGo();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

function letGo(): void {
  nodeFiles.write = write;
  for (const each of held.splice(0)) each();
}

function send(client: RespClient, ...lines: string[]): void {
  client.write(Buffer.concat(lines.map((line) => request(line.split(" ")))));
}

async function next(client: RespClient): Promise<string> {
  return (await client.reply()).toString("latin1").replaceAll("\r\n", " ").trim();
}

/** Holds the log's writes until it is congested; returns who wrote, and how many replies are due. */
async function congest(): Promise<{ writer: RespClient; due: number }> {
  const writer = await server.connect();
  nodeFiles.write = (fd, bytes, offset, length, position, done) =>
    held.push(() => write(fd, bytes, offset, length, position, done));
  const due = Math.ceil(LOG_PENDING_BYTES_MAX / VALUE_BYTES) + 2;
  const value = Buffer.alloc(VALUE_BYTES, 120);
  for (let i = 0; i < due; i++) writer.write(request(["SET", `large${i}`, value]));
  const probe = await server.connect();
  for (;;) {
    send(probe, "PING");
    // A busy machine is silent for a while, too.
    for (let waited = 0; probe.unread === 0 && waited < 20; waited++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    if (probe.unread === 0) return { writer, due };
    await probe.reply();
  }
}

it("what arrives while the log is congested waits and is answered in order, also to those who wait for keys, have gone or end their side", async () => {
  const [patient, hasty, ends, blocks, gone] = [
    await server.connect(),
    await server.connect(),
    await server.connect(),
    await server.connect(),
    await server.connect(),
  ];
  const subscriber = await server.connect();
  await ask(subscriber, "SUBSCRIBE news");
  send(patient, "BLPOP a 0", "PING");
  send(hasty, "BLPOP b 1", "SET behind 1", "GET behind");
  while ((await infoFields(blocks, "clients")).get("blocked_clients") !== "2");
  const { writer, due } = await congest();
  send(ends, "SET ended 1", "RPUSH a x", "PUBLISH news one", "GET ended");
  ends.halfClose();
  send(blocks, "BLPOP c 0", "PUBLISH news two", "BRPOP c 0");
  send(gone, "SET gone 1", "BLPOP a 0");
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const client of [patient, hasty, ends, blocks, subscriber]) expect(client.unread).toBe(0);
  gone.close();
  letGo();
  for (let i = 0; i < due; i++) expect(await next(writer)).toBe("+OK");
  expect((await ends.untilClosed()).toString()).toBe("+OK\r\n:1\r\n:1\r\n$1\r\n1\r\n");
  expect([await next(patient), await next(patient)]).toEqual(["*2 $1 a $1 x", "+PONG"]);
  expect([await next(hasty), await next(hasty), await next(hasty)]).toEqual(["*-1", "+OK", "$1 1"]);
  expect(await next(subscriber)).toBe("*3 $7 message $4 news $3 one");
  send(writer, "RPUSH c 1 2 3");
  expect(await next(writer)).toBe(":3");
  expect([await next(blocks), await next(blocks), await next(blocks)]).toEqual(["*2 $1 c $1 1", ":1", "*2 $1 c $1 3"]);
  expect(await next(subscriber)).toBe("*3 $7 message $4 news $3 two");
  expect((await infoFields(writer, "clients")).get("blocked_clients")).toBe("0");
  const persistence = await infoFields(writer, "persistence");
  expect(persistence.get("log_backpressure")).toBe("no");
  expect(Number(persistence.get("log_backpressure_count"))).toBeGreaterThan(0);
  expect(persistence.get("aof_delayed_fsync")).toBe(persistence.get("log_backpressure_count"));
  expect(Number(persistence.get("log_backpressure_ms"))).toBeGreaterThan(400);
  await ask(writer, "CONFIG RESETSTAT");
  expect((await infoFields(writer, "persistence")).get("log_backpressure_count")).toBe("0");
});
