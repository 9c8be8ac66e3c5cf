/**
 * A job queue as it is written for Redis: producers push, workers take by BLMOVE into a list of what is being done, and move on what they
 * have finished. The server is killed in the middle of it, several times. Under appendfsync always no job that was acknowledged is lost, none
 * is there twice, and what a worker was handed is still there.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import { ConnectionClosed } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";

const ROUNDS = 3;
const PRODUCERS = 3;
const WORKERS = 6;
const LOAD_MS = 400;

/** Jobs whose push was acknowledged, and those that a worker was handed. */
const acknowledged = new Set<string>();
const handed = new Set<string>();
let nextJob = 0;

async function produce(server: ServerProcess): Promise<void> {
  const client = await server.connect();
  try {
    for (;;) {
      const jobs = Array.from({ length: 1 + (nextJob % 3) }, () => `job:${nextJob++}`);
      await client.call("LPUSH", "queue", ...jobs);
      for (const job of jobs) acknowledged.add(job);
    }
  } catch (error) {
    if (!(error instanceof ConnectionClosed)) throw error;
  }
}

async function work(server: ServerProcess): Promise<void> {
  const client = await server.connect();
  try {
    for (;;) {
      const job = await client.call("BLMOVE", "queue", "doing", "RIGHT", "LEFT", "0");
      expect(typeof job).toBe("string");
      handed.add(String(job));
      await client.call("MULTI");
      await client.call("LREM", "doing", "1", String(job));
      await client.call("RPUSH", "done", String(job));
      await client.call("EXEC");
    }
  } catch (error) {
    if (!(error instanceof ConnectionClosed)) throw error;
  }
}

test("no job is lost by kill -9 under appendfsync always", async () => {
  const dir = mkdtempSync(join(tmpdir(), "emberlog-test-queue-"));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const server = await startEmberlog({ dir, args: ["--appendonly", "yes", "--appendfsync", "always"] });
      // Workers first: they find nothing, and wait.
      const loads = Array.from({ length: WORKERS }, () => work(server));
      loads.push(...Array.from({ length: PRODUCERS }, () => produce(server)));
      await new Promise((resolve) => setTimeout(resolve, LOAD_MS));
      await server.kill9();
      await Promise.all(loads);
      const again = await startEmberlog({ dir, args: ["--appendonly", "yes", "--appendfsync", "always"] });
      const client = await again.connect();
      const lists = await Promise.all(
        ["queue", "doing", "done"].map(async (key) => (await client.call("LRANGE", key, "0", "-1")) as string[]),
      );
      const found = lists.flat();
      const there = new Set(found);
      expect(found.length).toBe(there.size);
      expect([...acknowledged].filter((job) => !there.has(job))).toEqual([]);
      expect([...handed].filter((job) => !there.has(job) || lists[0]!.includes(job))).toEqual([]);
      // What was being done when the server died is done again.
      while ((await client.call("LMOVE", "doing", "queue", "LEFT", "RIGHT")) !== null) handed.clear();
      client.close();
      await again.kill9();
    }
    expect(acknowledged.size).toBeGreaterThan(50);
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
});
