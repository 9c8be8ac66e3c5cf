/**
 * `npm start` as people and supervisors use it: options behind "--", a signal to npm alone, and Ctrl-C, which the
 * terminal sends to npm and to the server, and npm sends once more.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { projectRoot } from "../support/emberlog_server.ts";
import { freePort } from "../support/server_process.ts";

const folder = mkdtempSync(join(tmpdir(), "emberlog-start-"));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) {
    // The whole group, in case npm is gone and its server is not.
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // Gone already, as it should be.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  output(): string;
  /** All that was printed, once npm and the server behind it have ended. */
  readonly ended: Promise<string>;
}

async function npmStart(name: string): Promise<Started> {
  const args = ["start", "--", "--port", String(await freePort()), "--dir", join(folder, name)];
  const child = spawn("npm", args, { cwd: projectRoot, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let output = "";
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const ended = new Promise<string>((resolve) => child.once("close", () => resolve(output)));
  const gone = ended.then(() => true);
  while (!output.includes("Ready to accept connections")) {
    if (await Promise.race([gone, new Promise<false>((resolve) => setTimeout(resolve, 20, false))]))
      throw new Error(output);
  }
  return { child, output: () => output, ended };
}

const serverPid = (output: string): number => Number(/^(\d+):M .*Ready to accept/m.exec(output)![1]);
const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test("SIGTERM to npm stops the server gracefully", async () => {
  const started = await npmStart("term");
  const pid = serverPid(started.output());
  expect(alive(pid)).toBe(true);
  started.child.kill("SIGTERM");
  const output = await started.ended;
  expect(output).toContain("Received SIGTERM");
  expect(output).toContain("bye bye");
  expect(alive(pid)).toBe(false);
});

test("one Ctrl-C stops it gracefully, although it arrives more than once", async () => {
  const started = await npmStart("interrupt");
  process.kill(-started.child.pid!, "SIGINT");
  const output = await started.ended;
  expect(output.match(/Received SIGINT/g)).toHaveLength(1);
  expect(output).toContain("bye bye");
  expect(output).not.toContain("You insist");
  // The server has stopped as it should; npm itself may end by the signal, which it got as well.
  expect([0, "SIGINT"]).toContain(started.child.exitCode ?? started.child.signalCode);
});
