/** Continuous shipping beside a store that misbehaves: away, slow, refusing, taken over by another server; and beside a clock that steps back. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readHistory } from "../../../src/backup/history.ts";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import { Shipper } from "../../../src/backup/ship.ts";
import { Shipping, type ShippingSource } from "../../../src/backup/shipping.ts";
import { ShippingDesk, type ShippingTarget } from "../../../src/backup/shipping_desk.ts";
import { InlineShippingThread } from "../../../src/backup/shipping_thread.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { NodeDisk } from "../../../src/disk/node_disk.ts";
import { type Embedded, open } from "../../../src/engine/embedded.ts";
import { crc32c } from "../../../src/platform/checksum.ts";
import { FakeClock } from "../../support/engine_client.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { digestIn, digestOf, manifestOf, restoreFrom, writerOf } from "./support.ts";

const START_MS = 1_700_000_000_000;
const root = temporaryDirectory("shipping");
const disk = new NodeDisk();
const random = systemRandom();

/** Its wall clock can be set; time itself goes on. */
class SettableClock extends FakeClock {
  offsetMs = 0;

  override wallMs(): number {
    return this.ms + this.offsetMs;
  }
}

let number = 0;
let directory: string;
let database: Embedded;
let clock: SettableClock;
let store: MemoryStore;
let lines: string[];
let shipping: Shipping;
let thread: InlineShippingThread;
let threads = 0;

beforeEach(async () => {
  directory = join(root, `data-${++number}`);
  clock = new SettableClock(START_MS);
  database = await open({ dir: directory, clock });
  store = new MemoryStore();
  lines = [];
  shipping = shippingTo({});
});

afterEach(async () => {
  shipping.stop();
  await database.close();
});

function shippingTo(target: Partial<ShippingTarget>): Shipping {
  const startThread = (): InlineShippingThread => {
    threads++;
    thread = new InlineShippingThread(
      (stored) => new ShippingDesk({ disk, crc32c, random, clock, openStore: () => Promise.resolve(store), stored }),
    );
    return thread;
  };
  return new Shipping({
    startThread,
    target: {
      url: "memory:",
      recipients: [],
      identityFile: null,
      unencrypted: true,
      singleWriter: false,
      directory,
      ...target,
    },
    rate: { intervalMs: 10_000, bytes: 8 * 1024 * 1024 },
    clock,
    random,
    log: { notice: (line) => lines.push(line), warning: (line) => lines.push(`! ${line}`) },
  });
}

function source(): ShippingSource {
  const writer = writerOf(database);
  return {
    manifest: manifestOf(directory),
    sequence: writer.sequence,
    durableSequence: writer.durableSequence,
    loggedBytes: writer.statistics.bytes,
    sync: () => void writer.durable(),
    keys: [],
  };
}

async function begin(): Promise<void> {
  await shipping.prove();
  await shipping.begin(source);
}

/** Time goes by, a tick every 100 ms, and `each` of them. */
async function pass(seconds: number, each: (tick: number) => void = () => undefined): Promise<void> {
  for (let tick = 0; tick < seconds * 10; tick++) {
    clock.advance(100);
    each(tick);
    if (tick % 5 === 0) await database.durable();
    shipping.tick();
    while (shipping.busy) await turn();
  }
}

const write = (tick: number): void => void database.set(`k${tick % 50}`, `at ${clock.ms}`);

async function expectRestorable(): Promise<void> {
  const target = join(root, `restored-${number}`);
  await restoreFrom(store, { kind: "latest" }, target);
  expect(await digestOf(target)).toBe(digestIn(database));
}

test("what was written is in the store within the interval, and what was not is said to be missing", async () => {
  await begin();
  let lagMsMax = 0;
  await pass(35, (tick) => {
    write(tick);
    lagMsMax = Math.max(lagMsMax, shipping.lagMs);
  });
  expect(lagMsMax).toBeGreaterThan(9000);
  expect(lagMsMax).toBeLessThanOrEqual(10_700);
  expect(shipping.statistics).toMatchObject({ passes: 4, objects: 4, errors: 0 });
  await pass(11);
  expect(shipping.lagMs).toBe(0);
  const { passes } = shipping.statistics;
  await pass(60);
  expect(shipping.statistics.passes).toBe(passes);
  await expectRestorable();
});

test("much that is written is shipped before the interval ends", async () => {
  await begin();
  await pass(3, () => database.set("big", "x".repeat(1024 * 1024)));
  expect(shipping.statistics.passes).toBeGreaterThanOrEqual(3);
});

test("a store that is away for a minute: nothing is lost, it is told once, and what has gathered follows", async () => {
  await begin();
  await pass(11, write);
  store.fate = () => "unavailable";
  await pass(60, write);
  expect(shipping.state).toBe("failing");
  expect(shipping.lagMs).toBeGreaterThan(59_000);
  // With growing pauses, never longer than a quarter of a minute.
  expect(shipping.statistics.errors).toBeGreaterThan(4);
  expect(shipping.statistics.errors).toBeLessThan(20);
  expect(shipping.statistics.lastError).toContain("got no answer");
  store.fate = () => "work";
  await pass(16, write);
  expect(shipping.state).toBe("shipping");
  expect(shipping.lagMs).toBeLessThan(16_000);
  await pass(11);
  await expectRestorable();
  expect(lines.filter((line) => line.startsWith("! ")).map((line) => line.slice(0, 25))).toEqual(
    ["! The backup lags behind: "].map((line) => line.slice(0, 25)),
  );
  expect(lines.at(-1)).toContain("goes on");
});

test("credentials that expire are told, and new ones go on", async () => {
  await begin();
  store.fate = () => "refused";
  await pass(12, write);
  expect(shipping).toMatchObject({ state: "failing" });
  expect(shipping.statistics.lastError).toContain("was refused");
  store.fate = () => "work";
  await pass(27);
  expect(shipping).toMatchObject({ state: "shipping" });
  await expectRestorable();
});

test("answers that are lost leave no gap", async () => {
  await begin();
  let calls = 0;
  store.fate = (operation) => (operation === "create" && ++calls % 2 === 0 ? "answer lost" : "work");
  await pass(45, write);
  store.fate = () => "work";
  await pass(27);
  expect(shipping.statistics.errors).toBeGreaterThan(1);
  await expectRestorable();
});

test("a slow store gets one pass at a time", async () => {
  await begin();
  let now = 0;
  let most = 0;
  store.delay = async () => {
    most = Math.max(most, ++now);
    for (let i = 0; i < 5; i++) await turn();
    now--;
  };
  for (let tick = 0; tick < 600; tick++) {
    clock.advance(100);
    write(tick);
    shipping.tick();
    if (tick % 50 === 0) await turn();
  }
  while (shipping.busy) await turn();
  expect(most).toBe(1);
});

test("a server that was taken over ships nothing more, and says so aloud", async () => {
  await begin();
  await pass(11, write);
  const options = { disk, directory, crc32c, keys: NO_KEYS, store, recipients: null, random };
  await Shipper.begin(options, manifestOf(directory), clock.ms);
  const before = [...store.objects.keys()];
  await pass(30, write);
  expect(shipping.state).toBe("fenced");
  expect(lines.at(-1)).toMatch(/^! NOTHING IS BACKED UP ANY MORE: .* was taken over by another server/);
  expect([...store.objects.keys()]).toEqual(before);
  // What was not shipped stays in the log.
  expect(shipping.isShipped(writerOf(database).sequence)).toBe(false);
  await expect(shipping.flush(false)).rejects.toMatchObject({ code: "STORE_FENCED" });
});

test("a clock that steps back by an hour hides no write and makes no negative lag", async () => {
  await begin();
  await pass(11, write);
  const now = clock.ms;
  clock.offsetMs = -3_600_000;
  await pass(11, (tick) => {
    write(tick);
    expect(shipping.lagMs).toBeGreaterThanOrEqual(0);
    expect(shipping.lagMs).toBeLessThan(11_000);
  });
  await pass(11);
  await expectRestorable();
  const { segments } = await readHistory(store);
  // Commit times never go back, so the newest state is the one after every time that was seen.
  expect(segments.at(-1)!.object.lastMs).toBeGreaterThanOrEqual(now - 100);
});

test("whoever asks for everything to be shipped is answered when it is", async () => {
  await begin();
  database.set("a", "1");
  const answer = await shipping.flush(false);
  expect(answer).toMatchObject({ position: writerOf(database).sequence, shippedSequence: writerOf(database).sequence });
  await expectRestorable();
  store.fate = () => "unavailable";
  database.set("a", "2");
  await expect(shipping.flush(false)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
});

test("a stop ships the rest, and does not wait for a store that never answers", async () => {
  await begin();
  database.set("a", "1");
  await database.durable();
  expect(await shipping.finish(5000)).toBe(true);
  await expectRestorable();
  shipping = shippingTo({});
  await begin();
  database.set("a", "2");
  await database.durable();
  store.delay = () => new Promise(() => undefined);
  expect(await shipping.finish(50)).toBe(false);
});

test("a start is refused where the store, its recipients or the identity are wrong", async () => {
  store.fate = () => "refused";
  await expect(shipping.prove()).rejects.toMatchObject({ code: "STORE_REFUSED" });
  store.fate = () => "unavailable";
  await expect(shipping.prove()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  store.fate = () => "work";
  await expect(shippingTo({ unencrypted: false }).prove()).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("backup-recipient"),
  });
  const identity = await generateIdentity();
  const identityFile = join(root, "identity.txt");
  writeFileSync(identityFile, `${identity}\n`);
  const recipients = [await identityToRecipient(identity)];
  await shippingTo({ unencrypted: false, recipients, identityFile }).prove();
  await expect(
    shippingTo({ recipients: [await identityToRecipient(await generateIdentity())], identityFile }).prove(),
  ).rejects.toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("does not open") });
  await expect(shippingTo({ recipients, identityFile: join(root, "nowhere") }).prove()).rejects.toMatchObject({
    code: "CONFIG_INVALID",
  });
  expect([...store.objects.keys()]).toEqual([]);
  store = new MemoryStore({ replaces: true });
  await expect(shippingTo({}).prove()).rejects.toMatchObject({
    code: "STORE_REFUSED",
    message: expect.stringContaining("backup-single-writer"),
  });
  await shippingTo({ singleWriter: true }).prove();
});

test("an empty directory does not take the place of a backup, and other data does so with a warning", async () => {
  await begin();
  await pass(1, write);
  await pass(11);
  shipping.stop();
  await database.close();
  directory = join(root, "other");
  database = await open({ dir: directory, clock });
  shipping = shippingTo({});
  await shipping.prove();
  const claims = [...store.objects.keys()].filter((name) => name.startsWith("claims/"));
  await expect(shipping.begin(source)).rejects.toMatchObject({
    code: "STORE_REFUSED",
    message: expect.stringContaining("restore-on-empty"),
  });
  expect([...store.objects.keys()].filter((name) => name.startsWith("claims/"))).toEqual(claims);
  database.set("other", "data");
  await database.close();
  database = await open({ dir: directory, clock });
  await shipping.begin(source);
  expect(lines.at(-1)).toContain("held a backup of other data");
  await pass(11);
  await expectRestorable();
});

test("a thread that has ended by itself is started again, and goes on where the store is", async () => {
  await begin();
  await pass(11, write);
  const before = threads;
  thread.end();
  await pass(27, write);
  await pass(11);
  expect(threads).toBe(before + 1);
  expect(shipping.state).toBe("shipping");
  await expectRestorable();
});

test("what was restored to the middle of the first part is no other data", async () => {
  await begin();
  for (const value of ["1", "2", "3"]) database.set("n", value);
  await database.durable();
  await pass(1);
  shipping.stop();
  await database.close();
  const target = join(root, "restored-to-the-middle");
  await restoreFrom(store, { kind: "sequence", sequence: 3 }, target);
  directory = target;
  database = await open({ dir: directory, clock });
  expect(database.getText("n")).toBe("2");
  shipping = shippingTo({});
  await begin();
  await pass(11, write);
  expect(lines.filter((line) => line.startsWith("! "))).toEqual([]);
  await pass(11);
  await expectRestorable();
});
