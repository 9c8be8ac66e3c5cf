/** The catalogue of a backup: it says what the store says, whatever becomes of its file, and nothing fails by it. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CATALOGUE_NAME, Catalogue } from "../../../src/backup/catalogue.ts";
import { CatalogueKeeper } from "../../../src/backup/catalogue_keeper.ts";
import { learnStore } from "../../../src/backup/catalogue_listing.ts";
import { CatalogueStore } from "../../../src/backup/catalogue_store.ts";
import { recordCheck } from "../../../src/backup/checks.ts";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import { NotedStore } from "../../../src/backup/noted_store.ts";
import type { ObjectStore } from "../../../src/backup/object_store.ts";
import { Shipper } from "../../../src/backup/ship.ts";
import { readStatus } from "../../../src/backup/status.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { NodeDisk } from "../../../src/disk/node_disk.ts";
import { open } from "../../../src/engine/embedded.ts";
import { crc32c } from "../../../src/platform/checksum.ts";
import { openSqlite } from "../../../src/platform/sqlite.ts";
import { FakeClock } from "../../support/engine_client.ts";
import { sqliteAvailable } from "../../support/sqlite.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { manifestOf } from "./support.ts";

const root = temporaryDirectory("catalogue");
const disk = new NodeDisk();
const clock = new FakeClock(1_700_000_000_000);
const random = seededRandom(1);
let folders = 0;
/** A data directory with a log of several segments and an image. */
const data = join(root, "data");

/** Where a catalogue is to be. */
function folder(): string {
  const dir = join(root, `catalogue-${++folders}`);
  mkdirSync(dir);
  return dir;
}

beforeAll(async () => {
  const database = await open({ dir: data, clock, logSegmentBytes: 16 * 1024 });
  for (let i = 0; i < 60; i++) {
    clock.advance(5000);
    database.set(`k${i}`, `${i}`.padEnd(900, "."));
    if (i === 20) await database.snapshot();
    if (i === 50) database.run("FLUSHALL");
  }
  await database.close();
});

async function ship(store: ObjectStore): Promise<void> {
  const options = {
    disk,
    directory: data,
    crc32c,
    keys: NO_KEYS,
    store,
    recipients: null,
    random,
    writer: "w".repeat(32),
  };
  const shipper = await Shipper.begin(options, manifestOf(data), clock.wallMs());
  await shipper.ship(manifestOf(data));
}

async function namesIn(store: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, size } of store.list("")) names.push(`${name} ${size}`);
  return names;
}

/** What the file in `dir` tells is what `store` holds. */
async function same(dir: string, store: ObjectStore): Promise<void> {
  const catalogue = Catalogue.open(openSqlite(join(dir, CATALOGUE_NAME), true)!, true)!;
  const told = new CatalogueStore(catalogue);
  try {
    expect(await namesIn(told)).toEqual(await namesIn(store));
    expect(await readStatus(told)).toEqual(await readStatus(store));
    expect(catalogue.time("listed_ms")).toBeGreaterThan(0);
  } finally {
    told.close();
  }
}

function keeperIn(dir: string, store: ObjectStore): { keeper: CatalogueKeeper; noted: NotedStore } {
  const keeper = new CatalogueKeeper(disk, clock, dir);
  keeper.begin(store.place);
  return { keeper, noted: new NotedStore(store, keeper) };
}

describe.runIf(sqliteAvailable())("the catalogue", () => {
  test("what was shipped and checked is noted on the way, and a listing finds what others have done", async () => {
    const dir = folder();
    const store = new MemoryStore();
    const { keeper, noted } = keeperIn(dir, store);
    await keeper.learn(noted);
    await ship(noted);
    const record = {
      kind: "drill",
      ok: true,
      ms: 5,
      tookMs: 3,
      first: 0,
      sequence: 9,
      text: "ünïcode",
      digests: [],
    } as const;
    await recordCheck(noted, random, record);
    keeper.flush(noted);
    await same(dir, store);
    expect(keeper.recent()).toEqual([{ ms: 5, text: "drill ok: ünïcode" }]);
    // Somebody else verifies and prunes; a probe is no object of a backup.
    await recordCheck(store, random, { ...record, kind: "verify", ok: false, ms: 6, text: "gone" });
    await store.remove((await namesIn(store)).find((name) => name.startsWith("counts/"))!.split(" ")[0]!);
    await noted.create("probe/abc.age", Buffer.from("probe"));
    await noted.remove("probe/abc.age");
    await keeper.learnBelow(noted, "checks/");
    expect(keeper.recent()[0]).toEqual({ ms: 6, text: "verify DAMAGED: gone" });
    await keeper.learn(noted);
    await same(dir, store);
    expect(keeper.state).toMatchObject({ lines: [], listedMs: clock.wallMs() });
    expect(statSync(join(dir, CATALOGUE_NAME)).mode & 0o007).toBe(0);
    keeper.close();
  });

  test.each([
    ["lost", (path: string) => rmSync(path)],
    [
      "no database",
      (path: string) => writeFileSync(path, "not a database, but a text that is long enough for a head".repeat(9)),
    ],
    ["broken inside", (path: string) => writeFileSync(path, readFileSync(path).fill(0x5a, 200, 8000))],
    [
      "of another version",
      (path: string) => {
        const sqlite = openSqlite(path)!;
        sqlite.exec("PRAGMA user_version = 99");
        sqlite.close();
      },
    ],
    [
      "another program's",
      (path: string) => {
        rmSync(path);
        const sqlite = openSqlite(path)!;
        sqlite.exec("CREATE TABLE mine (a)");
        sqlite.close();
      },
    ],
  ] as const)("%s: it is made anew from the store, at a start and while it is in use", async (what, spoil) => {
    const dir = folder();
    const store = new MemoryStore();
    const path = join(dir, CATALOGUE_NAME);
    const first = keeperIn(dir, store);
    await ship(first.noted);
    await first.keeper.learn(first.noted);
    first.keeper.close();
    spoil(path);
    clock.advance(3_600_000);
    const { keeper, noted } = keeperIn(dir, store);
    await keeper.learn(noted);
    await same(dir, store);
    // Nobody changes the version under a server that uses the file.
    if (what !== "of another version") spoil(path);
    clock.advance(3_600_000);
    await noted.create("checks/0000000000aa-drill-00000000.json", Buffer.from("{}"));
    keeper.flush(noted);
    await keeper.learn(noted);
    keeper.flush(noted);
    await keeper.learn(noted);
    await same(dir, store);
    keeper.close();
  });

  test("held by somebody: what was noted waits, and nothing fails", async () => {
    const dir = folder();
    const store = new MemoryStore();
    const { keeper, noted } = keeperIn(dir, store);
    await keeper.learn(noted);
    const other = openSqlite(join(dir, CATALOGUE_NAME))!;
    other.exec("BEGIN EXCLUSIVE");
    await ship(noted);
    keeper.flush(noted);
    other.exec("ROLLBACK");
    other.close();
    keeper.flush(noted);
    await keeper.learn(noted);
    await same(dir, store);
    expect(readdirSync(dir)).not.toContain(`${CATALOGUE_NAME}.damaged`);
    keeper.close();
  });

  test("a folder that can't be written to is told once, and tried again", async () => {
    const dir = join(root, "nowhere");
    const store = new MemoryStore();
    const { keeper, noted } = keeperIn(dir, store);
    keeper.flush(noted);
    keeper.flush(noted);
    expect(keeper.state).toMatchObject({ library: null, lines: [expect.stringContaining("can't be written")] });
    mkdirSync(dir);
    clock.advance(61_000);
    keeper.flush(noted);
    await keeper.learn(noted);
    await same(dir, store);
    keeper.close();
  });

  test("the same error again is one row, and a store that is away is listed later", async () => {
    const dir = folder();
    const store = new MemoryStore();
    const { keeper, noted } = keeperIn(dir, store);
    store.fate = () => "unavailable";
    for (let i = 0; i < 5; i++) {
      keeper.failed("ship", new Error("away\n  at somewhere"));
      keeper.flush(noted);
      await keeper.learn(noted);
      clock.advance(1000);
    }
    keeper.failed("prune", "refused");
    keeper.flush(undefined);
    const texts = keeper.recent().map(({ text }) => text);
    expect(texts).toEqual(["prune failed: refused", "ship failed 5 times: away"]);
    expect(keeper.state.listedMs).toBe(0);
    store.fate = () => "work";
    await keeper.learn(noted);
    await same(dir, store);
    keeper.close();
  });

  test("what a listing finds while an object is removed is not there afterwards; what is stored meanwhile is", async () => {
    const dir = folder();
    const store = new MemoryStore();
    await ship(store);
    const { keeper, noted } = keeperIn(dir, store);
    const [gone] = (await namesIn(store))
      .filter((name) => name.startsWith("counts/"))
      .map((name) => name.split(" ")[0]!);
    let once = true;
    store.delay = async () => {
      if (!once) return;
      once = false;
      await noted.create("checks/0000000000ab-verify-00000000.json", Buffer.from("{}"));
      await noted.remove(gone!);
    };
    await keeper.learn(noted);
    keeper.flush(noted);
    await same(dir, store);
    keeper.close();
  });

  test("the views tell it to people", async () => {
    const dir = folder();
    const store = new MemoryStore();
    await ship(store);
    await recordCheck(store, random, {
      kind: "drill",
      ok: true,
      ms: 77,
      tookMs: 3,
      first: 0,
      sequence: 9,
      text: "restored",
      digests: [],
    });
    const sqlite = openSqlite(join(dir, CATALOGUE_NAME))!;
    const catalogue = Catalogue.open(sqlite)!;
    catalogue.begin(store.place);
    await learnStore(catalogue, { store, nowMs: () => 1, isRemoved: () => false });
    expect(sqlite.all("SELECT * FROM drills")).toEqual([
      expect.objectContaining({ ms: 77, ok: 1, took_ms: 3, sequence: 9, text: "restored" }),
    ]);
    expect(sqlite.all("SELECT sum(last - first + 1) AS n FROM segments")).toEqual([expect.objectContaining({ n: 62 })]);
    expect(sqlite.all("SELECT sequence FROM images")).toEqual([expect.objectContaining({ sequence: 22 })]);
    expect(sqlite.all("SELECT sum(commands) AS n FROM timeline")).toEqual([expect.objectContaining({ n: 62 })]);
    catalogue.close();
  });
});
