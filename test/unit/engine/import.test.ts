/** Data of Redis becomes Emberlog's: by a start on its directory, by `emberlog import`; whole or not at all, whatever happens on the way. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { type ImportArguments, runImport } from "../../../src/cli/import.ts";
import { datasetDigest, stateDigest } from "../../../src/dataset/digest.ts";
import { EIO } from "../../../src/disk/errno.ts";
import { type CrashKind, MemoryDisk } from "../../../src/disk/memory_disk.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { exportDataset } from "../../../src/engine/export.ts";
import { importInto, importOwnFiles, importsAtStart } from "../../../src/engine/import.ts";
import { REFUSE_ALL } from "../../../src/engine/import_rdb.ts";
import type { Importer } from "../../../src/engine/importer.ts";
import { openStorage, type StorageOptions } from "../../../src/engine/storage.ts";
import { type Embedded, open, startServer } from "../../../src/index.ts";
import { memoryLogIo } from "../../recovery/image_world.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { randomDataset } from "../../support/random_dataset.ts";
import { withSum } from "../../support/rdb_payload.ts";
import { request } from "../../support/resp_client.ts";
import { sharedPath } from "../../support/shared_fixtures.ts";
import { referenceCrc32c, Steps } from "../log/support.ts";

const roots: string[] = [];
const opened: Embedded[] = [];

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "emberlog-import-"));
  roots.push(path);
  return path;
}

async function openHere(dir?: string): Promise<Embedded> {
  const db = await open(dir === undefined ? {} : { dir });
  opened.push(db);
  return db;
}

afterEach(async () => {
  for (const db of opened.splice(0)) await db.close();
  for (const path of roots.splice(0)) rmSync(path, { recursive: true });
});

/** What DEBUG DIGEST answers. */
const digest = (db: Embedded): string => datasetDigest((Reflect.get(db, "engine") as Engine).dataset);

/** A dataset of every type, and its digest. */
async function source(seed = 5): Promise<{ db: Embedded; expected: string }> {
  const db = await openHere();
  for (const [name, ...args] of randomDataset(seededRandom(seed), 20, Date.now())) db.run(String(name), ...args);
  return { db, expected: digest(db) };
}

/** What a directory holds but for the file that is locked, by name, with its bytes. */
function contents(path: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(path).sort()) {
    if (name === "LOCK") continue;
    const file = join(path, name);
    if (statSync(file).isDirectory()) Object.assign(found, { [name]: contents(file) });
    else found[name] = readFileSync(file).toString("latin1");
  }
  return found;
}

/** Opened twice: imported, then served from its own log. */
async function digestsOf(dir: string): Promise<string[]> {
  const digests: string[] = [];
  for (let i = 0; i < 2; i++) {
    const db = await openHere(dir);
    digests.push(digest(db));
    await db.close();
  }
  return digests;
}

describe("a start on a directory of Redis's", () => {
  it("imports a dump.rdb that lies there alone, and leaves it as it was", async () => {
    const { db, expected } = await source();
    const dir = directory();
    await db.export({ rdb: join(dir, "dump.rdb") });
    const before = readFileSync(join(dir, "dump.rdb"));
    expect(await digestsOf(dir)).toEqual([expected, expected]);
    expect(readFileSync(join(dir, "dump.rdb")).equals(before)).toBe(true);
  });

  it("imports an appendonlydir with what its increments did", async () => {
    const { db } = await source();
    const dir = directory();
    await db.export({ aof: join(dir, "appendonlydir") });
    const increments: string[][] = [
      ["SELECT", "3"],
      ["SET", "behind", "1"],
      ["MULTI"],
      ["RPUSH", "list", "a", "b"],
      ["INCR", "behind"],
      ["EXEC"],
      ["PEXPIREAT", "list", String(Date.now() + 1e9)],
    ];
    const file = join(dir, "appendonlydir", "appendonly.aof.1.incr.aof");
    writeFileSync(file, Buffer.concat([Buffer.from("#TS:1700000000\r\n"), ...increments.map(request)]));
    for (const [name, ...args] of increments) db.run(name!, ...args);
    const expected = digest(db);
    expect(await digestsOf(dir)).toEqual([expected, expected]);
  });

  it("knows an append-only directory of another name, and does not take an old dump instead", async () => {
    const { db, expected } = await source();
    const old = await openHere();
    old.set("old", "1");
    const dir = directory();
    await db.export({ aof: join(dir, "aof-7") });
    expect(await digestsOf(dir)).toEqual([expected, expected]);
    const both = directory();
    await db.export({ aof: join(both, "aof-7") });
    await old.export({ rdb: join(both, "dump.rdb") });
    expect(await digestsOf(both)).toEqual([expected, expected]);
    const several = directory();
    for (const name of ["aof-7", "appendonlydir"]) await db.export({ aof: join(several, name) });
    await expect(open({ dir: several })).rejects.toMatchObject({
      code: "IMPORT_REFUSED",
      message: expect.stringContaining("several append-only directories (aof-7, appendonlydir)"),
    });
  });

  it("reads the append-only files where both are there, and the server's log says so", async () => {
    const { db, expected } = await source();
    const other = await openHere();
    other.set("only in", "the dump");
    const dir = directory();
    await db.export({ aof: join(dir, "appendonlydir") });
    await other.export({ rdb: join(dir, "dump.rdb") });
    let log = "";
    const server = await startServer({ dir, port: 0 }, (line) => {
      log += `${line}\n`;
    });
    await server.close();
    expect(log).toMatch(/holds data of redis-server and none of Emberlog/);
    expect(log).toMatch(/Imported \d+ keys from .*appendonly\.aof\.1\.base\.rdb/);
    expect(log).toMatch(/dump\.rdb was not read/);
    expect(await digestsOf(dir)).toEqual([expected, expected]);
  });

  it("takes no notice of what a killed redis-server had not finished", async () => {
    const { db, expected } = await source();
    const dir = directory();
    await db.export({ rdb: join(dir, "dump.rdb") });
    for (const name of ["temp-4711.rdb", "temp-17.4711.rdb", "temp-rewriteaof-bg-4712.aof"]) {
      writeFileSync(join(dir, name), readFileSync(join(dir, "dump.rdb")).subarray(0, 100));
    }
    expect(await digestsOf(dir)).toEqual([expected, expected]);
    // Data was expected here, and there is none: no start makes an empty one of it.
    const other = directory();
    writeFileSync(join(other, "temp-1.rdb"), "REDIS0010");
    await expect(open({ dir: other })).rejects.toMatchObject({
      code: "IMPORT_REFUSED",
      message: expect.stringContaining("not finished (temp-1.rdb)"),
    });
  });

  it.each([
    ["cut off", (bytes: Buffer) => bytes.subarray(0, bytes.length - 20)],
    [
      "changed",
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 200), Buffer.from([bytes[200]! ^ 8]), bytes.subarray(201)]),
    ],
    ["no RDB file at all", () => Buffer.from("a text that somebody has saved here")],
    ["empty", () => Buffer.alloc(0)],
    [
      "of a version that nobody knows",
      (bytes: Buffer) => withSum(Buffer.concat([Buffer.from("REDIS0099"), bytes.subarray(9)])),
    ],
  ])("refuses a dump that is %s, and writes nothing", async (_name, change) => {
    const { db } = await source();
    const dir = directory();
    await db.export({ rdb: join(dir, "dump.rdb") });
    writeFileSync(join(dir, "dump.rdb"), change(readFileSync(join(dir, "dump.rdb"))));
    const before = contents(dir);
    await expect(open({ dir })).rejects.toMatchObject({ code: "IMPORT_REFUSED", file: join(dir, "dump.rdb") });
    expect(contents(dir)).toEqual(before);
  });

  it("refuses an appendonlydir that lacks a file or has damage in one, and writes nothing", async () => {
    const { db } = await source();
    const dir = directory();
    const folder = join(dir, "appendonlydir");
    const increment = join(folder, "appendonly.aof.1.incr.aof");
    const refused = async (file: string): Promise<void> => {
      const before = contents(dir);
      await expect(open({ dir })).rejects.toMatchObject({ code: "IMPORT_REFUSED", file });
      expect(contents(dir)).toEqual(before);
    };
    await db.export({ aof: folder });
    for (const commands of [
      Buffer.from("*2\r\n$3\r\nSET\r\n$1\r\n"),
      Buffer.concat([request(["MULTI"]), request(["SET", "a", "1"])]),
      Buffer.concat([request(["SET", "a", "1"]), Buffer.from("garbage\r\n")]),
      request(["NOSUCHCOMMAND"]),
      request(["SET", "a"]),
      Buffer.concat([request(["SET", "text", "x"]), request(["INCR", "text"])]),
    ]) {
      writeFileSync(increment, commands);
      await refused(increment);
    }
    rmSync(increment);
    await refused(increment);
    rmSync(join(folder, "appendonly.aof.manifest"));
    await refused(folder);
  });
});

/** What redis-server 7.0.15 answers to DEBUG DIGEST when it has loaded them; undefined: it ends with an error, or has no keys. */
const FIXTURES: readonly (readonly [name: string, outcome: string, keys: number])[] = [
  ["encodings.rdb", "b7324c5e2d3a7618126155c2bf9e40c794649565", 13],
  ["hash-ziplist.rdb", "3ca39ed0cb3b979b5b125ae0d1e54f2c40b7c5e6", 1],
  ["hash-zipmap.rdb", "3ca39ed0cb3b979b5b125ae0d1e54f2c40b7c5e6", 1],
  ["list-quicklist.rdb", "3d77c75a5b6cc5319b4ecf6e95101ed07ddd139e", 2],
  ["zset-ziplist.rdb", "fa1ca919dcef4dea3e3e609298a9e329d3bb7c61", 1],
  ["rdb-preamble.aof", "8df647352882efa138f4854656f412a08448f22d", 3],
  ["scriptbackup.rdb", "0000000000000000000000000000000000000000", 0],
  // Nine collections without elements, which redis-server leaves out, too.
  ["corrupt_empty_keys.rdb", "0000000000000000000000000000000000000000", 0],
  ["corrupt_ziplist.rdb", "refused", 0],
];
const fixtures = sharedPath("fixtures", "rdb");

describe.skipIf(fixtures === undefined)("files that Redis's own tests are made with", () => {
  it("are all known here", () => {
    const there = readdirSync(fixtures!).filter((name) => name !== "COPYING");
    expect(there.sort()).toEqual(FIXTURES.map(([name]) => name).sort());
  });

  it.each(FIXTURES)("%s: %s", async (name, outcome, keys) => {
    const dir = directory();
    const file = join(dir, name.endsWith(".aof") ? "appendonly.aof" : "dump.rdb");
    writeFileSync(file, readFileSync(join(fixtures!, name)));
    if (outcome === "refused") {
      await expect(open({ dir })).rejects.toMatchObject({ code: "IMPORT_REFUSED", file });
      expect(Object.keys(contents(dir))).toEqual([basename(file)]);
      return;
    }
    const db = await openHere(dir);
    expect([digest(db), db.size]).toEqual([outcome, keys]);
  });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
  readonly terminal: string;
}

async function runHere(from: string, dir: string, more: Partial<ImportArguments> = {}): Promise<Ran> {
  const printed = { out: "", error: "", terminal: "" };
  const args: ImportArguments = {
    from,
    dir,
    replace: false,
    skipUnsupported: false,
    allowTruncated: false,
    json: false,
    databases: 16,
    user: undefined,
    password: undefined,
    keys: NO_KEYS,
    ...more,
  };
  const to = (which: keyof typeof printed) => (text: string) => {
    printed[which] += text;
  };
  const code = await runImport(args, { out: to("out"), error: to("error"), terminal: to("terminal") });
  return { code, ...printed };
}

describe("emberlog import", () => {
  it("takes a file, a manifest, a directory, a running server", async () => {
    const { db, expected } = await source();
    const root = directory();
    await db.export({ rdb: join(root, "some.rdb") });
    await db.export({ aof: join(root, "redis", "appendonlydir").replace("/redis/", "/") });
    const files = [
      join(root, "some.rdb"),
      join(root, "appendonlydir", "appendonly.aof.manifest"),
      join(root, "appendonlydir"),
    ];
    for (const [i, from] of files.entries()) {
      const dir = join(root, `data${i}`);
      const { code, out } = await runHere(from, dir);
      expect([code, out]).toEqual([
        0,
        expect.stringMatching(/^imported +\d+ keys into .* in [\d.]+ s\nread +.*\.rdb\n/),
      ]);
      expect(await digestsOf(dir)).toEqual([expected, expected]);
    }
    const running = join(root, "running");
    mkdirSync(running);
    copyFileSync(join(root, "some.rdb"), join(running, "dump.rdb"));
    const server = await startServer({ dir: running, port: 0, requirepass: "secret" });
    try {
      const from = `redis://127.0.0.1:${server.port}`;
      expect((await runHere(from, join(root, "live"))).error).toMatch(/NOAUTH/);
      expect(contents(join(root, "live"))).toEqual({});
      const { code, terminal } = await runHere(from, join(root, "live"), { password: "secret" });
      expect(code).toBe(0);
      expect(terminal.endsWith("\r\x1b[K")).toBe(true);
      expect(await digestsOf(join(root, "live"))).toEqual([expected, expected]);
      // One database of it.
      await runHere(`${from}/9`, join(root, "one"), { password: "secret" });
      const one = await openHere(join(root, "one"));
      expect(one.size).toBe(0);
      one.run("SELECT", 9);
      db.run("SELECT", 9);
      expect(one.size).toBe(db.size);
    } finally {
      await server.close();
    }
  });

  it("prints one object with --json", async () => {
    const { db } = await source();
    const root = directory();
    const file = join(root, "dump.rdb");
    const { keys } = await db.export({ rdb: file });
    const { code, out, terminal } = await runHere(file, join(root, "data"), { json: true });
    expect([code, terminal]).toEqual([0, ""]);
    expect(JSON.parse(out)).toMatchObject({ from: file, dir: join(root, "data"), keys, expired: 0, files: [file] });
    writeFileSync(file, "nothing");
    const failed = await runHere(file, join(root, "other"), { json: true });
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.out)).toMatchObject({ error: { code: "IMPORT_REFUSED", file, offset: 0 } });
  });

  it("does not write over data unless --replace says so", async () => {
    const { db, expected } = await source();
    const root = directory();
    await db.export({ rdb: join(root, "dump.rdb") });
    const dir = join(root, "data");
    const old = await openHere(dir);
    old.set("old", "1");
    await old.close();
    const before = contents(dir);
    const refused = await runHere(join(root, "dump.rdb"), dir);
    expect([refused.code, refused.error]).toEqual([1, expect.stringMatching(/holds data already.*--replace/)]);
    expect(contents(dir)).toEqual(before);
    expect((await runHere(join(root, "dump.rdb"), dir, { replace: true })).code).toBe(0);
    expect(await digestsOf(dir)).toEqual([expected, expected]);
  });

  it("leaves out what can't be held, and the end that is cut off, where that is asked for, and says so", async () => {
    const root = directory();
    // A stream without entries, then a key; behind the file half a command.
    const stream = Buffer.concat([
      Buffer.from("REDIS0010\xfe\x00\x0f\x06stream\x00\x00\x00\x00\x00\x00\x01k\x01v\xff", "latin1"),
      Buffer.alloc(8),
    ]);
    const file = join(root, "appendonly.aof");
    writeFileSync(file, Buffer.concat([withSum(stream), request(["SET", "l", "w"]), Buffer.from("*3\r\n$3\r\nSET")]));
    const refused = await runHere(file, join(root, "data"));
    expect([refused.code, refused.error]).toEqual([1, expect.stringMatching(/stream.*--skip-unsupported/)]);
    const cut = await runHere(file, join(root, "data"), { skipUnsupported: true });
    expect([cut.code, cut.error]).toEqual([1, expect.stringMatching(/cut off.*--allow-truncated/)]);
    expect(contents(join(root, "data"))).toEqual({});
    const taken = await runHere(file, join(root, "data"), { skipUnsupported: true, allowTruncated: true });
    expect(taken.code).toBe(0);
    expect(taken.out).toMatch(/left out +1 × .*stream/);
    expect(taken.out).toMatch(/left out +1 × a command that was cut off/);
    const db = await openHere(join(root, "data"));
    expect(["k", "l", "stream"].map((key) => db.getText(key))).toEqual(["v", "w", null]);
  });
});

const DATA = "/data";
const NOW_MS = 1_700_000_000_000;

type Take = (importer: Importer) => Promise<void>;

class Stopped extends Error {}

/** A start on /data in one thread, which ends before the `stopAt`th operation of the disk; resolves to whether it came to its end. */
async function startIn(disk: MemoryDisk, seed: number, stopAt: number, take?: Take): Promise<EngineClient | undefined> {
  const steps = new Steps();
  Reflect.set(disk, "schedule", steps.schedule);
  const client = new EngineClient({ seed, nowMs: NOW_MS });
  const options: StorageOptions = {
    directory: DATA,
    policy: "everysec",
    segmentBytesMax: 64 * 1024 * 1024,
    clock: client.clock,
    random: seededRandom(seed),
    backing: { disk, logIo: memoryLogIo(disk, steps.schedule), crc32c: referenceCrc32c },
  };
  const end = disk.operations + stopAt;
  disk.onOperation = () => {
    if (disk.operations >= end) throw new Stopped();
    return 0;
  };
  let outcome = "running";
  let failure: unknown;
  const started = async (): Promise<void> => {
    if (take !== undefined) {
      await importInto(client.engine, options, "elsewhere", take);
    } else if (importsAtStart(options)) await importOwnFiles(client.engine, options, REFUSE_ALL);
    else openStorage(client.engine, options);
  };
  started().then(
    () => {
      outcome = "ended";
    },
    (thrown: unknown) => {
      outcome = "stopped";
      failure = thrown;
    },
  );
  for (let i = 0; i < 10_000 && outcome === "running"; i++) {
    try {
      steps.all();
    } catch (thrown) {
      if (!(thrown instanceof Stopped)) throw thrown;
      outcome = "stopped";
      failure = thrown;
    }
    await new Promise((resolve) => setImmediate(resolve));
    client.clock.advance(100);
  }
  disk.onOperation = null;
  steps.tasks.length = 0;
  if (outcome === "ended") return client;
  if (!(failure instanceof Stopped)) throw failure ?? new Error("the start never ended");
  return undefined;
}

/** A directory of Redis's with a dump in it, and the digest of that. */
function redisDisk(): { disk: MemoryDisk; expected: string; payloads: (readonly [name: Buffer, payload: Buffer])[] } {
  const client = new EngineClient({ seed: 1, nowMs: NOW_MS });
  client.command("SET", "text", "x".repeat(3000));
  client.command("RPUSH", "list", "a", "b", "3");
  client.command("ZADD", "sorted", "1.5", "a", "-2", "b");
  client.command("HSET", "hash", ...Array.from({ length: 400 }, (_, i) => `field:${i}`));
  client.command("SADD", "set", "1", "2", "30000");
  const disk = new MemoryDisk();
  disk.makeDirectory(DATA);
  exportDataset(disk, client.engine.dataset, { kind: "rdb", path: `${DATA}/dump.rdb`, replace: false }, NOW_MS);
  disk.syncDirectory("/");
  const payloads = ["text", "list", "sorted", "hash", "set"].map((name) => {
    const reply = client.command("DUMP", name);
    return [Buffer.from(name), Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1")] as const;
  });
  return { disk, expected: stateDigest(client.engine.dataset), payloads };
}

const digestIn = (client: EngineClient): string => stateDigest(client.engine.dataset);

/** Operations of the disk from the beginning of a start to its end. */
async function operationsOf(disk: MemoryDisk, take?: Take): Promise<number> {
  const before = disk.operations;
  await startIn(disk, 1, Number.POSITIVE_INFINITY, take);
  return disk.operations - before;
}

describe("an import that is interrupted", () => {
  it.each<CrashKind>(["killed", "power"])(
    "at any operation (%s) is begun again from the beginning by the next start, or is whole",
    async (kind) => {
      const { disk: begun, expected } = redisDisk();
      const count = await operationsOf(begun.clone());
      expect(count).toBeGreaterThan(20);
      for (let at = 1; at <= count; at++) {
        const disk = begun.clone();
        const first = await startIn(disk, at, at);
        if (first !== undefined) expect(digestIn(first)).toBe(expected);
        disk.crash(kind);
        const second = await startIn(disk, 1000 + at, Number.POSITIVE_INFINITY);
        expect([at, digestIn(second!)]).toEqual([at, expected]);
        disk.crash(kind);
        const third = await startIn(disk, 2000 + at, Number.POSITIVE_INFINITY);
        expect([at, digestIn(third!)]).toEqual([at, expected]);
      }
    },
  );

  it("from elsewhere is refused by every start until it has been run again", async () => {
    const { payloads } = redisDisk();
    const take: Take = async (importer) => {
      for (const [name, payload] of payloads) expect(importer.restore(0, name, payload, -1)).toBeUndefined();
    };
    const empty = new MemoryDisk();
    const whole = await startIn(empty.clone(), 1, Number.POSITIVE_INFINITY, take);
    const expected = digestIn(whole!);
    const nothing = stateDigest(new EngineClient().engine.dataset);
    const count = await operationsOf(empty.clone(), take);
    let refused = 0;
    for (let at = 1; at <= count; at++) {
      const disk = empty.clone();
      await startIn(disk, at, at, take);
      disk.crash("power");
      try {
        const started = await startIn(disk, 1000 + at, Number.POSITIVE_INFINITY);
        // Before anything of it was there, or when all was.
        expect([nothing, expected]).toContain(digestIn(started!));
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "IMPORT_UNFINISHED", message: expect.stringContaining("elsewhere") });
        refused++;
        const again = await startIn(disk, 2000 + at, Number.POSITIVE_INFINITY, take);
        expect(digestIn(again!)).toBe(expected);
      }
    }
    expect(refused).toBeGreaterThan(5);
  });

  it("by a disk that fails leaves the directory as it was", async () => {
    const { disk: begun, expected } = redisDisk();
    const count = await operationsOf(begun.clone());
    let failed = 0;
    for (let at = 1; at < count; at++) {
      const disk = begun.clone();
      disk.failAt(disk.operations + at, EIO);
      try {
        expect(digestIn((await startIn(disk, at, Number.POSITIVE_INFINITY))!)).toBe(expected);
      } catch (thrown) {
        // A file that can't be made longer is a full disk to the log.
        expect(thrown).toMatchObject({ code: expect.stringMatching(/^DISK_FAILED$|^DISK_FULL$/) });
        failed++;
        const left = disk.list(DATA).filter((name) => name !== "LOCK");
        expect(left).toEqual(["dump.rdb"]);
      }
      disk.crash("killed");
      expect(digestIn((await startIn(disk, 1000 + at, Number.POSITIVE_INFINITY))!)).toBe(expected);
    }
    expect(failed).toBeGreaterThan(10);
  });
});
