/** What every object store must do, whatever is behind it: one suite, run against each (style.md, Litestream's habit). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ObjectLockedError, type ObjectStore } from "../../../src/backup/object_store.ts";
import { proveStore } from "../../../src/backup/open_store.ts";
import { seededRandom } from "../../../src/base/random.ts";

const random = seededRandom(7);

async function names(store: ObjectStore, prefix: string, after?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(prefix, after)) found.push(name);
  return found;
}

async function* pieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** How an object of a store is locked for so many ms, and how that time passes. */
export interface Locking {
  lock(store: ObjectStore, name: string, ms: number): Promise<void>;
  pass(store: ObjectStore, ms: number): Promise<void>;
}

/** `open` gives a store below an own, empty prefix each time it is called with another name. */
export function objectStoreContract(label: string, open: (prefix: string) => Promise<ObjectStore>): void {
  describe(`${label} as an object store`, () => {
    let store: ObjectStore;
    beforeAll(async () => {
      store = await open("contract");
    });
    afterAll(() => store.close());

    test("an object is read as it was written, in whole and in part", async () => {
      const bytes = random.bytes(100_000);
      expect(await store.create("a/whole", bytes)).toBe("created");
      expect(await store.size("a/whole")).toBe(100_000);
      expect(Buffer.compare(await store.read("a/whole"), bytes)).toBe(0);
      expect(Buffer.compare(await store.read("a/whole", 500, 1000), bytes.subarray(500, 1500))).toBe(0);
      expect(Buffer.compare(await store.read("a/whole", 99_990, 1000), bytes.subarray(99_990))).toBe(0);
      expect((await store.read("a/whole", 100_000, 10)).length).toBe(0);
      expect((await store.read("a/whole", 10, 0)).length).toBe(0);
    });

    test("an empty object is one", async () => {
      expect(await store.create("a/empty", new Uint8Array(0))).toBe("created");
      expect(await store.size("a/empty")).toBe(0);
      expect((await store.read("a/empty")).length).toBe(0);
    });

    test("an object is never replaced", async () => {
      const first = random.bytes(10);
      expect(await store.create("a/once", first)).toBe("created");
      expect(await store.create("a/once", random.bytes(10))).toBe("exists");
      expect(Buffer.compare(await store.read("a/once"), first)).toBe(0);
    });

    test("of many that create one name at once one wins", async () => {
      const bodies = Array.from({ length: 8 }, () => random.bytes(50));
      const answers = await Promise.all(bodies.map((body) => store.create("a/race", body)));
      expect(answers.filter((answer) => answer === "created")).toHaveLength(1);
      const winner = bodies[answers.indexOf("created")]!;
      expect(Buffer.compare(await store.read("a/race"), winner)).toBe(0);
    });

    test("an object of many pieces, larger than any part", async () => {
      const bytes = random.bytes(1024 * 1024);
      const body = async function* (): AsyncGenerator<Uint8Array> {
        for (let i = 0; i < 40; i++) yield* pieces(bytes, 300_001);
      };
      expect(await store.create("a/large", body())).toBe("created");
      expect(await store.size("a/large")).toBe(40 * 1024 * 1024);
      for (const at of [0, 17, 39]) {
        const piece = await store.read("a/large", at * 1024 * 1024, 1024 * 1024);
        expect(Buffer.compare(piece, bytes)).toBe(0);
      }
      expect(await store.create("a/large", body())).toBe("exists");
    });

    test("a body that fails leaves nothing", async () => {
      const body = async function* (): AsyncGenerator<Uint8Array> {
        for (let i = 0; i < 5; i++) yield random.bytes(8 * 1024 * 1024);
        throw new Error("the source ended");
      };
      await expect(store.create("a/failed", body())).rejects.toThrow("the source ended");
      expect(await store.size("a/failed")).toBeUndefined();
      expect(await names(store, "a/failed")).toEqual([]);
    });

    test("what is not there is said to be missing", async () => {
      await expect(store.read("a/nothing")).rejects.toMatchObject({ code: "OBJECT_MISSING" });
      expect(await store.size("a/nothing")).toBeUndefined();
      await store.remove("a/nothing");
      expect(await names(store, "nowhere/")).toEqual([]);
    });

    test("a listing has all names of a prefix in the order of their bytes, from a name on", async () => {
      const created = ["l/b", "l/a/2", "l/a/10", "l/a-b", "l/a.b", "l/B", "l/ab/c/d", "m/x"];
      for (const name of created) await store.create(name, new Uint8Array(3));
      const sorted = created.filter((name) => name.startsWith("l/")).sort();
      expect(await names(store, "l/")).toEqual(sorted);
      expect(await names(store, "l/a")).toEqual(sorted.filter((name) => name.startsWith("l/a")));
      expect(await names(store, "l/", sorted[2])).toEqual(sorted.slice(3));
      expect(await names(store, "l/a/")).toEqual(["l/a/10", "l/a/2"]);
    });

    test("a removed object is gone, and its name free", async () => {
      await store.create("a/gone", new Uint8Array(3));
      await store.remove("a/gone");
      expect(await store.size("a/gone")).toBeUndefined();
      expect(await store.create("a/gone", new Uint8Array(4))).toBe("created");
    });

    test("names that lead elsewhere are refused", async () => {
      for (const name of ["", "../x", "a/../b", "/a", "a//b", "a/", ".writing/x", "a b", "a\0b", "x".repeat(600)]) {
        await expect(store.create(name, new Uint8Array(1)), name).rejects.toMatchObject({ code: "STORE_REFUSED" });
        await expect(store.read(name), name).rejects.toMatchObject({ code: "STORE_REFUSED" });
      }
    });

    test("it is proved, and nothing is left of the proof", async () => {
      expect(await proveStore(store, random, 1)).toEqual({ exclusiveCreate: true });
      expect(await names(store, "probe/")).toEqual([]);
    });
  });
}

/** What a store must do that keeps objects for a time. */
export function objectLockContract(
  label: string,
  open: (prefix: string) => Promise<ObjectStore>,
  locking: Locking,
): void {
  describe(`${label} with object lock`, () => {
    let store: ObjectStore;
    beforeAll(async () => {
      store = await open("contract");
    });
    afterAll(() => store.close());

    test("a locked object stays as it is until its time has come, which is told; then it goes", async () => {
      const bytes = random.bytes(50);
      await store.create("lock/a", bytes);
      await locking.lock(store, "lock/a", 3000);
      const refused: unknown = await store.remove("lock/a").catch((thrown: unknown) => thrown);
      expect(refused).toBeInstanceOf(ObjectLockedError);
      expect(refused).toMatchObject({ code: "OBJECT_LOCKED", untilMs: expect.any(Number) });
      expect(String(refused)).toMatch(/lock\/a in .* is locked until \d{4}-/);
      expect(await names(store, "lock/")).toEqual(["lock/a"]);
      expect(Buffer.compare(await store.read("lock/a"), bytes)).toBe(0);
      await locking.pass(store, 3500);
      await store.remove("lock/a");
      expect(await names(store, "lock/")).toEqual([]);
      expect(await store.size("lock/a")).toBeUndefined();
      await store.remove("lock/a");
    });
  });
}
