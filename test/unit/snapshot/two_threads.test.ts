/** Freezes with a real worker thread: what is written while it reads is not in the image, and nothing is torn. */

import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KeyRing, MasterKey } from "../../../src/base/key_ring.ts";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { NodeDisk } from "../../../src/disk/node_disk.ts";
import { type Embedded, open } from "../../../src/engine/embedded.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { chooseImages } from "../../../src/engine/image_chain.ts";
import { EngineMemory } from "../../../src/engine/image_memory.ts";
import { readManifest } from "../../../src/manifest/store.ts";
import { crc32c } from "../../../src/platform/checksum.ts";
import { CommandSource } from "../../conformance/random_commands.ts";
import { drawSeed } from "../../model/memory_seed.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const seed = drawSeed();
const replay = `replay with EMBERLOG_SEED=${seed} npx vitest run test/unit/snapshot/two_threads.test.ts`;
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "emberlog-freeze-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const engineOf = (db: Embedded): Engine => Reflect.get(db, "engine") as Engine;

function run(db: Embedded, source: CommandSource): void {
  attempt(db, source.next());
}

function attempt(db: Embedded, [name, ...args]: readonly (string | number | Uint8Array)[]): void {
  try {
    db.run(String(name), ...args);
  } catch {
    // Error replies are part of it.
  }
}

/** The random commands may have begun one, in which all that follows would only be queued. */
const endTransaction = (db: Embedded): void => attempt(db, ["DISCARD"]);

/** Members of each collection of many: a megabyte and more, in structures of their own. */
const MEMBERS = 5000;
const member = (i: number): string => `member ${i} `.padEnd(200, "x");

/** One collection of each type with many members, and a string of many megabytes. */
function fillHuge(db: Embedded): void {
  db.set("huge", Buffer.alloc(9 * 1024 * 1024, 1));
  for (let i = 0; i < MEMBERS; i += 50) {
    const members = Array.from({ length: 50 }, (_, k) => member(i + k));
    db.run("HSET", "huge hash", ...members.flatMap((each) => [each, each]));
    db.run("SADD", "huge set", ...members);
    db.run("ZADD", "huge zset", ...members.flatMap((each, k) => [String(i + k), each]));
    db.run("RPUSH", "huge list", ...members);
  }
}

/** Changes each of them somewhere; the random commands may have removed them meanwhile. */
function changeHuge(db: Embedded, random: Random): void {
  const any = (): string => member(uniform(random, MEMBERS));
  for (const args of [
    ["SETRANGE", "huge", String(uniform(random, 9_000_000)), "written meanwhile"],
    ["HSET", "huge hash", any(), "another value"],
    ["HDEL", "huge hash", any()],
    ["SREM", "huge set", any()],
    ["SADD", "huge set", `new ${uniform(random, MEMBERS)}`],
    ["ZADD", "huge zset", String(uniform(random, MEMBERS)), any()],
    ["ZREM", "huge zset", any()],
    ["LSET", "huge list", String(uniform(random, 1000)), "another element"],
    ["RPOPLPUSH", "huge list", "huge list"],
  ]) {
    attempt(db, args);
  }
}

test.each([
  ["plain", undefined],
  ["encrypted", new KeyRing([new MasterKey(new Uint8Array(32).fill(7))])],
] as const)(
  "random writes during the image, %s: loaded elsewhere it is the state at its freeze",
  async (_kind, ring) => {
    const random = seededRandom(seed);
    const source = new CommandSource(random);
    const db = await open({ dir: directory });
    if (ring !== undefined) {
      const storage = Reflect.get(db, "storage") as { images: object };
      Reflect.set(storage.images, "keys", ring);
    }
    const { arena, dataset } = engineOf(db);
    for (let i = 0; i < 500; i++) run(db, source);
    endTransaction(db);
    for (let i = 0; i < 4000; i++) db.set(`key ${i}`, Buffer.alloc(500, i));
    fillHuge(db);
    expect(db.run("HLEN", "huge hash")).toBe(MEMBERS);
    for (let round = 0; round < 2; round++) {
      let atFreeze = "";
      const freezeHook = arena.setFreezeHook.bind(arena);
      arena.setFreezeHook = (hook) => {
        if (hook !== null) atFreeze = stateDigest(dataset);
        freezeHook(hook);
      };
      let ended = false;
      const taken = db.snapshot().finally(() => {
        ended = true;
      });
      let written = 0;
      while (!ended) {
        if (arena.freezing) {
          for (let i = 0; i < 50; i++) {
            db.set(`key ${uniform(random, 4000)}`, Buffer.alloc(500, i));
            run(db, source);
          }
          endTransaction(db);
          for (let i = 0; i < 5; i++) changeHuge(db, random);
          written++;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await taken).kind).toBe(round === 0 ? "full" : "delta");
      // A delta may be done before this thread has its next turn.
      if (round === 0) expect(written, "nothing was written meanwhile").toBeGreaterThan(0);
      arena.setFreezeHook = freezeHook;

      const read = readManifest(new NodeDisk(), directory, crc32c);
      if (read.kind !== "sound") throw new Error("no manifest");
      const other = new EngineClient({ seed: 5 });
      const memory = new EngineMemory(other.engine, {
        disk: new NodeDisk(),
        crc32c,
        threads: true,
        meanwhile: undefined,
      });
      const keys = ring ?? new KeyRing([]);
      const chosen = chooseImages(new NodeDisk(), directory, crc32c, read.manifest, memory, keys, true);
      expect(chosen.state).toBe("sound");
      expect(stateDigest(other.engine.dataset), `${replay}, round ${round}`).toBe(atFreeze);
      expect(verifyDataset(other.engine.dataset)).toEqual([]);
      if (ring !== undefined) {
        const locked = chooseImages(new NodeDisk(), directory, crc32c, read.manifest, memory, new KeyRing([]), true);
        expect(locked.state).toBe("locked");
      }
    }
    await db.close();
  },
);

test("fork is a database of its own, and a snapshot is what a start begins with", async () => {
  const db = await open({ dir: directory });
  for (let i = 0; i < 1000; i++) db.set(`key ${i}`, Buffer.alloc(300, i));
  const fork = await db.fork();
  expect(stateDigest(engineOf(fork).dataset)).toBe(stateDigest(engineOf(db).dataset));
  fork.set("only", "there");
  fork.del("key 1");
  db.set("key 2", "here");
  expect(db.exists("only")).toBe(0);
  expect(db.exists("key 1")).toBe(1);
  expect(fork.get("key 2")?.length).toBe(300);
  expect(verifyDataset(engineOf(fork).dataset)).toEqual([]);
  await fork.close();
  const snapshot = await db.snapshot();
  expect(snapshot.kind).toBe("full");
  db.set("after", "it");
  await db.close();
  expect(readdirSync(directory)).toContain(snapshot.file);
  // Without the log behind it there is nothing to start with; so only the part before it goes.
  const again = await open({ dir: directory });
  expect(again.recovery).toMatchObject({ images: 1, imageSequence: snapshot.sequence });
  expect(again.getText("after")).toBe("it");
  expect(again.size).toBe(1001);
  await again.close();
  mkdirSync(join(directory, "elsewhere"));
  renameSync(join(directory, snapshot.file), join(directory, "elsewhere", snapshot.file));
  const without = await open({ dir: directory });
  expect(without.size).toBe(1001);
  await without.close();
});
