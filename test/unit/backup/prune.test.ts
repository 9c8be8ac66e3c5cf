/**
 * Pruning: what is kept can be restored, whatever dies in between and whoever else is there. A run of some weeks with an image a day, and an oracle
 * that remembers the digest at each image and each command of the last days.
 */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { encodeClaim, readClaims } from "../../../src/backup/claims.ts";
import { type History, readHistory } from "../../../src/backup/history.ts";
import { claimName, prunedName } from "../../../src/backup/layout.ts";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import { type PruneReport, prune } from "../../../src/backup/prune.ts";
import { planRestore } from "../../../src/backup/restore_plan.ts";
import { parseRetention } from "../../../src/backup/retention.ts";
import { Shipper } from "../../../src/backup/ship.ts";
import { verifyBackup } from "../../../src/backup/verify.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { seededRandom, uniform } from "../../../src/base/random.ts";
import { datasetDigest } from "../../../src/dataset/digest.ts";
import { NodeDisk } from "../../../src/disk/node_disk.ts";
import { type Embedded, open } from "../../../src/engine/embedded.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { readManifest } from "../../../src/manifest/store.ts";
import { crc32c } from "../../../src/platform/checksum.ts";
import { generationOf, restoreInto } from "../../../src/server/restoring.ts";
import { drawSeed } from "../../model/memory_seed.ts";
import { FakeClock } from "../../support/engine_client.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.parse("2026-03-02T00:00:00Z");
const DAYS = 9;
const seed = drawSeed();
const root = temporaryDirectory("prune");
const disk = new NodeDisk();

/** The state after a command; `image`: there is one of it. */
interface Moment {
  readonly sequence: number;
  readonly ms: number;
  readonly digest: string;
  readonly image: boolean;
}

const moments: Moment[] = [];
const original = new MemoryStore();
let endMs = 0;

function digestIn(database: Embedded): string {
  return datasetDigest((database as unknown as { readonly engine: Engine }).engine.dataset);
}

async function ship(shipper: Shipper, directory: string): Promise<void> {
  const read = readManifest(disk, directory, crc32c);
  if (read.kind === "sound") await shipper.ship(read.manifest);
}

beforeAll(async () => {
  const random = seededRandom(seed);
  const directory = join(root, "source");
  const clock = new FakeClock(START_MS);
  const database = await open({ dir: directory, clock, random, appendfsync: "always", logSegmentBytes: 8 * 1024 });
  database.run("SELECT", 0);
  const engine = (database as unknown as { readonly engine: Engine }).engine;
  const read = readManifest(disk, directory, crc32c);
  if (read.kind !== "sound") throw new Error("no manifest");
  const shipping = { disk, directory, crc32c, keys: NO_KEYS, store: original, recipients: null, random };
  const shipper = await Shipper.begin(shipping, read.manifest, START_MS);
  const note = (image: boolean): void => {
    moments.push({ sequence: engine.journal.sequence, ms: clock.ms, digest: digestIn(database), image });
  };
  for (let day = 0; day < DAYS; day++) {
    // All of it changes every day, so that every second image is a full one.
    for (let i = 0; i < 24; i++) {
      clock.advance(DAY_MS / 24);
      database.set(`k${i}`, random.bytes(600));
      note(false);
    }
    await database.durable();
    await database.snapshot();
    note(true);
    await ship(shipper, directory);
  }
  await database.close();
  await ship(shipper, directory);
  endMs = clock.ms;
}, 60_000);

function copyOf(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore();
  for (const [name, bytes] of store.objects) copy.objects.set(name, bytes);
  return copy;
}

function pruned(
  store: MemoryStore,
  keep: string,
  more: Partial<Parameters<typeof prune>[0]> = {},
): Promise<PruneReport> {
  const retention = parseRetention(keep);
  return prune({ store, crc32c, retention, claim: 1, nowMs: endMs, dryRun: false, strangers: false, ...more });
}

let restores = 0;

async function digestOf(store: MemoryStore, history: History, sequence: number): Promise<string> {
  const directory = join(root, `restored-${restores++}`);
  const plan = planRestore(history, { kind: "sequence", sequence }, store.place);
  await restoreInto(directory, NO_KEYS, { store, identities: null }, plan, await generationOf(plan, store));
  const database = await open({ dir: directory, clock: new FakeClock(endMs) });
  const digest = digestIn(database);
  await database.close();
  return digest;
}

/** Each kept point and some commands of the window are restorable and right, and nothing is taken for damage. */
async function expectKept(store: MemoryStore, report: PruneReport, windowMs: number): Promise<void> {
  const random = seededRandom(seed + 7);
  const history = await readHistory(store);
  expect(await verifyBackup({ store, identities: null }, crc32c)).toMatchObject({ wrong: [], gaps: [] });
  const window = moments.filter(({ ms }) => ms >= endMs - windowMs);
  const wanted = [window[0]!, window.at(-1)!, window[uniform(random, window.length)]!];
  for (const { sequence } of report.points) wanted.push(moments.find((each) => each.sequence === sequence)!);
  for (const { sequence, digest } of wanted)
    expect(await digestOf(store, history, sequence), `${sequence}`).toBe(digest);
}

test(`what a retention keeps can be restored, the rest is gone: EMBERLOG_SEED=${seed} npx vitest run test/unit/backup/prune.test.ts`, async () => {
  const store = copyOf(original);
  const would = await pruned(store, "12h daily 6 weekly 2", { dryRun: true });
  expect(store.objects.size).toBe(original.objects.size);
  const report = await pruned(store, "12h daily 6 weekly 2");
  expect({ ...report, removed: 0 }).toEqual({ ...would, removed: 0 });
  expect(store.objects.size).toBeLessThan(original.objects.size - 8);
  expect(report.points.length).toBeGreaterThanOrEqual(1);
  expect(report.points.length).toBeLessThanOrEqual(5);
  await expectKept(store, report, DAY_MS / 2);
  // Between single points nothing is promised, by number or by time.
  const history = await readHistory(store);
  const between = moments.find(({ sequence }) => sequence === report.points[0]!.sequence + 3)!;
  for (const target of [
    { kind: "sequence", sequence: between.sequence },
    { kind: "time", ms: between.ms },
  ] as const)
    expect(() => planRestore(history, target, store.place)).toThrow("can't give the state");
  expect(await pruned(store, "12h daily 6 weekly 2")).toMatchObject({ removed: 0, locked: [] });
});

test("a prune that dies at any step leaves everything kept, and the next one finishes it", async () => {
  const whole = copyOf(original);
  const report = await pruned(whole, "1d daily 3");
  for (let fails = 1; fails < report.removed; fails += 1 + Math.floor(report.removed / 6)) {
    const store = copyOf(original);
    let removals = 0;
    store.fate = (operation) => (operation === "remove" && ++removals >= fails ? "unavailable" : "work");
    await expect(pruned(store, "1d daily 3")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    store.fate = () => "work";
    expect(await verifyBackup({ store, identities: null }, crc32c), `${fails}`).toMatchObject({ wrong: [], gaps: [] });
    await pruned(store, "1d daily 3");
    expect([...store.objects.keys()].sort(), `${fails}`).toEqual([...whole.objects.keys()].sort());
  }
  await expectKept(whole, report, DAY_MS);
}, 30_000);

test("what the store holds on to stays whole, and is reported", async () => {
  const store = copyOf(original);
  const first = [...store.objects.keys()].find((name) => name.startsWith("generations/"))!;
  store.fate = (operation, name) => (operation === "remove" && name === first ? "refused" : "work");
  const report = await pruned(store, "1d");
  expect(report.locked).toEqual([first]);
  expect(await verifyBackup({ store, identities: null }, crc32c)).toMatchObject({ wrong: [], gaps: [] });
});

test("only the owner prunes, and an owner that was overtaken on the way stops", async () => {
  const store = copyOf(original);
  await expect(pruned(store, "1d", { claim: 2 })).rejects.toMatchObject({ code: "STORE_FENCED" });
  let removals = 0;
  const [claim] = await readClaims(store);
  const next = encodeClaim({ ...claim!, claim: 2, from: { claim: 1, sequence: moments.at(-1)!.sequence } });
  store.fate = (operation) => {
    if (operation === "remove" && ++removals === 1) store.objects.set(claimName(2), next);
    return "work";
  };
  await expect(pruned(store, "1d")).rejects.toMatchObject({ code: "STORE_FENCED" });
  expect(await verifyBackup({ store, identities: null }, crc32c)).toMatchObject({ wrong: [], gaps: [] });
});

test("a clock that runs a year ahead removes no more than a right one; one that lags removes less", async () => {
  const right = copyOf(original);
  await pruned(right, "3d");
  const ahead = copyOf(original);
  await pruned(ahead, "3d", { nowMs: endMs + 365 * DAY_MS });
  expect([...ahead.objects.keys()]).toEqual([...right.objects.keys()]);
  const late = copyOf(original);
  const report = await pruned(late, "3d", { nowMs: START_MS });
  expect(report.removed).toBe(0);
});

test("objects of other data under the same prefix stay until somebody says so", async () => {
  const store = copyOf(original);
  const [claim] = await readClaims(store);
  store.objects.set(claimName(2), encodeClaim({ ...claim!, claim: 2, from: null, epoch: "ab".repeat(16) }));
  const before = store.objects.size;
  const report = await pruned(store, "1d", { claim: 2 });
  expect(report).toMatchObject({ removed: 0, windowFirst: 0 });
  expect(report.strangers).toBeGreaterThan(10);
  expect(store.objects.size).toBe(before);
});

test("a claim without objects goes when the next one is older than the window: what its server had on its way may come until then", async () => {
  const [claim] = await readClaims(original);
  const from = { claim: 1, sequence: moments.at(-1)!.sequence };
  for (const [agoMs, stays] of [
    [0.9 * DAY_MS, true],
    [1.1 * DAY_MS, false],
  ] as const) {
    const store = copyOf(original);
    store.objects.set(claimName(2), encodeClaim({ ...claim!, claim: 2, from: null, madeMs: START_MS }));
    store.objects.set(claimName(3), encodeClaim({ ...claim!, claim: 3, from, madeMs: endMs - agoMs }));
    await pruned(store, "1d", { claim: 3 });
    expect(store.objects.has(claimName(2))).toBe(stays);
    expect(await verifyBackup({ store, identities: null }, crc32c)).toMatchObject({ wrong: [], gaps: [] });
  }
});

test("a claim of which everything was pruned is not missed, also where somebody else's older one is there; one that had more is", async () => {
  const [claim] = await readClaims(original);
  const store = new MemoryStore();
  store.objects.set(claimName(1), encodeClaim({ ...claim!, from: null, epoch: "ab".repeat(16) }));
  store.objects.set(claimName(3), encodeClaim({ ...claim!, claim: 3, from: { claim: 2, sequence: 7 } }));
  store.objects.set(prunedName({ claim: 3, sequence: 7 }), Buffer.from("{}"));
  expect((await verifyBackup({ store, identities: null }, crc32c)).wrong).toEqual([]);
  store.objects.set(claimName(3), encodeClaim({ ...claim!, claim: 3, from: { claim: 2, sequence: 8 } }));
  const { wrong } = await verifyBackup({ store, identities: null }, crc32c);
  expect(wrong).toEqual([`${claimName(2)} is missing, and with it what it led to`]);
});

test("what was said of another line's pruning is that one's, and says nothing of this one", async () => {
  const store = copyOf(original);
  const [claim] = await readClaims(store);
  const last = moments.at(-1)!.sequence;
  const foreign = prunedName({ claim: 2, sequence: 1_000_000 });
  store.objects.set(claimName(2), encodeClaim({ ...claim!, claim: 2, from: null, epoch: "ab".repeat(16) }));
  store.objects.set(foreign, Buffer.from("{}"));
  store.objects.set(claimName(3), encodeClaim({ ...claim!, claim: 3, from: { claim: 1, sequence: last } }));
  const report = await pruned(store, "1d", { claim: 3 });
  expect(report.removed).toBeGreaterThan(10);
  expect([...store.objects.keys()].filter((name) => name.startsWith("pruned/"))).toEqual([
    foreign,
    prunedName({ claim: 3, sequence: report.windowFirst }),
  ]);
  expect((await readHistory(store)).prunedThrough).toBe(report.windowFirst);
  await expectKept(store, report, DAY_MS);
});

test("an image that can't be read keeps all images, and blocks nothing else", async () => {
  const store = copyOf(original);
  const first = [...store.objects.keys()].find((name) => name.startsWith("generations/"))!;
  store.objects.set(first, Buffer.from("{}"));
  const images = [...store.objects.keys()].filter((name) => name.startsWith("images/")).length;
  const report = await pruned(store, "1d");
  expect(report.unreadable).toEqual([first]);
  expect([...store.objects.keys()].filter((name) => name.startsWith("images/"))).toHaveLength(images);
  expect(report.removed).toBeGreaterThan(0);
});

test("what is locked stays with what it needs, is counted and told; a prune after the lock has ended removes it", async () => {
  const whole = copyOf(original);
  await pruned(whole, "12h daily 3");
  const store = copyOf(original);
  const untilMs = endMs + DAY_MS;
  store.nowMs = () => endMs;
  for (const [i, name] of [...store.objects.keys()].entries()) if (i % 2 === 0) store.locks.set(name, untilMs);
  const probe = "probe/000000000001-00ff";
  store.objects.set(probe, new Uint8Array(1));
  store.locks.set(probe, endMs + 1);
  const report = await pruned(store, "12h daily 3");
  expect(report.locked.length).toBeGreaterThan(3);
  expect(report.locked).toContain(probe);
  expect(report.lockedUntilMs).toBe(untilMs);
  await expectKept(store, report, DAY_MS / 2);
  expect((await pruned(store, "12h daily 3")).removed).toBe(0);
  store.nowMs = () => untilMs;
  expect(await pruned(store, "12h daily 3")).toMatchObject({ locked: [], lockedUntilMs: 0 });
  expect([...store.objects.keys()].sort()).toEqual([...whole.objects.keys()].sort());
});
