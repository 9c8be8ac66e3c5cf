/** What is left of a log when it can't be closed properly: nothing. */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open } from "../../../src/index.ts";
import { nativeAddon } from "../../../src/platform/native.ts";

/** Descriptors that lead into a directory, and the log's threads. */
function inUse(directory: string): string[] {
  const files = readdirSync("/proc/self/fd").map((fd) => linkOf(`/proc/self/fd/${fd}`));
  const threads = readdirSync("/proc/self/task").map((task) => textOf(`/proc/self/task/${task}/comm`).trim());
  return [...files.filter((file) => file.startsWith(directory)), ...threads.filter((name) => /^log-/.test(name))];
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

test.skipIf(nativeAddon() === undefined)("a close that fails leaves no thread and no descriptor", async () => {
  const directory = mkdtempSync(join(tmpdir(), "emberlog-close-"));
  const database = await open({ dir: directory, appendfsync: "always" });
  database.set("key", "value");
  await database.durable();
  expect(inUse(directory)).toContain("log-sync");
  // The manifest can't be replaced any more.
  rmSync(directory, { recursive: true });
  await expect(database.close()).rejects.toThrow(/MANIFEST/);
  // A thread that was joined stays in /proc for a moment.
  await expect.poll(() => inUse(directory), { timeout: 2000 }).toEqual([]);
});
