/** A segment is shipped in parts while it is written: what comes back is the state at every command, whoever has shipped which part. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { readHistory } from "../../../src/backup/history.ts";
import { parseSegmentObject } from "../../../src/backup/layout.ts";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import { type ShipOptions, Shipper } from "../../../src/backup/ship.ts";
import { verifyBackup } from "../../../src/backup/verify.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { seededRandom, uniform } from "../../../src/base/random.ts";
import { NodeDisk } from "../../../src/disk/node_disk.ts";
import { open } from "../../../src/engine/embedded.ts";
import { crc32c } from "../../../src/platform/checksum.ts";
import { drawSeed } from "../../model/memory_seed.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { digestIn, digestOf, manifestOf, restoreFrom, writerOf } from "./support.ts";

const seed = drawSeed();
const root = temporaryDirectory("backup-parts");
const disk = new NodeDisk();

function shipping(store: MemoryStore, directory: string): ShipOptions {
  return { disk, directory, crc32c, keys: NO_KEYS, store, recipients: null, random: seededRandom(seed) };
}

test(`parts of running segments, a new server now and then: EMBERLOG_SEED=${seed} npx vitest run test/unit/backup/parts.test.ts`, async () => {
  const random = seededRandom(seed);
  const store = new MemoryStore();
  const directory = join(root, "data");
  const digests = new Map<number, string>();
  let position = 0;
  for (let run = 0; run < 3; run++) {
    const database = await open({ dir: directory, logSegmentBytes: 1024 * 1024 });
    const writer = writerOf(database);
    let shipper = await Shipper.begin(shipping(store, directory), manifestOf(directory), 0);
    for (let i = 0; i < 40; i++) {
      for (let writes = uniform(random, 4); writes > 0; writes--) {
        if (uniform(random, 4) === 0) database.run("INCR", "n");
        else database.run("SET", `k${uniform(random, 30)}`, "v".repeat(uniform(random, 30_000)));
        digests.set(writer.sequence, digestIn(database));
      }
      if (uniform(random, 3) === 0) await database.durable();
      // An answer that is lost leaves an object that nobody counts on.
      const fails = uniform(random, 5) === 0;
      store.fate = (operation) =>
        fails && operation === "create" ? (uniform(random, 2) === 0 ? "answer lost" : "unavailable") : "work";
      if (uniform(random, 25) === 0) {
        store.fate = () => "work";
        shipper = await Shipper.begin(shipping(store, directory), manifestOf(directory), 0);
      }
      const durableSequence = writer.durableSequence;
      try {
        const report = await shipper.ship(manifestOf(directory), { durableSequence, images: "needed" });
        expect(report.shippedSequence).toBe(durableSequence);
        expect(report.position).toBe(durableSequence);
        position = durableSequence;
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "STORE_UNAVAILABLE" });
      }
    }
    store.fate = () => "work";
    await database.close();
    // Every second time the rest is left to the next run.
    if (run % 2 === 0) continue;
    const report = await shipper.ship(manifestOf(directory), { images: "needed" });
    position = report.position;
    expect(position).toBe(writer.sequence);
  }
  const parts = [...store.objects.keys()].map(parseSegmentObject).filter((object) => object?.part === true);
  // One a pass that finds news and is answered: about 38, by the dice.
  expect(parts.length).toBeGreaterThan(15);
  expect((await readHistory(store)).segments.length).toBeLessThan(20);
  expect(await verifyBackup({ store, identities: null }, crc32c)).toMatchObject({ wrong: [], gaps: [] });
  const known = [...digests.keys()].filter((sequence) => sequence <= position);
  for (let i = 0; i < 6; i++) {
    const sequence = i === 0 ? position : known[uniform(random, known.length)]!;
    const target = join(root, `restored-${i}`);
    await restoreFrom(store, { kind: "sequence", sequence }, target);
    expect(await digestOf(target), `after ${sequence}`).toBe(digests.get(sequence));
  }
}, 60_000);

test("a part that is missing in the middle is a gap, and nothing is made of what lies behind it", async () => {
  const store = new MemoryStore();
  const directory = join(root, "gap");
  const database = await open({ dir: directory });
  const shipper = await Shipper.begin(shipping(store, directory), manifestOf(directory), 0);
  for (let i = 1; i <= 5; i++) {
    database.run("SET", "n", String(i));
    await database.durable();
    await shipper.ship(manifestOf(directory), {
      durableSequence: writerOf(database).durableSequence,
      images: "needed",
    });
  }
  await database.close();
  const names = [...store.objects.keys()].filter((name) => name.startsWith("segments/")).sort();
  expect(names).toHaveLength(5);
  store.objects.delete(names[2]!);
  const report = await verifyBackup({ store, identities: null }, crc32c);
  expect(report.wrong.length + report.gaps.length).toBeGreaterThan(0);
  await restoreFrom(store, { kind: "latest" }, join(root, "gap-restored"));
  const restored = await open({ dir: join(root, "gap-restored") });
  expect(restored.getText("n")).toBe("2");
  await restored.close();
  await expect(restoreFrom(store, { kind: "sequence", sequence: 5 }, join(root, "gap-4"))).rejects.toMatchObject({
    code: "DATA_MISSING",
  });
});
