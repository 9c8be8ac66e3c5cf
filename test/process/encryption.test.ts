/** Encryption at rest as an operator sees it: a server killed under load, keys that fit and keys that don't, rotation, and nothing secret anywhere. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { open } from "../../src/engine/embedded.ts";
import { emberlogMain, startEmberlog, subjectIsRedis } from "../support/emberlog_server.ts";
import type { RespClient } from "../support/resp_client.ts";
import { ServerProcess } from "../support/server_process.ts";

const place = mkdtempSync(join(tmpdir(), "emberlog-encryption-"));
const keyFile = join(place, "key");
const dir = join(place, "data");
mkdirSync(dir);
const MARKER = "MARKER-that-nobody-may-read";
const CLIENTS = 8;
afterAll(() => rmSync(place, { recursive: true, force: true }));

async function run(...words: string[]): Promise<{ code: number; text: string }> {
  let text = "";
  const add = (more: string | Uint8Array): void => {
    text += typeof more === "string" ? more : Buffer.from(more).toString("latin1");
  };
  return { code: await runProgram(words, { out: add, error: add }), text };
}

const start = (...args: string[]): Promise<ServerProcess> =>
  startEmberlog({ dir, args: ["--appendonly", "yes", "--log-segment-bytes", "1mb", ...args] });

/** What a server that refuses to start says; undefined if it did start. */
async function refusal(...args: string[]): Promise<string | undefined> {
  try {
    const server = await ServerProcess.start("refused", [process.execPath, emberlogMain], { dir, args });
    await server.stop();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Every key in `file`, in each form that it could be shown in. */
function secretsOf(file: string): string[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const bytes = Buffer.from(line, "hex");
      return [line, bytes.toString("base64").slice(0, 42), bytes.toString("latin1")];
    });
}

function expectNothingSecret(text: string): void {
  for (const secret of secretsOf(keyFile)) expect(text.includes(secret)).toBe(false);
}

function everythingIn(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
}

/** Writes until the connection ends; resolves to the number of the last write that was acknowledged. */
async function load(client: RespClient, name: string): Promise<number> {
  let last = 0;
  try {
    for (let i = 1; ; i++) {
      await client.call("SET", `${MARKER}:${name}`, `${MARKER} ${i} ${"x".repeat(i % 500)}`);
      last = i;
    }
  } catch {
    return last;
  }
}

test.skipIf(subjectIsRedis)(
  "killed under load, it comes back with its key, and with no other and with none it does not",
  async () => {
    expect(await run("key", "generate", "--out", keyFile)).toMatchObject({ code: 0 });
    const first = await start("--encryption-key-file", keyFile);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => first.connect()));
    const loads = clients.map((client, i) => load(client, String(i)));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await first.kill9();
    const acknowledged = await Promise.all(loads);
    for (const client of clients) client.close();
    expect(Math.min(...acknowledged)).toBeGreaterThan(0);
    expect(everythingIn(dir).includes("MARKER")).toBe(false);
    expectNothingSecret(everythingIn(dir) + first.output);

    const none = await refusal();
    expect(none).toMatch(
      /the data is encrypted and its key was not given \(log-.*: it is encrypted with key [0-9a-f]{16}/,
    );
    const other = join(place, "other");
    await run("key", "generate", "--out", other);
    const id = (await run("key", "ids", other)).text.trim();
    expect(await refusal("--encryption-key-file", other)).toContain(`the keys given are ${id})`);
    chmodSync(other, 0o644);
    const [readable, two, failing] = await Promise.all([
      refusal("--encryption-key-file", other),
      refusal("--encryption-key-file", keyFile, "--encryption-key-env", "K"),
      refusal("--encryption-key-command", "exit 3"),
    ]);
    expect(readable).toMatch(/others than its owner may use it \(mode 0644\)/);
    expect(two).toMatch(/exclude each other/);
    expect(failing).toContain("the command that prints the key: it ended with 3");

    const second = await start("--encryption-key-command", `cat ${keyFile}`);
    const client = await second.connect();
    for (const [i, last] of acknowledged.entries()) {
      const found = Number(String(await client.call("GET", `${MARKER}:${i}`)).split(" ")[1]);
      expect(found).toBeGreaterThanOrEqual(last);
      expect(found).toBeLessThanOrEqual(last + 1);
    }
    expect(await client.call("SAVE")).toBe("OK");
    client.close();
    await second.kill9();
    expect(readdirSync(dir).filter((name) => name.endsWith(".img"))).toHaveLength(1);
    expect(everythingIn(dir).includes("MARKER")).toBe(false);
    expect(await refusal()).toMatch(/an image is encrypted with a key that was not given \(image-.*no key was given/);
  },
);

test.skipIf(subjectIsRedis)(
  "rotation while it serves; nothing that a client or an operator can ask for shows a key",
  async () => {
    const server = await start("--encryption-key-file", keyFile);
    const client = await server.connect();
    const monitor = await server.connect();
    await monitor.call("MONITOR");
    const [oldId] = (await run("key", "ids", keyFile)).text.trim().split("\n");
    expect(await run("key", "rotate", keyFile)).toMatchObject({ code: 0 });
    const [newId, behind] = (await run("key", "ids", keyFile)).text.trim().split("\n");
    expect(behind).toBe(oldId);
    await client.call("CONFIG", "SET", "slowlog-log-slower-than", "0");
    expect(await client.call("ENCRYPTION", "ROTATE")).toBe("OK");
    await client.call("SET", "after", MARKER);
    const info = async (): Promise<string> => String(await client.call("INFO", "persistence"));
    await expect.poll(info).toContain(`encryption_key_ids_in_use:${oldId},${newId}\r\n`);
    expect(await info()).toContain(
      `encryption:on\r\nencryption_key_id:${newId}\r\nencryption_key_ids_given:${newId},${oldId}\r\n`,
    );
    expect(await info()).toContain("encryption_segments_plain:0\r\n");

    // Without the old key nobody could read what is there.
    const both = readFileSync(keyFile);
    writeFileSync(keyFile, both.subarray(0, 65));
    expect((await client.command("ENCRYPTION", "ROTATE")).toString()).toMatch(
      new RegExp(`^-ERR the keys stay as they were: ${oldId} is not among them`),
    );
    writeFileSync(keyFile, both);

    const shown: string[] = [];
    for (const request of [
      ["INFO", "everything"],
      ["CONFIG", "GET", "*"],
      ["SLOWLOG", "GET", "-1"],
      ["ENCRYPTION", "STATUS"],
    ]) {
      shown.push((await client.command(...(request as [string, ...string[]]))).toString("latin1"));
    }
    shown.push(server.output, readFileSync(`/proc/${server.pid}/cmdline`, "latin1"), everythingIn(dir));
    expect(shown.join("")).toContain(newId);
    expectNothingSecret(shown.join(""));
    expect(everythingIn(dir).includes("MARKER")).toBe(false);
    client.close();
    monitor.close();
    await server.kill9();

    const options = ["--encryption-key-file", keyFile];
    expect(await run("check", dir)).toMatchObject({ code: 0, text: expect.stringContaining("its contents were not") });
    expect(await run("check", dir, ...options)).toMatchObject({
      code: 0,
      text: expect.stringMatching(/sound {6}everything is there/),
    });
    expect(await run("dump", dir, "--resp")).toMatchObject({ code: 2, text: expect.not.stringContaining("MARKER") });
    expect(await run("dump", dir, "--resp", ...options)).toMatchObject({
      code: 0,
      text: expect.stringContaining(MARKER),
    });
    expect(await run("repair", dir, ...options)).toMatchObject({
      code: 0,
      text: expect.stringContaining("nothing to repair"),
    });
  },
);

test("as a library, with the keys of the server", async () => {
  const folder = join(place, "library");
  const key = Buffer.alloc(32, "a key of a test, not of anybody.");
  await expect(open({ dir: folder, encryption: {} })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  const first = await open({ dir: folder, encryption: { keys: [key] } });
  first.set("a", MARKER);
  await first.close();
  expect(everythingIn(folder).includes("MARKER")).toBe(false);
  await expect(open({ dir: folder })).rejects.toMatchObject({ code: "KEY_MISSING" });
  process.env["EMBERLOG_TEST_KEY"] = key.toString("base64");
  const second = await open({ dir: folder, encryption: { keyEnv: "EMBERLOG_TEST_KEY" } });
  expect(process.env["EMBERLOG_TEST_KEY"]).toBeUndefined();
  expect(second.getText("a")).toBe(MARKER);
  await second.close();
});
