/**
 * From a data directory into a store and back: the state at any command and any time of a random run, against an oracle that
 * remembers the digest after each command.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { beforeAll, expect, test } from "vitest";
import { Identities, Recipients } from "../../../src/backup/age_header.ts";
import type { FetchOptions } from "../../../src/backup/fetch.ts";
import { findLast } from "../../../src/backup/find_command.ts";
import { readHistory } from "../../../src/backup/history.ts";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import { requireSpace, restore } from "../../../src/backup/restore.ts";
import { planRestore, type RestoreTarget } from "../../../src/backup/restore_plan.ts";
import { type ShipOptions, Shipper } from "../../../src/backup/ship.ts";
import { verifyBackup } from "../../../src/backup/verify.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { datasetDigest } from "../../../src/dataset/digest.ts";
import { MemoryDisk } from "../../../src/disk/memory_disk.ts";
import { NodeDisk, nodeFiles } from "../../../src/disk/node_disk.ts";
import type { DataDirectoryOptions } from "../../../src/engine/data_directory.ts";
import { type Embedded, open } from "../../../src/engine/embedded.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { beginRestored } from "../../../src/engine/restored_directory.ts";
import type { Manifest, ManifestSegment } from "../../../src/manifest/format.ts";
import { readManifest } from "../../../src/manifest/store.ts";
import { crc32c } from "../../../src/platform/checksum.ts";
import { PortableLogIo } from "../../../src/platform/log_io.ts";
import { drawSeed } from "../../model/memory_seed.ts";
import { FakeClock } from "../../support/engine_client.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const START_MS = 1_700_000_000_000;
const seed = drawSeed();
const root = temporaryDirectory("backup");
const source = join(root, "source");
const disk = new NodeDisk();

interface Moment {
  readonly sequence: number;
  readonly ms: number;
  readonly digest: string;
}

/** The state after each request of the run; requests of one moment share its time. */
const moments: Moment[] = [];
let recipients: Recipients;
let identities: Identities;
let stranger: Identities;

function manifestOf(directory: string): Manifest {
  const read = readManifest(disk, directory, crc32c);
  if (read.kind !== "sound") throw new Error(`no manifest in ${directory}`);
  return read.manifest;
}

/** What the source has sealed: after a stop its last segment is open and empty where the log had just gone on to a new one. */
function sealedSegments(): NonNullable<ManifestSegment["sealed"]>[] {
  return manifestOf(source).segments.flatMap(({ sealed }) => sealed ?? []);
}

/** The engine is nobody's business but a test's. */
function digestIn(database: Embedded): string {
  return datasetDigest((database as unknown as { readonly engine: Engine }).engine.dataset);
}

async function digestOf(directory: string): Promise<string> {
  const database = await open({ dir: directory, clock: new FakeClock(START_MS + 10_000_000) });
  const digest = digestIn(database);
  await database.close();
  return digest;
}

function request(random: Random): string[] {
  const key = `k${uniform(random, 20)}`;
  switch (uniform(random, 7)) {
    case 0:
      return ["INCR", `n${uniform(random, 5)}`];
    case 1:
      return ["RPUSH", `l${uniform(random, 5)}`, "a", "b".repeat(uniform(random, 3000))];
    case 2:
      return ["ZADD", `z${uniform(random, 5)}`, String(uniform(random, 100)), key];
    case 3:
      return ["DEL", key];
    default:
      return ["SET", key, "v".repeat(uniform(random, 2000))];
  }
}

beforeAll(async () => {
  const identity = await generateIdentity();
  recipients = await Recipients.parse([await identityToRecipient(identity)]);
  identities = await Identities.parse(identity, "identity");
  stranger = await Identities.parse(await generateIdentity(), "stranger");
  const random = seededRandom(seed);
  const clock = new FakeClock(START_MS);
  const database = await open({ dir: source, clock, random, logSegmentBytes: 64 * 1024 });
  moments.push({ sequence: 0, ms: START_MS - 1, digest: digestIn(database) });
  for (let i = 0; i < 400; i++) {
    clock.advance(uniform(random, 3));
    if (i !== 300 && uniform(random, 20) === 0) {
      database.atomically(() => {
        database.run("INCR", "both");
        database.run("INCR", "too");
      });
    } else if (i === 300) database.run("FLUSHALL");
    else database.run(...(request(random) as [string, ...string[]]));
    moments.push({ sequence: -1, ms: clock.ms, digest: digestIn(database) });
    if (i % 40 === 0) await database.durable();
  }
  await database.close();
}, 60_000);

function shipping(store: MemoryStore, sealed = true): ShipOptions {
  return {
    disk,
    directory: source,
    crc32c,
    keys: NO_KEYS,
    store,
    recipients: sealed ? recipients : null,
    random: seededRandom(seed),
  };
}

async function restored(store: MemoryStore, target: RestoreTarget, name: string, by = identities): Promise<string> {
  const directory = join(root, name);
  const fetching: FetchOptions = { store, identities: by };
  const plan = planRestore(await readHistory(store), target, store.place);
  const options: DataDirectoryOptions = {
    disk,
    directory,
    logIo: new PortableLogIo(nodeFiles, () => systemClock.monotonicUs()),
    clock: systemClock,
    random: seededRandom(seed),
    crc32c,
    policy: "always",
    segmentBytesMax: 64 * 1024,
  };
  await restore(
    { disk, directory, crc32c, keys: NO_KEYS, begin: (kept) => beginRestored(options, kept) },
    fetching,
    plan,
    null,
  );
  return directory;
}

async function shippedStore(sealed = true): Promise<MemoryStore> {
  const store = new MemoryStore();
  const shipper = await Shipper.begin(shipping(store, sealed), manifestOf(source), START_MS);
  const report = await shipper.ship(manifestOf(source));
  expect(report.shippedSequence).toBe(sealedSegments().at(-1)!.lastSequence);
  return store;
}

test("the whole comes back, sealed or not", async () => {
  const segments = sealedSegments().length;
  expect(segments).toBeGreaterThan(3);
  for (const sealed of [true, false]) {
    const store = await shippedStore(sealed);
    const directory = await restored(store, { kind: "latest" }, `whole-${sealed}`);
    expect(await digestOf(directory)).toBe(moments.at(-1)!.digest);
    expect(await verifyBackup({ store, identities }, crc32c)).toMatchObject({
      objects: segments,
      opened: true,
      wrong: [],
      gaps: [],
    });
  }
});

test(`the state at 15 random times is the right one: EMBERLOG_SEED=${seed} npx vitest run test/unit/backup/round_trip.test.ts`, async () => {
  const store = await shippedStore();
  const random = seededRandom(seed + 1);
  for (let i = 0; i < 15; i++) {
    const ms = START_MS + uniform(random, moments.at(-1)!.ms - START_MS + 5);
    const wanted = moments.filter((moment) => moment.ms <= ms).at(-1)!;
    const directory = await restored(store, { kind: "time", ms }, `time-${i}`);
    expect(await digestOf(directory), `at ${ms - START_MS} ms`).toBe(wanted.digest);
  }
}, 60_000);

test("the state right before the last FLUSHALL", async () => {
  const store = await shippedStore();
  const history = await readHistory(store);
  const fetching = { store, identities };
  const found = await findLast(
    { disk, scratch: root, crc32c, keys: NO_KEYS, fetching },
    history.segments,
    (name) => name === "FLUSHALL",
  );
  expect(found).toMatchObject({ text: "FLUSHALL" });
  const directory = await restored(store, { kind: "sequence", sequence: found!.sequence - 1 }, "before");
  expect(await digestOf(directory)).toBe(moments[300]!.digest);
});

test("a transaction is whole or not at all, wherever the cut falls", async () => {
  const store = await shippedStore();
  const last = sealedSegments().at(-1)!.lastSequence;
  const random = seededRandom(seed + 2);
  for (let i = 0; i < 12; i++) {
    const sequence = uniform(random, last + 1);
    const directory = await restored(store, { kind: "sequence", sequence }, `sequence-${i}`);
    const database = await open({ dir: directory });
    expect(database.getText("both"), `after ${sequence}`).toBe(database.getText("too"));
    expect(moments.map(({ digest }) => digest)).toContain(digestIn(database));
    await database.close();
  }
}, 60_000);

test("what is there already is not sent again, and another server goes on from it", async () => {
  const store = await shippedStore();
  const objects = store.objects.size;
  const shipper = await Shipper.begin(shipping(store), manifestOf(source), START_MS);
  expect(await shipper.ship(manifestOf(source))).toMatchObject({ objects: 0, bytes: 0 });
  expect(store.objects.size).toBe(objects + 1);
  const directory = await restored(store, { kind: "latest" }, "again");
  expect(await digestOf(directory)).toBe(moments.at(-1)!.digest);
});

test("an old server that wakes up is fenced, and what it writes all the same counts for nobody", async () => {
  const store = new MemoryStore();
  const all = manifestOf(source);
  const early: Manifest = { ...all, segments: all.segments.slice(0, 2) };
  const old = await Shipper.begin(shipping(store), early, START_MS);
  await old.ship(early);
  // The new one has been restored and has gone on differently.
  const directory = await restored(store, { kind: "latest" }, "forked");
  const database = await open({ dir: directory });
  database.set("forked", "yes");
  const digest = digestIn(database);
  await database.close();
  const next = await Shipper.begin({ ...shipping(store), directory }, manifestOf(directory), START_MS);
  await next.ship(manifestOf(directory));
  await expect(old.ship(all)).rejects.toMatchObject({ code: "STORE_FENCED" });
  // It had looked before the other one claimed: the store lets it write, and nobody reads that.
  const list = store.list.bind(store);
  store.list = (prefix, after) => (prefix === "claims/" ? list("claims/0000000001") : list(prefix, after));
  await old.ship(all);
  store.list = list;
  expect(await digestOf(await restored(store, { kind: "latest" }, "after-fence"))).toBe(digest);
});

test("a store that was emptied is no sound backup, and whoever ships there is told", async () => {
  const store = await shippedStore();
  const shipper = await Shipper.begin(shipping(store), manifestOf(source), START_MS);
  await shipper.ship(manifestOf(source));
  store.objects.clear();
  await expect(shipper.ship(manifestOf(source))).rejects.toMatchObject({
    code: "STORE_REFUSED",
    message: expect.stringMatching(/has lost claims\/0000000002\.json.*a restart begins the backup anew/),
  });
  expect(store.objects.size).toBe(0);
  await expect(verifyBackup({ store, identities: null }, crc32c)).rejects.toMatchObject({ code: "DATA_MISSING" });
  const again = await Shipper.begin(shipping(store), manifestOf(source), START_MS);
  const { shippedSequence, position } = await again.ship(manifestOf(source));
  expect(shippedSequence).toBe(position);
  await verifyBackup({ store, identities: null }, crc32c);
  await restored(store, { kind: "latest" }, "emptied");
});

test("a store that fails in the middle loses nothing: the next pass goes on", async () => {
  const store = new MemoryStore();
  const shipper = await Shipper.begin(shipping(store), manifestOf(source), START_MS);
  let creates = 0;
  store.fate = (operation) =>
    operation === "create" && ++creates % 2 === 0 ? (creates % 4 === 0 ? "answer lost" : "unavailable") : "work";
  for (let passes = 0; passes < 50; passes++) {
    try {
      await shipper.ship(manifestOf(source));
      break;
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: "STORE_UNAVAILABLE" });
    }
  }
  store.fate = () => "work";
  expect(await digestOf(await restored(store, { kind: "latest" }, "unsteady"))).toBe(moments.at(-1)!.digest);
  expect((await verifyBackup({ store, identities }, crc32c)).wrong).toEqual([]);
});

test("a damaged, shortened, exchanged or missing object is noticed, with and without an identity", async () => {
  const damage: Record<string, (objects: Map<string, Uint8Array>, first: string, second: string) => void> = {
    flipped: (objects, first) => {
      objects.get(first)![500]! ^= 4;
    },
    shortened: (objects, first) => void objects.set(first, objects.get(first)!.slice(0, -1)),
    exchanged: (objects, first, second) => void objects.set(first, objects.get(second)!),
    missing: (objects, first) => void objects.delete(first),
  };
  for (const [what, inflict] of Object.entries(damage)) {
    const store = await shippedStore();
    const [first, second] = [...store.objects.keys()].filter((name) => name.startsWith("segments/"));
    inflict(store.objects, first!, second!);
    for (const by of [null, identities]) {
      const report = await verifyBackup({ store, identities: by }, crc32c);
      expect(report.wrong.length + report.gaps.length, what).toBeGreaterThan(0);
    }
    const attempt = restored(store, { kind: "latest" }, `damaged-${what}`);
    await expect(attempt, what).rejects.toMatchObject({
      code: expect.stringMatching(/BACKUP_UNREADABLE|DATA_MISSING/),
    });
  }
});

test("without the right identity nothing is restored, and the directory holds no half", async () => {
  const store = await shippedStore();
  await expect(restored(store, { kind: "latest" }, "stranger", stranger)).rejects.toMatchObject({
    code: "BACKUP_UNREADABLE",
  });
  expect(readdirSync(join(root, "stranger")).filter((name) => name.endsWith(".seg") || name === "MANIFEST")).toEqual(
    [],
  );
});

test("a restore goes into an empty directory only", async () => {
  const store = await shippedStore();
  await expect(restored(store, { kind: "latest" }, "source")).rejects.toMatchObject({ code: "DIRECTORY_HOLDS_DATA" });
  expect(await digestOf(source)).toBe(moments.at(-1)!.digest);
});

test("what does not fit is not begun", () => {
  const disk = new MemoryDisk();
  disk.makeDirectory("/small");
  requireSpace(disk, "/small", 1e15);
  disk.spaceBytes = 5000;
  requireSpace(disk, "/small", 5000);
  expect(() => requireSpace(disk, "/small", 5001)).toThrow(expect.objectContaining({ code: "DISK_FULL" }));
  expect(() => requireSpace(disk, "/small", 5001)).toThrow("nothing was fetched");
});
