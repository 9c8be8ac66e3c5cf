/** The stores that need nothing beside them; the S3 server's turn comes in s3_store.long.ts. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import { openStore, parseS3Url, proveStore } from "../../../src/backup/open_store.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { seededRandom, systemRandom } from "../../../src/base/random.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { objectLockContract, objectStoreContract } from "./object_store_contract.ts";

objectStoreContract("memory", async () => new MemoryStore());
objectLockContract("memory", async () => new MemoryStore(), {
  lock: async (store, name, ms) => void (store as MemoryStore).locks.set(name, ms),
  pass: async (store, ms) => {
    (store as MemoryStore).nowMs = () => ms;
  },
});

const root = temporaryDirectory("object-store");
objectStoreContract("a folder", (prefix) =>
  openStore(`file://${join(root, "of several", prefix).replace(" ", "%20")}`, systemRandom(), systemClock),
);

test("a folder keeps no temporary file, whatever failed", () => {
  expect(readdirSync(join(root, "of several", "contract", ".writing"))).toEqual([]);
});

test("a store that replaces is found out", async () => {
  expect(await proveStore(new MemoryStore({ replaces: true }), seededRandom(1), 1)).toEqual({ exclusiveCreate: false });
});

test("a store that refuses is no store", async () => {
  const store = new MemoryStore();
  store.fate = (operation) => (operation === "create" ? "refused" : "work");
  await expect(proveStore(store, seededRandom(1), 1)).rejects.toMatchObject({ code: "STORE_REFUSED" });
});

test("URLs", async () => {
  expect(parseS3Url("s3://bucket/a/b/?endpoint=http://127.0.0.1:9000&path-style=no")).toEqual({
    bucket: "bucket",
    prefix: "a/b/",
    endpoint: "http://127.0.0.1:9000",
    region: undefined,
    pathStyle: false,
  });
  expect(parseS3Url("s3://bucket").prefix).toBe("");
  for (const url of ["s3://", "s3://b/a b", "s3://b?color=red", "s3://b?path-style=maybe", "s3://key:secret@b/"]) {
    expect(() => parseS3Url(url), url).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  }
  try {
    parseS3Url("s3://key:secret@b/");
  } catch (thrown) {
    expect(String(thrown)).not.toContain("secret@");
  }
  for (const url of ["ftp://x/y", "file://host/x", "file:///", "/path", ""]) {
    await expect(openStore(url, systemRandom(), systemClock), url).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  }
});
