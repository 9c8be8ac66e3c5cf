/**
 * Whatever happens to an object of a backup, a restore never gives another state silently, and a verification says so: each object flipped, cut, swapped with one of its kind, emptied, missing.
 */
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { beforeAll, expect, test } from "vitest";
import { Identities, Recipients } from "../../../src/backup/age_header.ts";
import { recordCheck } from "../../../src/backup/checks.ts";
import { gapsOf, reaches, readHistory } from "../../../src/backup/history.ts";
import { parseSegmentObject } from "../../../src/backup/layout.ts";
import { MemoryStore } from "../../../src/backup/memory_store.ts";
import { planRestore } from "../../../src/backup/restore_plan.ts";
import { Shipper } from "../../../src/backup/ship.ts";
import { verifyBackup } from "../../../src/backup/verify.ts";
import { EmberlogError } from "../../../src/base/errors.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { NodeDisk } from "../../../src/disk/node_disk.ts";
import { type Embedded, open } from "../../../src/engine/embedded.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { readManifest } from "../../../src/manifest/store.ts";
import { crc32c } from "../../../src/platform/checksum.ts";
import { generationOf, restoreInto } from "../../../src/server/restoring.ts";
import { FakeClock } from "../../support/engine_client.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const START_MS = 1_700_000_000_000;
const root = temporaryDirectory("tampering");
const random = seededRandom(5);
const original = new MemoryStore();
let identities: Identities;
let stranger: Identities;
let digest = "";
let restores = 0;

function digestIn(database: Embedded): string {
  return stateDigest((database as unknown as { readonly engine: Engine }).engine.dataset);
}

/** Two claims, an image under each, segments before and behind, the log not from its beginning. */
beforeAll(async () => {
  const identity = await generateIdentity();
  identities = await Identities.parse(identity, "identity");
  stranger = await Identities.parse(await generateIdentity(), "stranger");
  const recipients = await Recipients.parse([await identityToRecipient(identity)]);
  const directory = join(root, "source");
  for (let part = 0; part < 2; part++) {
    const database = await open({ dir: directory, clock: new FakeClock(START_MS + part), logSegmentBytes: 8 * 1024 });
    for (let i = 0; i < 30; i++) {
      database.run("SET", `k${part} ${i}`, "v".repeat(900));
      if (i === 15) await database.snapshot();
    }
    digest = digestIn(database);
    await database.close();
    const disk = new NodeDisk();
    const read = readManifest(disk, directory, crc32c);
    if (read.kind !== "sound") throw new Error("no manifest");
    const shipping = { disk, directory, crc32c, keys: NO_KEYS, store: original, recipients, random };
    const shipper = await Shipper.begin(shipping, read.manifest, START_MS + part);
    await shipper.ship(read.manifest);
  }
  // Without its first segments an image is needed to begin with.
  const [first] = [...original.objects.keys()].filter((name) => name.startsWith("segments/"));
  original.objects.delete(first!);
  const { firstSequence, lastSequence } = await verifyBackup({ store: original, identities: null }, crc32c);
  const seen = {
    ok: true,
    ms: START_MS + 5,
    tookMs: 1,
    first: firstSequence,
    sequence: lastSequence,
    text: "",
    digests: [],
  };
  expect(await recordCheck(original, random, { kind: "verify", ...seen })).toBe(null);
}, 60_000);

function copyOf(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore();
  for (const [name, bytes] of store.objects) copy.objects.set(name, Uint8Array.from(bytes));
  return copy;
}

/** The digest of the newest state, or the error. */
async function restored(store: MemoryStore, by: Identities | null): Promise<string> {
  const directory = join(root, `restored-${restores++}`);
  try {
    const plan = planRestore(await readHistory(store), { kind: "latest" }, store.place);
    await restoreInto(directory, NO_KEYS, { store, identities: by }, plan, await generationOf(plan, store));
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError)) throw thrown;
    return thrown.code;
  }
  const database = await open({ dir: directory, clock: new FakeClock(START_MS) });
  const found = digestIn(database);
  await database.close();
  return found;
}

async function isFound(store: MemoryStore, by: Identities | null): Promise<boolean> {
  try {
    const { wrong, gaps } = await verifyBackup({ store, identities: by }, crc32c);
    return wrong.length + gaps.length > 0;
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError) || thrown.code !== "BACKUP_UNREADABLE") throw thrown;
    return true;
  }
}

/** Every state that the untouched store gives. */
async function givesAll(store: MemoryStore): Promise<boolean> {
  const [history, wanted] = [await readHistory(store), await readHistory(original)];
  const { first } = reaches(wanted)[0]!;
  return reaches(history)[0]?.first === first && gapsOf(history).length === 0;
}

type Damage = (store: MemoryStore, name: string, bytes: Uint8Array) => boolean;

function flippedAt(share: number): Damage {
  return (_store, _name, bytes) => {
    const at = Math.floor((bytes.length - 1) * share);
    bytes[at] = bytes[at]! ^ 1;
    return true;
  };
}

const DAMAGES: Readonly<Record<string, Damage>> = {
  "flipped near its beginning": flippedAt(0.1),
  "flipped in the middle": flippedAt(0.5),
  "flipped near its end": flippedAt(0.9),
  "cut short": (store, name, bytes) => store.objects.set(name, bytes.slice(0, -3)) === store.objects,
  emptied: (store, name) => store.objects.set(name, new Uint8Array(0)) === store.objects,
  missing: (store, name) => store.objects.delete(name),
  "swapped with another of its kind": (store, name, bytes) => {
    const kind = name.slice(0, name.indexOf("/") + 1);
    const other = [...store.objects.keys()].find((each) => each !== name && each.startsWith(kind));
    if (other === undefined) return false;
    store.objects.set(name, store.objects.get(other)!);
    store.objects.set(other, bytes);
    return true;
  },
};

test("untouched it is sound, and only its identity opens it", async () => {
  expect([...original.objects.keys()].map((name) => name.split("/")[0]).sort()).toEqual(
    expect.arrayContaining(["claims", "generations", "images", "segments", "checks"]),
  );
  expect(await isFound(original, null)).toBe(false);
  expect(await isFound(original, identities)).toBe(false);
  expect(await restored(original, identities)).toBe(digest);
  expect(await restored(original, stranger)).toBe("BACKUP_UNREADABLE");
  expect(await restored(original, null)).toBe("BACKUP_UNREADABLE");
  expect(await isFound(original, stranger)).toBe(true);
});

test.each(Object.keys(DAMAGES))(
  "%s: noticed for each object, and no restore gives another state",
  { timeout: 60_000 },
  async (what) => {
    const oldest = (await readHistory(original)).generations[0]!.object.sequence;
    const names = [...original.objects.keys()].filter(
      (name) =>
        /^(claims|generations|images|segments)/.test(name) &&
        (parseSegmentObject(name)?.lastSequence ?? oldest + 1) > oldest,
    );
    expect(names.length).toBeGreaterThan(8);
    let looked = 0;
    for (const name of names) {
      const store = copyOf(original);
      if (!DAMAGES[what]!(store, name, store.objects.get(name)!)) continue;
      looked++;
      const state = await restored(store, identities);
      // An image in the middle may be missing where the log gives every state that it gave.
      const needless =
        what === "missing" && name.startsWith("generations/") && state === digest && (await givesAll(store));
      expect(await isFound(store, null), `${name} by its sums`).toBe(!needless);
      expect(await isFound(store, identities), `${name} by its contents`).toBe(!needless);
      // What is not there can't be restored; a verification has told of it.
      if (what !== "missing") expect([digest, "BACKUP_UNREADABLE", "DATA_MISSING"], name).toContain(state);
    }
    expect(looked).toBeGreaterThan(4);
  },
);
