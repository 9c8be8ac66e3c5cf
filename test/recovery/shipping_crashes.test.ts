/**
 * Random lives of a server that ships: writes, images, compaction, a store that fails and loses answers, kills and power cuts between any two steps of the disk.
 * The store never knows what the disk has lost, each life goes on where the one before has ended, and every state that is promised comes back.
 *
 * A failing seed is replayed with: SEED=<n> npx vitest run test/recovery/shipping_crashes.test.ts; SEEDS=<n> runs more of them.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { gapsOf, reaches, readHistory } from "../../src/backup/history.ts";
import { MemoryStore } from "../../src/backup/memory_store.ts";
import { type ShipOptions, Shipper } from "../../src/backup/ship.ts";
import { EmberlogError } from "../../src/base/errors.ts";
import { NO_KEYS } from "../../src/base/key_ring.ts";
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import { datasetDigest } from "../../src/dataset/digest.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { digestOf, restoreFrom } from "../unit/backup/support.ts";
import { referenceCrc32c } from "../unit/log/support.ts";
import { DIRECTORY, ImageWorld } from "./image_world.ts";

const SEEDS =
  process.env["SEED"] === undefined
    ? Array.from({ length: Number(process.env["SEEDS"] ?? 3) }, (_, i) => i + 1)
    : [Number(process.env["SEED"])];
const LIVES = 4;
const STEPS = 40;

const root = temporaryDirectory("shipping-crashes");

function shipOptions({ disk }: ImageWorld, store: MemoryStore, random: Random): ShipOptions {
  return { disk, directory: DIRECTORY, crc32c: referenceCrc32c, keys: NO_KEYS, store, recipients: null, random };
}

async function live(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const pick = (bound: number): number => uniform(random, bound);
  const store = new MemoryStore();
  const digests = new Map<number, string>();
  let position = 0;
  let world = begin(undefined);

  function begin(disk: ImageWorld["disk"] | undefined): ImageWorld {
    const policy = (["always", "everysec"] as const)[pick(2)]!;
    const next = new ImageWorld(disk, seed * 100 + pick(100), { policy, segmentBytesMax: 4096 + 500 + pick(20_000) });
    const { sequence } = next.storage.writer;
    expect(sequence, `SEED=${seed}: what is in the store is on the disk`).toBeGreaterThanOrEqual(position);
    for (const known of digests.keys()) if (known > sequence) digests.delete(known);
    digests.set(sequence, datasetDigest(next.client.engine.dataset));
    return next;
  }

  const flaky = (): void => {
    const chance = pick(3) === 0 ? 4 : 1000;
    store.fate = () => (pick(chance) === 0 ? (pick(2) === 0 ? "unavailable" : "answer lost") : "work");
  };
  const options = (): ShipOptions => shipOptions(world, store, random);

  let shipper: Shipper | undefined;
  async function ship(): Promise<void> {
    const { storage } = world;
    try {
      shipper ??= await Shipper.begin(options(), storage.listed, 0);
      const { durableSequence } = storage.writer;
      const images = (["needed", "newest"] as const)[pick(2)]!;
      await shipper.ship(storage.listed, { durableSequence, images });
      expect(shipper.report.position, `SEED=${seed}`).toBe(durableSequence);
      expect(shipper.report.shippedSequence, `SEED=${seed}`).toBeGreaterThanOrEqual(durableSequence);
    } catch (thrown) {
      if (!(thrown instanceof EmberlogError) || thrown.code !== "STORE_UNAVAILABLE") throw thrown;
    }
    position = Math.max(position, shipper?.report.position ?? 0);
  }

  for (let life = 0; life < LIVES; life++) {
    world.storage.images.isFree = ({ sealed }) =>
      sealed !== null && sealed.lastSequence <= (shipper?.report.position ?? -1);
    for (let step = 0; step < STEPS; step++) {
      switch (pick(8)) {
        case 0:
        case 1:
        case 2:
          if (pick(3) === 0) world.run("RPUSH", `l${pick(5)}`, "x".repeat(pick(300)));
          else world.run("SET", `k${pick(40)}`, "v".repeat(pick(900)));
          digests.set(world.storage.writer.sequence, datasetDigest(world.client.engine.dataset));
          break;
        case 3:
          for (let i = pick(6); i > 0; i--) world.steps.one();
          break;
        case 4:
          world.settle();
          break;
        case 5:
          if (pick(3) === 0) await world.image(pick(2) === 0);
          break;
        default:
          flaky();
          await ship();
      }
    }
    shipper = undefined;
    world = begin(world.crash((["killed", "power", "names"] as const)[pick(3)]!));
  }
  store.fate = () => "work";
  for (let i = 0; i < 20; i++) {
    world.settle();
    await Promise.resolve();
  }
  await ship();
  expect(position, `SEED=${seed}`).toBe(world.storage.writer.sequence);
  const covered = reaches(await readHistory(store));
  const wanted = [...digests.keys()].filter((each) => covered.some(({ first, last }) => first <= each && each <= last));
  expect(wanted.length, `SEED=${seed}`).toBeGreaterThan(3);
  for (let i = 0; i < 3; i++) {
    const sequence = i === 0 ? position : wanted[pick(wanted.length)]!;
    const target = join(root, `${seed}-${i}`);
    await restoreFrom(store, { kind: "sequence", sequence }, target);
    expect(await digestOf(target), `SEED=${seed}, after command ${sequence}`).toBe(digests.get(sequence));
  }
}

test("D17: the segments of the epoch before have made room, and the backup goes on from them all the same", async () => {
  const store = new MemoryStore();
  const options = (world: ImageWorld): ShipOptions => shipOptions(world, store, seededRandom(5));
  const shipAll = async (shipper: Shipper, { storage }: ImageWorld): Promise<void> => {
    await shipper.ship(storage.listed, { durableSequence: storage.writer.durableSequence, images: "needed" });
  };
  const first = new ImageWorld(undefined, 31, { policy: "always" });
  for (let i = 0; i < 5; i++) first.run("SET", "k", `v${i}`);
  const digest = datasetDigest(first.client.engine.dataset);
  first.settle();
  const last = first.storage.writer.sequence;
  first.run("SET", "k", "torn");
  first.steps.all();
  const disk = first.crash("killed");
  const torn = `${DIRECTORY}/${disk.list(DIRECTORY).find((name) => name.endsWith(".seg"))!}`;
  disk.damage(torn, (bytes) => {
    bytes[Buffer.from(bytes).lastIndexOf("torn")] = 0;
  });
  const second = new ImageWorld(disk, 32, { policy: "always" });
  expect(second.storage.report).toMatchObject({ decision: "cut", lastSequence: last });
  const shipper = await Shipper.begin(options(second), second.storage.listed, 0);
  await shipAll(shipper, second);
  expect(shipper.report.position).toBe(last);
  second.storage.images.isFree = ({ sealed }) => sealed !== null && sealed.lastSequence <= shipper.report.position;
  for (let i = 0; i < 2; i++) {
    second.run("SET", "k", `later ${i}`);
    await second.save(true);
  }
  expect(second.storage.listed.segments[0]!.firstSequence).toBe(last + 1);
  const third = new ImageWorld(second.crash("killed"), 33, { policy: "always" });
  const next = await Shipper.begin(options(third), third.storage.listed, 0);
  expect(next.claim.from).toEqual({ claim: shipper.claim.claim, sequence: last });
  await shipAll(next, third);
  const history = await readHistory(store);
  expect(gapsOf(history)).toEqual([]);
  expect(reaches(history)[0]).toMatchObject({ first: 0, last: third.storage.writer.sequence });
  await restoreFrom(store, { kind: "sequence", sequence: last }, join(root, "before"));
  expect(await digestOf(join(root, "before"))).toBe(digest);
});

test(`${SEEDS.length} random lives`, async () => {
  for (const seed of SEEDS) await live(seed);
}, 600_000);
