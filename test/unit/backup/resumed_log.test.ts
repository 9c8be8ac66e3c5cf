/** A log that begins anew in a running server, because a sync has failed (D9) or because it was turned off and on: what is in the store goes on, or begins anew. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { gapsOf, reaches, readHistory } from "../../../src/backup/history.ts";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import { beginWithReplaced } from "../../../src/backup/replaced_logs.ts";
import { type ShipOptions, Shipper } from "../../../src/backup/ship.ts";
import { type ShipAnswer, ShippingDesk, type ShipRequest } from "../../../src/backup/shipping_desk.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { seededRandom, systemRandom } from "../../../src/base/random.ts";
import { datasetDigest } from "../../../src/dataset/digest.ts";
import { EIO } from "../../../src/disk/errno.ts";
import { DIRECTORY, ImageWorld } from "../../recovery/image_world.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { referenceCrc32c } from "../log/support.ts";
import { digestOf, restoreFrom } from "./support.ts";

const root = temporaryDirectory("backup-resumed");

function shipping(world: ImageWorld, store: MemoryStore): ShipOptions {
  return {
    disk: world.disk,
    directory: DIRECTORY,
    crc32c: referenceCrc32c,
    keys: NO_KEYS,
    store,
    recipients: null,
    random: systemRandom(),
  };
}

async function pass(world: ImageWorld, rounds: number): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    world.settle();
    await Promise.resolve();
  }
}

const digestNow = (world: ImageWorld): string => datasetDigest(world.client.engine.dataset);

async function ship(world: ImageWorld, shipper: Shipper): Promise<void> {
  const { listed, writer } = world.storage;
  await shipper.ship(listed, { durableSequence: writer.durableSequence, images: "needed" });
}

test("after a failed sync the backup goes on behind an image, and what was there before stays restorable", async () => {
  const world = new ImageWorld(undefined, 7, { policy: "everysec" });
  const store = new MemoryStore();
  const first = await Shipper.begin(shipping(world, store), world.storage.listed, 0);
  for (let i = 0; i < 20; i++) world.run("SET", `early:${i}`, i);
  await pass(world, 20);
  await world.storage.durable();
  await ship(world, first);
  const shippedSequence = first.report.position;
  expect(shippedSequence).toBeGreaterThan(19);
  const before = digestNow(world);
  for (let i = 0; i < 20; i++) world.run("RPUSH", "late", i);
  let broken = true;
  world.disk.onOperation = (name) => (broken && (name === "fdatasync" || name === "create") ? EIO : 0);
  await pass(world, 5);
  expect(world.storage.writer.failed?.kind).toBe("sync");
  broken = false;
  await pass(world, 200);
  expect(world.storage.health.state).toBe("ok");
  const next = await Shipper.begin(shipping(world, store), world.storage.listed, 0, first);
  expect(next.replaces).toBe(false);
  expect(next.claim.from).toEqual({ claim: first.claim.claim, sequence: shippedSequence });
  world.run("SET", "after", "all");
  await pass(world, 20);
  await world.storage.durable();
  await ship(world, next);
  expect(next.holes).toBe(1);
  await restoreFrom(store, { kind: "latest" }, join(root, "latest"));
  expect(await digestOf(join(root, "latest"))).toBe(digestNow(world));
  await restoreFrom(store, { kind: "sequence", sequence: shippedSequence }, join(root, "before"));
  expect(await digestOf(join(root, "before"))).toBe(before);
  // The one before it is not the newest any more, and a third that follows the first one is none of its successors.
  await expect(ship(world, first)).rejects.toMatchObject({ code: "STORE_FENCED" });
  await expect(Shipper.begin(shipping(world, store), world.storage.listed, 0, first)).rejects.toMatchObject({
    code: "STORE_FENCED",
  });
  expect((await readHistory(store)).claims).toHaveLength(2);
});

/** The server's side that talks to the store, as a process has it. */
async function deskOf(world: ImageWorld, store: MemoryStore): Promise<ShippingDesk> {
  const desk = new ShippingDesk({
    disk: world.disk,
    crc32c: referenceCrc32c,
    random: systemRandom(),
    clock: world.client.clock,
    openStore: () => Promise.resolve(store),
    stored: () => undefined,
  });
  await desk.call("open", {
    url: "file:///nowhere",
    recipients: [],
    identityFile: null,
    unencrypted: false,
    singleWriter: false,
    directory: DIRECTORY,
  });
  return desk;
}

function request(world: ImageWorld): ShipRequest {
  const { listed, writer } = world.storage;
  return { manifest: listed, durableSequence: writer.durableSequence, images: "needed", keys: [] };
}

/** Fails the syncs of a world until it has noticed, then lets an image take the place of its log. */
async function failAndResume(world: ImageWorld, loses: boolean): Promise<void> {
  let broken = true;
  const { resumed } = world.storage.resumption;
  world.disk.failedSyncLoses = () => broken && loses;
  world.disk.onOperation = (name) => (broken && (name === "fdatasync" || name === "create") ? EIO : 0);
  await pass(world, 5);
  expect(world.storage.writer.failed?.kind).toBe("sync");
  broken = false;
  await pass(world, 200);
  expect(world.storage.resumption.resumed).toBe(resumed + 1);
  world.disk.onOperation = null;
}

const SIZES = { policy: "everysec", segmentBytesMax: 4096 + 900 } as const;

/**
 * A server that has shipped some, written more to several segments, synced, and then lost a sync: with digests after each command, what was durable, and what
 * the store had.
 */
async function behindWithItsBackup(seed: number, loses: boolean) {
  const world = new ImageWorld(undefined, seed, SIZES);
  const store = new MemoryStore();
  const desk = await deskOf(world, store);
  const digests = new Map<number, string>();
  const { images } = world.storage;
  let answer: ShipAnswer | undefined;
  images.isBackedUp = true;
  images.isFree = ({ sealed }) => sealed !== null && sealed.lastSequence <= (answer?.position ?? -1);
  const write = (count: number): void => {
    for (let i = 0; i < count; i++) {
      world.run("SET", `k${i % 7}`, "v".repeat(300 + i));
      // Written, and so acknowledged, before it is synced.
      world.steps.all();
      digests.set(world.storage.writer.sequence, digestNow(world));
    }
  };
  const writeDurably = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 5) {
      write(5);
      await pass(world, 10);
    }
    await world.storage.durable();
    await pass(world, 5);
  };
  await writeDurably(20);
  answer = await desk.call("ship", request(world));
  const shipped = answer.position;
  await writeDurably(40);
  const durable = world.storage.writer.durableSequence;
  expect(durable).toBe(world.storage.writer.sequence);
  // Less than what would begin another segment, which waits for a sync.
  write(5);
  await failAndResume(world, loses);
  return { world, store, desk, digests, shipped, durable, write, writeDurably };
}

async function expectRestored(store: MemoryStore, digests: ReadonlyMap<number, string>, name: string): Promise<void> {
  const random = seededRandom(3);
  const known = [...digests.keys()];
  const picked = known.filter((sequence) => sequence === known.at(-1) || random.bytes(1)[0]! < 6);
  for (const sequence of picked) {
    const target = join(root, `${name}-${sequence}`);
    await restoreFrom(store, { kind: "sequence", sequence }, target);
    expect(await digestOf(target), `after command ${sequence}`).toBe(digests.get(sequence));
  }
}

const leftFiles = (world: ImageWorld): string[] =>
  world.disk.list(DIRECTORY).filter((name) => name.includes("unshipped"));

test.each([
  ["goes on", false],
  ["is killed and starts again", true],
])(
  "D9: a server that resumes and %s ships the log that it had synced before, and the line goes on",
  async (_, killed) => {
    const {
      world: first,
      store,
      desk: firstDesk,
      digests,
      durable,
      writeDurably,
    } = await behindWithItsBackup(11, false);
    expect(leftFiles(first).length).toBeGreaterThan(2);
    await writeDurably(10);
    // The store has been told nothing of the new epoch yet.
    const world = killed ? new ImageWorld(first.crash("killed"), 12, SIZES) : first;
    const desk = killed ? await deskOf(world, store) : firstDesk;
    const claimed = await desk.call("claim", request(world));
    expect(claimed.replaces).toBe(false);
    const answer = await desk.call("ship", request(world));
    expect(answer).toMatchObject({ replaces: false, holes: 0, position: world.storage.writer.sequence });
    expect(leftFiles(world)).toEqual([]);
    const history = await readHistory(store);
    expect(gapsOf(history)).toEqual([]);
    expect(reaches(history)[0]).toMatchObject({ first: 0, last: answer.position });
    expect(durable).toBeLessThan(answer.position);
    await expectRestored(store, digests, `kept-${killed}`);
  },
);

test("D9: what a power cut has left of it is shipped, the rest is a hole that is told, with an image behind it", async () => {
  const { world: first, store, digests, durable, writeDurably } = await behindWithItsBackup(13, true);
  const resumedAt = first.storage.writer.sequence;
  await writeDurably(10);
  const world = new ImageWorld(first.crash("power"), 14, SIZES);
  const desk = await deskOf(world, store);
  const answer = await desk.call("ship", request(world));
  expect(answer).toMatchObject({ replaces: false, holes: 1, position: world.storage.writer.sequence });
  expect(leftFiles(world)).toEqual([]);
  const history = await readHistory(store);
  const [gap, ...more] = gapsOf(history);
  expect(more).toEqual([]);
  // Everything that was synced is there; between it and the image nothing is claimed.
  expect(gap?.before).toBe(resumedAt);
  const { after } = gap!;
  expect(after).toBeGreaterThanOrEqual(durable);
  expect(after).toBeLessThan(resumedAt - 1);
  for (const sequence of digests.keys()) if (sequence > after && sequence < resumedAt) digests.delete(sequence);
  await expectRestored(store, digests, "cut");
});

test("D9: emberlog backup now brings such a log along, and a server that goes on finds it there", async () => {
  const { world: first, store, digests } = await behindWithItsBackup(19, false);
  const world = new ImageWorld(first.crash("killed"), 20, SIZES);
  for (let time = 0; time < 2; time++) {
    const shipper = await beginWithReplaced(shipping(world, store), world.storage.listed, 0);
    await ship(world, shipper);
    expect({ replaces: shipper.replaces, holes: shipper.holes }).toEqual({ replaces: false, holes: 0 });
  }
  expect(leftFiles(world).length).toBeGreaterThan(2);
  const desk = await deskOf(world, store);
  expect(await desk.call("ship", request(world))).toMatchObject({ replaces: false, holes: 0, objects: 0 });
  expect(leftFiles(world)).toEqual([]);
  expect(gapsOf(await readHistory(store))).toEqual([]);
  await expectRestored(store, digests, "now");
});

test("D9: two logs are replaced before any is shipped, and the store is away meanwhile: all of both follows", async () => {
  const { world: first, store, digests, write, writeDurably } = await behindWithItsBackup(15, false);
  store.fate = () => "unavailable";
  await writeDurably(15);
  write(5);
  await failAndResume(first, false);
  await writeDurably(5);
  const world = new ImageWorld(first.crash("killed"), 16, SIZES);
  store.fate = () => "work";
  const desk = await deskOf(world, store);
  let calls = 0;
  // The store goes away again and again; a server that is begun anew in between goes on from there.
  store.fate = () => (++calls % 31 === 0 ? "unavailable" : calls % 44 === 0 ? "answer lost" : "work");
  let answer: ShipAnswer | undefined;
  for (let attempt = 0; attempt < 60 && answer?.position !== world.storage.writer.sequence; attempt++) {
    answer = await desk.call("ship", request(world)).catch(() => undefined);
  }
  store.fate = () => "work";
  expect(answer).toMatchObject({ replaces: false, holes: 0 });
  expect(leftFiles(world)).toEqual([]);
  expect(gapsOf(await readHistory(store))).toEqual([]);
  await expectRestored(store, digests, "twice");
});

test("D9: a process that ends at any step of the change leaves a directory whose backup goes on", async () => {
  for (let n = 1; ; n += 4) {
    const { world, store, digests, write, writeDurably } = await behindWithItsBackup(17, false);
    write(3);
    let broken = true;
    let count = 0;
    let over = false;
    world.disk.onOperation = (name) => {
      if (broken) return name === "fdatasync" || name === "create" ? EIO : 0;
      over ||= ++count >= n;
      return over ? EIO : 0;
    };
    await pass(world, 5);
    broken = false;
    for (let i = 0; i < 200 && !over && world.storage.resumption.resumed < 2; i++) await pass(world, 1);
    const ended = over;
    world.disk.onOperation = null;
    if (!ended) await writeDurably(5);
    const again = new ImageWorld(world.crash(n % 8 === 1 ? "killed" : "power"), 18 + n, SIZES);
    const desk = await deskOf(again, store);
    const answer = await desk.call("ship", request(again));
    expect(answer, `n=${n}`).toMatchObject({ replaces: false, position: again.storage.writer.sequence });
    expect(leftFiles(again), `n=${n}`).toEqual([]);
    const restored = join(root, `step-${n}`);
    await restoreFrom(store, { kind: "latest" }, restored);
    expect(await digestOf(restored), `n=${n}`).toBe(digestNow(again));
    expect(reaches(await readHistory(store))[0]!.first).toBe(0);
    expect(digests.size).toBeGreaterThan(60);
    if (!ended) {
      expect(n).toBeGreaterThan(10);
      return;
    }
  }
});

test("D9: a pass in the middle of the change, and then the end of the process: the backup goes on", async () => {
  let passes = 0;
  for (let n = 1, ended = false; !ended; n++) {
    const { world, store, desk, write } = await behindWithItsBackup(21, false);
    await desk.call("ship", request(world));
    write(3);
    let broken = true;
    world.disk.onOperation = (name) => (broken && (name === "fdatasync" || name === "create") ? EIO : 0);
    await pass(world, 5);
    expect(world.storage.writer.failed?.kind).toBe("sync");
    broken = false;
    world.client.clock.advance(2_000_000);
    world.storage.tick();
    // The change goes as far as its nth step.
    for (let step = 0; step < n && !ended; step++) {
      if (!world.steps.one()) {
        world.client.clock.advance(200);
        world.storage.tick();
      }
      await Promise.resolve();
      ended = world.storage.resumption.resumed === 2;
    }
    if (leftFiles(world).length === 0) continue;
    passes++;
    // The first of its process, which knows of the epoch only what the store says.
    await (await deskOf(world, store)).call("ship", request(world)).catch(() => undefined);
    const again = new ImageWorld(world.crash("killed"), 22 + n, SIZES);
    const answer = await (await deskOf(again, store)).call("ship", request(again));
    expect(answer, `n=${n}`).toMatchObject({ replaces: false, position: again.storage.writer.sequence });
    expect(leftFiles(again), `n=${n}`).toEqual([]);
    expect(reaches(await readHistory(store))[0]!.first, `n=${n}`).toBe(0);
  }
  expect(passes).toBeGreaterThan(5);
});
