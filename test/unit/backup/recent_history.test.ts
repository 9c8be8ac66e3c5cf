/**
 * A start lists the end of what the store holds, and knows from it what it would know from the whole.
 */
import { expect, test } from "vitest";
import { type Claim, encodeClaim, readClaims } from "../../../src/backup/claims.ts";
import { historyOf, reaches, recentHistoryOf } from "../../../src/backup/history.ts";
import { claimName, generationName, segmentObjectName } from "../../../src/backup/layout.ts";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import type { ObjectEntry } from "../../../src/backup/object_store.ts";
import { Shipper } from "../../../src/backup/ship.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { seededRandom, systemRandom, uniform } from "../../../src/base/random.ts";
import { hex } from "../../../src/disk/file_names.ts";
import { MemoryDisk } from "../../../src/disk/memory_disk.ts";
import type { Manifest } from "../../../src/manifest/format.ts";
import { drawSeed } from "../../model/memory_seed.ts";
import { referenceCrc32c } from "../log/support.ts";

const EPOCH = new Uint8Array(16).fill(7);
const NOTHING = new Uint8Array(1);
const seed = drawSeed();

/** A store that counts what its listings give, and of which a page has a thousand. */
class CountingStore extends MemoryStore {
  listed = 0;
  pages = 0;

  override async *list(prefix: string, after = ""): AsyncGenerator<ObjectEntry> {
    let entries = 0;
    for await (const entry of super.list(prefix, after)) {
      entries++;
      yield entry;
    }
    this.listed += entries;
    this.pages += Math.max(1, Math.ceil(entries / 1000));
  }
}

interface Past {
  readonly store: CountingStore;
  /** The last command in it. */
  readonly end: number;
}

/** Parts of segments, images and claims as years of a server leave them; `pick` decides, and may leave parts out. */
function pastOf(parts: number, pick: (bound: number) => number, holes: boolean): Past {
  const store = new CountingStore();
  const put = (name: string): void => void store.objects.set(name, NOTHING);
  let claim: Claim = { claim: 1, epoch: hex(EPOCH), writer: "0".repeat(32), madeMs: 1, origin: 0, from: null };
  store.objects.set(claimName(1), encodeClaim(claim));
  let end = 0;
  let begin = 1;
  let offset = 0;
  for (let i = 1; i <= parts; i++) {
    const last = end + 1 + pick(20);
    const object = { claim: claim.claim, firstSequence: end + 1, lastSequence: last, lastMs: i, epoch: hex(EPOCH) };
    const name = segmentObjectName({
      ...object,
      segmentFirst: begin,
      offset,
      part: true,
      sum: "a".repeat(32),
      sealed: false,
    });
    if (!holes || pick(40) > 0) put(name);
    offset += 100;
    // An image is taken; the segment may go on for a part or two.
    if (i % 50 === 0)
      put(generationName({ claim: claim.claim, sequence: last - pick(2), lastMs: i, chain: "0000abcd" }));
    if (i % 50 === 2) {
      begin = last + 1;
      offset = 0;
    }
    end = last;
    if (i % Math.ceil(parts / 5) !== 0) continue;
    claim = { ...claim, claim: claim.claim + 1, from: { claim: claim.claim, sequence: end } };
    store.objects.set(claimName(claim.claim), encodeClaim(claim));
    begin = end + 1;
    offset = 0;
  }
  return { store, end };
}

test("a start behind 8,000 objects lists a few pages of them", async () => {
  const { store, end } = pastOf(8000, () => 7, false);
  const manifest: Manifest = {
    writtenMs: 1,
    state: "complete",
    epoch: EPOCH,
    forkSequence: 0,
    origin: 0,
    images: [],
    segments: [{ name: "log", epoch: EPOCH, firstSequence: end + 1, sealed: null }],
  };
  const options = {
    disk: new MemoryDisk(),
    directory: "/data",
    crc32c: referenceCrc32c,
    keys: NO_KEYS,
    store,
    recipients: null,
    random: systemRandom(),
  };
  const shipper = await Shipper.begin(options, manifest, 0);
  expect(shipper.report).toMatchObject({ position: end, shippedSequence: end });
  expect(shipper.claim.from).toEqual({ claim: 6, sequence: end });
  expect(store.pages).toBeLessThan(8);
  expect(store.listed).toBeLessThan(1000);
});

test(`the end of a history tells what the whole does: EMBERLOG_SEED=${seed} npx vitest run test/unit/backup/recent_history.test.ts`, async () => {
  const random = seededRandom(seed);
  const pick = (bound: number): number => uniform(random, bound);
  let shorter = 0;
  for (let run = 0; run < 60; run++) {
    const { store, end } = pastOf(100 + pick(400), pick, run % 2 === 0);
    const begin = pick(2) === 0 ? end + 1 : 1 + pick(end);
    const claims = await readClaims(store);
    const whole = await historyOf(store, claims);
    const recent = await recentHistoryOf(store, claims, begin);
    const pieces = (history: typeof whole): string[] =>
      history.segments.flatMap((each) => each.pieces.map(({ name }) => name));
    expect(recent.generations).toEqual(whole.generations);
    expect(pieces(whole).slice(-pieces(recent).length)).toEqual(pieces(recent));
    if (recent.segments.length < whole.segments.length) shorter++;
    const reached = (history: typeof whole): number => Math.max(...reaches(history).map(({ last }) => last));
    expect(reached(recent), `run ${run}`).toBe(reached(whole));
    // An image stands before the log that is here, without a hole between them, or nothing was left out.
    const covers = reaches(recent).some(({ first, last }) => first < begin && last >= begin - 1);
    expect(covers || pieces(recent).length === pieces(whole).length, `run ${run}`).toBe(true);
  }
  expect(shorter).toBeGreaterThan(10);
});
