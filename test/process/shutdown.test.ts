/** SHUTDOWN and SIGTERM take an image where Redis takes one, end in spite of a failed one where Redis does, and can be called off. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";

const started: ServerProcess[] = [];
afterEach(() => {
  for (const server of started.splice(0)) server.dispose();
});

async function start(...args: string[]): Promise<{ server: ServerProcess; client: RespClient }> {
  const server = await startEmberlog({ args });
  started.push(server);
  const client = await server.connect();
  await client.command("SET", "kept", "1");
  return { server, client };
}

const images = ({ dir }: ServerProcess): string[] => readdirSync(dir).filter((name) => /\.img$/.test(name));

/** The image's temporary file is a directory with something in it: no image can be written. */
function block({ dir }: ServerProcess): string {
  const path = join(dir, "image.tmp");
  mkdirSync(path);
  writeFileSync(join(path, "x"), "x");
  return path;
}

const ends: [name: string, save: string, words: string[] | "SIGTERM", image: boolean, flags?: string][] = [
  ["SHUTDOWN NOSAVE", "900 1", ["SHUTDOWN", "nosave"], false],
  ["SHUTDOWN SAVE NOW", "", ["SHUTDOWN", "SAVE", "NOW"], true],
  ["SIGTERM and shutdown-on-sigterm nosave", "900 1", "SIGTERM", false, "nosave"],
];
for (const [name, save, words, image, flags] of ends) {
  test(`${name}: ${image ? "an" : "no"} image, exit code 0`, async () => {
    const { server, client } = await start("--save", save, "--shutdown-on-sigterm", flags ?? "default");
    if (words === "SIGTERM") server.signal("SIGTERM");
    else client.command(...words).catch(() => {});
    expect(await server.exit()).toEqual({ code: 0, signal: null });
    expect(images(server).length).toBe(image ? 1 : 0);
    expect(server.output.includes("Taking an image before the end")).toBe(image);
  });
}

test("an image that fails keeps the server up, with Redis's error, until NOSAVE or FORCE", async () => {
  const { server, client } = await start("--save", "900 1");
  const blocked = block(server);
  const refused = "-ERR Errors trying to SHUTDOWN. Check logs.\r\n";
  expect(String(await client.command("SHUTDOWN"))).toBe(refused);
  expect(String(await client.command("SHUTDOWN", "SAVE"))).toBe(refused);
  server.signal("SIGTERM");
  await expect.poll(() => server.output.match(/so the server goes on/g)?.length).toBe(3);
  // Writes are taken again, and the next signal is as good as the first.
  expect(String(await client.command("SET", "after", "1"))).toBe("+OK\r\n");
  rmSync(blocked, { recursive: true });
  server.signal("SIGTERM");
  expect((await server.exit()).code).toBe(0);
  expect(images(server).length).toBe(1);
});

test("without a data directory only SAVE insists, and not with FORCE", async () => {
  const { server, client } = await start("--appendonly", "no");
  expect(String(await client.command("SHUTDOWN", "SAVE"))).toMatch(/^-ERR Errors trying to SHUTDOWN/);
  client.command("SHUTDOWN", "SAVE", "FORCE").catch(() => {});
  expect((await server.exit()).code).toBe(0);
  expect(server.output).toContain("the server ends all the same");
});

test("ABORT while the image is taken: reads go on, writes wait, and everything goes on afterwards", async () => {
  const { server, client } = await start("--save", "900 1");
  await client.command("DEBUG", "POPULATE", "200000", "key", "100");
  const [stopper, writer] = [await server.connect(), await server.connect()];
  const answer = stopper.command("SHUTDOWN");
  await expect.poll(() => server.output).toContain("Taking an image before the end");
  const write = writer.command("SET", "late", "1");
  expect(String(await client.command("GET", "kept"))).toBe("$1\r\n1\r\n");
  expect(String(await client.command("SHUTDOWN", "ABORT"))).toBe("+OK\r\n");
  expect(String(await answer)).toBe("-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
  expect(String(await write)).toBe("+OK\r\n");
  expect(String(await client.command("SHUTDOWN", "ABORT"))).toBe("-ERR No shutdown in progress.\r\n");
  await expect.poll(async () => String(await client.command("BGSAVE"))).toBe("+Background saving started\r\n");
});
