/** The library: open() in this process, with and without a directory, and startServer(). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { type Embedded, EmberlogError, open, ReplyError, startServer } from "../../../src/index.ts";
import { nativeAddon } from "../../../src/platform/native.ts";

const directories: string[] = [];
const opened: Embedded[] = [];

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "emberlog-embedded-"));
  directories.push(path);
  return path;
}

async function openHere(dir?: string, appendfsync?: "always" | "everysec" | "no"): Promise<Embedded> {
  const database = await open({
    ...(dir === undefined ? {} : { dir }),
    ...(appendfsync === undefined ? {} : { appendfsync }),
  });
  opened.push(database);
  return database;
}

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
  for (const path of directories.splice(0)) rmSync(path, { recursive: true });
});

describe("open", () => {
  it("gives typed results", async () => {
    const db = await openHere();
    expect(db.set("text", "héllo")).toBe(true);
    expect(db.getText("text")).toBe("héllo");
    expect(db.get("nothing")).toBeNull();
    expect(db.set("text", "again", { only: "nx" })).toBe(false);
    expect(db.incr("counter", 5)).toBe(5);
    expect(db.incr("counter", 9007199254740993n)).toBe(9007199254740998n);
    expect(db.set("bytes", Uint8Array.of(0, 255, 13, 10))).toBe(true);
    expect(db.get("bytes")).toEqual(Buffer.from([0, 255, 13, 10]));
    expect(db.mget("text", "nothing")).toEqual([Buffer.from("héllo"), null]);
    expect(db.ttl("text")).toBeNull();
    expect(db.expire("text", 100)).toBe(true);
    expect(db.ttl("text")).toBeGreaterThan(99);
    expect(db.ttl("nothing")).toBeUndefined();
    expect([...db.scan()].map(String).sort()).toEqual(["bytes", "counter", "text"]);
    expect([...db.scan("c*")].map(String)).toEqual(["counter"]);
    expect(db.del("text", "nothing")).toBe(1);
    expect(db.size).toBe(2);
  });

  it("throws error replies with their code", async () => {
    const db = await openHere();
    db.set("text", "x");
    expect(() => db.run("INCR", "text")).toThrow(ReplyError);
    expect(() => db.run("NOSUCH")).toThrow(/unknown command 'NOSUCH'/);
    expect(() => db.run("GET")).toThrow(/wrong number of arguments for 'get'/);
  });

  it.each(["always", "everysec", "no"] as const)("recovers what was done under %s", async (policy) => {
    const dir = directory();
    const first = await openHere(dir, policy);
    for (let i = 0; i < 5000; i++) first.set(`key:${i}`, `value ${i}`);
    first.set("large", "y".repeat(3 * 1024 * 1024));
    first.atomically(() => {
      first.set("a", 1);
      first.incr("a");
      first.del("key:0");
    });
    await first.durable();
    await first.close();
    const second = await openHere(dir, policy);
    expect(second.size).toBe(5001);
    expect(second.getText("key:4999")).toBe("value 4999");
    expect(second.get("key:0")).toBeNull();
    expect(second.getText("a")).toBe("2");
    expect(second.get("large")?.length).toBe(3 * 1024 * 1024);
    expect(second.recovery?.commands).toBeGreaterThan(5000);
  });

  it("runs transactions, with the errors inside in their place", async () => {
    const dir = directory();
    const first = await openHere(dir);
    first.run("MULTI");
    first.run("SET", "t", "x");
    first.run("INCR", "t");
    const replies = first.run("EXEC") as unknown[];
    expect(replies[0]).toBe("OK");
    expect(replies[1]).toBeInstanceOf(ReplyError);
    await first.close();
    expect((await openHere(dir)).getText("t")).toBe("x");
  });

  it("keeps the database that was selected, across a restart too", async () => {
    const dir = directory();
    const first = await openHere(dir);
    first.set("zero", "0");
    first.run("SELECT", 3);
    first.set("three", "3");
    await first.close();
    const second = await openHere(dir);
    expect(second.get("three")).toBeNull();
    expect(second.getText("zero")).toBe("0");
    second.run("SELECT", 3);
    expect(second.getText("three")).toBe("3");
  });

  it("refuses a directory that another one holds, and calls after close", async () => {
    const dir = directory();
    const first = await openHere(dir);
    await expect(open({ dir })).rejects.toMatchObject({ code: "DIRECTORY_LOCKED" });
    await first.close();
    expect(() => first.get("x")).toThrow(EmberlogError);
    await first.close();
    await expect(open({ databases: 17 })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  it.skipIf(nativeAddon() === undefined)(
    "holds a bounded part of the log in memory, however long nobody awaits",
    async () => {
      const db = await openHere(directory(), "always");
      const before = process.memoryUsage().arrayBuffers;
      const value = "v".repeat(1_000_000);
      for (let i = 0; i < 300; i++) db.set("k", value);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(220_000_000);
      expect(db.getText("k")).toBe(value);
    },
  );

  it("expires keys whose time has come", async () => {
    const db = await openHere();
    db.set("short", "x", { px: 20 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(db.size).toBe(0);
  });
});

describe("startServer", () => {
  it("serves on a free port and holds what it acknowledged", async () => {
    const dir = directory();
    const lines: string[] = [];
    const server = await startServer({ port: 0, dir, appendfsync: "always" }, (line) => lines.push(line));
    expect(server.port).toBeGreaterThan(0);
    const client = new Redis(server.port, "127.0.0.1");
    expect(await client.set("over", "socket")).toBe("OK");
    client.disconnect();
    await server.close();
    expect((await openHere(dir)).getText("over")).toBe("socket");
  });

  it("says which directive is wrong", async () => {
    await expect(startServer({ port: 0, nonsense: 1 })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});
