/** A log that begins anew in a running server, because a sync has failed (D9) or because it was turned off and on: what is in the store goes on, or begins anew. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { readHistory } from "../../../src/backup/history.ts";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import { type ShipOptions, Shipper } from "../../../src/backup/ship.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { systemRandom } from "../../../src/base/random.ts";
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
