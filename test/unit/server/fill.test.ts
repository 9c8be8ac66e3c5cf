/** CONFIG SET appendonly yes: the dataset is written to a new log while clients write; what a restart finds is what was there. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, it } from "vitest";
import { open, type RunningServer, startServer } from "../../../src/index.ts";

const cleanup: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

async function serve(dir: string, appendonly: "yes" | "no"): Promise<{ server: RunningServer; client: Redis }> {
  const server = await startServer({ port: 0, dir, appendonly });
  const client = new Redis(server.port, "127.0.0.1");
  cleanup.push(async () => {
    client.disconnect();
    await server.close();
  });
  return { server, client };
}

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "emberlog-fill-"));
  cleanup.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function filled(client: Redis): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (/aof_rewrite_in_progress:0/.test(await client.info("persistence"))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("the log was not filled within 6 s");
}

it("holds everything after a restart, whatever was written meanwhile", async () => {
  const dir = directory();
  const { server, client } = await serve(dir, "no");
  const keys = 60_000;
  for (let i = 0; i < keys; i += 1000) {
    const pairs: string[] = [];
    for (let k = i; k < i + 1000; k++) pairs.push(`key:${k}`, `value:${k}`);
    await client.mset(...pairs);
  }
  await client.pexpireat("key:1", Date.now() + 3_600_000);
  expect(await client.config("SET", "appendonly", "yes")).toBe("OK");
  // Effects on keys that the walk may not have reached.
  const pipeline = client.pipeline();
  for (let i = 0; i < keys; i += 7) pipeline.append(`key:${i}`, "+");
  for (let i = 3; i < keys; i += 70) pipeline.rename(`key:${i}`, `renamed:${i}`);
  for (let i = 5; i < keys; i += 70) pipeline.copy(`key:${i}`, `copied:${i}`);
  pipeline.incr("counter");
  pipeline.call("SWAPDB", "0", "4");
  pipeline.call("SET", "in-zero", "x");
  await pipeline.exec();
  await filled(client);
  const sizes = [await client.dbsize(), await client.call("SELECT", "4").then(() => client.dbsize())];
  const ttl = await client.pexpiretime("key:1");
  await server.close();
  const recovered = await open({ dir });
  cleanup.push(() => recovered.close());
  expect(recovered.size).toBe(sizes[0]);
  expect(recovered.getText("in-zero")).toBe("x");
  recovered.run("SELECT", 4);
  expect(recovered.size).toBe(sizes[1]);
  expect(recovered.getText("key:0")).toBe("value:0+");
  expect(recovered.getText("renamed:3")).toBe("value:3");
  expect(recovered.getText("copied:5")).toBe("value:5");
  expect(recovered.get("key:3")).toBeNull();
  expect(recovered.run("PEXPIRETIME", "key:1")).toBe(ttl);
});

it("can be turned off and on again", async () => {
  const dir = directory();
  const { server, client } = await serve(dir, "yes");
  await client.set("before", "1");
  await client.config("SET", "appendonly", "no");
  await client.set("between", "2");
  await new Promise((resolve) => setTimeout(resolve, 200));
  await client.config("SET", "appendonly", "yes");
  await client.set("after", "3");
  await filled(client);
  await server.close();
  const recovered = await open({ dir });
  cleanup.push(() => recovered.close());
  expect([...recovered.scan()].map(String).sort()).toEqual(["after", "before", "between"]);
});

it("is not offered for a directory that holds data, at the start", async () => {
  const dir = directory();
  const database = await open({ dir });
  database.set("kept", "x");
  await database.close();
  await expect(startServer({ port: 0, dir, appendonly: "no" })).rejects.toMatchObject({ code: "DIRECTORY_HOLDS_DATA" });
});
